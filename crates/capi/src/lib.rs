//! libws2_32.so: the C exports over the runtime.

//! Names the library within itself, so that a program linked by a path to it still finds it by name.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libws2_32.so");
}

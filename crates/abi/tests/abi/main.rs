//! The ABI crate and the C headers against each other and against `windows-sys`, which Microsoft generates
//! from the Windows headers.

mod compiler;
mod constants;
mod describe;
mod exports;
mod functions;
mod guids;
mod headers;
mod layouts;
mod macros;
mod prototypes;
mod structs;
mod tables;
mod values;

//! Providers that misbehave, each in one way (`providers/hostile`): programs on them survive with the documented error, and
//! `windlass check` names the fault.

mod named;
#[path = "../../../capi/tests/support/mod.rs"]
mod support;
mod survived;

/// The module with all the faults.
fn module() -> std::path::PathBuf {
    support::libraries().join("libwsp_hostile.so")
}

//! The module that a provider lives in.

use std::mem::ManuallyDrop;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use windlass_abi::{LPNSPSTARTUP, LPWSPSTARTUP, WspStartupFn};
use windlass_catalog::{builtin as scheme, expand};
use windlass_spi::namespace::NspStartupFn;

use crate::builtin;
use crate::loader::upcalls;

/// A provider's module. Dropping it unmaps it, if nobody else has loaded it too, and if no procedure is queued that may
/// live in it: then it stays mapped for good (WSP-CLEANUP-10).
pub(super) enum Module {
    /// Part of the program.
    Linked,
    Loaded(ManuallyDrop<Library>),
}

impl Drop for Module {
    fn drop(&mut self) {
        match self {
            Self::Loaded(library) if !upcalls::procedures_are_queued() => {
                // SAFETY: dropped once, here.
                unsafe { ManuallyDrop::drop(library) };
            }
            Self::Loaded(_) | Self::Linked => {}
        }
    }
}

impl Module {
    /// The same for a name space provider of version 1 (NSP-STARTUP-1).
    pub(super) fn load_namespace(path: &str) -> Option<(Self, NspStartupFn)> {
        match scheme::linked_in(path) {
            Some(name) => Some((Self::Linked, builtin::find_namespace(name)?)),
            None => {
                let library = open(path)?;
                // SAFETY: an export of this name has this type: the contract between catalog and provider (NSP-STARTUP-1).
                let entry = unsafe { library.get::<LPNSPSTARTUP>(b"NSPStartup\0") }.ok().and_then(|symbol| *symbol)?;
                Some((Self::Loaded(ManuallyDrop::new(library)), entry))
            }
        }
    }

    /// Loads the module of a catalogued path, environment strings expanded (WSP-STARTUP-27), and finds its one export
    /// (WSP-STARTUP-3). The file's extension does not matter (WSP-STARTUP-4).
    ///
    /// `None` if that cannot be done.
    pub(super) fn load(path: &str) -> Option<(Self, WspStartupFn)> {
        match scheme::linked_in(path) {
            Some(name) => Some((Self::Linked, builtin::find(name)?)),
            None => load_library(path),
        }
    }
}

fn load_library(path: &str) -> Option<(Module, WspStartupFn)> {
    let library = open(path)?;
    // SAFETY: an export of this name has this type: the contract between catalog and provider (WSP-STARTUP-1). A null
    // address is an absent function.
    let entry = unsafe { library.get::<LPWSPSTARTUP>(b"WSPStartup\0") }.ok().and_then(|symbol| *symbol)?;
    Some((Module::Loaded(ManuallyDrop::new(library)), entry))
}

fn open(path: &str) -> Option<Library> {
    // SAFETY: the initialisers of the module run. Whoever wrote the catalog vouches for the modules that it names.
    unsafe { Library::open(Some(expand(path)), RTLD_NOW | RTLD_LOCAL) }.ok()
}

//! The module that is checked.

use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use windlass_abi::{LPWSPSTARTUP, WspStartupFn};
use windlass_catalog::{builtin, expand};

use crate::child::Linked;
use crate::findings::{Step, fatal, skip};

/// Linked in, or loaded.
pub enum Module {
    Linked,
    Loaded(PathBuf, Library),
}

impl Module {
    /// Finds the entry point (WSP-STARTUP-3).
    pub fn load(module: &str, linked: &Linked) -> Step<(Self, WspStartupFn)> {
        if let Some(name) = builtin::linked_in(module) {
            let known = linked.iter().find(|(known, _)| *known == name);
            let Some((_, startup)) = known else { return skip(format!("no provider {name} is linked in")) };
            return Ok((Self::Linked, *startup));
        }
        let path = expand(module);
        // SAFETY: the initialisers of the module run: whoever asks for the check vouches for it, in a process of its own.
        let library = match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL) } {
            Ok(library) => library,
            Err(error) => {
                return fatal(
                    "WSP-STARTUP-3",
                    format!("dlopen({})", path.display()),
                    error,
                    "a module that can be loaded",
                );
            }
        };
        // SAFETY: an export of this name has this type (WSP-STARTUP-1).
        let startup = unsafe { library.get::<LPWSPSTARTUP>(b"WSPStartup\0") }.ok().and_then(|symbol| *symbol);
        let Some(startup) = startup else {
            let call = format!("dlsym({}, WSPStartup)", path.display());
            return fatal("WSP-STARTUP-3", call, "nothing", "the one export of a provider");
        };
        Ok((Self::Loaded(path.canonicalize().unwrap_or(path), library), startup))
    }

    /// The file; `None` for a provider that is linked in.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Linked => None,
            Self::Loaded(path, _) => Some(path),
        }
    }

    pub fn unload(self) -> Step {
        match self {
            Self::Linked => skip("the provider is linked in"),
            Self::Loaded(path, library) => library
                .close()
                .or_else(|error| fatal("UNLOAD-2", format!("dlclose({})", path.display()), error, "success")),
        }
    }
}

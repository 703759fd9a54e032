//! What can go wrong with a catalog file.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use windlass_abi::WsaError;

use crate::operations::RemoveError;

/// Why a catalog could not be read or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CatalogError {
    /// The file is not a valid catalog; nothing of it is used.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, at least one problem of severity `Error`.
        problems: Vec<Problem>,
    },
    /// The system refused a step.
    Io {
        /// What was tried, such as "read".
        step: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Another writer holds the catalog (CAT-ST-8).
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// There is no place to write to: neither `HOME` nor `XDG_CONFIG_HOME` is set.
    NoPlace,
    /// The change itself is not valid; the code is that of the function's page.
    Refused(WsaError),
    /// Entries were not removed.
    Remove(RemoveError),
}

/// One thing that is wrong with a catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the catalog can be used all the same.
    pub severity: Severity,
    /// The line of the file, from 1, if known.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something does not work, the rest does.
    Warning,
    /// The catalog cannot be used.
    Error,
}

impl CatalogError {
    /// The code for functions whose pages say nothing of storage: `WSA_NOT_ENOUGH_MEMORY`, or
    /// `WSASYSCALLFAILURE`; that of a change which was not valid is its own. See [`wsc`](crate::wsc) for those
    /// whose pages say more.
    pub fn code(&self) -> WsaError {
        match self {
            Self::Refused(code) => *code,
            _ if self.is_memory() => WsaError::WSA_NOT_ENOUGH_MEMORY,
            _ => WsaError::WSASYSCALLFAILURE,
        }
    }

    /// Whether the system has no memory left.
    pub fn is_memory(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::OutOfMemory)
    }

    /// Whether the rights of the process do not suffice (CAT-ST-7).
    pub fn is_denied(&self) -> bool {
        let denied = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        matches!(self, Self::Io { source, .. } if denied.contains(&source.kind())) || matches!(self, Self::NoPlace)
    }

    pub(crate) fn io(step: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { step, path, source }
    }
}

impl From<WsaError> for CatalogError {
    fn from(code: WsaError) -> Self {
        Self::Refused(code)
    }
}

impl From<RemoveError> for CatalogError {
    fn from(why: RemoveError) -> Self {
        Self::Remove(why)
    }
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt { path, problems } => {
                write!(f, "{} is not a valid catalog", path.display())?;
                for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
                    write!(f, "\n  {problem}")?;
                }
                Ok(())
            }
            Self::Io { step, path, source } => {
                write!(f, "cannot {step} {}: {source}", path.display())
            }
            Self::Busy { path } => write!(f, "another process is changing the catalog ({} is locked)", path.display()),
            Self::NoPlace => f.write_str("no place for a catalog: neither HOME nor XDG_CONFIG_HOME is set"),
            Self::Refused(code) => write!(f, "the change is not valid: {code}"),
            Self::Remove(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for CatalogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Refused(code) => Some(code),
            Self::Remove(why) => Some(why),
            _ => None,
        }
    }
}

impl Problem {
    pub(crate) fn error(line: Option<usize>, what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)
    }
}

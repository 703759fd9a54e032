//! Where catalogs are kept, and how they are read.

mod care;
mod change;
mod location;
mod storage;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use care::{Backup, Repair, RepairSource};
pub use change::{Changed, DEFAULT_PATIENCE};
pub use location::{Environment, Location, PRIVATE_VARIABLE};
pub use storage::{Disk, Lock, NewFile, Storage};

use crate::error::{CatalogError, Problem};
use crate::file::Catalog;
use crate::namespace::NamespaceCatalog;
use crate::protocol::ProtocolCatalog;

/// Which of the two catalogs of a 64-bit system (CAT-ST-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// For 64-bit programs.
    Bits64,
    /// For 32-bit programs.
    Bits32,
}

impl Width {
    /// That of this program.
    pub const NATIVE: Self = if cfg!(target_pointer_width = "32") { Self::Bits32 } else { Self::Bits64 };
}

/// The catalogs of one place, in files. Opening touches nothing; each call reads afresh.
#[derive(Clone)]
pub struct Store {
    places: location::Places,
    width: Width,
    storage: Arc<dyn Storage>,
}

/// A catalog as read, and where from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<C> {
    /// The catalog.
    pub catalog: C,
    /// The file; none for the built-in default.
    pub path: Option<PathBuf>,
    /// What is wrong with it, harmless things only.
    pub warnings: Vec<Problem>,
}

impl Store {
    /// The catalogs that the environment of the process names: a private one, else those of root
    /// for the machine or of the user.
    pub fn from_env() -> Self {
        let environment = Environment::of_process();
        Self::in_environment(environment.default_location(), &environment)
    }

    /// The catalogs of a place.
    pub fn open(location: Location) -> Self {
        Self::in_environment(location, &Environment::of_process())
    }

    /// The catalogs of a place, where the environment is not that of the process.
    pub fn in_environment(location: Location, environment: &Environment) -> Self {
        Self { places: location::Places::of(location, environment), width: Width::NATIVE, storage: Arc::new(Disk) }
    }

    /// The same place seen through another file system.
    #[must_use]
    pub fn with_storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = storage;
        self
    }

    /// The same place, the catalogs for programs of another width.
    #[must_use]
    pub fn with_width(mut self, width: Width) -> Self {
        self.width = width;
        self
    }

    /// The protocol catalog as it is now.
    pub fn protocols(&self) -> Result<ProtocolCatalog, CatalogError> {
        self.load().map(|loaded| loaded.catalog)
    }

    /// The name space catalog as it is now.
    pub fn namespaces(&self) -> Result<NamespaceCatalog, CatalogError> {
        self.load().map(|loaded| loaded.catalog)
    }

    /// A catalog as it is now: the first file of the places to read that exists, else the built-in default.
    ///
    /// # Errors
    /// A file that exists but cannot be read or is not valid; it is never passed over.
    pub fn load<C: Catalog>(&self) -> Result<Loaded<C>, CatalogError> {
        match self.read::<C>()? {
            Some((path, text)) => parse_at(path, &text),
            None => Ok(Loaded { catalog: C::built_in(), path: None, warnings: Vec::new() }),
        }
    }

    /// The file that a change writes, whether or not it is there; none when there is no place to write.
    pub fn file_to_write<C: Catalog>(&self) -> Option<PathBuf> {
        self.places.write.as_ref().map(|dir| self.file_in::<C>(dir))
    }

    /// The directories that the catalogs are read from.
    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.places.read
    }

    /// The file that serves, and its bytes.
    pub(crate) fn read<C: Catalog>(&self) -> Result<Option<(PathBuf, Vec<u8>)>, CatalogError> {
        for dir in &self.places.read {
            let path = self.file_in::<C>(dir);
            if let Some(bytes) = self.storage.read(&path).map_err(CatalogError::io("read", &path))? {
                return Ok(Some((path, bytes)));
            }
        }
        Ok(None)
    }

    fn file_in<C: Catalog>(&self, dir: &Path) -> PathBuf {
        let mark = if self.width == Width::Bits32 { "32" } else { "" };
        dir.join(format!("{}{mark}.toml", C::STEM))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("places", &self.places).field("width", &self.width).finish_non_exhaustive()
    }
}

fn parse_at<C: Catalog>(path: PathBuf, bytes: &[u8]) -> Result<Loaded<C>, CatalogError> {
    let (catalog, problems) = match decode(bytes) {
        Ok(text) => C::parse(text),
        Err(problem) => (None, vec![problem]),
    };
    match catalog {
        Some(catalog) => Ok(Loaded { catalog, path: Some(path), warnings: problems }),
        None => Err(CatalogError::Corrupt { path, problems }),
    }
}

/// The text of a file.
fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(bytes).map_err(|why| {
        let line = bytes[..why.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem::error(Some(line), "the text is not UTF-8")
    })
}

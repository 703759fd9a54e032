//! Changing a catalog: all of it or nothing, one writer at a time.
//!
//! Under the lock of the catalog: read, change, write a new file beside the old one, make it durable, and
//! give it the old one's name. A reader, at any moment, and a process or machine that dies at any moment, finds the
//! old catalog or the new one (CAT-ST-1).

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Lock, Store, Width, parse_at};
use crate::error::CatalogError;
use crate::file::Catalog;

/// How long a writer waits for another, where its function has no code for "busy".
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(5);

/// A change that was made.
#[derive(Debug)]
pub struct Changed<R> {
    /// What the operation returned.
    pub value: R,
    /// The serial number now; that of before when nothing was different.
    pub serial: u64,
    /// What went wrong after the change had been made: it may not survive a power cut, or the last good
    /// copy is older than it should be.
    pub warning: Option<CatalogError>,
}

impl Store {
    /// Changes a catalog. What `operation` makes of it becomes the catalog when it returns `Ok`; an
    /// operation that changes nothing leaves the file alone. It runs under the catalog's lock, so it must not
    /// change the same catalog through the store.
    ///
    /// # Errors
    /// What `operation` returns; [`CatalogError::Busy`] when another writer had the catalog for as long as
    /// `patience`; `Corrupt` when what is there cannot be read; `Io` and `NoPlace` when it cannot be
    /// written. Nothing has changed then (CAT-ST-9).
    pub fn change<C: Catalog, R, E: Into<CatalogError>>(
        &self,
        patience: Duration,
        operation: impl FnOnce(&mut C) -> Result<R, E>,
    ) -> Result<Changed<R>, CatalogError> {
        let mut writer = self.writer::<C>(patience)?;
        let value = operation(&mut writer.catalog).map_err(Into::into)?;
        let warning = writer.commit()?;
        Ok(Changed { value, serial: writer.catalog.serial(), warning })
    }

    /// Changes the catalogs of both widths with the same operation, or neither (CAT-ST-2). The values are
    /// those of 64 and of 32 bits; a power cut between the two writes may leave only the first.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub fn change_both<C: Catalog, R, E: Into<CatalogError>>(
        &self,
        patience: Duration,
        mut operation: impl FnMut(Width, &mut C) -> Result<R, E>,
    ) -> Result<[Changed<R>; 2], CatalogError> {
        let stores = [Width::Bits64, Width::Bits32].map(|width| self.clone().with_width(width));
        // Always in this order, so that two writers never wait for each other.
        let mut first = stores[0].writer::<C>(patience)?;
        let mut second = stores[1].writer::<C>(patience)?;
        let values = [
            operation(Width::Bits64, &mut first.catalog).map_err(Into::into)?,
            operation(Width::Bits32, &mut second.catalog).map_err(Into::into)?,
        ];
        let first_warning = first.commit()?;
        let second_warning = match second.commit() {
            Ok(warning) => warning,
            Err(why) => {
                first.take_back()?;
                return Err(why);
            }
        };
        let serials = [first.catalog.serial(), second.catalog.serial()];
        let [for_64, for_32] = values;
        Ok([
            Changed { value: for_64, serial: serials[0], warning: first_warning },
            Changed { value: for_32, serial: serials[1], warning: second_warning },
        ])
    }

    /// Takes the lock of a catalog and reads it as it then is.
    fn writer<C: Catalog>(&self, patience: Duration) -> Result<Writer<'_, C>, CatalogError> {
        let seat = self.seat::<C>(patience)?;
        let before = match self.read::<C>()? {
            Some((path, bytes)) => parse_at::<C>(path, &bytes)?.catalog,
            None => C::built_in(),
        };
        Ok(Writer { seat, catalog: before.clone(), before })
    }

    /// Puts a whole, durable file in the place of another, by way of a file with the name `new`.
    pub(super) fn write_whole(&self, path: &Path, new: &Path, bytes: &[u8]) -> Result<(), CatalogError> {
        let written = self.write(new, bytes).map_err(CatalogError::io("write", new));
        let result = written.and_then(|()| self.storage.rename(new, path).map_err(CatalogError::io("replace", path)));
        if result.is_err() {
            let _ = self.storage.remove(new);
        }
        result
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.storage.create(path, self.places.shared)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => rest = &rest[len..],
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        file.sync()
    }

    /// Takes the lock of a catalog, whatever state its file is in.
    pub(super) fn seat<C: Catalog>(&self, patience: Duration) -> Result<Seat<'_>, CatalogError> {
        let dir = self.places.write.as_deref().ok_or(CatalogError::NoPlace)?;
        self.storage.create_dir(dir).map_err(CatalogError::io("make the directory", dir))?;
        let path = self.file_in::<C>(dir);
        let lock_path = path.with_extension("lock");
        let lock = self.storage.lock(&lock_path, patience).map_err(|why| match why.kind() {
            io::ErrorKind::WouldBlock => CatalogError::Busy { path: lock_path.clone() },
            _ => CatalogError::io("lock", &lock_path)(why),
        })?;
        Ok(Seat { store: self, path, _lock: lock })
    }
}

/// The right to write one catalog file.
pub(super) struct Seat<'a> {
    store: &'a Store,
    /// The file.
    pub path: PathBuf,
    _lock: Box<dyn Lock>,
}

impl Seat<'_> {
    /// Makes `text` the catalog, then the last good copy too. What failed after the catalog had
    /// changed is returned with `Ok`.
    pub fn publish(&self, text: &str) -> Result<Option<CatalogError>, CatalogError> {
        self.replace(&self.path, text.as_bytes())?;
        let dir = self.path.parent().expect("a catalog file is in a directory");
        let durable = self.store.storage.sync_dir(dir).map_err(CatalogError::io("make durable", dir));
        let kept = self.replace(&last_good(&self.path), text.as_bytes());
        Ok(durable.and(kept).err())
    }

    /// Puts a whole, durable file in the place of another.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), CatalogError> {
        // Only the lock's holder uses this name, so what a crash leaves is written over next time.
        self.store.write_whole(path, &with_suffix(path, "new"), bytes)
    }
}

/// A catalog under its lock.
struct Writer<'a, C> {
    seat: Seat<'a>,
    before: C,
    catalog: C,
}

impl<C: Catalog> Writer<'_, C> {
    fn commit(&mut self) -> Result<Option<CatalogError>, CatalogError> {
        if self.catalog == self.before {
            return Ok(None);
        }
        self.catalog.set_serial(self.before.serial() + 1);
        if !self.catalog.is_valid() {
            return Err(CatalogError::Refused(windlass_abi::WsaError::WSAEINVAL));
        }
        self.seat.publish(&self.catalog.render())
    }

    /// Undoes a commit.
    fn take_back(&mut self) -> Result<(), CatalogError> {
        if self.catalog == self.before {
            return Ok(());
        }
        // A change again, for those who saw the first.
        self.before.set_serial(self.catalog.serial() + 1);
        self.seat.publish(&self.before.render()).map(drop)
    }
}

/// The name of a catalog's last good copy.
pub(super) fn last_good(path: &Path) -> PathBuf {
    with_suffix(path, "last-good")
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".");
    name.push(suffix);
    name.into()
}

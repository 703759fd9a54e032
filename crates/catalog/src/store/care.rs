//! Looking after catalogs: verify, repair, back up, restore.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::change::{last_good, with_suffix};
use super::{DEFAULT_PATIENCE, Store, decode, parse_at};
use crate::builtin;
use crate::check::Fault;
use crate::error::{CatalogError, Problem, Severity};
use crate::expand::expand;
use crate::file::{Catalog, FORMAT, Lines, NamespacesFile, Parts, ProtocolsFile, parse_file, problems, render_file};
use crate::snapshot::Catalogs;

/// What [`Store::repair`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Where the catalog came from that is there now.
    pub source: RepairSource,
    /// What was wrong, and what became of it, one line each.
    pub notes: Vec<String>,
    /// The copy of the file as it was.
    pub damaged: Option<PathBuf>,
}

/// Where a repaired catalog came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepairSource {
    /// Nothing was wrong, nothing was written.
    Sound,
    /// The file itself, without what could not be used.
    Salvaged,
    /// The last good copy.
    LastGood,
    /// The built-in default.
    BuiltIn,
}

/// Both catalogs in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup(pub Catalogs);

impl Store {
    /// All that is wrong with a catalog, as far as can be told without loading providers: what makes it
    /// unreadable, entries that cannot be used, modules that are not there.
    ///
    /// # Errors
    /// Only when the file cannot be read at all.
    pub fn verify<C: Catalog>(&self) -> Result<Vec<Problem>, CatalogError> {
        let Some((_, bytes)) = self.read::<C>()? else { return Ok(Vec::new()) };
        let (catalog, lines) = match decode(&bytes).and_then(C::read) {
            Ok(read) => read,
            Err(problem) => return Ok(vec![problem]),
        };
        let mut faults = catalog.faults();
        faults.extend(catalog.modules().into_iter().filter_map(|(place, module)| {
            let path = expand(module);
            // A bare name is looked for by the loader, in places of its own.
            let missing = builtin::linked_in(module).is_none() && path.is_absolute() && !path.exists();
            let what = || format!("the module {} does not exist", path.display());
            missing.then(|| Fault { place, harmless: true, useless: false, what: what() })
        }));
        Ok(problems(faults, &lines))
    }

    /// Makes a catalog usable again. What can be read of the file stays, without entries that cannot be used;
    /// if nothing can, the last good copy serves, and if that is damaged too, the built-in default. The file as it
    /// was is kept beside it. Ids stay unique for ever all the same.
    ///
    /// # Errors
    /// As [`change`](Self::change); `Corrupt` only for a file of a newer format, which is left alone.
    pub fn repair<C: Catalog>(&self) -> Result<Repair, CatalogError> {
        let seat = self.seat::<C>(DEFAULT_PATIENCE)?;
        let sound = Repair { source: RepairSource::Sound, notes: Vec::new(), damaged: None };
        let read = |path: &Path| self.storage.read(path).map_err(CatalogError::io("read", path));
        let Some(bytes) = read(&seat.path)? else { return Ok(sound) };
        // An unreadable copy is as good as none.
        let spare_path = last_good(&seat.path);
        let spare = read(&spare_path).ok().flatten().and_then(|bytes| parse_at::<C>(spare_path, &bytes).ok());
        let spare = spare.map(|loaded| loaded.catalog);

        let text = String::from_utf8_lossy(&bytes);
        let mut notes = Vec::new();
        let (mut catalog, source) = match decode(&bytes).and_then(C::read) {
            Ok((catalog, _)) => (catalog, RepairSource::Salvaged),
            Err(problem) => {
                notes.push(problem.to_string());
                match (text.parse::<toml::Table>(), &spare) {
                    (Ok(table), _) if is_newer(&table) => {
                        return Err(CatalogError::Corrupt { path: seat.path.clone(), problems: vec![problem] });
                    }
                    (Ok(table), _) => (C::salvage(&table, spare.as_ref(), &mut notes), RepairSource::Salvaged),
                    (_, Some(spare)) => (spare.clone(), RepairSource::LastGood),
                    (_, None) => (C::built_in(), RepairSource::BuiltIn),
                }
            }
        };
        let before = catalog.clone();
        catalog.mend_counters(&text);
        if catalog != before {
            notes.push("the serial number or next_entry_id was too small, and was raised".into());
        }
        while let Some(fault) = catalog.faults().into_iter().find(|fault| fault.useless) {
            notes.push(format!("removed: {}", fault.what));
            catalog.drop_part(fault.place);
        }
        if notes.is_empty() {
            return Ok(sound);
        }
        if let Some(spare) = &spare {
            catalog.outgrow(spare);
        }
        catalog.set_serial(catalog.serial() + 1);
        let damaged = with_suffix(&seat.path, "damaged");
        seat.replace(&damaged, &bytes)?;
        seat.publish(&catalog.render())?;
        Ok(Repair { source, notes, damaged: Some(damaged) })
    }

    /// Writes both catalogs to one file, whole or not at all; a file of that name is replaced.
    ///
    /// # Errors
    /// A catalog that cannot be read, a file that cannot be written.
    pub fn backup_to(&self, path: &Path) -> Result<(), CatalogError> {
        let text = Backup(Catalogs::load(self)?).render();
        self.write_whole(path, &with_suffix(path, &format!("{}.new", std::process::id())), text.as_bytes())
    }

    /// Reads a backup.
    ///
    /// # Errors
    /// A file that is not there or cannot be read, or is not a valid backup.
    pub fn read_backup(&self, path: &Path) -> Result<Backup, CatalogError> {
        let bytes = self.storage.read(path).and_then(|bytes| bytes.ok_or(std::io::ErrorKind::NotFound.into()));
        let bytes = bytes.map_err(CatalogError::io("read", path))?;
        let backup = decode(&bytes).map_err(|problem| vec![problem]).and_then(Backup::parse);
        backup.map_err(|problems| CatalogError::Corrupt { path: path.into(), problems })
    }

    /// Puts the catalogs of a backup in place of those that are there, damaged or not: each whole or not at
    /// all, the protocol catalog first. Serial numbers and ids go on from the larger ones.
    ///
    /// # Errors
    /// As [`change`](Self::change), but for `Corrupt`.
    pub fn restore(&self, backup: &Backup) -> Result<(), CatalogError> {
        self.restore_one(&backup.0.protocols)?;
        self.restore_one(&backup.0.namespaces)
    }

    fn restore_one<C: Catalog>(&self, kept: &C) -> Result<(), CatalogError> {
        let seat = self.seat::<C>(DEFAULT_PATIENCE)?;
        let mut catalog = kept.clone();
        catalog.outgrow(&C::built_in());
        if let Some((_, bytes)) = self.read::<C>()? {
            catalog.mend_counters(&String::from_utf8_lossy(&bytes));
        }
        catalog.set_serial(catalog.serial() + 1);
        seat.publish(&catalog.render()).map(drop)
    }
}

impl Backup {
    /// The text of the file.
    pub fn render(&self) -> String {
        let file = BackupFile {
            format: FORMAT,
            protocols: ProtocolsFile::from(&self.0.protocols),
            namespaces: NamespacesFile::from(&self.0.namespaces),
        };
        render_file("backup of the catalogs", &file)
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is wrong with it; harmless things are not.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let file: BackupFile = parse_file(text).map_err(|problem| vec![problem])?;
        let lines = Lines::new(text);
        let places = [file.protocols.places(&lines), file.namespaces.places(&lines)];
        let catalogs = Catalogs { protocols: file.protocols.into(), namespaces: file.namespaces.into() };
        let mut found = problems(catalogs.protocols.faults(), &places[0]);
        found.extend(problems(catalogs.namespaces.faults(), &places[1]));
        found.retain(|problem| problem.severity == Severity::Error);
        if found.is_empty() { Ok(Self(catalogs)) } else { Err(found) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupFile {
    format: u32,
    protocols: ProtocolsFile,
    namespaces: NamespacesFile,
}

/// Whether a file says that it is of a format to come, of which nothing can be said.
fn is_newer(table: &toml::Table) -> bool {
    table.get("format").and_then(toml::Value::as_integer).is_some_and(|format| format > i64::from(FORMAT))
}

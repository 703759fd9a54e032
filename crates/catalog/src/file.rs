//! Catalogs as text: one TOML file each.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::builtin;
use crate::check::{Fault, Place, check_namespaces, check_protocols};
use crate::damaged::{known_keys, largest, mended_serial, number, rows};
use crate::error::{Problem, Severity};
use crate::namespace::{NamespaceCatalog, NamespaceEntry};
use crate::protocol::{ApplicationCategory, ProtocolCatalog, ProtocolEntry, ProviderInfo};

/// The format of the files that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// A catalog that lives in a file: [`ProtocolCatalog`] or [`NamespaceCatalog`].
pub trait Catalog: Clone + PartialEq + Parts {
    /// The name of the file, without its ending.
    const STEM: &'static str;

    /// What serves when there is no file.
    fn built_in() -> Self;

    /// Grows with each change.
    fn serial(&self) -> u64;

    /// The text of a file.
    ///
    /// # Panics
    /// A catalog that is not valid may have a serial number that the file cannot hold.
    fn render(&self) -> String;

    /// Reads the text of a file. With an error there is no catalog; warnings come with one.
    fn parse(text: &str) -> (Option<Self>, Vec<Problem>) {
        match Self::read(text) {
            Err(problem) => (None, vec![problem]),
            Ok((catalog, lines)) => {
                let faults = catalog.faults();
                let usable = faults.iter().all(|fault| fault.harmless);
                (usable.then_some(catalog), problems(faults, &lines))
            }
        }
    }

    /// Whether the catalog is valid. Entries that cannot be used leave it so.
    fn is_valid(&self) -> bool {
        self.faults().iter().all(|fault| fault.harmless)
    }
}

/// The parts of a catalog, for those who keep it. Not for users of the crate.
pub trait Parts: Sized {
    /// Reads what a file says, whether or not it makes sense, and where it says it.
    fn read(text: &str) -> Result<(Self, PlaceLines), Problem>;

    /// What does not make sense.
    fn faults(&self) -> Vec<Fault>;

    /// The module paths, and whose they are.
    fn modules(&self) -> Vec<(Place, &str)>;

    fn set_serial(&mut self, serial: u64);

    /// Takes over from `other` what only ever grows: the serial number, the ids given out.
    fn outgrow(&mut self, other: &Self);

    /// Takes what can be read from a damaged file, and from `spare` what cannot, and says so.
    fn salvage(table: &toml::Table, spare: Option<&Self>, notes: &mut Vec<String>) -> Self;

    /// Takes a part out.
    fn drop_part(&mut self, place: Place);

    /// Makes the numbers that only ever grow fit what is there, and what the text of a damaged file tells of them.
    fn mend_counters(&mut self, text: &str);
}

/// The line that each part of a catalog begins at.
pub type PlaceLines = HashMap<Place, usize>;

impl Catalog for ProtocolCatalog {
    const STEM: &'static str = "protocols";

    fn built_in() -> Self {
        builtin::protocols()
    }

    fn serial(&self) -> u64 {
        self.serial
    }

    fn render(&self) -> String {
        render_file("protocol catalog", &ProtocolsFile::from(self))
    }
}

impl Parts for ProtocolCatalog {
    fn read(text: &str) -> Result<(Self, PlaceLines), Problem> {
        let file: ProtocolsFile = parse_file(text)?;
        let places = file.places(&Lines::new(text));
        Ok((Self::from(file), places))
    }

    fn faults(&self) -> Vec<Fault> {
        check_protocols(self)
    }

    fn modules(&self) -> Vec<(Place, &str)> {
        self.entries.iter().enumerate().map(|(at, entry)| (Place::Entry(at), entry.module_path())).collect()
    }

    fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    fn outgrow(&mut self, other: &Self) {
        self.serial = self.serial.max(other.serial);
        self.next_entry_id = self.next_entry_id.max(other.next_entry_id);
    }

    fn salvage(table: &toml::Table, spare: Option<&Self>, notes: &mut Vec<String>) -> Self {
        let spare_entry = |row: &toml::Value| {
            let id = row.get("id")?.as_integer()?;
            spare?.entries.iter().find(|entry| i64::from(entry.id) == id).cloned()
        };
        known_keys(table, &["format", "serial", "next_entry_id", "entry", "provider_info", "application"], notes);
        Self {
            serial: number(table, "serial"),
            next_entry_id: number(table, "next_entry_id").try_into().unwrap_or(0),
            entries: rows(table, "entry", spare_entry, notes),
            provider_infos: rows(table, "provider_info", |_| None, notes),
            applications: rows(table, "application", |_| None, notes),
        }
    }

    fn drop_part(&mut self, place: Place) {
        match place {
            Place::Whole => {}
            Place::Entry(at) => drop(self.entries.remove(at)),
            Place::ProviderInfo(at) => drop(self.provider_infos.remove(at)),
            Place::Application(at) => drop(self.applications.remove(at)),
        }
    }

    fn mend_counters(&mut self, text: &str) {
        self.serial = mended_serial(self.serial, text);
        let written = largest(text, "next_entry_id").max(largest(text, "id").saturating_add(1));
        let entries = self.entries.iter().map(|entry| u64::from(entry.id) + 1).max().unwrap_or(0);
        let next = match written.max(entries).max(self.next_entry_id.into()) {
            0 | 1 => builtin::FIRST_ENTRY_ID.into(),
            next => next,
        };
        self.next_entry_id = u32::try_from(next).unwrap_or(u32::MAX);
    }
}

impl Catalog for NamespaceCatalog {
    const STEM: &'static str = "namespaces";

    fn built_in() -> Self {
        builtin::namespaces()
    }

    fn serial(&self) -> u64 {
        self.serial
    }

    fn render(&self) -> String {
        render_file("name space catalog", &NamespacesFile::from(self))
    }
}

impl Parts for NamespaceCatalog {
    fn read(text: &str) -> Result<(Self, PlaceLines), Problem> {
        let file: NamespacesFile = parse_file(text)?;
        let places = file.places(&Lines::new(text));
        Ok((Self::from(file), places))
    }

    fn faults(&self) -> Vec<Fault> {
        check_namespaces(self)
    }

    fn modules(&self) -> Vec<(Place, &str)> {
        self.providers.iter().enumerate().map(|(at, entry)| (Place::Entry(at), entry.module.as_str())).collect()
    }

    fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    fn outgrow(&mut self, other: &Self) {
        self.serial = self.serial.max(other.serial);
    }

    fn salvage(table: &toml::Table, spare: Option<&Self>, notes: &mut Vec<String>) -> Self {
        known_keys(table, &["format", "serial", "provider"], notes);
        let spare_provider = |row: &toml::Value| spare?.provider(row.get("provider")?.as_str()?.parse().ok()?).cloned();
        Self { serial: number(table, "serial"), providers: rows(table, "provider", spare_provider, notes) }
    }

    fn drop_part(&mut self, place: Place) {
        if let Place::Entry(at) = place {
            self.providers.remove(at);
        }
    }

    fn mend_counters(&mut self, text: &str) {
        self.serial = mended_serial(self.serial, text);
    }
}

/// Problems as users see them.
pub(crate) fn problems(faults: Vec<Fault>, lines: &PlaceLines) -> Vec<Problem> {
    let problem = |fault: Fault| Problem {
        severity: if fault.harmless { Severity::Warning } else { Severity::Error },
        line: lines.get(&fault.place).copied(),
        what: fault.what,
    };
    faults.into_iter().map(problem).collect()
}

/// The protocol catalog as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProtocolsFile {
    format: u32,
    serial: u64,
    next_entry_id: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Spanned<ProtocolEntry>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provider_info: Vec<Spanned<ProviderInfo>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    application: Vec<Spanned<ApplicationCategory>>,
}

/// The name space catalog as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamespacesFile {
    format: u32,
    serial: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provider: Vec<Spanned<NamespaceEntry>>,
}

impl ProtocolsFile {
    pub(crate) fn places(&self, lines: &Lines) -> PlaceLines {
        lines
            .of(&self.entry, Place::Entry)
            .chain(lines.of(&self.provider_info, Place::ProviderInfo))
            .chain(lines.of(&self.application, Place::Application))
            .collect()
    }
}

impl NamespacesFile {
    pub(crate) fn places(&self, lines: &Lines) -> PlaceLines {
        lines.of(&self.provider, Place::Entry).collect()
    }
}

impl From<ProtocolsFile> for ProtocolCatalog {
    fn from(file: ProtocolsFile) -> Self {
        Self {
            serial: file.serial,
            next_entry_id: file.next_entry_id,
            entries: unspan(file.entry),
            provider_infos: unspan(file.provider_info),
            applications: unspan(file.application),
        }
    }
}

impl From<&ProtocolCatalog> for ProtocolsFile {
    fn from(catalog: &ProtocolCatalog) -> Self {
        Self {
            format: FORMAT,
            serial: catalog.serial,
            next_entry_id: catalog.next_entry_id,
            entry: span(&catalog.entries),
            provider_info: span(&catalog.provider_infos),
            application: span(&catalog.applications),
        }
    }
}

impl From<NamespacesFile> for NamespaceCatalog {
    fn from(file: NamespacesFile) -> Self {
        Self { serial: file.serial, providers: unspan(file.provider) }
    }
}

impl From<&NamespaceCatalog> for NamespacesFile {
    fn from(catalog: &NamespaceCatalog) -> Self {
        Self { format: FORMAT, serial: catalog.serial, provider: span(&catalog.providers) }
    }
}

/// Reads any file that starts with a format number; one of a newer format is told apart from a damaged one.
pub(crate) fn parse_file<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let lines = Lines::new(text);
    let problem = |why: toml::de::Error| {
        Problem::error(why.span().map(|span| lines.at(span.start)), why.message().trim_end().replace('\n', "; "))
    };
    let head: Head = toml::from_str(text).map_err(problem)?;
    if head.format != FORMAT {
        let what = format!("the format is {}, this version knows {FORMAT}", head.format);
        return Err(Problem::error(None, what));
    }
    toml::from_str(text).map_err(problem)
}

/// The text of any file, with a comment that says what it is.
pub(crate) fn render_file<T: Serialize>(what: &str, file: &T) -> String {
    let body = toml::to_string(file).expect("a checked catalog has nothing that TOML cannot say");
    format!("# A {what} of Windlass. Change it with `windlass catalog`.\n{body}")
}

fn span<T: Clone>(list: &[T]) -> Vec<Spanned<T>> {
    list.iter().map(|item| Spanned::new(0..0, item.clone())).collect()
}

fn unspan<T>(list: Vec<Spanned<T>>) -> Vec<T> {
    list.into_iter().map(Spanned::into_inner).collect()
}

/// Where the lines of a text begin.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The number, from 1, of the line that has this byte.
    pub(crate) fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }

    fn of<T>(&self, list: &[Spanned<T>], place: fn(usize) -> Place) -> impl Iterator<Item = (Place, usize)> {
        list.iter().enumerate().map(move |(at, item)| (place(at), self.at(item.span().start)))
    }
}

//! Catalogs as text: one TOML file each.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::builtin;
use crate::check::{Fault, Place, check_namespaces, check_protocols};
use crate::error::{Problem, Severity};
use crate::namespace::{NamespaceCatalog, NamespaceEntry};
use crate::protocol::{ApplicationCategory, ProtocolCatalog, ProtocolEntry, ProviderInfo};

/// The format of the files that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// A catalog that lives in a file.
pub trait Catalog: Clone + PartialEq + Sized + sealed::Sealed {
    /// The name of the file, without its ending.
    const STEM: &'static str;

    /// What serves when there is no file.
    fn built_in() -> Self;

    /// Grows with each change.
    fn serial(&self) -> u64;

    #[doc(hidden)]
    fn set_serial(&mut self, serial: u64);

    /// Takes over from `other` what only ever grows: the serial number, the ids given out.
    #[doc(hidden)]
    fn outgrow(&mut self, other: &Self);

    /// Reads the text of a file. Warnings come with the catalog; with an error there is none.
    fn parse(text: &str) -> (Option<Self>, Vec<Problem>);

    /// The text of a file.
    fn render(&self) -> String;

    /// Whether the catalog is valid.
    fn is_valid(&self) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::ProtocolCatalog {}
    impl Sealed for crate::NamespaceCatalog {}
}

impl Catalog for ProtocolCatalog {
    const STEM: &'static str = "protocols";

    fn built_in() -> Self {
        builtin::protocols()
    }

    fn serial(&self) -> u64 {
        self.serial
    }

    fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    fn outgrow(&mut self, other: &Self) {
        self.serial = self.serial.max(other.serial);
        self.next_entry_id = self.next_entry_id.max(other.next_entry_id);
    }

    fn parse(text: &str) -> (Option<Self>, Vec<Problem>) {
        let file: ProtocolsFile = match parse_file(text) {
            Ok(file) => file,
            Err(problem) => return (None, vec![problem]),
        };
        let lines = Lines::new(text);
        let spans = [lines.of(&file.entry), lines.of(&file.provider_info), lines.of(&file.application)];
        let catalog = Self::from(file);
        let line = |place| match place {
            Place::Whole => None,
            Place::Entry(at) => Some(spans[0][at]),
            Place::ProviderInfo(at) => Some(spans[1][at]),
            Place::Application(at) => Some(spans[2][at]),
        };
        judge(check_protocols(&catalog), line, catalog)
    }

    fn render(&self) -> String {
        render_file("protocol", &ProtocolsFile::from(self))
    }

    fn is_valid(&self) -> bool {
        check_protocols(self).iter().all(|fault| fault.harmless)
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

    fn set_serial(&mut self, serial: u64) {
        self.serial = serial;
    }

    fn outgrow(&mut self, other: &Self) {
        self.serial = self.serial.max(other.serial);
    }

    fn parse(text: &str) -> (Option<Self>, Vec<Problem>) {
        let file: NamespacesFile = match parse_file(text) {
            Ok(file) => file,
            Err(problem) => return (None, vec![problem]),
        };
        let spans = Lines::new(text).of(&file.provider);
        let catalog = Self::from(file);
        let line = |place| match place {
            Place::Entry(at) => Some(spans[at]),
            _ => None,
        };
        judge(check_namespaces(&catalog), line, catalog)
    }

    fn render(&self) -> String {
        render_file("name space", &NamespacesFile::from(self))
    }

    fn is_valid(&self) -> bool {
        check_namespaces(self).iter().all(|fault| fault.harmless)
    }
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
    format!("# The {what} catalog of Windlass. Change it with `windlass catalog`.\n{body}")
}

fn judge<C>(faults: Vec<Fault>, line: impl Fn(Place) -> Option<usize>, catalog: C) -> (Option<C>, Vec<Problem>) {
    let usable = faults.iter().all(|fault| fault.harmless);
    let problem = |fault: Fault| Problem {
        severity: if fault.harmless { Severity::Warning } else { Severity::Error },
        line: line(fault.place),
        what: fault.what,
    };
    (usable.then_some(catalog), faults.into_iter().map(problem).collect())
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

    fn of<T>(&self, list: &[Spanned<T>]) -> Vec<usize> {
        list.iter().map(|item| self.at(item.span().start)).collect()
    }
}

//! What a command is about: entries by number, providers by GUID.

use std::fmt;
use std::str::FromStr;

use windlass_abi::GUID;
use windlass_catalog::{Catalogs, ProtocolCatalog, Store};

use super::failed;
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A protocol entry.
    Entry(u32),
    /// All entries of a transport provider, or a name space provider.
    Provider(GUID),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Entry(id));
        }
        text.parse().map(Self::Provider).map_err(|_| "neither the number of an entry nor a GUID".to_owned())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(id) => write!(f, "entry {id}"),
            Self::Provider(id) => write!(f, "provider {id}"),
        }
    }
}

/// Targets that are all of one catalog.
pub enum Targets {
    Protocols(Vec<Target>),
    Namespaces(Vec<GUID>),
}

impl Targets {
    /// Finds out which catalog the targets are of. The other is not touched, so a change stays whole.
    pub fn of(store: &Store, targets: &[Target]) -> Result<Self, Failure> {
        let catalogs = Catalogs::load(store).map_err(failed)?;
        let namespace = |target: &Target| match *target {
            Target::Entry(_) => None,
            Target::Provider(id) => catalogs.namespaces.provider(id).map(|entry| entry.provider),
        };
        let ids: Vec<GUID> = targets.iter().filter_map(namespace).collect();
        if ids.is_empty() {
            return Ok(Self::Protocols(targets.to_vec()));
        }
        if ids.len() == targets.len() {
            return Ok(Self::Namespaces(ids));
        }
        // One that is in neither catalog is better told by its own name.
        if let Some(unknown) =
            targets.iter().find(|t| namespace(t).is_none() && entries(&catalogs.protocols, **t).is_err())
        {
            return Err(missing(*unknown));
        }
        Err(Failure::usage("name the providers of one catalog only: transports or name spaces"))
    }
}

/// The numbers of the entries that a target stands for.
pub fn entries(catalog: &ProtocolCatalog, target: Target) -> Result<Vec<u32>, Failure> {
    let ids: Vec<u32> = match target {
        Target::Entry(id) => catalog.entry(id).map(|entry| entry.id).into_iter().collect(),
        Target::Provider(id) => catalog.entries_of(id).map(|entry| entry.id).collect(),
    };
    if ids.is_empty() { Err(missing(target)) } else { Ok(ids) }
}

/// The same for several, each number once.
pub fn all_entries(catalog: &ProtocolCatalog, targets: &[Target]) -> Result<Vec<u32>, Failure> {
    let mut all = Vec::new();
    for target in targets {
        for id in entries(catalog, *target)? {
            if !all.contains(&id) {
                all.push(id);
            }
        }
    }
    Ok(all)
}

pub fn missing(target: Target) -> Failure {
    Failure::new(format!("there is no {target}; `windlass catalog list` shows what there is"))
}

//! Which providers are meant, and what they serve.

use std::path::{Path, absolute};

use windlass_abi::GUID;
use windlass_catalog::builtin::{self, linked_in};
use windlass_catalog::{ProtocolCatalog, ProtocolEntry};
use windlass_check::Subject;

use super::Options;
use crate::catalog;
use crate::failure::Failure;

/// The providers to check, in the order of the catalog or of the arguments.
pub fn find(options: &Options) -> Result<Vec<Subject>, Failure> {
    let protocols = catalog::store(options.catalog.as_deref())?.protocols().map_err(catalog::failed)?;
    if options.providers.is_empty() {
        let all = of_catalog(&protocols);
        return match all.is_empty() {
            true => Err(Failure::new("the catalog has no transport provider")),
            false => Ok(all),
        };
    }
    options.providers.iter().map(|named| one(options, &protocols, named)).collect()
}

fn base(entry: &&ProtocolEntry) -> bool {
    entry.is_base()
}

/// A provider of the catalog, with all its base entries.
fn of_provider(protocols: &ProtocolCatalog, id: GUID) -> Option<Subject> {
    let entries: Vec<_> = protocols.entries_of(id).filter(base).cloned().collect();
    let first = entries.first()?;
    let (module, name) = (first.module.clone(), format!("{} ({})", first.name, first.module));
    Some(Subject { name, ..Subject::new(&module, entries) })
}

fn of_catalog(protocols: &ProtocolCatalog) -> Vec<Subject> {
    let mut ids: Vec<GUID> = Vec::new();
    for entry in protocols.entries.iter().filter(base) {
        if !ids.contains(&entry.provider) {
            ids.push(entry.provider);
        }
    }
    ids.into_iter().filter_map(|id| of_provider(protocols, id)).collect()
}

fn one(options: &Options, protocols: &ProtocolCatalog, named: &str) -> Result<Subject, Failure> {
    if let Ok(id) = named.parse::<u32>() {
        let entry = protocols.entry(id).ok_or_else(|| Failure::usage(format!("the catalog has no entry {id}")))?;
        if !entry.is_base() {
            return Err(Failure::usage(format!(
                "entry {id} is a {}, not a transport that stands on its own",
                kind(entry)
            )));
        }
        return Ok(Subject { name: entry.name.clone(), ..Subject::new(&entry.module, vec![entry.clone()]) });
    }
    if let Ok(id) = named.parse::<GUID>() {
        return of_provider(protocols, id)
            .ok_or_else(|| Failure::usage(format!("the catalog has no transport provider {id}")));
    }
    module(options, protocols, named)
}

fn kind(entry: &ProtocolEntry) -> &'static str {
    if entry.is_layer() { "layer" } else { "chain" }
}

/// A shared object, or a provider that is linked in.
fn module(options: &Options, protocols: &ProtocolCatalog, named: &str) -> Result<Subject, Failure> {
    let path = match linked_in(named) {
        Some(name) if super::linked().iter().all(|(known, _)| *known != name) => {
            return Err(Failure::usage(format!("no provider {name} is linked in")));
        }
        Some(_) => named.to_owned(),
        None if !Path::new(named).is_file() => return Err(Failure::usage(format!("{named}: there is no such file"))),
        None => {
            let path = absolute(named).map_err(|error| Failure::new(format!("{named}: {error}")))?;
            path.into_os_string()
                .into_string()
                .map_err(|path| Failure::usage(format!("{}: the path is not UTF-8", path.display())))?
        }
    };
    let layer = super::LAYERS.iter().find(|(layer, _)| *layer == path);
    let subject = if let Some((_, is_ifs)) = layer {
        let bases = if options.like.is_empty() { builtin::protocols().entries } else { like(options, protocols)? };
        Subject::layer(&path, *is_ifs, bases)
    } else if let Some(file) = &options.entries {
        Subject::new(&path, catalog::read_entries(file)?)
    } else if !options.like.is_empty() {
        Subject::new(&path, like(options, protocols)?)
    } else if let Some(known) = of_catalog(protocols).into_iter().find(|subject| subject.module == path) {
        known
    } else {
        Subject::probing(&path)
    };
    if subject.entries.is_empty() {
        return Err(Failure::usage(format!("{named}: no entry says what it serves")));
    }
    Ok(Subject { name: named.to_owned(), ..subject })
}

/// Descriptions of other providers' entries.
fn like(options: &Options, protocols: &ProtocolCatalog) -> Result<Vec<ProtocolEntry>, Failure> {
    let mut found = Vec::new();
    for named in &options.like {
        let of = |entry: &&ProtocolEntry| named.parse() == Ok(entry.id) || named.parse::<GUID>() == Ok(entry.provider);
        let before = found.len();
        found.extend(protocols.entries.iter().filter(base).filter(of).cloned());
        if found.len() == before {
            return Err(Failure::usage(format!("--like {named}: the catalog has no such base entry")));
        }
    }
    Ok(found)
}

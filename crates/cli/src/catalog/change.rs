//! Changing what is there: `remove`, `order`, `enable`, `disable`.

use serde_json::json;
use windlass_abi::GUID;
use windlass_catalog::{Dependents, NamespaceCatalog, ProtocolCatalog, RemoveError, Store};

use super::answer::Answer;
use super::show::{namespace_line, protocol_line, values};
use super::target::{Target, Targets, all_entries, missing};
use super::{change, failed};
use crate::failure::Failure;

pub fn remove(store: &Store, targets: &[Target], cascade: bool) -> Result<Answer, Failure> {
    match Targets::of(store, targets)? {
        Targets::Protocols(targets) => {
            let dependents = if cascade { Dependents::Cascade } else { Dependents::Refuse };
            let changed = change(store, |catalog: &mut ProtocolCatalog| {
                let ids = all_entries(catalog, &targets)?;
                catalog.remove_entries(&ids, dependents).map_err(refused)
            })?;
            let text = lines("removed", changed.value.iter().map(protocol_line));
            let json = json!({ "removed": values(&changed.value) });
            Ok(Answer::changed(text, json, changed.serial, changed.warning.as_ref()))
        }
        Targets::Namespaces(ids) => {
            let changed = change(store, |catalog: &mut NamespaceCatalog| {
                let mut removed = Vec::new();
                for &id in &ids {
                    removed.push(catalog.provider(id).ok_or_else(|| missing(Target::Provider(id)))?.clone());
                    catalog.uninstall(id).map_err(Failure::new)?;
                }
                Ok(removed)
            })?;
            let text = lines("removed", changed.value.iter().map(namespace_line));
            let json = json!({ "removed": values(&changed.value) });
            Ok(Answer::changed(text, json, changed.serial, changed.warning.as_ref()))
        }
    }
}

pub fn order(store: &Store, targets: &[Target]) -> Result<Answer, Failure> {
    match Targets::of(store, targets)? {
        Targets::Protocols(targets) => {
            let changed = change(store, |catalog: &mut ProtocolCatalog| {
                let first = all_entries(catalog, &targets)?;
                put_first(catalog, &first)?;
                Ok(catalog.entries.clone())
            })?;
            let ids: Vec<u32> = changed.value.iter().map(|entry| entry.id).collect();
            let text = lines("", changed.value.iter().map(protocol_line));
            Ok(Answer::changed(text, json!({ "order": ids }), changed.serial, changed.warning.as_ref()))
        }
        Targets::Namespaces(first) => {
            let changed = change(store, |catalog: &mut NamespaceCatalog| {
                let all: Vec<GUID> = catalog.providers.iter().map(|entry| entry.provider).collect();
                catalog.write_order(&before(&first, &all)).map_err(Failure::new)?;
                Ok(catalog.providers.clone())
            })?;
            let ids: Vec<String> = changed.value.iter().map(|entry| entry.provider.to_string()).collect();
            let text = lines("", changed.value.iter().map(namespace_line));
            Ok(Answer::changed(text, json!({ "order": ids }), changed.serial, changed.warning.as_ref()))
        }
    }
}

pub fn enable(store: &Store, targets: &[Target], active: bool) -> Result<Answer, Failure> {
    let transports = store.protocols().map_err(failed)?;
    let ids: Vec<GUID> =
        targets.iter().map(|target| namespace_provider(&transports, *target)).collect::<Result<_, _>>()?;
    let changed = change(store, |catalog: &mut NamespaceCatalog| {
        for &id in &ids {
            catalog.enable(id, active).map_err(|_| missing(Target::Provider(id)))?;
        }
        Ok(catalog.providers.iter().filter(|entry| ids.contains(&entry.provider)).cloned().collect::<Vec<_>>())
    })?;
    let text = lines("", changed.value.iter().map(namespace_line));
    let json = json!({ "providers": values(&changed.value) });
    Ok(Answer::changed(text, json, changed.serial, changed.warning.as_ref()))
}

/// Moves entries to the front, in this order.
pub fn put_first(catalog: &mut ProtocolCatalog, first: &[u32]) -> Result<(), Failure> {
    let all: Vec<u32> = catalog.entries.iter().map(|entry| entry.id).collect();
    catalog.write_order(&before(first, &all)).map_err(Failure::new)
}

fn before<T: Copy + PartialEq>(first: &[T], all: &[T]) -> Vec<T> {
    let mut order: Vec<T> = Vec::with_capacity(all.len());
    for id in first.iter().chain(all) {
        if !order.contains(id) {
            order.push(*id);
        }
    }
    order
}

/// The GUID of a target that is no transport.
fn namespace_provider(transports: &ProtocolCatalog, target: Target) -> Result<GUID, Failure> {
    match target {
        Target::Provider(id) if transports.entries_of(id).next().is_none() => Ok(id),
        _ => Err(Failure::usage(format!("{target}: only name space providers can be enabled and disabled"))),
    }
}

fn refused(error: RemoveError) -> Failure {
    match error {
        RemoveError::InUse(_) => Failure::new(format!("{error}\nNothing was removed; --cascade removes these too.")),
        error => Failure::new(error),
    }
}

fn lines(what: &str, items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("{what} {item}").trim_start().to_owned() + "\n").collect()
}

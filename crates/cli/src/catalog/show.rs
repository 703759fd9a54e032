//! Looking: `list` and `show`.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};
use windlass_catalog::{
    Catalog, Loaded, NamespaceCatalog, NamespaceEntry, ProtocolCatalog, ProtocolChain, ProtocolEntry, Store,
};

use super::answer::Answer;
use super::failed;
use super::target::{Target, entries, missing};
use crate::failure::Failure;

pub fn list(store: &Store) -> Result<Answer, Failure> {
    let protocols: Loaded<ProtocolCatalog> = store.load().map_err(failed)?;
    let namespaces: Loaded<NamespaceCatalog> = store.load().map_err(failed)?;
    let mut text = heading("Protocols", &protocols);
    table(&mut text, protocols.catalog.entries.iter().map(protocol_row).collect());
    text.push_str(&heading("Name spaces", &namespaces));
    table(&mut text, namespaces.catalog.providers.iter().map(namespace_row).collect());
    let json = json!({
        "protocols": {
            "path": protocols.path,
            "serial": protocols.catalog.serial,
            "entries": values(&protocols.catalog.entries),
        },
        "name_spaces": {
            "path": namespaces.path,
            "serial": namespaces.catalog.serial,
            "providers": values(&namespaces.catalog.providers),
        },
    });
    let warnings = protocols.warnings.iter().chain(&namespaces.warnings).map(ToString::to_string).collect();
    Ok(Answer { warnings, ..Answer::new(text, json) })
}

pub fn show(store: &Store, targets: &[Target]) -> Result<Answer, Failure> {
    let protocols = store.protocols().map_err(failed)?;
    let namespaces = store.namespaces().map_err(failed)?;
    let mut texts = Vec::new();
    let (mut entry_list, mut provider_list) = (Vec::new(), Vec::new());
    for &target in targets {
        if let Target::Provider(id) = target
            && let Some(provider) = namespaces.provider(id)
        {
            texts.push(as_in_the_file(provider)?);
            provider_list.push(value(provider));
            continue;
        }
        for id in entries(&protocols, target)? {
            let entry = protocols.entry(id).ok_or_else(|| missing(target))?;
            texts.push(as_in_the_file(entry)?);
            entry_list.push(value(entry));
        }
    }
    Ok(Answer::new(texts.join("\n"), json!({ "entries": entry_list, "providers": provider_list })))
}

/// An entry or provider as JSON, with the names that the catalog file uses.
pub fn value<T: Serialize>(item: &T) -> Value {
    serde_json::to_value(item).expect("catalog entries have only keys that are text")
}

pub fn values<T: Serialize>(items: &[T]) -> Vec<Value> {
    items.iter().map(value).collect()
}

/// One line for an entry, as `list` has it.
pub fn protocol_line(entry: &ProtocolEntry) -> String {
    one_line(&protocol_row(entry))
}

/// One line for a name space provider, as `list` has it.
pub fn namespace_line(provider: &NamespaceEntry) -> String {
    one_line(&namespace_row(provider))
}

fn heading<C: Catalog>(what: &str, loaded: &Loaded<C>) -> String {
    match &loaded.path {
        Some(path) => format!("{what}: {}, serial {}\n", path.display(), loaded.catalog.serial()),
        None => format!("{what}: built in\n"),
    }
}

fn protocol_row(entry: &ProtocolEntry) -> [String; 5] {
    let all = value(entry);
    let kind = match &entry.chain {
        ProtocolChain::Base => "base".to_owned(),
        ProtocolChain::Layer => "layer".to_owned(),
        ProtocolChain::Chain(ids) => ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" > "),
    };
    let serves = match entry.chain {
        ProtocolChain::Layer => String::new(),
        _ => format!("{} {} {}", word(&all["address_family"]), word(&all["socket_type"]), range(entry)),
    };
    [entry.id.to_string(), entry.name.clone(), kind, serves, entry.module.clone()]
}

fn namespace_row(provider: &NamespaceEntry) -> [String; 5] {
    [
        provider.provider.to_string(),
        provider.identifier.clone(),
        format!("name space {}", provider.name_space),
        if provider.active { "enabled" } else { "disabled" }.to_owned(),
        provider.module.clone(),
    ]
}

fn one_line(cells: &[String; 5]) -> String {
    let cells: Vec<&str> = cells.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect();
    cells.join("  ")
}

fn range(entry: &ProtocolEntry) -> String {
    match entry.protocol_max_offset {
        0 => entry.protocol.to_string(),
        offset => format!("{}..{}", entry.protocol, i64::from(entry.protocol) + i64::from(offset)),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn table(out: &mut String, rows: Vec<[String; 5]>) {
    if rows.is_empty() {
        out.push_str("  none\n");
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "  {cell:<width$}").expect("a string");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

fn as_in_the_file<T: Serialize>(item: &T) -> Result<String, Failure> {
    toml::to_string(item).map_err(Failure::new)
}

//! Looking after the catalogs: `verify`, `repair`, `backup`, `restore`.

use std::path::Path;

use serde_json::{Value, json};
use windlass_catalog::{
    Backup, Catalog, Catalogs, NamespaceCatalog, Problem, ProtocolCatalog, Repair, RepairSource, Severity, Store,
};

use super::answer::Answer;
use super::failed;
use crate::failure::Failure;

pub fn verify(store: &Store) -> Result<Answer, Failure> {
    let found = [
        ("protocols", store.verify::<ProtocolCatalog>().map_err(failed)?),
        ("name_spaces", store.verify::<NamespaceCatalog>().map_err(failed)?),
    ];
    let mut text = String::new();
    let mut json = json!({});
    for (catalog, problems) in &found {
        text.extend(problems.iter().map(|p| format!("{}: {}: {p}\n", catalog.replace('_', " "), severity(p))));
        json[*catalog] = problems.iter().map(problem).collect();
    }
    let sound = found.iter().all(|(_, problems)| problems.is_empty());
    if sound {
        text.push_str("both catalogs are sound\n");
    }
    json["sound"] = json!(sound);
    Ok(Answer { status: u8::from(!sound), ..Answer::new(text, json) })
}

pub fn repair(store: &Store) -> Result<Answer, Failure> {
    let mut text = String::new();
    let protocols = repair_one::<ProtocolCatalog>(store, "protocols", &mut text)?;
    let name_spaces = repair_one::<NamespaceCatalog>(store, "name spaces", &mut text)?;
    Ok(Answer::new(text, json!({ "protocols": protocols, "name_spaces": name_spaces })))
}

pub fn backup(store: &Store, file: &Path) -> Result<Answer, Failure> {
    store.backup_to(file).map_err(failed)?;
    let Backup(catalogs) = store.read_backup(file).map_err(failed)?;
    Ok(kept("saved", file, &catalogs))
}

pub fn restore(store: &Store, file: &Path) -> Result<Answer, Failure> {
    if !file.exists() {
        return Err(Failure::new(format!("{}: there is no such file", file.display())));
    }
    let backup = store.read_backup(file).map_err(Failure::new)?;
    store.restore(&backup).map_err(failed)?;
    Ok(kept("restored", file, &backup.0))
}

fn repair_one<C: Catalog>(store: &Store, name: &str, text: &mut String) -> Result<Value, Failure> {
    let Repair { source, notes, damaged } = store.repair::<C>().map_err(failed)?;
    let (word, told) = match source {
        RepairSource::Sound => ("sound", "nothing to repair"),
        RepairSource::Salvaged => ("salvaged", "kept, without what could not be used"),
        RepairSource::LastGood => ("last_good", "put back as it was before the last change"),
        RepairSource::BuiltIn => ("built_in", "put back as it is built in"),
    };
    *text += &format!("{name}: {told}\n");
    text.extend(notes.iter().map(|note| format!("  {note}\n")));
    text.extend(damaged.iter().map(|path| format!("  the damaged file is {}\n", path.display())));
    Ok(json!({ "result": word, "notes": notes, "damaged": damaged }))
}

fn kept(what: &str, file: &Path, catalogs: &Catalogs) -> Answer {
    let (entries, providers) = (catalogs.protocols.entries.len(), catalogs.namespaces.providers.len());
    let text = format!("{what} {entries} protocol entries and {providers} name space providers: {}\n", file.display());
    Answer::new(text, json!({ what: { "file": file, "entries": entries, "providers": providers } }))
}

fn problem(problem: &Problem) -> Value {
    json!({ "severity": severity(problem), "line": problem.line, "what": problem.what })
}

fn severity(problem: &Problem) -> &'static str {
    match problem.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

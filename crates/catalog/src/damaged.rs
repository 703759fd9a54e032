//! What can still be read from a damaged catalog file.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::check::MAX_SERIAL;

/// A number at the top of a file; 0 when there is none.
pub(crate) fn number(table: &Table, key: &str) -> u64 {
    table.get(key).and_then(Value::as_integer).and_then(|value| value.try_into().ok()).unwrap_or(0)
}

/// Says which keys at the top of a file are not kept.
pub(crate) fn known_keys(table: &Table, known: &[&str], notes: &mut Vec<String>) {
    let unknown = table.keys().filter(|key| !known.contains(&key.as_str()));
    notes.extend(unknown.map(|key| format!("removed: {key}, which is not known")));
}

/// The rows of a list that can be read, and for those that cannot, what `spare` has in their place.
pub(crate) fn rows<T: DeserializeOwned>(
    table: &Table,
    key: &str,
    spare: impl Fn(&Value) -> Option<T>,
    notes: &mut Vec<String>,
) -> Vec<T> {
    let list = match table.get(key) {
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            notes.push(format!("removed: {key}, which is not a list"));
            &[]
        }
        None => &[],
    };
    let mut found = Vec::new();
    for (at, row) in list.iter().enumerate() {
        let why = match row.clone().try_into() {
            Ok(item) => {
                found.push(item);
                continue;
            }
            Err(why) => why,
        };
        let what = format!("{key} number {}: {}", at + 1, why.message().trim_end().replace('\n', "; "));
        match spare(row) {
            Some(item) => {
                notes.push(format!("taken from the last good copy: {what}"));
                found.push(item);
            }
            None => notes.push(format!("removed: {what}")),
        }
    }
    found
}

/// The largest number that any line of a text, whatever the rest says, gives to a key; 0 when none does.
pub(crate) fn largest(text: &str, key: &str) -> u64 {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = value.split('#').next().unwrap_or("").trim().parse().ok()?;
        (name.trim() == key).then_some(value)
    };
    text.lines().filter_map(value).max().unwrap_or(0)
}

/// A serial number not below any that the text has and a catalog can have.
pub(crate) fn mended_serial(serial: u64, text: &str) -> u64 {
    [serial, largest(text, "serial")].into_iter().filter(|serial| *serial < MAX_SERIAL).max().unwrap_or(0)
}

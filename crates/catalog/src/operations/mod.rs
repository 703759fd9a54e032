//! What the `WSC` functions do to a catalog, without pointers and without files (contract: catalog, sections 3 and 4).
//!
//! Each operation is a method of [`ProtocolCatalog`](crate::ProtocolCatalog) or
//! [`NamespaceCatalog`](crate::NamespaceCatalog) that either does all it says or changes nothing
//! (CAT-ST-9), and fails with the code that the function's page documents.

mod chains;
mod info;
mod install;
mod namespace;
mod remove;

use std::collections::HashSet;
use std::hash::Hash;

use windlass_abi::WsaError;

use crate::file::Catalog;

pub use chains::ProtocolTriple;
pub use namespace::NamespaceInstallation;
pub use remove::{Dependents, RemoveError};

/// Does a change to a copy, which becomes the catalog when the change worked and left it valid.
fn attempt<C: Catalog, R>(catalog: &mut C, change: impl FnOnce(&mut C) -> Result<R, WsaError>) -> Result<R, WsaError> {
    let mut next = catalog.clone();
    let value = change(&mut next)?;
    if !next.is_valid() {
        return Err(WsaError::WSAEINVAL);
    }
    *catalog = next;
    Ok(value)
}

/// Puts a list in the order that `wanted` gives by keys: each key of the list exactly once (WSC-ORD-1, WSC-NS-8).
fn reorder<T: Clone, K: Copy + Eq + Hash>(
    list: &mut Vec<T>,
    wanted: &[K],
    key: impl Fn(&T) -> K,
) -> Result<(), WsaError> {
    let distinct: HashSet<K> = wanted.iter().copied().collect();
    if wanted.len() != list.len() || distinct.len() != list.len() {
        return Err(WsaError::WSAEINVAL);
    }
    let find = |wanted: &K| list.iter().find(|item| key(item) == *wanted).cloned().ok_or(WsaError::WSAEINVAL);
    *list = wanted.iter().map(find).collect::<Result<_, _>>()?;
    Ok(())
}

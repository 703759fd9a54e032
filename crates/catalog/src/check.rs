//! What makes a catalog valid. The same rules guard loading, every change and `verify`.

use std::collections::{HashMap, HashSet};

use windlass_abi::*;

use crate::flags::ServiceFlags;
use crate::namespace::{NS_ALL, NamespaceCatalog};
use crate::protocol::{ProtocolCatalog, ProtocolChain, ProtocolEntry};

/// The largest serial number; a larger one does not fit the file.
pub(crate) const MAX_SERIAL: u64 = i64::MAX as u64 - 1;

/// Something wrong with a catalog, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// Whether the catalog can still be used.
    pub harmless: bool,
    /// Whether that part cannot be used, and a repair takes it out.
    pub useless: bool,
    pub what: String,
}

/// A part of a catalog; numbers are positions in its lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Whole,
    /// A protocol entry or a name space provider.
    Entry(usize),
    ProviderInfo(usize),
    Application(usize),
}

/// Whether a path can name a module: not empty, no NUL, at most 259 UTF-16 units (WSC-INST-6).
pub(crate) fn path_is_valid(path: &str) -> bool {
    !path.is_empty() && text_is_valid(path, MAX_PATH - 1)
}

/// Whether text has no NUL and at most `max` UTF-16 units.
pub(crate) fn text_is_valid(text: &str, max: usize) -> bool {
    !text.contains('\0') && text.encode_utf16().count() <= max
}

/// All that is wrong with a protocol catalog.
pub(crate) fn check_protocols(catalog: &ProtocolCatalog) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.check_serial(catalog.serial);
    let mut ids = HashSet::new();
    let mut modules = HashMap::new();
    for (at, entry) in catalog.entries.iter().enumerate() {
        let place = Place::Entry(at);
        let id = entry.id;
        if id == 0 {
            faults.add(place, "the id of an entry cannot be 0");
        } else if !ids.insert(id) {
            faults.add(place, format!("entry {id} is there twice"));
        } else if id >= catalog.next_entry_id {
            faults.add(place, format!("entry {id} is not below next_entry_id ({})", catalog.next_entry_id));
        }
        if !text_is_valid(&entry.name, WSAPROTOCOL_LEN) {
            faults.add(place, format!("entry {id}: the name is longer than {WSAPROTOCOL_LEN} or has a NUL"));
        }
        faults.check_path(place, &format!("entry {id}"), &entry.module);
        let module = modules.entry(entry.provider).or_insert(&entry.module);
        if **module != entry.module {
            faults.add(place, format!("entry {id}: provider {} already has the module {module}", entry.provider));
        }
        if entry.service_flags.contains(ServiceFlags::UNI_SEND | ServiceFlags::UNI_RECV) {
            faults.add(place, format!("entry {id}: UNI_SEND and UNI_RECV exclude each other"));
        }
        if entry.min_sockaddr < 0 || entry.min_sockaddr > entry.max_sockaddr {
            faults.odd(place, format!("entry {id}: min_sockaddr is not between 0 and max_sockaddr"));
        }
        check_chain(&mut faults, catalog, place, entry);
    }
    let mut infos = HashSet::new();
    for (at, info) in catalog.provider_infos.iter().enumerate() {
        let place = Place::ProviderInfo(at);
        if !infos.insert(info.provider) {
            faults.add(place, format!("provider {} has its information twice", info.provider));
        } else if catalog.entries_of(info.provider).next().is_none() {
            faults.useless(place, format!("there is information on provider {}, but no entry", info.provider));
        }
    }
    let mut applications = HashSet::new();
    for (at, application) in catalog.applications.iter().enumerate() {
        let place = Place::Application(at);
        if application.path.is_empty() || application.path.contains('\0') {
            faults.add(place, "the path of an application is empty or has a NUL");
        }
        if !applications.insert((&application.path, &application.extra)) {
            faults.add(place, format!("application {} is there twice", application.path));
        }
    }
    faults.0
}

/// All that is wrong with a name space catalog.
pub(crate) fn check_namespaces(catalog: &NamespaceCatalog) -> Vec<Fault> {
    let mut faults = Faults::default();
    faults.check_serial(catalog.serial);
    let mut ids = HashSet::new();
    for (at, entry) in catalog.providers.iter().enumerate() {
        let place = Place::Entry(at);
        let provider = entry.provider;
        if !ids.insert(provider) {
            faults.add(place, format!("provider {provider} is there twice"));
        }
        if entry.identifier.contains('\0') {
            faults.add(place, format!("provider {provider}: the identifier has a NUL"));
        }
        if entry.name_space == NS_ALL {
            faults.add(place, format!("provider {provider}: no provider can serve NS_ALL (0)"));
        }
        if entry.blob.as_ref().is_some_and(|blob| u32::try_from(blob.len()).is_err()) {
            faults.add(place, format!("provider {provider}: the blob is larger than 4 GiB"));
        }
        faults.check_path(place, &format!("provider {provider}"), &entry.module);
    }
    faults.0
}

fn check_chain(faults: &mut Faults, catalog: &ProtocolCatalog, place: Place, entry: &ProtocolEntry) {
    let ProtocolChain::Chain(parts) = &entry.chain else {
        return;
    };
    let id = entry.id;
    if !(2..=MAX_PROTOCOL_CHAIN).contains(&parts.len()) {
        faults.add(place, format!("chain {id} has {} parts, not 2 to {MAX_PROTOCOL_CHAIN}", parts.len()));
        return;
    }
    for (depth, part) in parts.iter().enumerate() {
        if parts[..depth].contains(part) {
            faults.add(place, format!("chain {id} has entry {part} twice"));
        }
        let last = depth + 1 == parts.len();
        match catalog.entry(*part) {
            None => faults.useless(place, format!("chain {id} cannot be used: entry {part} is not installed")),
            Some(base) if last && !base.is_base() => {
                faults.add(place, format!("chain {id} ends with entry {part}, which is not a base"));
            }
            Some(layer) if !last && !layer.is_layer() => {
                faults.add(place, format!("chain {id} has entry {part} above its base, which is not a layer"));
            }
            Some(top) if depth == 0 && top.module != entry.module => {
                faults.odd(place, format!("chain {id}: the module is not that of its top layer, {}", top.module));
            }
            Some(_) => {}
        }
    }
}

#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn add(&mut self, place: Place, what: impl Into<String>) {
        self.0.push(Fault { place, harmless: false, useless: place != Place::Whole, what: what.into() });
    }

    fn useless(&mut self, place: Place, what: impl Into<String>) {
        self.0.push(Fault { place, harmless: true, useless: true, what: what.into() });
    }

    fn odd(&mut self, place: Place, what: impl Into<String>) {
        self.0.push(Fault { place, harmless: true, useless: false, what: what.into() });
    }

    fn check_serial(&mut self, serial: u64) {
        if serial > MAX_SERIAL {
            self.add(Place::Whole, format!("serial {serial} is too large"));
        }
    }

    fn check_path(&mut self, place: Place, whose: &str, path: &str) {
        if !path_is_valid(path) {
            self.add(place, format!("{whose}: the module path is empty, longer than {} or has a NUL", MAX_PATH - 1));
        }
    }
}

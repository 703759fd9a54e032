//! `windlass catalog install`: transports, layers and name spaces.

use std::path::{Path, PathBuf};
use std::{fs, path};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use windlass_abi::GUID;
use windlass_catalog::builtin::linked_in;
use windlass_catalog::{
    NamespaceCatalog, NamespaceInstallation, ProtocolCatalog, ProtocolEntry, ProtocolTriple, ServiceFlags, Store,
    random_guid,
};

use super::answer::Answer;
use super::change::put_first;
use super::show::{namespace_line, protocol_line, value, values};
use super::target::{Target, all_entries};
use super::{change, failed};
use crate::failure::Failure;

#[derive(Subcommand)]
pub enum What {
    /// Install a transport provider: a shared object that exports WSPStartup
    Transport(Transport),
    /// Install a layer, and chains of it over what is installed, which come first
    Layer(Layer),
    /// Install a name space provider
    NameSpace(NameSpace),
}

#[derive(Args)]
struct Provider {
    /// Its GUID; a random one without this
    #[arg(long = "provider", value_name = "GUID")]
    id: Option<GUID>,

    /// The shared object; a name without a slash is left to the loader to find, %NAME% and $NAME to the environment
    module: String,
}

#[derive(Args)]
pub struct Transport {
    #[command(flatten)]
    provider: Provider,

    /// Name for people
    #[arg(long)]
    name: Option<String>,

    /// Serve what these entries serve, and describe it as they do
    #[arg(long, value_name = "ID|GUID", value_delimiter = ',', group = "described")]
    like: Vec<Target>,

    /// File with a JSON list of entries, each as `show --json` prints it
    #[arg(long, value_name = "FILE", group = "described", conflicts_with = "name")]
    entries: Option<PathBuf>,

    /// Address family: AF_INET, AF_INET6, … or a number
    #[arg(long, group = "described", requires_all = ["socket_type", "name"], allow_negative_numbers = true)]
    family: Option<String>,

    /// Socket type: SOCK_STREAM, SOCK_DGRAM, … or a number
    #[arg(long = "type", value_name = "TYPE", requires = "family", allow_negative_numbers = true)]
    socket_type: Option<String>,

    /// Protocol number
    #[arg(long, requires = "family", default_value_t = 0, allow_negative_numbers = true)]
    protocol: i32,

    /// How many more protocol numbers are served
    #[arg(long, requires = "family", default_value_t = 0, allow_negative_numbers = true)]
    protocol_max_offset: i32,

    /// What the protocol can do: GUARANTEED_DELIVERY, IFS_HANDLES, …
    #[arg(long, requires = "family", value_delimiter = ',', value_name = "FLAGS")]
    service_flags: Vec<String>,

    /// How the entry is chosen: MATCHES_PROTOCOL_ZERO, HIDDEN, …
    #[arg(long, requires = "family", value_delimiter = ',', value_name = "FLAGS")]
    provider_flags: Vec<String>,

    /// Largest and smallest length of an address, in bytes
    #[arg(long, requires = "family", num_args = 2, value_names = ["MAX", "MIN"])]
    sockaddr: Vec<i32>,

    /// Longest message in bytes, 0 for streams
    #[arg(long, requires = "family", default_value_t = 0)]
    message_size: u32,

    /// Put the entries first, so that they serve before others
    #[arg(long)]
    first: bool,
}

#[derive(Args)]
pub struct Layer {
    #[command(flatten)]
    provider: Provider,

    /// Name for people
    #[arg(long)]
    name: String,

    /// Handles are the base provider's own
    #[arg(long)]
    ifs: bool,

    /// Chain only over what serves the same as these entries; over every base without this
    #[arg(long, value_name = "ID|GUID", value_delimiter = ',')]
    over: Vec<Target>,
}

#[derive(Args)]
pub struct NameSpace {
    #[command(flatten)]
    provider: Provider,

    /// Name for people
    #[arg(long)]
    name: String,

    /// Number of the name space, as NS_DNS is 12
    #[arg(long, value_name = "NUMBER")]
    name_space: u32,

    /// Version, as the provider's author counts
    #[arg(long, default_value_t = 1)]
    version: u32,

    /// File with the provider's own data
    #[arg(long, value_name = "FILE")]
    blob: Option<PathBuf>,
}

pub fn install(store: &Store, what: &What) -> Result<Answer, Failure> {
    match what {
        What::Transport(transport) => install_transport(store, transport),
        What::Layer(layer) => install_layer(store, layer),
        What::NameSpace(name_space) => install_name_space(store, name_space),
    }
}

fn install_transport(store: &Store, transport: &Transport) -> Result<Answer, Failure> {
    let (id, module) = transport.provider.resolved()?;
    if transport.like.is_empty() && transport.entries.is_none() && transport.family.is_none() {
        return Err(Failure::usage("say what it serves: --like, --family and --type, or --entries"));
    }
    let changed = change(store, |catalog: &mut ProtocolCatalog| {
        let list = transport.list(catalog)?;
        catalog.install(id, &module, &list).map_err(|code| refused(catalog, id, code))?;
        let new: Vec<u32> = catalog.entries_of(id).map(|entry| entry.id).collect();
        if transport.first {
            put_first(catalog, &new)?;
        }
        Ok(catalog.entries_of(id).cloned().collect::<Vec<_>>())
    })?;
    Ok(Answer::changed(
        installed(id, &changed.value),
        json!({ "provider": id.to_string(), "entries": values(&changed.value) }),
        changed.serial,
        changed.warning.as_ref(),
    ))
}

impl Transport {
    fn list(&self, catalog: &ProtocolCatalog) -> Result<Vec<ProtocolEntry>, Failure> {
        if let Some(file) = &self.entries {
            return read_entries(file);
        }
        if !self.like.is_empty() {
            let like = all_entries(catalog, &self.like)?;
            let renamed = |entry: &ProtocolEntry| ProtocolEntry {
                name: self.name.clone().unwrap_or_else(|| entry.name.clone()),
                ..entry.clone()
            };
            return Ok(like.iter().filter_map(|id| catalog.entry(*id)).map(renamed).collect());
        }
        self.described().map(|entry| vec![entry])
    }

    /// The entry of the options. The catalog's own reader knows the names of families, types and flags.
    fn described(&self) -> Result<ProtocolEntry, Failure> {
        let mut entry = Map::new();
        let mut set = |key: &str, value: Value| entry.insert(key.to_owned(), value);
        set("name", json!(self.name));
        set("address_family", name_or_number(self.family.as_deref()));
        set("socket_type", name_or_number(self.socket_type.as_deref()));
        set("protocol", json!(self.protocol));
        set("protocol_max_offset", json!(self.protocol_max_offset));
        set("service_flags", json!(self.service_flags));
        set("provider_flags", json!(self.provider_flags));
        set("message_size", json!(self.message_size));
        if let [max, min] = self.sockaddr[..] {
            set("max_sockaddr", json!(max));
            set("min_sockaddr", json!(min));
        }
        complete(entry).map_err(Failure::usage)
    }
}

fn install_layer(store: &Store, layer: &Layer) -> Result<Answer, Failure> {
    let (id, module) = layer.provider.resolved()?;
    let flags = if layer.ifs { ServiceFlags::IFS_HANDLES } else { ServiceFlags::empty() };
    let changed = change(store, |catalog: &mut ProtocolCatalog| {
        let over = all_entries(catalog, &layer.over)?;
        let triples: Vec<_> = over.iter().filter_map(|id| catalog.entry(*id)).map(ProtocolTriple::of).collect();
        let list = (!triples.is_empty()).then_some(&triples[..]);
        let entry = catalog
            .install_and_chains(id, &module, &layer.name, flags, list, random_guid)
            .map_err(|code| refused(catalog, id, code))?;
        let part = |e: &&ProtocolEntry| e.id == entry || e.chain.ids().first() == Some(&entry);
        Ok(catalog.entries.iter().filter(part).cloned().collect::<Vec<_>>())
    })?;
    Ok(Answer::changed(
        installed(id, &changed.value),
        json!({ "provider": id.to_string(), "entries": values(&changed.value) }),
        changed.serial,
        changed.warning.as_ref(),
    ))
}

fn install_name_space(store: &Store, new: &NameSpace) -> Result<Answer, Failure> {
    let (id, module) = new.provider.resolved()?;
    let blob = new.blob.as_deref().map(read).transpose()?;
    let taken = store.protocols().map_err(failed)?.entries_of(id).next().is_some();
    if taken {
        return Err(Failure::new(format!("{id} is the GUID of a transport provider")));
    }
    let changed = change(store, |catalog: &mut NamespaceCatalog| {
        if catalog.provider(id).is_some() {
            return Err(already(id));
        }
        let installation = NamespaceInstallation {
            identifier: &new.name,
            module: &module,
            name_space: new.name_space,
            version: new.version,
            provider: id,
            blob: blob.as_deref(),
        };
        catalog.install(&installation).map_err(|code| {
            Failure::new(format!(
                "the catalog refuses it ({code}): a name space is not 0, a path has at most 259 letters"
            ))
        })?;
        Ok(catalog.provider(id).cloned())
    })?;
    let provider = changed.value.as_ref();
    let text = provider.map_or_else(String::new, |provider| format!("installed {}\n", namespace_line(provider)));
    Ok(Answer::changed(text, json!({ "provider": provider.map(value) }), changed.serial, changed.warning.as_ref()))
}

impl Provider {
    /// The GUID, and the path as it goes into the catalog.
    fn resolved(&self) -> Result<(GUID, String), Failure> {
        let id = match self.id {
            Some(id) => id,
            None => random_guid().map_err(Failure::new)?,
        };
        let module = &self.module;
        if linked_in(module).is_some() || module.contains(['%', '$']) || !module.contains('/') {
            return Ok((id, module.clone()));
        }
        if !Path::new(module).is_file() {
            return Err(Failure::new(format!("{module}: there is no such file")));
        }
        let absolute = path::absolute(module).map_err(|e| Failure::new(format!("{module}: {e}")))?;
        let text = absolute.into_os_string().into_string();
        Ok((id, text.map_err(|path| Failure::new(format!("{}: the path is not UTF-8", path.display())))?))
    }
}

/// The entries of a file with a JSON list of them.
pub fn read_entries(file: &Path) -> Result<Vec<ProtocolEntry>, Failure> {
    let wrong = |what: String| Failure::new(format!("{}: {what}", file.display()));
    let list: Vec<Map<String, Value>> = serde_json::from_slice(&read(file)?).map_err(|e| wrong(e.to_string()))?;
    list.into_iter().map(|entry| complete(entry).map_err(wrong)).collect()
}

/// An entry that is to be installed: what the catalog assigns may be missing.
fn complete(mut entry: Map<String, Value>) -> Result<ProtocolEntry, String> {
    let defaults = [
        ("id", json!(0)),
        ("provider", json!(GUID::from_u128(0).to_string())),
        ("module", json!("")),
        ("chain", json!("base")),
    ];
    for (key, value) in defaults {
        entry.entry(key).or_insert(value);
    }
    serde_json::from_value(Value::Object(entry)).map_err(|e| e.to_string())
}

fn name_or_number(text: Option<&str>) -> Value {
    let text = text.unwrap_or_default();
    text.parse::<i32>().map_or_else(|_| json!(text), |number| json!(number))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|e| Failure::new(format!("{}: {e}", file.display())))
}

fn refused(catalog: &ProtocolCatalog, id: GUID, code: windlass_abi::WsaError) -> Failure {
    if catalog.entries_of(id).next().is_some() {
        return already(id);
    }
    Failure::new(format!("the catalog refuses it ({code}): names, paths, flags and parts of chains have to be valid"))
}

fn already(id: GUID) -> Failure {
    Failure::new(format!("provider {id} is installed already"))
}

fn installed(id: GUID, entries: &[ProtocolEntry]) -> String {
    let mut text = format!("installed provider {id}\n");
    text.extend(entries.iter().map(|entry| format!("  {}\n", protocol_line(entry))));
    text
}

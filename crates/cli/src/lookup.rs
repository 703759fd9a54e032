//! `windlass lookup`: what each name space provider says of a name, and how long that took.

use std::fmt::Write;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use windlass_abi::{
    GUID, LUP_RETURN_ALL, NS_ALL, NS_BTH, NS_DNS, NS_EMAIL, NS_NLA, NS_NTDS, NS_PNRPNAME,
    SVCID_INET_HOSTADDRBYINETSTRING, SVCID_INET_HOSTADDRBYNAME, SVCID_INET_SERVICEBYNAME, WsaError,
};
use windlass_catalog::{Catalogs, NamespaceEntry, Store};
use windlass_runtime::names;
use windlass_spi::address::{Address, internet_address_of};
use windlass_spi::namespace::QuerySet;

use crate::failure::Failure;
use crate::output;

/// The version of Winsock that is asked for.
const VERSION: u16 = 0x0202;

#[derive(Args)]
#[command(after_help = "Status 1: nobody knows the name.")]
pub struct Options {
    /// A host, an address, or what the name space calls a name
    name: String,

    /// Only providers of this name space: dns, email, nla, ntds, pnrp, bth, all, or a number
    #[arg(long, value_name = "NAME|NUMBER", default_value = "all", value_parser = name_space)]
    namespace: u32,

    /// What is looked for: host, address, service, or the GUID of a class; by default what the name looks like
    #[arg(long, value_name = "CLASS|GUID", value_parser = class)]
    class: Option<GUID>,

    /// The name is a service's, such as http or 80/tcp
    #[arg(long, conflicts_with = "class")]
    service: bool,

    /// Only this provider
    #[arg(long, value_name = "GUID")]
    provider: Option<GUID>,

    /// Providers that are disabled, and failures, too
    #[arg(long)]
    all: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What one provider said.
struct Said {
    provider: String,
    id: GUID,
    results: Vec<QuerySet>,
    /// Why there are no more, or none.
    error: WsaError,
    took: Duration,
}

/// Returns the exit status.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let catalogs = Catalogs::load(&Store::from_env()).map_err(Failure::new)?;
    let providers = chosen(options, &catalogs.namespaces.providers);
    if providers.is_empty() {
        return Err(Failure::new(
            "no provider of the catalog is to be asked; `windlass catalog list` shows what there is",
        ));
    }
    ws2_32::register_builtin();
    windlass_runtime::startup(VERSION)
        .map_err(|error| Failure::new(format_args!("Winsock does not start: {error}")))?;
    let said: Vec<Said> = providers.into_iter().map(|entry| ask(options, entry)).collect();
    let _ = windlass_runtime::cleanup();
    let found = said.iter().any(|said| !said.results.is_empty());
    let shown = said.into_iter().filter(|said| options.all || !found || !said.results.is_empty());
    if options.json {
        let answers: Vec<Value> = shown.map(|said| said.json()).collect();
        output::print(&format!("{:#}\n", json!({ "name": options.name, "answers": answers })))?;
    } else {
        output::print(&shown.map(|said| said.text()).collect::<String>())?;
    }
    Ok(u8::from(!found))
}

/// The providers that are asked, in the order of the catalog.
fn chosen<'a>(options: &Options, providers: &'a [NamespaceEntry]) -> Vec<&'a NamespaceEntry> {
    let wanted = |entry: &&NamespaceEntry| {
        (options.namespace == NS_ALL || entry.name_space == options.namespace)
            && options.provider.is_none_or(|id| entry.provider == id)
            && (entry.active || options.all)
    };
    providers.iter().filter(wanted).collect()
}

fn ask(options: &Options, entry: &NamespaceEntry) -> Said {
    let class = match options.class {
        Some(class) => class,
        None if options.service => SVCID_INET_SERVICEBYNAME,
        None if options.name.parse::<std::net::IpAddr>().is_ok() => SVCID_INET_HOSTADDRBYINETSTRING,
        None => SVCID_INET_HOSTADDRBYNAME,
    };
    let query = QuerySet {
        name_space: entry.name_space,
        provider: Some(entry.provider),
        ..QuerySet::query(Some(&options.name), class)
    };
    let began = Instant::now();
    let mut results = Vec::new();
    let error = drain(&query, &mut results).err().unwrap_or(WsaError::WSA_E_NO_MORE);
    Said { provider: entry.identifier.clone(), id: entry.provider, results, error, took: began.elapsed() }
}

/// Takes every result; ends with the reason why there are no more.
fn drain(query: &QuerySet, results: &mut Vec<QuerySet>) -> Result<(), WsaError> {
    let handle = names::begin(query, LUP_RETURN_ALL)?;
    let lookup = names::lookup(handle)?;
    let outcome = loop {
        match lookup.next(LUP_RETURN_ALL, |set| Ok(set.clone())) {
            Ok(set) => results.push(set),
            Err(WsaError::WSA_E_NO_MORE) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let _ = names::end(handle);
    outcome
}

impl Said {
    fn text(&self) -> String {
        let mut text = format!("{}  ({:.1} ms)\n", self.provider, self.took.as_secs_f64() * 1000.0);
        for set in &self.results {
            let mut words = Vec::new();
            words.extend(set.name.clone());
            words.extend(addresses(set));
            words.extend(set.query_string.clone());
            words.extend(set.comment.as_ref().map(|comment| format!("\"{comment}\"")));
            writeln!(text, "  {}", words.join("  ")).expect("a string");
        }
        if self.results.is_empty() {
            writeln!(text, "  {}", self.error).expect("a string");
        }
        text
    }

    fn json(&self) -> Value {
        let results = self.results.iter().map(|set| {
            json!({
                "name": set.name,
                "name_space": set.name_space,
                "class": set.class.map(|id| id.to_string()),
                "addresses": addresses(set),
                "query_string": set.query_string,
                "comment": set.comment,
            })
        });
        json!({
            "provider": self.provider,
            "id": self.id.to_string(),
            "results": results.collect::<Vec<_>>(),
            "error": (self.results.is_empty()).then(|| self.error.name()),
            "milliseconds": self.took.as_secs_f64() * 1000.0,
        })
    }
}

/// The addresses to connect to, as text; those of no Internet family as their bytes.
fn addresses(set: &QuerySet) -> Vec<String> {
    let text = |address: &Address| match internet_address_of(address.as_bytes()) {
        Some(known) if known.port() == 0 => known.ip().to_string(),
        Some(known) => known.to_string(),
        None => address.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let mut all: Vec<String> = set.addresses.iter().filter_map(|at| at.remote.as_ref().map(text)).collect();
    // One for each kind of socket.
    all.dedup();
    all
}

fn name_space(text: &str) -> Result<u32, String> {
    let known = [
        ("all", NS_ALL),
        ("dns", NS_DNS),
        ("email", NS_EMAIL),
        ("nla", NS_NLA),
        ("ntds", NS_NTDS),
        ("pnrp", NS_PNRPNAME),
        ("bth", NS_BTH),
    ];
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, number)| *number);
    found.or_else(|| text.parse().ok()).ok_or_else(|| "neither the name of a name space nor a number".to_owned())
}

fn class(text: &str) -> Result<GUID, String> {
    match text {
        "host" => Ok(SVCID_INET_HOSTADDRBYNAME),
        "address" => Ok(SVCID_INET_HOSTADDRBYINETSTRING),
        "service" => Ok(SVCID_INET_SERVICEBYNAME),
        _ => text.parse().map_err(|_| "none of host, address and service, and no GUID".to_owned()),
    }
}

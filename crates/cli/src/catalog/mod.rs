//! `windlass catalog`: look at the Winsock catalogs and change them.

mod answer;
mod care;
mod change;
mod install;
mod show;
mod target;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use windlass_catalog::{Catalog, CatalogError, Changed, DEFAULT_PATIENCE, Location, Store};

pub use self::install::read_entries;
use crate::failure::Failure;

#[derive(Args)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Without --catalog or WINDLASS_CATALOG the catalogs are those of the machine for root, in /etc/windlass, \
                  and those of the user for others, in $XDG_CONFIG_HOME/windlass or ~/.config/windlass. Where there is \
                  no file, the built-in catalog serves.\n\n\
                  A change is made whole or not at all. Exit status: 0 done, 1 failed and nothing has changed, \
                  2 wrong use."
)]
pub struct Options {
    /// Folder of the catalogs, instead of the user's or the machine's
    #[arg(long, value_name = "DIR", global = true)]
    catalog: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the entries, in catalog order
    List,

    /// Show all of an entry or provider
    Show {
        /// Number of an entry, or GUID of a provider
        #[arg(required = true, value_name = "ID|GUID")]
        targets: Vec<target::Target>,
    },

    /// Install a provider
    #[command(subcommand, arg_required_else_help = true)]
    Install(Box<install::What>),

    /// Remove entries or providers; refuses while a chain refers to one
    Remove {
        /// Remove the chains that refer to them too
        #[arg(long)]
        cascade: bool,

        /// Number of an entry, or GUID of a provider
        #[arg(required = true, value_name = "ID|GUID")]
        targets: Vec<target::Target>,
    },

    /// Put entries or providers first, in the order given; the others follow in theirs
    Order {
        /// Number of an entry, or GUID of a provider
        #[arg(required = true, value_name = "ID|GUID")]
        targets: Vec<target::Target>,
    },

    /// Let name space providers be asked
    Enable {
        /// GUID of a name space provider
        #[arg(required = true, value_name = "GUID")]
        targets: Vec<target::Target>,
    },

    /// Stop name space providers from being asked
    Disable {
        /// GUID of a name space provider
        #[arg(required = true, value_name = "GUID")]
        targets: Vec<target::Target>,
    },

    /// Look for damage, entries that cannot be used and modules that are missing; status 1 if there is any
    Verify,

    /// Make damaged catalogs usable again, keeping what can be kept and a copy of the damaged file
    Repair,

    /// Write both catalogs to one file
    Backup {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },

    /// Put the catalogs of a backup in place of the present ones
    Restore {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Runs the command; returns the exit status of this process.
pub fn run(options: &Options) -> Result<u8, Failure> {
    let store = store(options.catalog.as_deref())?;
    let answer = match &options.command {
        Command::List => show::list(&store)?,
        Command::Show { targets } => show::show(&store, targets)?,
        Command::Install(what) => install::install(&store, what)?,
        Command::Remove { cascade, targets } => change::remove(&store, targets, *cascade)?,
        Command::Order { targets } => change::order(&store, targets)?,
        Command::Enable { targets } => change::enable(&store, targets, true)?,
        Command::Disable { targets } => change::enable(&store, targets, false)?,
        Command::Verify => care::verify(&store)?,
        Command::Repair => care::repair(&store)?,
        Command::Backup { file } => care::backup(&store, file)?,
        Command::Restore { file } => care::restore(&store, file)?,
    };
    answer.print(options.json)
}

pub fn store(folder: Option<&Path>) -> Result<Store, Failure> {
    let Some(folder) = folder else { return Ok(Store::from_env()) };
    let folder = std::path::absolute(folder).map_err(|e| Failure::usage(format!("{}: {e}", folder.display())))?;
    if folder.exists() && !folder.is_dir() {
        return Err(Failure::usage(format!("{}: not a folder", folder.display())));
    }
    Ok(Store::open(Location::Private(folder)))
}

/// Changes a catalog: what `operation` does is done whole, and not at all if it fails.
fn change<C: Catalog, T>(
    store: &Store,
    operation: impl FnOnce(&mut C) -> Result<T, Failure>,
) -> Result<Changed<T>, Failure> {
    let mut failure = None;
    let changed = store.change(DEFAULT_PATIENCE, |catalog: &mut C| {
        let mut next = catalog.clone();
        match operation(&mut next) {
            Ok(value) => {
                *catalog = next;
                Ok::<_, CatalogError>(Some(value))
            }
            Err(why) => {
                failure = Some(why);
                Ok(None)
            }
        }
    });
    let Changed { value, serial, warning } = changed.map_err(failed)?;
    match value {
        Some(value) => Ok(Changed { value, serial, warning }),
        None => Err(failure.expect("an operation without a value has failed")),
    }
}

pub fn failed(error: CatalogError) -> Failure {
    match error {
        CatalogError::Corrupt { .. } => Failure::new(format!(
            "{error}\nUse `windlass catalog repair`, or `windlass catalog restore` with a backup."
        )),
        error => Failure::new(error),
    }
}

//! Which directories hold the catalogs of a process.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::LazyLock;

use rustix::process::{getegid, geteuid, getgid, getuid};

/// The environment variable that names the directory of a private catalog.
pub const PRIVATE_VARIABLE: &str = "WINDLASS_CATALOG";

/// The directory of the machine's catalogs.
const MACHINE_DIRECTORY: &str = "/etc/windlass";

/// A place for catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory of its own; nothing else is read.
    Private(PathBuf),
    /// The user's configuration directory. The machine's catalog is read while the user has none,
    /// and is what the user's first change starts from.
    PerUser,
    /// The machine's directory.
    PerMachine,
}

/// What of the process decides where its catalogs are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `WINDLASS_CATALOG`.
    pub private: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/windlass`, or `$HOME/.config/windlass`.
    pub user: Option<PathBuf>,
    /// `/etc/windlass`.
    pub machine: PathBuf,
    /// Whether the process is root's.
    pub root: bool,
}

/// The directories of a location: read from the first that has the file, write to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub read: Vec<PathBuf>,
    /// None when there is no place to write.
    pub write: Option<PathBuf>,
    /// Whether everybody may read what is written.
    pub shared: bool,
}

impl Environment {
    /// That of this process. One that runs with more rights than its user's (set-user-ID and the
    /// like) heeds no variable.
    pub fn of_process() -> Self {
        let variable = |name: &str| {
            if has_raised_rights() { None } else { std::env::var_os(name) }
        };
        Self::new(variable, geteuid().is_root())
    }

    fn new(variable: impl Fn(&str) -> Option<OsString>, root: bool) -> Self {
        let path = |name: &str| variable(name).filter(|value| value != OsStr::new("")).map(PathBuf::from);
        // A relative directory follows the working directory as it is now; for the base directories
        // the XDG rules say to ignore it.
        let private = path(PRIVATE_VARIABLE).map(|dir| std::path::absolute(&dir).unwrap_or(dir));
        let config = path("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute());
        let home = path("HOME").filter(|dir| dir.is_absolute());
        let config = config.or_else(|| home.map(|home| home.join(".config")));
        Self { private, user: config.map(|dir| dir.join("windlass")), machine: MACHINE_DIRECTORY.into(), root }
    }

    /// The place of this process: private if one is named, the machine's for root, else the user's.
    ///
    /// Root never reads the catalog in a home directory by default: under `sudo` that may be the
    /// home of somebody else, whose providers would run as root.
    pub fn default_location(&self) -> Location {
        match &self.private {
            Some(dir) => Location::Private(dir.clone()),
            None if self.root => Location::PerMachine,
            None => Location::PerUser,
        }
    }
}

impl Places {
    pub fn of(location: Location, environment: &Environment) -> Self {
        let machine = environment.machine.clone();
        match location {
            Location::Private(dir) => Self { read: vec![dir.clone()], write: Some(dir), shared: false },
            Location::PerUser => Self {
                read: environment.user.iter().cloned().chain([machine]).collect(),
                write: environment.user.clone(),
                shared: false,
            },
            Location::PerMachine => Self { read: vec![machine.clone()], write: Some(machine), shared: true },
        }
    }
}

/// Whether the process has more rights than the user who started it, who sets its variables.
fn has_raised_rights() -> bool {
    static RAISED: LazyLock<bool> = LazyLock::new(|| {
        let other_user = getuid() != geteuid() || getgid() != getegid();
        // The kernel's own word, which knows of file capabilities too.
        other_user || std::fs::read("/proc/self/auxv").is_ok_and(|auxv| is_secure(&auxv))
    });
    *RAISED
}

/// Whether an auxiliary vector, pairs of words, says that the program runs with raised rights.
fn is_secure(auxv: &[u8]) -> bool {
    const AT_SECURE: usize = 23;
    let (words, _) = auxv.as_chunks();
    let words: Vec<_> = words.iter().map(|bytes| usize::from_ne_bytes(*bytes)).collect();
    let (pairs, _) = words.as_chunks();
    pairs.iter().any(|[key, value]| *key == AT_SECURE && *value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)], root: bool) -> Environment {
        let variables: Vec<_> = variables.to_vec();
        let find = move |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Environment::new(find, root)
    }

    fn places(variables: &[(&str, &str)], root: bool) -> Places {
        let environment = environment(variables, root);
        Places::of(environment.default_location(), &environment)
    }

    #[test]
    fn cat_st_1_a_private_catalog_comes_first() {
        for root in [false, true] {
            let places = places(&[("WINDLASS_CATALOG", "/p"), ("HOME", "/h")], root);
            assert_eq!(places, Places { read: vec!["/p".into()], write: Some("/p".into()), shared: false });
        }
    }

    #[test]
    fn cat_st_1_a_user_reads_their_own_then_the_machines_and_writes_their_own() {
        let user = PathBuf::from("/h/.config/windlass");
        let found = places(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "not/absolute"), ("WINDLASS_CATALOG", "")], false);
        assert_eq!(found.read, [user.clone(), MACHINE_DIRECTORY.into()]);
        assert_eq!(found.write, Some(user));
        let found = places(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], false);
        assert_eq!(found.write, Some("/x/windlass".into()));
    }

    #[test]
    fn cat_st_1_root_reads_and_writes_the_machines() {
        let found = places(&[("HOME", "/home/ann")], true);
        assert_eq!(found.read, [PathBuf::from(MACHINE_DIRECTORY)]);
        assert_eq!(found.write, Some(MACHINE_DIRECTORY.into()));
        assert!(found.shared);
    }

    #[test]
    fn an_auxiliary_vector_tells_of_raised_rights() {
        let auxv = |secure: usize| {
            let words = [6usize, 4096, 23, secure, 0, 0];
            words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>()
        };
        assert!(is_secure(&auxv(1)));
        assert!(!is_secure(&auxv(0)));
        assert!(!is_secure(&[]));
        assert!(!has_raised_rights(), "the tests are not run set-user-ID");
    }

    #[test]
    fn cat_st_7_without_a_home_there_is_no_place_to_write() {
        let found = places(&[], false);
        assert_eq!(found.read, [PathBuf::from(MACHINE_DIRECTORY)]);
        assert_eq!(found.write, None);
    }
}

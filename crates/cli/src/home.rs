//! Where the library and the headers are.

use std::path::{Path, PathBuf};
use std::{env, fmt};

use crate::failure::Failure;

/// The folder of `libws2_32.so` and the folder of `winsock2.h`.
#[derive(Debug, PartialEq, Eq)]
pub struct Home {
    pub lib: PathBuf,
    pub include: PathBuf,
}

const LIBRARY: &str = "libws2_32.so";
const HEADER: &str = "winsock2.h";

/// Overrides the search: a folder with `lib` and `include`, as an installation has.
const OVERRIDE: &str = "WINDLASS_HOME";

impl Home {
    /// Finds both, for building programs.
    pub fn find() -> Result<Self, Failure> {
        let places = Places::of_this_process()?;
        Ok(Self { lib: places.library()?, include: places.headers()? })
    }

    /// Finds the library only, for running programs that are built already.
    pub fn find_library() -> Result<PathBuf, Failure> {
        Places::of_this_process()?.library()
    }
}

/// Folders to look in, in this order.
#[derive(Debug, PartialEq, Eq)]
struct Places {
    lib: Vec<PathBuf>,
    include: Vec<PathBuf>,
}

impl Places {
    fn of_this_process() -> Result<Self, Failure> {
        if let Some(home) = env::var_os(OVERRIDE).filter(|home| !home.is_empty()) {
            return Ok(Self::of_home(Path::new(&home)));
        }
        let program = env::current_exe()
            .and_then(|path| path.canonicalize())
            .map_err(|e| Failure::new(format!("cannot tell where windlass itself is: {e}")))?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        Ok(Self::of_program(&program, sources))
    }

    fn of_home(home: &Path) -> Self {
        Self { lib: vec![home.join("lib")], include: vec![home.join("include/windlass"), home.join("include")] }
    }

    /// For a program at `bin/windlass` of an installation, or in the target folder of the source tree.
    ///
    /// Cargo writes the library to `deps` first and does not always link it beside the program, so `deps` has
    /// the fresher one.
    fn of_program(program: &Path, sources: Option<&Path>) -> Self {
        let bin = program.parent().unwrap_or(Path::new("/"));
        let mut places = Self { lib: vec![bin.join("deps"), bin.to_owned()], include: Vec::new() };
        if let Some(prefix) = bin.parent() {
            places.lib.push(prefix.join("lib"));
            places.include.push(prefix.join("include/windlass"));
        }
        // target/release of the source tree; the tree itself where the target folder is elsewhere.
        places.include.extend(bin.ancestors().nth(2).map(|tree| tree.join("include")));
        places.include.extend(sources.map(|tree| tree.join("include")));
        places.include.dedup();
        places
    }

    fn library(&self) -> Result<PathBuf, Failure> {
        first_with(&self.lib, LIBRARY)
    }

    fn headers(&self) -> Result<PathBuf, Failure> {
        first_with(&self.include, HEADER)
    }
}

fn first_with(folders: &[PathBuf], file: &str) -> Result<PathBuf, Failure> {
    folders
        .iter()
        .find(|folder| folder.join(file).is_file())
        .cloned()
        .ok_or_else(|| Failure::new(NotFound { file, folders }))
}

struct NotFound<'a> {
    file: &'a str,
    folders: &'a [PathBuf],
}

impl fmt::Display for NotFound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is in none of these folders:", self.file)?;
        for folder in self.folders {
            write!(f, "\n    {}", folder.display())?;
        }
        write!(
            f,
            "\nIn the source tree, `cargo build --release` makes it. {OVERRIDE} names an installation to use instead."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_installation_is_searched_beside_the_program() {
        let places = Places::of_program(Path::new("/opt/w/bin/windlass"), None);
        assert!(places.lib.contains(&"/opt/w/lib".into()));
        assert_eq!(places.include[0], Path::new("/opt/w/include/windlass"));
    }

    #[test]
    fn a_source_tree_is_searched_from_its_target_folder() {
        let places = Places::of_program(Path::new("/src/w/target/release/windlass"), None);
        assert_eq!(places.lib[0], Path::new("/src/w/target/release/deps"));
        assert!(places.include.contains(&"/src/w/include".into()));
        let elsewhere = Places::of_program(Path::new("/t/release/windlass"), Some(Path::new("/src/w")));
        assert_eq!(elsewhere.include.last(), Some(&"/src/w/include".into()));
    }

    #[test]
    fn what_is_missing_is_named_with_every_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let places = Places::of_home(folder.path());
        let message = places.headers().expect_err("no header there").to_string();
        for part in ["winsock2.h", "include/windlass", "/include\n", "WINDLASS_HOME"] {
            assert!(message.contains(part), "{part} is not in {message}");
        }
        fs::create_dir(folder.path().join("lib")).expect("a folder");
        fs::write(folder.path().join("lib/libws2_32.so"), "").expect("a file");
        assert_eq!(places.library().expect("found"), folder.path().join("lib"));
    }
}

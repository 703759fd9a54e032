//! From sources to a program: which compiler, which flags, which commands. Decides only; `super` runs the commands.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::home::Home;
use crate::run::shell;

/// What the user asked to run.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    Program(PathBuf),
    /// Sources, and objects or archives to link with them.
    Sources(Vec<PathBuf>),
}

impl Subject {
    /// One file that is no source is a program; several files must be sources, objects or archives.
    pub fn of(files: Vec<PathBuf>) -> Result<Self, Failure> {
        if let [file] = &files[..]
            && Kind::of(file) == Kind::Other
        {
            return Ok(Self::Program(file.clone()));
        }
        if let Some(other) = files.iter().find(|file| Kind::of(file) == Kind::Other) {
            let hint = if Kind::of(&files[0]) == Kind::Other {
                "arguments of the program follow a --, as in: windlass run PROGRAM -- ARGUMENT"
            } else {
                "only C and C++ sources, objects and archives are built together; \
                 arguments of the program follow a --"
            };
            return Err(Failure::usage(format!("{}: {hint}", other.display())));
        }
        if !files.iter().any(|file| matches!(Kind::of(file), Kind::C | Kind::Cxx)) {
            return Err(Failure::usage("there is no C or C++ source among these files"));
        }
        Ok(Self::Sources(files))
    }
}

/// The compilers and the user's flags, from the environment as make reads it.
#[derive(Debug, Default)]
pub struct Tools {
    cc: Vec<OsString>,
    cxx: Vec<OsString>,
    cppflags: Vec<OsString>,
    cflags: Vec<OsString>,
    cxxflags: Vec<OsString>,
    ldflags: Vec<OsString>,
    ldlibs: Vec<OsString>,
}

impl Tools {
    /// `--cc` and `--cxx` win over CC and CXX.
    pub fn from_environment(cc: Option<&str>, cxx: Option<&str>) -> Result<Self, Failure> {
        Self::from(cc, cxx, |name| env::var_os(name))
    }

    fn from(cc: Option<&str>, cxx: Option<&str>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let words = |name: &str| match variable(name) {
            Some(text) => shell::split(&text).map_err(|e| Failure::new(format!("${name}: {e}"))),
            None => Ok(Vec::new()),
        };
        let compiler = |given: Option<&str>, name: &str, usual: &str| {
            let found = match given {
                Some(text) => shell::split(OsStr::new(text)).map_err(Failure::usage)?,
                None => words(name)?,
            };
            Ok(if found.is_empty() { vec![usual.into()] } else { found })
        };
        Ok(Self {
            cc: compiler(cc, "CC", "cc")?,
            cxx: compiler(cxx, "CXX", "c++")?,
            cppflags: words("CPPFLAGS")?,
            cflags: words("CFLAGS")?,
            cxxflags: words("CXXFLAGS")?,
            ldflags: words("LDFLAGS")?,
            ldlibs: words("LDLIBS")?,
        })
    }

    /// The commands that build `files` into `output`, in order; each is a program and its arguments.
    ///
    /// One command where all sources are of one language. Otherwise each source is compiled by the compiler of its
    /// language into `objects`, and the C++ compiler links.
    pub fn commands(&self, files: &[PathBuf], home: &Home, output: &Path, objects: &Path) -> Vec<Vec<OsString>> {
        let has = |kind| files.iter().any(|file| Kind::of(file) == kind);
        let (c, cxx) = (has(Kind::C), has(Kind::Cxx));
        if !(c && cxx) {
            let language = if cxx { Kind::Cxx } else { Kind::C };
            let mut command = self.compile(language, home);
            command.extend(files.iter().map(|file| plain(file)));
            self.finish(&mut command, home, output);
            return vec![command];
        }
        let mut commands = Vec::new();
        let mut link: Vec<OsString> = self.cxx.clone();
        link.push("-pthread".into());
        for (number, file) in files.iter().enumerate() {
            let kind = Kind::of(file);
            if kind == Kind::Object {
                link.push(plain(file));
                continue;
            }
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let object = objects.join(format!("{number}-{stem}.o"));
            let mut command = self.compile(kind, home);
            command.extend(["-c".into(), plain(file), "-o".into(), plain(&object)]);
            commands.push(command);
            link.push(plain(&object));
        }
        self.finish(&mut link, home, output);
        commands.push(link);
        commands
    }

    fn compile(&self, language: Kind, home: &Home) -> Vec<OsString> {
        let (compiler, flags) = match language {
            Kind::Cxx => (&self.cxx, &self.cxxflags),
            _ => (&self.cc, &self.cflags),
        };
        let mut command = compiler.clone();
        // Winsock sources carry `#pragma comment(lib, "ws2_32.lib")`, which means nothing here.
        command.extend(["-O2", "-g", "-Wall", "-Wno-unknown-pragmas", "-pthread"].map(OsString::from));
        command.push(joined("-I", &home.include));
        command.extend(self.cppflags.iter().chain(flags).cloned());
        command
    }

    fn finish(&self, command: &mut Vec<OsString>, home: &Home, output: &Path) {
        command.extend(["-o".into(), plain(output)]);
        command.push(joined("-L", &home.lib));
        command.push(joined("-Wl,-rpath,", &home.lib));
        command.extend(self.ldflags.iter().cloned());
        command.push("-lws2_32".into());
        command.extend(self.ldlibs.iter().cloned());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    C,
    Cxx,
    Object,
    Other,
}

impl Kind {
    fn of(file: &Path) -> Self {
        match file.extension().and_then(OsStr::to_str) {
            Some("c") => Self::C,
            Some("cc" | "cpp" | "cxx" | "c++" | "C") => Self::Cxx,
            Some("o" | "a") => Self::Object,
            _ => Self::Other,
        }
    }
}

/// A path that no compiler takes for an option.
fn plain(path: &Path) -> OsString {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        return Path::new(".").join(path).into();
    }
    path.into()
}

fn joined(option: &str, path: &Path) -> OsString {
    let mut word = OsString::from(option);
    word.push(path);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(list: &[&str]) -> Vec<PathBuf> {
        list.iter().map(PathBuf::from).collect()
    }

    fn home() -> Home {
        Home { lib: "/w/lib".into(), include: "/w/include".into() }
    }

    fn lines(tools: &Tools, files: &[&str]) -> Vec<String> {
        tools
            .commands(&paths(files), &home(), Path::new("out"), Path::new("/tmp/x"))
            .iter()
            .map(|command| shell::join(command))
            .collect()
    }

    #[test]
    fn programs_and_sources_are_told_apart() {
        assert_eq!(Subject::of(paths(&["./a.out"])).unwrap(), Subject::Program("./a.out".into()));
        assert_eq!(Subject::of(paths(&["a.c", "b.o"])).unwrap(), Subject::Sources(paths(&["a.c", "b.o"])));
        assert!(Subject::of(paths(&["b.o"])).is_err());
        let arguments = Subject::of(paths(&["./a.out", "127.0.0.1"])).unwrap_err().to_string();
        assert!(arguments.contains("follow a --"), "{arguments}");
        assert_eq!(Subject::of(paths(&["a.c", "-l"])).unwrap_err().status(), 2);
    }

    #[test]
    fn one_language_is_one_command() {
        let tools = Tools::from(None, None, |_| None).unwrap();
        assert_eq!(
            lines(&tools, &["a.c", "b.o"]),
            [
                "cc -O2 -g -Wall -Wno-unknown-pragmas -pthread -I/w/include a.c b.o -o out -L/w/lib -Wl,-rpath,/w/lib -lws2_32"
            ]
        );
        assert!(lines(&tools, &["a.cpp"])[0].starts_with("c++ "));
        assert!(lines(&tools, &["-a.c"])[0].contains(" ./-a.c "));
    }

    #[test]
    fn two_languages_are_compiled_apart_and_linked_as_cxx() {
        let tools = Tools::from(None, None, |_| None).unwrap();
        let all = lines(&tools, &["a.c", "b.cc", "c.a"]);
        assert_eq!(all.len(), 3);
        assert!(all[0].starts_with("cc ") && all[0].ends_with("-c a.c -o /tmp/x/0-a.o"), "{}", all[0]);
        assert!(all[1].starts_with("c++ ") && all[1].ends_with("-c b.cc -o /tmp/x/1-b.o"), "{}", all[1]);
        assert!(all[2].starts_with("c++ -pthread /tmp/x/0-a.o /tmp/x/1-b.o c.a -o out "), "{}", all[2]);
    }

    #[test]
    fn the_users_tools_and_flags_are_honoured_after_ours() {
        let variable = |name: &str| {
            Some(OsString::from(match name {
                "CC" => "ccache gcc",
                "CPPFLAGS" => "-DA='b c'",
                "CFLAGS" => "-O0",
                "LDFLAGS" => "-Wl,--as-needed",
                "LDLIBS" => "-lm",
                _ => return None,
            }))
        };
        let tools = Tools::from(None, Some("clang++ -v"), variable).unwrap();
        let line = lines(&tools, &["a.c"]).remove(0);
        assert!(line.starts_with("ccache gcc -O2 "), "{line}");
        assert!(line.contains("-I/w/include '-DA=b c' -O0 a.c"), "{line}");
        assert!(line.ends_with("-Wl,--as-needed -lws2_32 -lm"), "{line}");
        assert!(lines(&tools, &["a.cc"])[0].starts_with("clang++ -v -O2"));
        assert!(Tools::from(Some("gcc 'x"), None, |_| None).is_err());
    }
}

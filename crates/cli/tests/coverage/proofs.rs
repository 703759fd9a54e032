//! The tests of the workspace that name a rule, read from its Rust and C sources.

use std::fs;
use std::path::{Path, PathBuf};

use crate::contract::Names;

/// A test and one rule that it proves.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proof {
    pub rule: String,
    /// Path below the root of the workspace.
    pub file: String,
    /// Name of the test function.
    pub test: String,
}

/// Every proof below `root`, and what is wrong with the naming of tests.
pub fn collect(root: &Path, names: &Names) -> (Vec<Proof>, Vec<String>) {
    let mut files = Vec::new();
    sources(root, &mut files);
    files.sort();
    let (mut proofs, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
        let language = if file.ends_with(".rs") { Language::Rust } else { Language::C };
        read(&file, &text, language, names, &mut proofs, &mut faults);
    }
    proofs.sort();
    proofs.dedup();
    (proofs, faults)
}

/// How a file marks its tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `#[test]` functions.
    Rust,
    /// Functions that are defined at the left margin.
    C,
}

/// Adds the proofs of one file.
pub fn read(
    file: &str,
    text: &str,
    language: Language,
    names: &Names,
    proofs: &mut Vec<Proof>,
    faults: &mut Vec<String>,
) {
    let mut fault = |line: usize, what: String| faults.push(format!("{file}:{line}: {what}"));
    let mut inside: Option<Function> = None;
    let mut marked = false; // a #[test] waits for its function
    let mut pending: Vec<(usize, String)> = Vec::new(); // rules that wait for their test
    let mut list_goes_on = false;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(ids) = proves(line, list_goes_on) {
            list_goes_on = ids.ends_with(',');
            for id in without_remarks(ids).split(',').map(str::trim).filter(|id| !id.is_empty()) {
                if !names.knows(id) {
                    fault(number, format!("no rule is called {id}"));
                } else if let Some(function) = inside.as_ref().filter(|f| f.test) {
                    proofs.push(function.proof(file, id));
                } else {
                    pending.push((number, id.to_owned()));
                }
            }
            continue;
        }
        list_goes_on = false;
        if inside.as_ref().is_some_and(|function| function.ends(line)) {
            inside = None;
            continue;
        }
        marked |= language == Language::Rust && line.trim() == "#[test]";
        let Some(name) = function_name(line, language) else {
            continue;
        };
        let function = Function {
            name: name.to_owned(),
            indent: indent(line).to_owned(),
            test: marked || language == Language::C,
        };
        marked = false;
        if function.test {
            match names.rule_of(name) {
                Ok(Some(id)) => proofs.push(function.proof(file, id)),
                Ok(None) => {}
                Err(head) => fault(number, format!("{name}: no rule is called {head}")),
            }
            proofs.extend(pending.drain(..).map(|(_, id)| function.proof(file, &id)));
        }
        let one_line = line.trim_end().ends_with('}');
        // A function within a test belongs to that test.
        if !one_line && inside.is_none() {
            inside = Some(function);
        }
    }
    for (number, id) in pending {
        fault(number, format!("proves {id}, but no test follows"));
    }
}

struct Function {
    name: String,
    indent: String,
    test: bool,
}

impl Function {
    fn proof(&self, file: &str, id: &str) -> Proof {
        Proof { rule: id.to_owned(), file: file.to_owned(), test: self.name.clone() }
    }

    /// Formatted code closes a function with a brace below its first letter.
    fn ends(&self, line: &str) -> bool {
        line.strip_prefix(self.indent.as_str()).is_some_and(|rest| rest.trim_end() == "}")
    }
}

/// The list of a `proves:` comment, or of the comment line that goes on with one.
fn proves(line: &str, goes_on: bool) -> Option<&str> {
    let line = line.trim();
    let comment = line
        .strip_prefix("//")
        .map(|rest| rest.trim_start_matches(['/', '!']))
        .or_else(|| line.strip_prefix("/*"))
        .or_else(|| line.strip_prefix('*').filter(|_| goes_on || line.contains("proves:")))?
        .trim();
    let comment = comment.trim_end_matches("*/").trim_end();
    let list = match comment.strip_prefix("proves:") {
        Some(list) => list,
        None if goes_on => comment,
        None => return None,
    };
    Some(list.trim().trim_end_matches('.'))
}

/// The list without what stands in brackets.
fn without_remarks(list: &str) -> String {
    let mut depth = 0;
    let mut keep = |c: char| {
        depth += i32::from(c == '(');
        let outside = depth == 0;
        depth -= i32::from(c == ')');
        outside
    };
    list.chars().filter(|c| keep(*c)).collect()
}

fn function_name(line: &str, language: Language) -> Option<&str> {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match language {
        Language::Rust => {
            let code = line.trim_start();
            let at = if code.starts_with("fn ") { 0 } else { code.find(" fn ")? + 1 };
            let modifiers = &code[..at];
            let known = modifiers.split_whitespace().all(|word| {
                ["async", "const", "unsafe", "extern"].contains(&word)
                    || word.starts_with("pub")
                    || word.starts_with('"')
            });
            let rest = &code[at + 3..];
            let end = rest.find(['(', '<'])?;
            (known && is_name(&rest[..end])).then_some(&rest[..end])
        }
        Language::C => {
            let margin = line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let code = line.trim_end();
            if !margin || code.ends_with(';') || code.ends_with(',') && !code.contains('(') {
                return None;
            }
            let head = &code[..code.find('(')?];
            let name = head.rsplit([' ', '*']).next()?;
            (is_name(name) && name.len() < head.len()).then_some(name)
        }
    }
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Rust and C files below `folder`; build output, hidden folders and this tool's own samples are left out.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let entry = entry.expect("a readable folder");
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let kind = entry.file_type().expect("a file type");
        if kind.is_dir() {
            let build = name.starts_with("target") && folder.join("Cargo.toml").exists();
            if !build && !name.starts_with('.') && !path.ends_with("crates/cli/tests/coverage") {
                sources(&path, files);
            }
        } else if kind.is_file() && [".rs", ".c", ".cc", ".cpp"].iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
}

mod tests {
    use super::*;
    use crate::contract::{Page, rules};

    fn read_all(text: &str, language: Language) -> (Vec<(String, String)>, Vec<String>) {
        let rules = rules("- **SEL-1** a\n- **SEL-2** b\n- **SEL-3** c\n- **SEL-4** d\n");
        let names = Names::new(&[Page { file: "x.md".into(), rules }]);
        let (mut proofs, mut faults) = (Vec::new(), Vec::new());
        read("f", text, language, &names, &mut proofs, &mut faults);
        (proofs.into_iter().map(|p| (p.rule, p.test)).collect(), faults)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn rust_tests_prove_by_name_and_by_comment() {
        let text = "\
fn sel_1_helper() {}

    // proves: SEL-2,
    // SEL-3
    #[test]
    fn sel_1_named() {
        fn inner() {
        }
        // proves: SEL-4 (with a remark, in brackets).
    }

#[test]
fn other() {
    let x = 1;
}
";
        let (found, faults) = read_all(text, Language::Rust);
        assert_eq!(
            found,
            pairs(&[
                ("SEL-1", "sel_1_named"),
                ("SEL-2", "sel_1_named"),
                ("SEL-3", "sel_1_named"),
                ("SEL-4", "sel_1_named")
            ])
        );
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn c_functions_prove_by_name_and_by_comment() {
        let text = "\
static void sel_1_named(void);
/* proves: SEL-2 */
static int sel_1_named(SOCKET s)
{
    /* proves: SEL-3 */
    sel_4_called(s);
}
int main(void) {
}
";
        let (found, faults) = read_all(text, Language::C);
        assert_eq!(found, pairs(&[("SEL-1", "sel_1_named"), ("SEL-2", "sel_1_named"), ("SEL-3", "sel_1_named")]));
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn unknown_rules_and_stray_comments_are_faults() {
        let text = "#[test]\nfn sel_9_x() {\n    // proves: SEL-8\n}\n// proves: SEL-1\nfn helper() {}\n";
        let (found, faults) = read_all(text, Language::Rust);
        assert_eq!(found, pairs(&[]));
        assert_eq!(
            faults,
            [
                "f:2: sel_9_x: no rule is called sel_9",
                "f:3: no rule is called SEL-8",
                "f:5: proves SEL-1, but no test follows"
            ]
        );
    }
}

//! The page that lists rules, their tests and the gaps.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::contract::{Page, family};
use crate::proofs::Proof;

/// `docs/COVERAGE.md`.
pub fn render(pages: &[Page], proofs: &[Proof]) -> String {
    let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for proof in proofs {
        tests.entry(&proof.rule).or_default().push(format!("`{}` {}", proof.file, proof.test));
    }
    let mut out = String::from(
        "# Rules and the tests that prove them\n\n\
         Written by a test (crates/cli/tests/coverage) from docs/contract and the names and `proves:` comments of all tests.\n\
         Contradictions between the sources, lists of tests to write and exports out of scope have numbers as well; they\n\
         ask for no test and are not counted.\n\n\
         | page | rules | proved | gaps |\n|---|---:|---:|---:|\n",
    );
    let (mut all, mut all_proved) = (0, 0);
    for page in pages {
        let required = page.rules.iter().filter(|rule| rule.required);
        let rules = required.clone().count();
        let proved = required.filter(|rule| tests.contains_key(rule.id.as_str())).count();
        (all, all_proved) = (all + rules, all_proved + proved);
        row(&mut out, &page.file, rules, proved);
    }
    row(&mut out, "all", all, all_proved);
    for page in pages {
        section(&mut out, page, &tests);
    }
    out
}

/// The first line in which two texts differ.
pub fn first_difference(committed: &str, expected: &str) -> Option<String> {
    if committed == expected {
        return None;
    }
    let mut old = committed.lines();
    let mut new = expected.lines();
    for line in 1.. {
        let (a, b) = (old.next(), new.next());
        if a != b || a.is_none() {
            let side = |text: Option<&str>| text.unwrap_or("(end of file)").to_owned();
            return Some(format!("line {line}\n  committed: {}\n  expected:  {}", side(a), side(b)));
        }
    }
    None
}

fn row(out: &mut String, name: &str, rules: usize, proved: usize) {
    writeln!(out, "| {name} | {rules} | {proved} | {} |", rules - proved).expect("a string");
}

fn section(out: &mut String, page: &Page, tests: &BTreeMap<&str, Vec<String>>) {
    writeln!(out, "\n## {}\n", page.file).expect("a string");
    let proved: Vec<_> = page.rules.iter().filter_map(|r| tests.get_key_value(r.id.as_str())).collect();
    if !proved.is_empty() {
        out.push_str("| rule | tests |\n|---|---|\n");
        for (id, tests) in proved {
            writeln!(out, "| {id} | {} |", tests.join("<br>")).expect("a string");
        }
        out.push('\n');
    }
    let gaps: Vec<_> =
        page.rules.iter().filter(|rule| rule.required && !tests.contains_key(rule.id.as_str())).collect();
    if gaps.is_empty() {
        out.push_str("No gaps.\n");
        return;
    }
    out.push_str("Gaps:\n\n");
    for same in gaps.chunk_by(|a, b| family(&a.id) == family(&b.id)) {
        let ids: Vec<_> = same.iter().map(|rule| rule.id.as_str()).collect();
        writeln!(out, "- {}", ids.join(", ")).expect("a string");
    }
}

mod tests {
    use super::*;
    use crate::contract::rules;

    #[test]
    fn page_counts_lists_and_shows_gaps() {
        let pages = [Page { file: "x.md".into(), rules: rules("- **SEL-1** a\n- **SEL-2** b\n- **CONTRA-1** c\n") }];
        let proofs = [Proof { rule: "SEL-2".into(), file: "a.rs".into(), test: "sel_2_x".into() }];
        let text = render(&pages, &proofs);
        assert!(text.contains("| x.md | 2 | 1 | 1 |\n| all | 2 | 1 | 1 |\n"), "{text}");
        assert!(text.contains("| SEL-2 | `a.rs` sel_2_x |\n\nGaps:\n\n- SEL-1\n"), "{text}");
        assert!(!text.contains("CONTRA"), "{text}");
    }

    #[test]
    fn difference_names_the_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let found = first_difference("a\nb\n", "a\nc\n").expect("a difference");
        assert!(found.contains("line 2") && found.contains("committed: b"), "{found}");
        assert!(first_difference("a", "a\n").is_some());
    }
}

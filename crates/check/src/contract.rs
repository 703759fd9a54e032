//! The rules, as docs/contract has them.

use std::sync::OnceLock;

/// One rule of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `WSP-CLEANUP-8`.
    pub id: &'static str,
    /// What it says.
    pub text: &'static str,
    /// The tags of its sources, as `[S:lpwspcleanup]`; may be empty.
    pub source: &'static str,
    /// The document that it is in, from the root of the tree.
    pub document: &'static str,
}

const DOCUMENTS: [(&str, &str); 6] = [
    ("docs/contract/lifecycle.md", include_str!("../../../docs/contract/lifecycle.md")),
    ("docs/contract/transport.md", include_str!("../../../docs/contract/transport.md")),
    ("docs/contract/upcalls.md", include_str!("../../../docs/contract/upcalls.md")),
    ("docs/contract/catalog.md", include_str!("../../../docs/contract/catalog.md")),
    ("docs/contract/namespace.md", include_str!("../../../docs/contract/namespace.md")),
    ("docs/contract/api.md", include_str!("../../../docs/contract/api.md")),
];

/// Every rule that stands as an item of its own.
pub fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let lines = DOCUMENTS.iter().flat_map(|(document, text)| text.lines().map(move |line| (*document, line)));
        lines.filter_map(|(document, line)| parse(document, line)).collect()
    })
}

/// The rule of this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id == id)
}

/// A line of the form `- **ID** text [tags]`, the hint for tests (`T: …`) before or after the tags left out.
fn parse(document: &'static str, line: &'static str) -> Option<Rule> {
    let (id, rest) = line.strip_prefix("- **")?.split_once("**")?;
    let (says, hint) = rest.trim().split_once(" T: ").unwrap_or((rest.trim(), ""));
    let (text, mut source) = split_tags(says);
    if source.is_empty() {
        source = split_tags(hint).1;
    }
    Some(Rule { id, text, source, document })
}

/// The text, and the tags at its end: the last brackets that follow each other.
fn split_tags(all: &'static str) -> (&'static str, &'static str) {
    let all = all.trim_end();
    let mut start = all.len();
    while let Some(open) = all[..start].strip_suffix(']').and_then(|before| before.rfind('[')) {
        start = open;
    }
    (all[..start].trim_end(), &all[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_text_and_source() {
        assert!(rules().len() > 600, "{}", rules().len());
        let rule = rule("WSP-CLEANUP-8").unwrap();
        assert!(rule.text.starts_with("On the last call pending OVERLAPPED"), "{rule:?}");
        assert_eq!((rule.source, rule.document), ("[S:lpwspcleanup]", "docs/contract/lifecycle.md"));
        let hinted = super::rule("WSP-CLEANUP-6").unwrap();
        assert!(hinted.source == "[S:lpwspcleanup]" && hinted.text.ends_with("is signalled."), "{hinted:?}");
        assert!(!super::rule("WSP-CLEANUP-3").unwrap().text.contains("call twice"), "no hints");
    }
}

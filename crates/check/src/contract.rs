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

/// A line of the form `- **ID** text [tags]`, the hint for tests (`T: …`) left out.
fn parse(document: &'static str, line: &'static str) -> Option<Rule> {
    let (id, rest) = line.strip_prefix("- **")?.split_once("**")?;
    let rest = rest.trim();
    let (mut text, mut source) = (rest, "");
    if rest.ends_with(']') {
        // The tags are the last brackets that follow each other.
        let mut start = rest.len();
        while let Some(open) = rest[..start].strip_suffix(']').and_then(|before| before.rfind('[')) {
            start = open;
        }
        (text, source) = (rest[..start].trim_end(), &rest[start..]);
    }
    let text = text.split(" T: ").next().unwrap_or(text).trim_end();
    Some(Rule { id, text, source, document })
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
        assert!(!super::rule("WSP-CLEANUP-3").unwrap().text.contains("call twice"), "no hints");
    }
}

//! The rules of `docs/contract`, read from its pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One page of the contract.
pub struct Page {
    /// File name, such as `lifecycle.md`.
    pub file: String,
    /// Rules in the order of the page.
    pub rules: Vec<Rule>,
}

/// One numbered rule.
pub struct Rule {
    /// Such as `WSP-CLEANUP-8`.
    pub id: String,
    /// A rule that asks for a test. Contradictions, lists of tests to write and remarks are numbered too, but ask for none.
    pub required: bool,
}

/// Families that ask for no test: contradictions and their resolutions, lists of tests to write, and exports out of scope.
const NOT_RULES: [&str; 8] = ["AC", "CC", "CONTRA", "NC", "TC", "T-API", "A-O", "API-O"];

/// Marks a rule that asks for nothing that a test could see.
const REMARK: &str = "[N]";

/// Reads every page of `folder`, by name.
pub fn read(folder: &Path) -> Vec<Page> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| Page {
            file: path.file_name().expect("a file").to_string_lossy().into_owned(),
            rules: rules(&fs::read_to_string(path).expect("a readable page")),
        })
        .collect()
}

/// The rules of one page: `- **ID** …` paragraphs and `| ID | …` table rows.
pub fn rules(text: &str) -> Vec<Rule> {
    let rule = |line: &str| {
        let id = bold_id(line).or_else(|| row_id(line))?;
        let required = !NOT_RULES.contains(&family(id).trim_end_matches('-')) && !line.contains(REMARK);
        Some(Rule { id: id.to_owned(), required })
    };
    text.lines().filter_map(rule).collect()
}

/// The id without its number: `WSP-CLEANUP-` of `WSP-CLEANUP-8`, `A-B` of `A-B01`.
pub fn family(id: &str) -> &str {
    id.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The id as it stands in the name of a test: `wsp_cleanup_8`.
pub fn snake(id: &str) -> String {
    id.to_ascii_lowercase().replace('-', "_")
}

/// Finds the rule that the name of a test begins with.
pub struct Names {
    ids: BTreeMap<String, String>,
    families: Vec<String>,
}

impl Names {
    pub fn new(pages: &[Page]) -> Self {
        let ids: BTreeMap<_, _> =
            pages.iter().flat_map(|page| &page.rules).map(|rule| (snake(&rule.id), rule.id.clone())).collect();
        let mut families: Vec<_> = ids.values().map(|id| snake(family(id))).collect();
        families.sort();
        families.dedup();
        Self { ids, families }
    }

    /// Whether this is the id of a rule.
    pub fn knows(&self, id: &str) -> bool {
        self.ids.get(&snake(id)).is_some_and(|known| known == id)
    }

    /// The rule named at the start of `name`; `None` for a name that starts with no rule;
    /// an error for a number that its family does not have.
    pub fn rule_of(&self, name: &str) -> Result<Option<&str>, String> {
        let ends = name.match_indices('_').map(|(at, _)| at).chain([name.len()]);
        let mut wrong = None;
        for head in ends.map(|end| &name[..end]) {
            if let Some(id) = self.ids.get(head) {
                return Ok(Some(id));
            }
            let family = family(head);
            if family.len() < head.len() && self.families.iter().any(|f| f == family) {
                wrong = Some(head.to_owned());
            }
        }
        wrong.map_or(Ok(None), Err)
    }
}

fn bold_id(line: &str) -> Option<&str> {
    let item = line.trim_start();
    let rest =
        item.strip_prefix("- ").or_else(|| item.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(". "))?;
    let (id, _) = rest.trim_start().strip_prefix("**")?.split_once("**")?;
    is_id(id).then_some(id)
}

fn row_id(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix('|')?.split_once('|')?;
    let id = id.trim();
    is_id(id).then_some(id)
}

fn is_id(text: &str) -> bool {
    let family = family(text);
    family.len() < text.len()
        && family.contains('-')
        && family.starts_with(|c: char| c.is_ascii_uppercase())
        && family.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
}

mod tests {
    use super::*;

    #[test]
    fn rules_come_from_paragraphs_and_tables() {
        let page = "## 1\n- **WSP-CLEANUP-8** Sets no event.\n| A-B01 | accept (1) | x |\n| 0 | u32 |\n- **EV-9** Legal. [A:x][N]\n\
                    | Id | Export |\n- **CONTRA-3** both\n1. **T-API-1** Export presence\n";
        let rules: Vec<_> = rules(page).iter().map(|r| (r.id.clone(), r.required)).collect();
        assert_eq!(
            rules,
            [
                ("WSP-CLEANUP-8".to_owned(), true),
                ("A-B01".to_owned(), true),
                ("EV-9".to_owned(), false),
                ("CONTRA-3".to_owned(), false),
                ("T-API-1".to_owned(), false),
            ]
        );
    }

    #[test]
    fn names_of_tests_lead_to_their_rule() {
        let rules = rules("- **SEL-1** a\n- **SEL-12** b\n| A-B01 | accept |\n- **API-RIO-2** c\n- **API-2** d\n");
        let names = Names::new(&[Page { file: "x.md".into(), rules }]);
        assert_eq!(names.rule_of("sel_1_uses_the_entry"), Ok(Some("SEL-1")));
        assert_eq!(names.rule_of("sel_12_is_not_sel_1"), Ok(Some("SEL-12")));
        assert_eq!(names.rule_of("a_b01_accepts"), Ok(Some("A-B01")));
        assert_eq!(names.rule_of("api_rio_2_order"), Ok(Some("API-RIO-2")));
        assert_eq!(names.rule_of("selects_nothing"), Ok(None));
        assert_eq!(names.rule_of("sel_13_is_unknown"), Err("sel_13".to_owned()));
        assert!(names.knows("SEL-12") && !names.knows("sel-12") && !names.knows("SEL-3"));
    }
}

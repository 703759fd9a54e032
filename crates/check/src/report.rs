//! Results as text, JSON and JUnit's XML.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::contract::{Rule, rule};
use crate::findings::{Failure, Verdict};
use crate::runner::{Outcome, Run};

/// How many passed, failed, and were not applicable.
fn counts(run: &Run) -> [usize; 3] {
    let count = |is: fn(&Verdict) -> bool| run.outcomes.iter().filter(|outcome| is(&outcome.verdict)).count();
    [
        count(|verdict| matches!(verdict, Verdict::Pass)),
        count(|verdict| matches!(verdict, Verdict::Fail(_))),
        count(|verdict| matches!(verdict, Verdict::NotApplicable(_))),
    ]
}

impl Run {
    /// Whether anything failed.
    pub fn failed(&self) -> bool {
        counts(self)[1] > 0
    }
}

/// For people: every failure with the rule, what is not applicable and why, and a summary.
pub fn text(run: &Run) -> String {
    let mut text = String::new();
    for outcome in &run.outcomes {
        if let Verdict::Fail(failures) = &outcome.verdict {
            let _ = writeln!(text, "FAIL {}", outcome.check.name);
            failures.iter().for_each(|failure| write_failure(&mut text, failure));
            if !outcome.said.is_empty() {
                let _ = writeln!(text, "  the provider's last words:\n    {}", outcome.said.replace('\n', "\n    "));
            }
        }
    }
    for outcome in &run.outcomes {
        if let Verdict::NotApplicable(why) = &outcome.verdict {
            let _ = writeln!(text, "not applicable: {}: {why}", outcome.check.name);
        }
    }
    let [passed, failed, not] = counts(run);
    let _ = writeln!(text, "{}: {passed} passed, {failed} failed, {not} not applicable", run.subject.name);
    text
}

fn write_failure(text: &mut String, failure: &Failure) {
    let Failure { rule: id, called, came_back, wanted } = failure;
    let _ = writeln!(text, "  {id}\n    called:    {called}\n    came back: {came_back}\n    wanted:    {wanted}");
    if let Some(Rule { text: says, source, document, .. }) = rule(id) {
        let _ = writeln!(text, "    contract:  {says} {source}\n               {document}, {id}");
    }
}

/// One JSON object for all providers.
pub fn json(runs: &[Run]) -> Value {
    let all = |run: &Run| {
        let [passed, failed, not] = counts(run);
        json!({
            "provider": run.subject.name,
            "module": run.subject.module,
            "passed": passed,
            "failed": failed,
            "not_applicable": not,
            "checks": run.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        })
    };
    json!({ "providers": runs.iter().map(all).collect::<Vec<_>>() })
}

fn outcome(outcome: &Outcome) -> Value {
    let (result, failures, why) = match &outcome.verdict {
        Verdict::Pass => ("pass", Vec::new(), None),
        Verdict::Fail(failures) => ("fail", failures.iter().map(one_failure).collect(), None),
        Verdict::NotApplicable(why) => ("not applicable", Vec::new(), Some(why)),
    };
    let mut value = json!({
        "check": outcome.check.name,
        "rules": outcome.check.rules,
        "result": result,
        "milliseconds": outcome.time.as_millis() as u64,
    });
    if !failures.is_empty() {
        value["failures"] = failures.into();
    }
    if let Some(why) = why {
        value["why"] = why.as_str().into();
    }
    if !outcome.said.is_empty() {
        value["stderr"] = outcome.said.as_str().into();
    }
    value
}

fn one_failure(failure: &Failure) -> Value {
    let rule = rule(&failure.rule);
    json!({
        "rule": failure.rule,
        "called": failure.called,
        "came_back": failure.came_back,
        "wanted": failure.wanted,
        "contract": rule.map(|rule| rule.text),
        "source": rule.map(|rule| rule.source),
        "document": rule.map(|rule| rule.document),
    })
}

/// JUnit's XML: a suite for each provider, a case for each check.
pub fn junit(runs: &[Run]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for run in runs {
        let [_, failed, not] = counts(run);
        let time: f64 = run.outcomes.iter().map(|outcome| outcome.time.as_secs_f64()).sum();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{not}\" errors=\"0\" time=\"{time:.3}\">",
            escaped(&run.subject.name),
            run.outcomes.len()
        );
        run.outcomes.iter().for_each(|outcome| write_case(&mut text, &run.subject.name, outcome));
        text += "  </testsuite>\n";
    }
    text + "</testsuites>\n"
}

fn write_case(text: &mut String, suite: &str, outcome: &Outcome) {
    let (suite, name, time) = (escaped(suite), escaped(outcome.check.name), outcome.time.as_secs_f64());
    let _ = write!(text, "    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time:.3}\"");
    match &outcome.verdict {
        Verdict::Pass => *text += "/>\n",
        Verdict::NotApplicable(why) => {
            let _ = writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(why));
        }
        Verdict::Fail(failures) => {
            let mut said = String::new();
            failures.iter().for_each(|failure| write_failure(&mut said, failure));
            let rules: Vec<_> = failures.iter().map(|failure| failure.rule.as_str()).collect();
            let _ = writeln!(
                text,
                "><failure message=\"{}\">{}</failure></testcase>",
                escaped(&rules.join(", ")),
                escaped(&said)
            );
        }
    }
}

/// Text as XML takes it; what XML has no character for is left out.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' | '\t' => safe.push(letter),
            letter if letter.is_control() => {}
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use std::time::Duration;

    fn run() -> Run {
        let failure = Failure {
            rule: "WSP-CLEANUP-8".into(),
            called: "WSPCleanup() <&>".into(),
            came_back: "the event \"is\" set".into(),
            wanted: "not set".into(),
        };
        let checks = crate::all();
        let outcome = |at: usize, verdict| Outcome {
            check: &checks[at],
            verdict,
            time: Duration::from_millis(12),
            said: String::new(),
        };
        let outcomes = vec![
            outcome(0, Verdict::Pass),
            outcome(1, Verdict::Fail(vec![failure])),
            outcome(2, Verdict::NotApplicable("why".into())),
        ];
        Run { subject: Subject::probing("builtin:x"), outcomes }
    }

    #[test]
    fn a_failure_tells_the_call_and_the_contract() {
        let text = text(&run());
        for part in
            ["WSPCleanup() <&>", "WITHOUT setting `hEvent`", "[S:lpwspcleanup]", "1 passed, 1 failed, 1 not applicable"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn junit_is_escaped() {
        let xml = junit(&[run()]);
        assert!(xml.contains("WSPCleanup() &lt;&amp;&gt;") && xml.contains("<skipped message=\"why\"/>"), "{xml}");
        assert!(xml.contains("tests=\"3\" failures=\"1\" skipped=\"1\""), "{xml}");
    }

    #[test]
    fn json_names_rule_and_document() {
        let json = json(&[run()]);
        let failure = &json["providers"][0]["checks"][1]["failures"][0];
        assert_eq!(
            (&failure["source"], &failure["document"]),
            (&"[S:lpwspcleanup]".into(), &"docs/contract/lifecycle.md".into())
        );
    }
}

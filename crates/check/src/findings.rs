//! What a check has found. A process runs one check, so the findings are the process's.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Something that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The rule that was broken.
    pub rule: String,
    /// What was called, with its arguments.
    pub called: String,
    /// What came back.
    pub came_back: String,
    /// What should have.
    pub wanted: String,
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every rule that was looked at is kept.
    Pass,
    /// At least one is not.
    Fail(Vec<Failure>),
    /// The provider does not serve what the check is about: why.
    NotApplicable(String),
}

/// Why a check does not go on.
#[derive(Debug)]
pub enum Stop {
    /// What was found is recorded; there is nothing to go on with.
    Failed,
    /// It is about something that the provider does not serve.
    Skip(String),
}

/// What the steps of a check return.
pub type Step<T = ()> = Result<T, Stop>;

static FOUND: Mutex<Vec<Failure>> = Mutex::new(Vec::new());

/// Most failures that a check tells of.
const MOST: usize = 20;

/// Records a failure; the same once only.
pub fn fail(rule: &str, called: impl Display, came_back: impl Display, wanted: impl Display) {
    let failure = Failure {
        rule: rule.into(),
        called: called.to_string(),
        came_back: came_back.to_string(),
        wanted: wanted.to_string(),
    };
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let known = found.iter().any(|known| {
        (&known.rule, &known.came_back, &known.wanted) == (&failure.rule, &failure.came_back, &failure.wanted)
            && known.called == failure.called
    });
    if !known && found.len() < MOST {
        found.push(failure);
    }
}

/// Records a failure after which there is no going on.
pub fn fatal<T>(rule: &str, called: impl Display, came_back: impl Display, wanted: impl Display) -> Step<T> {
    fail(rule, called, came_back, wanted);
    Err(Stop::Failed)
}

/// Records a failure unless this is so.
pub fn verify(is_so: bool, rule: &str, called: impl Display, came_back: impl Display, wanted: impl Display) {
    if !is_so {
        fail(rule, called, came_back, wanted);
    }
}

/// For what the provider does not serve.
pub fn skip<T>(why: impl Display) -> Step<T> {
    Err(Stop::Skip(why.to_string()))
}

/// The verdict of a check that has ended so.
pub fn verdict(ended: Step) -> Verdict {
    let found = std::mem::take(&mut *FOUND.lock().unwrap_or_else(PoisonError::into_inner));
    match ended {
        _ if !found.is_empty() => Verdict::Fail(found),
        Err(Stop::Skip(why)) => Verdict::NotApplicable(why),
        Ok(()) | Err(Stop::Failed) => Verdict::Pass,
    }
}

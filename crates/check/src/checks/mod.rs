//! The checks, by family.

mod cleanup;
mod connection;
mod events;
mod handles;
mod lifecycle;
mod overlapped;
mod pending;
mod reentry;
mod startup;
mod transfer;
mod values;

use std::sync::OnceLock;

use crate::findings::Step;
use crate::probe::Probe;

/// One executable check.
#[derive(Debug)]
pub struct Check {
    /// Its name, unlike all others.
    pub name: &'static str,
    /// The rules that it looks at. A crash or a hang is a failure of the first.
    pub rules: &'static [&'static str],
    pub(crate) run: fn(Probe) -> Step,
}

/// Every check, by family.
pub fn all() -> &'static [Check] {
    static ALL: OnceLock<Vec<Check>> = OnceLock::new();
    ALL.get_or_init(|| {
        let families = [
            startup::CHECKS,
            lifecycle::CHECKS,
            cleanup::CHECKS,
            pending::CHECKS,
            handles::CHECKS,
            values::CHECKS,
            transfer::CHECKS,
            connection::CHECKS,
            events::CHECKS,
            overlapped::CHECKS,
            reentry::CHECKS,
        ];
        families.into_iter().flat_map(|family| family.iter()).map(|check| Check { ..*check }).collect()
    })
}

/// `check!(name, "RULE" …)` with the function of the same name.
macro_rules! checks {
    ($($name:ident: $($rule:literal)+;)*) => {
        pub const CHECKS: &[super::Check] = &[$(super::Check { name: stringify!($name), rules: &[$($rule),+], run: $name }),*];
    };
}
use checks;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn checks_have_names_of_their_own_and_rules_of_the_contract() {
        let names: HashSet<_> = all().iter().map(|check| check.name).collect();
        assert_eq!(names.len(), all().len());
        for check in all() {
            for rule in check.rules {
                assert!(crate::rule(rule).is_some(), "{}: {rule} is not in the contract", check.name);
            }
        }
    }
}

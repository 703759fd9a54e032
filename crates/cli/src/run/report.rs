//! What a program told of itself: records in, sums out. Pure: `super` receives and prints.
//!
//! The runtime documents the records (windlass-runtime, module `report`): one JSON object in each packet. Unknown
//! events and members are passed over, so that an older command understands a newer library.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The environment variable that names the report socket to the runtime.
pub const VARIABLE: &str = "WINDLASS_REPORT_FD";

/// The one that switches its verifier on.
pub const VERIFY_VARIABLE: &str = "WINDLASS_VERIFY";

/// Everything that was told, by process.
#[derive(Debug, Default)]
pub struct Records {
    processes: BTreeMap<u32, Process>,
    providers: BTreeMap<(u32, String, String), Provider>,
    mistakes: BTreeMap<(String, String, Vec<Frame>), Mistake>,
}

/// The sums, as `--report json` prints them.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Processes that told anything.
    pub processes: usize,
    /// False if a process ended without its last numbers: it was killed, or left by `_exit`.
    pub complete: bool,
    pub providers: Providers,
    /// Absent if no process gave its numbers.
    pub sockets: Option<Sockets>,
    pub operations: Option<Operations>,
    pub violations: Violations,
    /// Records that were lost because nobody took them fast enough.
    pub dropped: u64,
}

#[derive(Debug, Serialize)]
pub struct Providers {
    pub started: u64,
    pub cleaned_up: u64,
    pub list: Vec<Provider>,
}

/// One provider, in one chain.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Provider {
    pub id: u32,
    pub name: String,
    pub module: String,
    pub started: u64,
    pub cleaned_up: u64,
    /// Codes of clean-ups that failed.
    pub errors: Vec<i32>,
    /// Clean-ups after which the module stayed mapped, as its calls did not end in time.
    pub kept_mapped: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Sockets {
    pub opened: u64,
    pub closed: u64,
    pub reset: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Operations {
    pub completed: u64,
    pub aborted: u64,
}

#[derive(Debug, Serialize)]
pub struct Violations {
    /// All of them, those included that were too many of the same to be told one by one.
    pub count: u64,
    pub list: Vec<Mistake>,
}

/// One kind of violation by one function; of a program that is verified, in one place.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Mistake {
    pub kind: String,
    /// The rule of the contract, empty if the library tells none.
    pub rule: String,
    pub function: String,
    pub count: u64,
    /// The first few handles that it was about.
    pub handles: Vec<u64>,
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// Where a program that is verified broke the contract.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Place {
    pub program: String,
    /// The thread that first did it.
    pub thread: i32,
    pub pid: u32,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The innermost first.
    pub stack: Vec<Frame>,
}

/// A frame of a call stack.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frame {
    /// The file that is mapped there: the program, or a library.
    pub file: String,
    /// How far into it, in bytes.
    pub offset: u64,
    /// The function, if the file tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The source and the line, if the file tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

const HANDLES_SHOWN: usize = 8;

impl Records {
    /// Takes one packet. What is no record is passed over.
    pub fn take(&mut self, packet: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Record>(packet) else { return };
        let process = self.processes.entry(record.pid).or_default();
        match record.event {
            Event::ProviderStarted { id, name, module } => {
                process.started += 1;
                self.provider(id, name, Some(module)).started += 1;
            }
            Event::ProviderCleanedUp { id, name, error, unloaded } => {
                process.cleaned_up += 1;
                let provider = self.provider(id, name, None);
                provider.cleaned_up += 1;
                provider.errors.extend((error != 0).then_some(error));
                provider.kept_mapped += u64::from(!unloaded);
            }
            Event::Violation { kind, rule, function, handle, count, detail, program, tid, stack } => {
                let count = count.unwrap_or(1);
                process.violations += count;
                let key = (kind.clone(), function.clone(), stack.clone());
                let mistake = self.mistakes.entry(key).or_default();
                (mistake.kind, mistake.rule, mistake.function) = (kind, rule, function);
                mistake.count += count;
                if !stack.is_empty() && mistake.place.is_none() {
                    mistake.place = Some(Place { program, thread: tid, pid: record.pid, detail, stack });
                }
                if let Some(handle) = handle
                    && mistake.handles.len() < HANDLES_SHOWN
                    && !mistake.handles.contains(&handle)
                {
                    mistake.handles.push(handle);
                }
            }
            Event::Counters(counters) => process.counters = Some(counters),
            Event::Unknown => {}
        }
    }

    pub fn summary(&self) -> Summary {
        let sum = |of: &dyn Fn(&Process) -> u64| self.processes.values().map(of).sum::<u64>();
        let counted = |of: fn(&Counters) -> u64| sum(&|p| p.counters.as_ref().map_or(0, of));
        let known = self.processes.values().any(|p| p.counters.is_some());
        Summary {
            processes: self.processes.len(),
            complete: self.processes.values().all(|p| p.counters.is_some()),
            providers: Providers {
                started: sum(&|p| p.counters.as_ref().map_or(p.started, |c| c.providers_started)),
                cleaned_up: sum(&|p| p.counters.as_ref().map_or(p.cleaned_up, |c| c.providers_cleaned_up)),
                list: self.providers.values().cloned().collect(),
            },
            sockets: known.then(|| Sockets {
                opened: counted(|c| c.sockets_opened),
                closed: counted(|c| c.sockets_closed),
                reset: counted(|c| c.sockets_reset),
            }),
            operations: known.then(|| Operations {
                completed: counted(|c| c.operations_completed),
                aborted: counted(|c| c.operations_aborted),
            }),
            violations: Violations {
                count: sum(&|p| p.counters.as_ref().map_or(0, |c| c.violations).max(p.violations)),
                list: self.mistakes.values().cloned().collect(),
            },
            dropped: counted(|c| c.dropped),
        }
    }

    /// A clean-up does not tell the module: it is that of the start with the same id and name.
    fn provider(&mut self, id: u32, name: String, module: Option<String>) -> &mut Provider {
        let module = module.unwrap_or_else(|| {
            let same = self.providers.keys().find(|key| key.0 == id && key.1 == name);
            same.map_or_else(String::new, |key| key.2.clone())
        });
        let provider = self.providers.entry((id, name.clone(), module.clone())).or_default();
        (provider.id, provider.name, provider.module) = (id, name, module);
        provider
    }
}

/// What one process told.
#[derive(Debug, Default)]
struct Process {
    started: u64,
    cleaned_up: u64,
    violations: u64,
    counters: Option<Counters>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    pid: u32,
    #[serde(flatten)]
    event: Event,
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    ProviderStarted {
        id: u32,
        name: String,
        module: String,
    },
    ProviderCleanedUp {
        id: u32,
        name: String,
        #[serde(default)]
        error: i32,
        #[serde(default = "yes")]
        unloaded: bool,
    },
    Violation {
        kind: String,
        #[serde(default)]
        rule: String,
        function: String,
        handle: Option<u64>,
        count: Option<u64>,
        detail: Option<String>,
        #[serde(default)]
        program: String,
        #[serde(default)]
        tid: i32,
        #[serde(default)]
        stack: Vec<Frame>,
    },
    Counters(Counters),
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counters {
    providers_started: u64,
    providers_cleaned_up: u64,
    sockets_opened: u64,
    sockets_closed: u64,
    sockets_reset: u64,
    operations_completed: u64,
    operations_aborted: u64,
    violations: u64,
    dropped: u64,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(packets: &[&str]) -> Summary {
        let mut records = Records::default();
        for packet in packets {
            records.take(packet.as_bytes());
        }
        records.summary()
    }

    const STARTED: &str = r#"{"event":"provider_started","id":1,"name":"TCP","module":"builtin:tcpip","pid":5}"#;
    const CLEANED: &str = r#"{"event":"provider_cleaned_up","id":1,"name":"TCP","error":0,"unloaded":true,"pid":5}"#;

    #[test]
    fn the_last_counters_of_each_process_count() {
        let found = summary(&[
            STARTED,
            r#"{"event":"counters","sockets_opened":1,"pid":5}"#,
            r#"{"event":"counters","sockets_opened":3,"sockets_closed":2,"sockets_reset":1,"providers_started":1,"pid":5}"#,
            r#"{"event":"counters","sockets_opened":10,"operations_completed":7,"pid":6}"#,
        ]);
        assert_eq!(found.processes, 2);
        assert!(found.complete);
        assert_eq!(found.sockets, Some(Sockets { opened: 13, closed: 2, reset: 1 }));
        assert_eq!(found.operations, Some(Operations { completed: 7, aborted: 0 }));
        assert_eq!(found.providers.started, 1);
    }

    #[test]
    fn a_process_without_counters_is_incomplete() {
        let found = summary(&[STARTED, STARTED, CLEANED]);
        assert!(!found.complete);
        assert_eq!(found.sockets, None);
        assert_eq!((found.providers.started, found.providers.cleaned_up), (2, 1));
        let [provider] = &found.providers.list[..] else { panic!("{:?}", found.providers.list) };
        assert_eq!((provider.module.as_str(), provider.started, provider.cleaned_up), ("builtin:tcpip", 2, 1));
    }

    #[test]
    fn violations_are_grouped_by_kind_and_function() {
        let stale = |handle: u64| {
            format!(
                r#"{{"event":"violation","kind":"stale_handle","function":"send","handle":{handle},"tid":1,"pid":5}}"#
            )
        };
        let found = summary(&[
            &stale(7),
            &stale(7),
            &stale(9),
            r#"{"event":"violation","kind":"startup_without_cleanup","function":"WSAStartup","count":3,"tid":1,"pid":5}"#,
            r#"{"event":"counters","violations":206,"pid":5}"#,
        ]);
        assert_eq!(found.violations.count, 206);
        let list: Vec<_> =
            found.violations.list.iter().map(|m| (m.kind.as_str(), m.count, m.handles.clone())).collect();
        assert_eq!(list, [("stale_handle", 3, vec![7, 9]), ("startup_without_cleanup", 3, vec![])]);
    }

    #[test]
    fn failed_clean_ups_are_kept_with_their_code() {
        let found = summary(&[
            STARTED,
            r#"{"event":"provider_cleaned_up","id":1,"name":"TCP","error":10050,"unloaded":false,"pid":5}"#,
        ]);
        assert_eq!(found.providers.list[0].errors, [10050]);
        assert_eq!(found.providers.list[0].kept_mapped, 1);
    }

    #[test]
    fn what_is_no_record_changes_nothing() {
        let found = summary(&["", "{", "[]", "{\"pid\":1}", "\u{0}", r#"{"event":"violation","pid":"x"}"#]);
        assert_eq!(found.processes, 0);
        let newer = summary(&[r#"{"event":"from_the_future","what":[1],"pid":5}"#]);
        assert_eq!((newer.processes, newer.violations.count), (1, 0));
    }
}

//! Which faults are for which addresses, and how they change with time.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::faults::{Faults, Unknown, time};

/// Addresses: an IP address or a network, a port, both or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    network: Option<(IpAddr, u8)>,
    port: Option<u16>,
}

impl Pattern {
    /// `127.0.0.1:80`, `10.0.0.0/8:*`, `[::1]:443`, `*:53`, `10.1.2.3`.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, if rest.is_empty() { "*" } else { rest.strip_prefix(':')? })
            }
            None => text.rsplit_once(':').unwrap_or((text, "*")),
        };
        let port = if port == "*" { None } else { Some(port.parse().ok()?) };
        let network = match host.split_once('/') {
            _ if host == "*" => None,
            Some((address, bits)) => Some((address.parse().ok()?, bits.parse().ok()?)),
            None => {
                let address: IpAddr = host.parse().ok()?;
                Some((address, if address.is_ipv4() { 32 } else { 128 }))
            }
        };
        let fits = network.is_none_or(|(address, bits)| bits <= if address.is_ipv4() { 32 } else { 128 });
        fits.then_some(Self { network, port })
    }

    /// Whether an address is one of these.
    pub fn matches(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && self.network.is_none_or(|(network, bits)| is_within(address.ip(), network, bits))
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            (u32::from(address) ^ u32::from(network)) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            (u128::from(address) ^ u128::from(network)) & mask == 0
        }
        _ => false,
    }
}

/// A set of faults for some addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Which; all if absent.
    pub at: Option<Pattern>,
    /// What goes wrong there.
    pub faults: Faults,
}

/// Everything that was asked for, as it is at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules(Vec<Rule>);

impl Default for Rules {
    fn default() -> Self {
        Self(vec![Rule::default()])
    }
}

impl Rules {
    /// The faults of a socket with these addresses: those of the last rule that one of them fits.
    pub fn of(&self, addresses: &[SocketAddr]) -> &Faults {
        let fits = |rule: &&Rule| rule.at.is_none_or(|at| addresses.iter().any(|address| at.matches(*address)));
        // The first rule is for all.
        &self.0.iter().rfind(fits).unwrap_or(&self.0[0]).faults
    }

    /// Whether nothing goes wrong anywhere.
    pub fn are_none(&self) -> bool {
        self.0.iter().all(|rule| rule.faults.are_none())
    }

    /// The rule for these addresses, made if there is none. It begins with the faults that are for all.
    fn rule(&mut self, at: Option<Pattern>) -> &mut Rule {
        let known = self.0.iter().position(|rule| rule.at == at).unwrap_or_else(|| {
            self.0.push(Rule { at, faults: self.0[0].faults.clone() });
            self.0.len() - 1
        });
        &mut self.0[known]
    }

    /// Reads words: those after `at=ADDRESS` are for these addresses only.
    fn set_all<'a>(&mut self, words: impl IntoIterator<Item = &'a str>) -> Result<(), Unknown> {
        let mut at = None;
        for word in words {
            match word.strip_prefix("at=") {
                Some(address) => at = Some(Pattern::parse(address).ok_or_else(|| Unknown(word.to_owned()))?),
                None => self.rule(at).faults.set(word)?,
            }
        }
        Ok(())
    }
}

/// The words after `fault:`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What goes wrong from the start.
    pub rules: Rules,
    /// What chance begins with; drawn by chance if absent.
    pub seed: Option<u64>,
    /// A file of events.
    pub script: Option<PathBuf>,
}

impl Options {
    /// Reads `latency=20ms,reset=1%,seed=7,script=FILE,at=127.0.0.1:80,loss=5%`, none needed.
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let mut options = Self::default();
        let mut words = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                Some(("seed", seed)) => options.seed = Some(seed.parse().map_err(|_| Unknown(word.to_owned()))?),
                Some(("script", path)) if !path.is_empty() => options.script = Some(path.into()),
                _ => words.push(word),
            }
        }
        options.rules.set_all(words)?;
        Ok(options)
    }
}

/// A script: the rules, from one time to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script(Vec<(Duration, Rules)>);

/// A line of a script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub number: usize,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.why)
    }
}

impl std::error::Error for BadLine {}

impl Script {
    /// Reads lines of a time since the start and words that change what is so from then on; times do not go back. Empty lines and
    /// those that begin with `#` say nothing.
    ///
    /// ```
    /// let text = "# A bad minute.\n2s latency=200ms loss=10%\n5s at=*:80 cut\n60s clear at=*:80 clear\n";
    /// let script = windlass_fault::rules::Script::parse(text, &Default::default()).unwrap();
    /// assert!(script.at(std::time::Duration::from_secs(61)).are_none());
    /// ```
    pub fn parse(text: &str, first: &Rules) -> Result<Self, BadLine> {
        let mut steps = vec![(Duration::ZERO, first.clone())];
        for (number, line) in text.lines().enumerate() {
            let bad = |why: String| BadLine { number: number + 1, why };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split([' ', '\t', ',']).filter(|word| !word.is_empty());
            let when = words.next().and_then(time).ok_or_else(|| bad("begins with no time".to_owned()))?;
            let (last, rules) = steps.last().expect("the first step");
            if when < *last {
                return Err(bad("is earlier than the line before".to_owned()));
            }
            let mut rules = rules.clone();
            rules.set_all(words).map_err(|unknown| bad(unknown.to_string()))?;
            steps.push((when, rules));
        }
        Ok(Self(steps))
    }

    /// A script in which nothing changes.
    pub fn constant(rules: Rules) -> Self {
        Self(vec![(Duration::ZERO, rules)])
    }

    /// The rules, so long after the start.
    pub fn at(&self, since_start: Duration) -> &Rules {
        let step = self.0.iter().rfind(|(when, _)| *when <= since_start);
        &step.expect("the first step").1
    }

    /// Whether nothing goes wrong, ever.
    pub fn is_none(&self) -> bool {
        self.0.iter().all(|(_, rules)| rules.are_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn patterns_fit_addresses() {
        for (pattern, fits, fits_not) in [
            ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1:81"),
            ("127.0.0.1", "127.0.0.1:1", "127.0.0.2:1"),
            ("*:53", "9.9.9.9:53", "9.9.9.9:54"),
            ("10.0.0.0/8:*", "10.200.3.4:5", "11.0.0.0:5"),
            ("0.0.0.0/0", "1.2.3.4:5", "[::1]:5"),
            ("[::1]:443", "[::1]:443", "[::2]:443"),
            ("[fe80::/10]", "[fe80::1]:7", "[ff80::1]:7"),
            ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", "[::1]:80"),
        ] {
            let parsed = Pattern::parse(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(parsed.matches(address(fits)), "{pattern} {fits}");
            assert!(!parsed.matches(address(fits_not)), "{pattern} {fits_not}");
        }
        for bad in ["", "x", "1.2.3.4:x", "1.2.3.4/33", "1.2.3.4:65536", "[::1", "[::1]x", "::/129"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn rules_by_address_begin_with_what_is_for_all() {
        let options = Options::parse("latency=20ms, at=*:80, loss=5%, at=10.0.0.0/8, clear, seed=7").unwrap();
        assert_eq!(options.seed, Some(7));
        let of = |text| options.rules.of(&[address(text)]);
        assert_eq!((of("1.1.1.1:1").latency.as_millis(), of("1.1.1.1:1").loss), (20, 0.0));
        assert_eq!((of("1.1.1.1:80").latency.as_millis(), of("1.1.1.1:80").loss), (20, 0.05));
        assert!(of("10.0.0.1:80").are_none(), "the last that fits");
        assert_eq!(options.rules.of(&[]).latency.as_millis(), 20, "no address yet");
        assert!(Options::parse("").unwrap().rules.are_none());
        for bad in ["at=x,loss=1%", "seed=x", "script=", "latency"] {
            assert!(Options::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_script_changes_rules_with_time() {
        let first = Options::parse("latency=1ms").unwrap().rules;
        let script = Script::parse("\n# comment\n2s loss=1%\n 2s at=*:80 cut\n10s clear\n", &first).unwrap();
        let at = |seconds, port| {
            script.at(Duration::from_secs(seconds)).of(&[SocketAddr::from(([1, 1, 1, 1], port))]).clone()
        };
        assert_eq!((at(0, 1).latency.as_millis(), at(0, 1).loss), (1, 0.0));
        assert_eq!((at(2, 1).loss, at(2, 1).cut, at(2, 80).cut), (0.01, false, true));
        assert!(at(10, 1).are_none());
        assert!(at(10, 80).cut, "what is for an address stays");
        assert!(!script.is_none() && Script::constant(Rules::default()).is_none());
    }

    #[test]
    fn a_bad_line_is_told_with_its_number() {
        for (text, number, part) in [
            ("1s cut\nxx cut", 2, "no time"),
            ("5s cut\n\n1s clear", 3, "earlier"),
            ("1s slow", 1, "fault: slow"),
            ("1s at=x cut", 1, "at=x"),
        ] {
            let bad = Script::parse(text, &Rules::default()).unwrap_err();
            assert!(bad.number == number && bad.to_string().contains(part), "{bad}");
        }
    }
}

//! The faults that there are, and the words that set them.

use std::fmt;
use std::time::Duration;

use windlass_spi::abi::WsaError;

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Everything below.
    Any,
    /// `WSPSocket`.
    Socket,
    /// `WSPBind`.
    Bind,
    /// `WSPListen`.
    Listen,
    /// `WSPAccept` and `AcceptEx`.
    Accept,
    /// `WSPConnect` and `ConnectEx`.
    Connect,
    /// `WSPSend` and `WSPSendTo`.
    Send,
    /// `WSPRecv` and `WSPRecvFrom`.
    Recv,
}

impl Call {
    const NAMES: [(&'static str, Self); 8] = [
        ("any", Self::Any),
        ("socket", Self::Socket),
        ("bind", Self::Bind),
        ("listen", Self::Listen),
        ("accept", Self::Accept),
        ("connect", Self::Connect),
        ("send", Self::Send),
        ("recv", Self::Recv),
    ];

    fn covers(self, call: Self) -> bool {
        self == Self::Any || self == call
    }
}

/// An error that calls get now and then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    /// Which calls.
    pub call: Call,
    /// The error.
    pub error: WsaError,
    /// How often: 1 is always.
    pub rate: f64,
}

/// A set of faults. The default is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// What is sent comes so much later.
    pub latency: Duration,
    /// And up to so much later again.
    pub jitter: Duration,
    /// Bytes in a second and each direction; zero for no limit.
    pub bandwidth: u64,
    /// How many datagrams get lost, sent or received.
    pub loss: f64,
    /// How many datagrams come twice.
    pub duplicate: f64,
    /// How many calls that move data find the connection reset instead.
    pub reset: f64,
    /// How many sends and receives of a stream move only a part.
    pub short: f64,
    /// Errors by call.
    pub failures: Vec<Failure>,
    /// Whether connections are cut: nothing goes through, and nobody is told.
    pub cut: bool,
}

/// A word that sets no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fault: {}: not one of latency=TIME, jitter=TIME, bandwidth=RATE, loss=PART, duplicate=PART, reset=PART, short=PART, \
             error=CALL:CODE[:PART], cut, clear; seed=NUMBER, script=FILE, at=ADDRESS",
            self.0
        )
    }
}

impl std::error::Error for Unknown {}

impl Faults {
    /// Whether there are none.
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// Sets what a word says, such as `latency=20ms`, `reset=1%`, `error=connect:WSAECONNREFUSED:50%`, `cut`, `clear`.
    pub fn set(&mut self, word: &str) -> Result<(), Unknown> {
        self.try_set(word).ok_or_else(|| Unknown(word.to_owned()))
    }

    fn try_set(&mut self, word: &str) -> Option<()> {
        match word.split_once('=') {
            None if word == "cut" => self.cut = true,
            None if word == "clear" => *self = Self::default(),
            Some(("cut", "no")) => self.cut = false,
            Some(("latency", value)) => self.latency = time(value)?,
            Some(("jitter", value)) => self.jitter = time(value)?,
            Some(("bandwidth", value)) => self.bandwidth = rate(value)?,
            Some(("loss", value)) => self.loss = part(value)?,
            Some(("duplicate", value)) => self.duplicate = part(value)?,
            Some(("reset", value)) => self.reset = part(value)?,
            Some(("short", value)) => self.short = part(value)?,
            Some(("error", value)) => {
                let failure = failure(value)?;
                self.failures.retain(|old| (old.call, old.error) != (failure.call, failure.error));
                self.failures.push(failure);
            }
            _ => return None,
        }
        Some(())
    }

    /// The error that is to be, of those set for a call; `happens` draws.
    pub fn failure(&self, call: Call, mut happens: impl FnMut(f64) -> bool) -> Option<WsaError> {
        let mut all = self.failures.iter().filter(|failure| failure.call.covers(call));
        all.find(|failure| happens(failure.rate)).map(|failure| failure.error)
    }
}

/// `20ms`, `1.5s`, `300us`.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let seconds = match unit {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "min" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// `1%`, or a number from 0 to 1.
fn part(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text)?;
    let part = match unit {
        "%" => number / 100.0,
        "" => number,
        _ => return None,
    };
    (0.0..=1.0).contains(&part).then_some(part)
}

/// Bytes in a second: `100kB`, `1MB`, or bits: `10Mbit`.
fn rate(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let bytes = match unit {
        "B" => number,
        "kB" => number * 1e3,
        "MB" => number * 1e6,
        "GB" => number * 1e9,
        "kbit" => number * 1e3 / 8.0,
        "Mbit" => number * 1e6 / 8.0,
        "Gbit" => number * 1e9 / 8.0,
        _ => return None,
    };
    (bytes >= 1.0).then_some(bytes as u64)
}

fn failure(text: &str) -> Option<Failure> {
    let mut words = text.split(':');
    let (call, error, rate) = (words.next()?, words.next()?, words.next());
    let call = Call::NAMES.iter().find(|(name, _)| *name == call)?.1;
    let error = match error.parse() {
        Ok(code) => WsaError::from_code(code),
        Err(_) => *WsaError::ALL.iter().find(|known| known.name() == error)?,
    };
    let rate = rate.map_or(Some(1.0), part)?;
    (words.next().is_none() && error.code() != 0).then_some(Failure { call, error, rate })
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..at].parse().ok()?, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(words: &[&str]) -> Faults {
        let mut faults = Faults::default();
        words.iter().for_each(|word| faults.set(word).unwrap());
        faults
    }

    #[test]
    fn words_set_faults() {
        assert!(faults(&[]).are_none());
        let set = faults(&[
            "latency=20ms",
            "jitter=1.5s",
            "bandwidth=10Mbit",
            "loss=1%",
            "duplicate=0.5",
            "reset=100%",
            "short=0%",
            "cut",
        ]);
        assert_eq!((set.latency, set.jitter), (Duration::from_millis(20), Duration::from_millis(1500)));
        assert_eq!((set.bandwidth, set.loss, set.duplicate), (1_250_000, 0.01, 0.5));
        assert_eq!((set.reset, set.short, set.cut), (1.0, 0.0, true));
        assert!(faults(&["latency=20ms", "error=send:WSAENOBUFS", "clear"]).are_none());
        assert!(!faults(&["cut", "cut=no"]).cut);
    }

    #[test]
    fn errors_have_a_call_a_code_and_a_rate() {
        let set =
            faults(&["error=connect:WSAECONNREFUSED:50%", "error=any:10055", "error=connect:WSAECONNREFUSED:10%"]);
        assert_eq!(set.failures.len(), 2, "the last word counts");
        assert_eq!(set.failure(Call::Connect, |rate| rate == 0.1), Some(WsaError::WSAECONNREFUSED));
        assert_eq!(set.failure(Call::Recv, |_| true), Some(WsaError::WSAENOBUFS));
        assert_eq!(set.failure(Call::Recv, |_| false), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for word in [
            "latency",
            "latency=",
            "latency=20",
            "latency=-1ms",
            "latency=xms",
            "loss=2",
            "loss=101%",
            "bandwidth=0B",
            "bandwidth=5",
            "error=send",
            "error=snd:WSAENOBUFS",
            "error=send:WSAEXYZ",
            "error=send:WSAENOBUFS:2",
            "error=send:WSAENOBUFS:1:1",
            "error=send:0",
            "cut=yes",
            "speed=1",
        ] {
            let said = Faults::default().set(word).unwrap_err().to_string();
            assert!(said.starts_with(&format!("fault: {word}: ")), "{said}");
        }
    }
}

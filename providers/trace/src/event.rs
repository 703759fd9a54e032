//! What is written of a call: in words, and as JSON. Pure.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, json};
use windlass_spi::abi::WsaError;

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number that is a number.
    Number(i64),
    /// Flags, an option, a code: in hexadecimal.
    Bits(u32),
    /// The name of a constant.
    Name(&'static str),
    /// An address.
    Address(SocketAddr),
    /// That many bytes.
    Bytes(u64),
    /// Anything else.
    Text(String),
}

/// How a call or an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well, with this number: bytes, a socket, zero.
    Done(i64),
    /// With an error.
    Failed(WsaError),
    /// It goes on.
    Pending,
}

/// A call, or the end of an operation that had gone on.
#[derive(Clone, Debug)]
pub struct Event {
    /// Since the layer was started.
    pub at: Duration,
    /// The thread, as the system numbers it.
    pub thread: i32,
    /// The function of the interface.
    pub call: &'static str,
    /// The socket that it was about.
    pub socket: Option<u64>,
    /// The other arguments, in their order.
    pub arguments: Vec<(&'static str, Value)>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long the call took, or the operation.
    pub took: Duration,
    /// Whether this is the end of an operation, not a call.
    pub completion: bool,
}

impl Event {
    /// One line, without its end.
    pub fn line(&self) -> String {
        let mut line = format!("{:>4}.{:06} {:>7} ", self.at.as_secs(), self.at.subsec_micros(), self.thread);
        if self.completion {
            line.push_str("... ");
        }
        line.push_str(self.call);
        line.push('(');
        let socket = self.socket.map(|socket| socket.to_string());
        let arguments = self.arguments.iter().map(|(name, value)| format!("{name}={}", in_words(value)));
        line.push_str(&socket.into_iter().chain(arguments).collect::<Vec<_>>().join(", "));
        line.push_str(") = ");
        let written = match self.outcome {
            Outcome::Done(number) => write!(line, "{number}"),
            Outcome::Failed(error) if error.name().is_empty() => write!(line, "error {}", error.code()),
            Outcome::Failed(error) => write!(line, "{} ({})", error.name(), error.code()),
            Outcome::Pending => write!(line, "pending"),
        };
        written.expect("a string");
        write!(line, " <{}>", duration(self.took)).expect("a string");
        line
    }

    /// One JSON object on one line, without its end.
    pub fn json(&self) -> String {
        let mut object = Map::new();
        let mut put = |name: &str, value| object.insert(name.to_owned(), value);
        put("at_us", json!(self.at.as_micros() as u64));
        put("thread", json!(self.thread));
        put("call", json!(self.call));
        if self.completion {
            put("completion", json!(true));
        }
        if let Some(socket) = self.socket {
            put("socket", json!(socket));
        }
        let arguments = self.arguments.iter().map(|(name, value)| ((*name).to_owned(), as_json(value)));
        put("arguments", arguments.collect::<Map<_, _>>().into());
        match self.outcome {
            Outcome::Done(number) => put("result", json!(number)),
            Outcome::Failed(error) => {
                put("error_name", json!(error.name()));
                put("error", json!(error.code()))
            }
            Outcome::Pending => put("pending", json!(true)),
        };
        put("took_ns", json!(self.took.as_nanos() as u64));
        serde_json::Value::Object(object).to_string()
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Bits(bits) => format!("{bits:#x}"),
        Value::Name(name) => (*name).to_owned(),
        Value::Address(address) => address.to_string(),
        Value::Bytes(count) => format!("[{count}]"),
        Value::Text(text) => text.clone(),
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Number(number) => json!(number),
        Value::Bits(bits) => json!(bits),
        Value::Bytes(count) => json!(count),
        other => json!(in_words(other)),
    }
}

/// With a unit that leaves few digits.
fn duration(time: Duration) -> String {
    match time.as_nanos() {
        nanos if nanos < 10_000 => format!("{nanos} ns"),
        nanos if nanos < 10_000_000 => format!("{} us", nanos / 1_000),
        nanos => format!("{} ms", nanos / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(outcome: Outcome) -> Event {
        Event {
            at: Duration::from_micros(1_000_042),
            thread: 77,
            call: "WSPSendTo",
            socket: Some(5),
            arguments: vec![
                ("buffers", Value::Bytes(64)),
                ("flags", Value::Bits(8)),
                ("to", Value::Address(SocketAddr::from(([127, 0, 0, 1], 80)))),
            ],
            outcome,
            took: Duration::from_nanos(12_345),
            completion: false,
        }
    }

    #[test]
    fn a_line_reads_like_the_call() {
        assert_eq!(
            event(Outcome::Done(64)).line(),
            "   1.000042      77 WSPSendTo(5, buffers=[64], flags=0x8, to=127.0.0.1:80) = 64 <12 us>"
        );
        let failed = event(Outcome::Failed(WsaError::WSAEWOULDBLOCK)).line();
        assert!(failed.ends_with(") = WSAEWOULDBLOCK (10035) <12 us>"), "{failed}");
        let end = Event { completion: true, socket: None, arguments: Vec::new(), ..event(Outcome::Pending) }.line();
        assert!(end.ends_with(" ... WSPSendTo() = pending <12 us>"), "{end}");
    }

    #[test]
    fn json_has_the_same_facts() {
        let value: serde_json::Value = serde_json::from_str(&event(Outcome::Done(64)).json()).unwrap();
        assert_eq!(value["at_us"], 1_000_042);
        assert_eq!((&value["call"], &value["socket"]), (&"WSPSendTo".into(), &5.into()));
        assert_eq!(value["arguments"], json!({"buffers": 64, "flags": 8, "to": "127.0.0.1:80"}));
        assert_eq!((&value["result"], &value["took_ns"]), (&64.into(), &12_345.into()));
        let failed: serde_json::Value =
            serde_json::from_str(&event(Outcome::Failed(WsaError::WSAECONNRESET)).json()).unwrap();
        assert_eq!((&failed["error"], &failed["error_name"]), (&10054.into(), &"WSAECONNRESET".into()));
        assert!(failed["result"].is_null());
    }

    #[test]
    fn durations_have_few_digits() {
        for (nanos, text) in [(0, "0 ns"), (9_999, "9999 ns"), (10_000, "10 us"), (10_000_000, "10 ms")] {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }
}

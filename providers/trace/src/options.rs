//! What the words after `trace:` mean.

use std::fmt;
use std::path::PathBuf;

/// Where and how to write. The default is readable lines on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// One JSON object a line, instead of words.
    pub json: bool,
    /// A file for the lines, instead of standard error.
    pub file: Option<PathBuf>,
    /// A capture file for Wireshark. Without `lines` it is all that is written.
    pub pcap: Option<PathBuf>,
    /// Whether there are lines: unless a capture is asked for and nothing is said of lines.
    pub lines: bool,
}

/// What cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trace: {}: not one of text, json, file=PATH, pcap=FILE", self.0)
    }
}

impl std::error::Error for Unknown {}

impl Options {
    /// Reads `json,file=PATH,pcap=FILE,text`, in any order, none needed.
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let mut options = Self::default();
        let mut lines = false;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word.split_once('=') {
                None if word == "json" => (options.json, lines) = (true, true),
                None if word == "text" => (options.json, lines) = (false, true),
                Some(("file", path)) if !path.is_empty() => {
                    (options.file, lines) = (Some(path.into()), true);
                }
                Some(("pcap", path)) if !path.is_empty() => options.pcap = Some(path.into()),
                _ => return Err(Unknown(word.to_owned())),
            }
        }
        options.lines = lines || options.pcap.is_none();
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_in_any_order() {
        assert_eq!(Options::parse("").unwrap(), Options { lines: true, ..Options::default() });
        let all = Options::parse("pcap=a.pcapng, json ,file=b=c").unwrap();
        assert_eq!(all, Options { json: true, file: Some("b=c".into()), pcap: Some("a.pcapng".into()), lines: true });
        assert!(!Options::parse("pcap=x").unwrap().lines, "a capture alone");
        assert!(Options::parse("pcap=x,text").unwrap().lines);
    }

    #[test]
    fn what_is_unknown_is_named() {
        for (text, word) in [("jsn", "jsn"), ("file=", "file="), ("json,x=1", "x=1"), ("file", "file")] {
            let said = Options::parse(text).unwrap_err().to_string();
            assert!(said.contains(word) && said.contains("pcap=FILE"), "{said}");
        }
    }
}

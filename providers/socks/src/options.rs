//! What the words after `socks:` mean.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::wire::Credentials;

/// Which proxy, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the proxy listens.
    pub proxy: SocketAddr,
    /// Absent: the proxy asks for none.
    pub credentials: Option<Credentials>,
    /// Whether datagrams go through the proxy too.
    pub udp: bool,
}

/// What is wrong with the words.
#[derive(Debug)]
pub enum Wrong {
    /// A word that is none of ours.
    Word(String),
    /// There is no `proxy=`.
    NoProxy,
    /// A user without a password, or a password without a user.
    HalfOfCredentials,
    /// User or password are longer than 255 bytes, or empty.
    Length,
    /// The file of the password cannot be read.
    File(String, io::Error),
    /// The environment variable of the password is not there.
    Variable(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socks: ")?;
        match self {
            Self::Word(word) => write!(
                f,
                "{word}: not one of proxy=ADDRESS:PORT, user=NAME, password=TEXT, password-file=PATH, password-env=NAME, udp=no"
            ),
            Self::NoProxy => write!(f, "proxy=ADDRESS:PORT is missing"),
            Self::HalfOfCredentials => write!(f, "user and password go together"),
            Self::Length => write!(f, "user and password have from 1 to 255 bytes each"),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Variable(name) => write!(f, "there is no variable {name}"),
        }
    }
}

impl std::error::Error for Wrong {}

impl Options {
    /// Reads `proxy=127.0.0.1:1080,user=NAME,password-env=VARIABLE`, in any order; only the proxy is needed.
    ///
    /// A password on the command line is seen by others: `password-file` and `password-env` name where it is. The end of a line in the
    /// file is none of it.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse_with(text, |name| std::env::var_os(name), |path| std::fs::read_to_string(path))
    }

    fn parse_with(
        text: &str,
        variable: impl Fn(&str) -> Option<OsString>,
        file: impl Fn(&str) -> io::Result<String>,
    ) -> Result<Self, Wrong> {
        let (mut proxy, mut user, mut password, mut udp) = (None, None, None, true);
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let unknown = || Wrong::Word(word.to_owned());
            let (name, value) = word.split_once('=').ok_or_else(unknown)?;
            match name {
                "proxy" => proxy = Some(value.parse().map_err(|_| unknown())?),
                "user" => user = Some(value.to_owned()),
                "password" => password = Some(value.to_owned()),
                "password-file" => {
                    let text = file(value).map_err(|error| Wrong::File(value.to_owned(), error))?;
                    password = Some(text.trim_end_matches(['\r', '\n']).to_owned());
                }
                "password-env" => {
                    let text = variable(value).and_then(|text| text.into_string().ok());
                    password = Some(text.ok_or_else(|| Wrong::Variable(value.to_owned()))?);
                }
                "udp" if value == "no" => udp = false,
                "udp" if value == "yes" => udp = true,
                _ => return Err(unknown()),
            }
        }
        let credentials = match (user, password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some(Credentials::new(user, password).ok_or(Wrong::Length)?),
            _ => return Err(Wrong::HalfOfCredentials),
        };
        Ok(Self { proxy: proxy.ok_or(Wrong::NoProxy)?, credentials, udp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, Wrong> {
        let variable = |name: &str| (name == "SECRET").then(|| "of the environment".into());
        let file = |path: &str| match path {
            "/secret" => Ok("of the file\n".to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        };
        Options::parse_with(text, variable, file)
    }

    #[test]
    fn passwords_come_from_three_places() {
        let plain = parse("proxy=127.0.0.1:1080").unwrap();
        assert_eq!((plain.proxy, plain.credentials, plain.udp), (([127, 0, 0, 1], 1080).into(), None, true));
        for (text, password) in [
            ("proxy=[::1]:1,user=u,password=p=q", "p=q"),
            ("user=u,password-file=/secret,proxy=[::1]:1", "of the file"),
            ("user=u,password-env=SECRET,proxy=[::1]:1,udp=no", "of the environment"),
        ] {
            assert_eq!(parse(text).unwrap().credentials, Credentials::new("u".into(), password.into()), "{text}");
        }
        assert!(!parse("proxy=[::1]:1,udp=no").unwrap().udp);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (text, part) in [
            ("", "proxy=ADDRESS:PORT is missing"),
            ("proxy=localhost", "proxy=localhost: not one of"),
            ("proxy=[::1]:1,user=u", "go together"),
            ("proxy=[::1]:1,password=p", "go together"),
            ("proxy=[::1]:1,user=,password=p", "from 1 to 255"),
            ("proxy=[::1]:1,user=u,password-file=/x", "/x: "),
            ("proxy=[::1]:1,user=u,password-env=X", "no variable X"),
            ("proxy=[::1]:1,speed=9", "speed=9: not one of"),
            ("proxy=[::1]:1,udp=maybe", "udp=maybe"),
        ] {
            let said = parse(text).unwrap_err().to_string();
            assert!(said.contains(part), "{text}: {said}");
        }
        assert!(!format!("{:?}", parse("proxy=[::1]:1,user=u,password=hush").unwrap()).contains("hush"));
    }
}

//! Words of a command line as a shell reads and writes them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Splits at blanks; quotes and backslashes hold words together. Nothing is expanded.
pub fn split(text: &OsStr) -> Result<Vec<OsString>, String> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.as_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' => words.extend(word.take().map(OsString::from_vec)),
            b'\'' | b'"' => quoted(byte, &mut bytes, word.get_or_insert_default())?,
            b'\\' => {
                let next = bytes.next().ok_or("a backslash at the end")?;
                word.get_or_insert_default().push(next);
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.map(OsString::from_vec));
    Ok(words)
}

/// One line that a shell splits into the same words.
pub fn join<W: AsRef<OsStr>>(words: &[W]) -> String {
    let words: Vec<_> = words.iter().map(|word| quote(&word.as_ref().to_string_lossy())).collect();
    words.join(" ")
}

fn quoted(quote: u8, bytes: &mut impl Iterator<Item = u8>, word: &mut Vec<u8>) -> Result<(), String> {
    loop {
        match bytes.next() {
            None => return Err(format!("a {} that is not closed", char::from(quote))),
            Some(byte) if byte == quote => return Ok(()),
            Some(b'\\') if quote == b'"' => match bytes.next() {
                Some(next @ (b'"' | b'\\' | b'$' | b'`')) => word.push(next),
                Some(next) => word.extend([b'\\', next]),
                None => return Err("a backslash at the end".to_owned()),
            },
            Some(byte) => word.push(byte),
        }
    }
}

fn quote(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./,:=+@%^".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        split(OsStr::new(text)).unwrap().into_iter().map(|w| w.into_string().unwrap()).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        assert_eq!(words("  gcc\t-O2 "), ["gcc", "-O2"]);
        assert_eq!(words(r#"-DA='b c' "d \" \e"f g\ h '' "#), ["-DA=b c", r#"d " \ef"#, "g h", ""]);
        assert_eq!(words(""), [""; 0]);
        for wrong in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(split(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn joined_words_split_into_the_same_words() {
        for list in [vec!["cc", "-I/a b", "it's", ""], vec!["$x", "`y`", "a\"b", "c\\d"]] {
            assert_eq!(words(&join(&list)), list);
        }
        assert_eq!(join(&["cc", "-Wl,-rpath,/x", "a.c"]), "cc -Wl,-rpath,/x a.c");
    }
}

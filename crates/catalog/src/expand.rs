//! Environment strings in the paths of providers.

use std::ffi::OsString;
use std::path::PathBuf;

/// The path with the environment strings of this process expanded, as the runtime does just before
/// it loads a provider (WSP-STARTUP-27). See [`expand_with`].
pub fn expand(path: &str) -> PathBuf {
    expand_with(path, |name| std::env::var_os(name))
}

/// The path with `%NAME%`, `$NAME` and `${NAME}` replaced by what `env` says of `NAME`.
///
/// A name that `env` does not know stays as it is written, so that the path that could not be
/// loaded shows which it was. Values are not expanded again.
pub fn expand_with(path: &str, env: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let mut out = OsString::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find(['%', '$']) {
        out.push(&rest[..at]);
        rest = &rest[at..];
        let found = reference(rest).and_then(|(name, len)| Some((env(name)?, len)));
        match found {
            Some((value, len)) => {
                out.push(value);
                rest = &rest[len..];
            }
            None => {
                out.push(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    out.push(rest);
    out.into()
}

/// The name that text starting with `%` or `$` refers to, and the length of the reference in bytes.
fn reference(text: &str) -> Option<(&str, usize)> {
    let (name, len) = if let Some(after) = text.strip_prefix('%') {
        let end = after.find('%')?;
        (&after[..end], end + 2)
    } else if let Some(after) = text.strip_prefix("${") {
        let end = after.find('}')?;
        (&after[..end], end + 3)
    } else {
        let after = text.strip_prefix('$')?;
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        (&after[..end], end + 1)
    };
    let usable = !name.is_empty() && !name.contains(['=', '\0']);
    usable.then_some((name, len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<OsString> {
        match name {
            "HOME" => Some("/home/ann".into()),
            "LIB" => Some("lib64".into()),
            "LOOP" => Some("%HOME%".into()),
            "ProgramFiles(x86)" => Some("/opt".into()),
            _ => None,
        }
    }

    #[track_caller]
    fn becomes(path: &str, expanded: &str) {
        assert_eq!(expand_with(path, env), PathBuf::from(expanded));
    }

    #[test]
    fn wsp_startup_27_expands_both_spellings() {
        becomes("%HOME%/a.so", "/home/ann/a.so");
        becomes("$HOME/$LIB/a.so", "/home/ann/lib64/a.so");
        becomes("${HOME}${LIB}x/a.so", "/home/annlib64x/a.so");
        becomes("%ProgramFiles(x86)%/a.so", "/opt/a.so");
        becomes("%HOME%%LIB%", "/home/annlib64");
    }

    #[test]
    fn wsp_startup_27_leaves_the_rest_alone() {
        for path in
            ["/usr/lib/a.so", "%NONE%/a.so", "$NONE/a.so", "${NONE}", "100%", "a$", "${HOME", "%%", "$", "", "é%ü%"]
        {
            becomes(path, path);
        }
    }

    #[test]
    fn wsp_startup_27_a_stray_percent_does_not_hide_what_follows() {
        becomes("50%/x/%HOME%", "50%/x//home/ann");
    }

    #[test]
    fn wsp_startup_27_values_are_not_expanded_again() {
        becomes("%LOOP%", "%HOME%");
    }
}

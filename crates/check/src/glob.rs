//! Patterns for rules.

/// Whether a text matches a pattern, in which `*` stands for any text and `?` for any letter. Case does not matter.
pub fn matches(pattern: &str, text: &str) -> bool {
    fn go(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => go(rest, text) || !text.is_empty() && go(pattern, &text[1..]),
            (Some((b'?', rest)), Some((_, text))) => go(rest, text),
            (Some((one, rest)), Some((other, text))) => one.eq_ignore_ascii_case(other) && go(rest, text),
            _ => false,
        }
    }
    go(pattern.as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_rules() {
        for (pattern, text, is_so) in [
            ("WSP-CLEANUP-*", "WSP-CLEANUP-14", true),
            ("wsp-*", "WSP-RECV-1", true),
            ("OV-?", "OV-12", false),
            ("OV-??", "OV-12", true),
            ("*CLEAN*4", "WSP-CLEANUP-14", true),
            ("WSP-RECV", "WSP-RECV-1", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, text), is_so, "{pattern} {text}");
        }
    }
}

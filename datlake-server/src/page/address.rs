//! Links: what names have in them means nothing there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The path with these segments, with a query of what is not empty.
pub(super) fn address(segments: &[&str], query: &[(&str, &str)]) -> String {
    let mut address: String = segments.iter().map(|segment| format!("/{}", spelled(segment))).collect();
    let mut before = '?';
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        address += &format!("{before}{name}={}", spelled(value));
        before = '&';
    }
    address
}

fn spelled(text: &str) -> String {
    match text {
        // Which a browser takes for a step in the path, however they are spelled.
        "." | ".." => text.replace('.', "%252E"),
        _ => utf8_percent_encode(text, &PLAIN).to_string(),
    }
}

/// Whether somebody may be sent there behind a sign-in: it is a page of this server.
pub(super) fn is_own(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//") && !address.starts_with("/\\");
    is_path && address.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_segments() {
        let query = [("after", ""), ("path", "a b&c=d#e"), ("ref", "main")];
        let found = address(&["jobs", "zone/model//\u{e4}", "runs"], &query);
        assert_eq!(found, "/jobs/zone%2Fmodel%2F%2F%C3%A4/runs?path=a%20b%26c%3Dd%23e&ref=main");
        assert_eq!(address(&["jobs", "\"><script>"], &[]), "/jobs/%22%3E%3Cscript%3E");
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        for own in ["/", "/jobs?after=x", "/a//b", "/files?prefix=a%2Fb"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb", "/a\\b", "jobs", "/ä"]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}

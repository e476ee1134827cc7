//! Ranges of bytes that a client asks for: RFC 9110, one range.

use std::ops::Range;

/// What a `Range` header asks of `size` bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of them: there is no such header, or one that may be ignored, as several ranges are.
    All,
    /// These.
    Part(Range<u64>),
    /// None that there are.
    Outside,
}

/// What `header` asks of `size` bytes.
pub(crate) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) = header.and_then(|header| header.strip_prefix("bytes=")?.trim().split_once('-')) else {
        return Asked::All;
    };
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        // What is too large for a number is behind the end of everything.
        true => Some(text.parse::<u64>().unwrap_or(u64::MAX)),
        false => None,
    };
    let range = match (first, last) {
        ("", "") => return Asked::All,
        ("", last) => number(last).map(|last| (size.saturating_sub(last), size)),
        (first, "") => number(first).map(|first| (first, size)),
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Some((first, last.saturating_add(1).min(size))),
            _ => None,
        },
    };
    match range {
        None => Asked::All,
        Some((first, last)) if first >= last => Asked::Outside,
        Some((first, last)) => Asked::Part(first..last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_asks_for_what_it_says() {
        for (header, expected) in [
            ("bytes=0-4", Asked::Part(0..5)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=5-5", Asked::Part(5..6)),
            ("bytes=5-99999999999999999999999", Asked::Part(5..10)),
            ("bytes=10-", Asked::Outside),
            ("bytes=10-12", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=5-4", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=-", Asked::All),
            ("bytes=a-b", Asked::All),
            ("lines=0-4", Asked::All),
        ] {
            assert_eq!(asked(Some(header), 10), expected, "{header}");
        }
        assert_eq!((asked(None, 10), asked(Some("bytes=0-"), 0)), (Asked::All, Asked::Outside));
    }
}

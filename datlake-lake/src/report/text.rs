//! Text for people: what others wrote into a lake is shown, and never obeyed by a terminal.

use std::borrow::Cow;
use std::time::Duration;

/// `text` without what would move a terminal's cursor or turn its direction: that is written as escapes. What people and
/// programs wrote into a lake, such as names, may hold anything.
///
/// ```
/// use datlake::report::escape_control;
/// assert_eq!(escape_control("naïve €.txt"), "naïve €.txt");
/// assert_eq!(escape_control("a\u{1b}[2J\nb\u{202e}c\u{9b}d"), "a\\u{1b}[2J\\u{a}b\\u{202e}c\\u{9b}d");
/// ```
pub fn escape_control(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let show = |c: char| if harmful(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(show).collect())
}

/// A number of bytes for people.
///
/// ```
/// use datlake::report::human_size;
/// assert_eq!((human_size(900), human_size(1536)), ("900 B".to_owned(), "1.5 KiB".to_owned()));
/// ```
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A time for people.
///
/// ```
/// assert_eq!(datlake::report::human_duration(std::time::Duration::from_secs(61)), "1 min 1 s");
/// ```
pub fn human_duration(took: Duration) -> String {
    match took.as_secs() {
        0 => format!("{} ms", took.as_millis()),
        s if s < 60 && took.subsec_nanos() == 0 => format!("{s} s"),
        s if s < 60 => format!("{:.1} s", took.as_secs_f64()),
        s if s < 3600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

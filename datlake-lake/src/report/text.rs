//! Text that others wrote into a lake: shown, and never obeyed by a terminal.

use std::borrow::Cow;

/// `text` without what would move a terminal's cursor or turn its direction: that is written as escapes. What people and
/// programs wrote into a lake, such as names, may hold anything.
///
/// ```
/// use datlake::report::escape_control;
/// assert_eq!(escape_control("naïve €.txt"), "naïve €.txt");
/// assert_eq!(escape_control("a\u{1b}[2J\n"), "a\\u{1b}[2J\\u{a}");
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

//! Names that clients give to things.

use crate::problem::{Problem, Reply};

/// The most bytes that a name has.
const LONGEST: usize = 400;

/// Refuses what cannot be the name of a `what`.
///
/// # Errors
/// 400, of that field.
pub(crate) fn check_name(what: &str, name: &str, field: &str) -> Reply<()> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it has more than 400 bytes"
    } else if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        "it has a control character, or one that nobody sees"
    } else if name.trim() != name {
        "it begins or ends with a space"
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Err(Problem::bad_request(format!("`{shown}` cannot be the name of a {what}: {why}")).of_field(field))
}

/// What makes a text look like another: marks of direction, and what has no width.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_can_read() {
        for name in ["daily_users", "zone/model//", "a b", "ä", "日本", "a*", "../x", "%2F"] {
            assert!(check_name("job", name, "job").is_ok(), "{name}");
        }
        for name in ["", " a", "a ", "a\n", "a\0", "a\u{202e}b", "\u{200b}", "\u{7f}", &"x".repeat(401)] {
            assert!(check_name("job", name, "job").is_err(), "{name:?}");
        }
    }
}

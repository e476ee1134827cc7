//! Expressions that mean a commit: `main`, `main@`, `main~2`, `v1^`, `3f9a27b1`.

use datlake_core::{Error, ErrorKind, Result};

/// An expression, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expression<'a> {
    /// A branch, a tag, or what the id of a commit begins with.
    pub(super) name: &'a str,
    /// Whether it means a commit, also where the name is that of a branch with uncommitted changes.
    pub(super) is_commit: bool,
    /// The way back from there.
    pub(super) steps: Vec<Back>,
}

/// A step back in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// So many commits, each time to the first parent.
    First(u64),
    /// To the parent of this number, from 1; 0 stays.
    Parent(usize),
}

impl<'a> Expression<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let end = text.find(['~', '^']).unwrap_or(text.len());
        let (head, mut rest) = text.split_at(end);
        let (name, at) = head.strip_suffix('@').map_or((head, false), |name| (name, true));
        if name.is_empty() {
            return Err(wrong(text, "names no branch, tag or commit"));
        }
        let mut steps = Vec::new();
        while let Some(sign) = rest.chars().next() {
            let after = &rest[sign.len_utf8()..];
            let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let number = match &after[..digits] {
                "" => Ok(1),
                number => number.parse::<u64>(),
            };
            let n = number.map_err(|e| wrong(text, "has a number that is too large").because(e))?;
            steps.push(match sign {
                '~' => Back::First(n),
                '^' => Back::Parent(usize::try_from(n).unwrap_or(usize::MAX)),
                _ => return Err(wrong(text, "has something else than `~` and `^` with numbers behind its name")),
            });
            rest = &after[digits..];
        }
        Ok(Self { name, is_commit: at || !steps.is_empty(), steps })
    }
}

fn wrong(text: &str, why: &str) -> Error {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::InvalidInput, format!("`{shown}` is no reference: it {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_means_what_it_says() {
        let read = |text| Expression::parse(text).unwrap();
        assert_eq!(read("main"), Expression { name: "main", is_commit: false, steps: vec![] });
        assert_eq!(read("main@"), Expression { name: "main", is_commit: true, steps: vec![] });
        assert_eq!(read("a/v1~2").steps, [Back::First(2)]);
        assert_eq!(read("main@^^2~").steps, [Back::Parent(1), Back::Parent(2), Back::First(1)]);
        assert_eq!(read("v1^0"), Expression { name: "v1", is_commit: true, steps: vec![Back::Parent(0)] });
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for text in ["", "@", "~1", "main~a", "main~1x", "main~99999999999999999999999", "main^é"] {
            assert_eq!(Expression::parse(text).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
    }
}

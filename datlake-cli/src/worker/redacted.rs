//! Output without the values of variables: their names stand in their places.

/// The shortest value that is looked for: a shorter one is in too much that is none.
const SHORTEST: usize = 6;

/// Takes values out of what comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    /// Values, the longest first, and what stands in their places.
    values: Vec<(Vec<u8>, Vec<u8>)>,
    /// What may be the beginning of a value.
    held: Vec<u8>,
}

impl Redactor {
    pub(super) fn new<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let value = |(name, value): (&str, &str)| (value.as_bytes().to_vec(), format!("${name}").into_bytes());
        let mut values: Vec<_> =
            variables.into_iter().filter(|(_, value)| value.len() >= SHORTEST).map(value).collect();
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self { values, held: Vec::new() }
    }

    /// What may be shown of all that came so far: what may be the beginning of a value waits for more.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        self.replaced(false)
    }

    /// The rest.
    pub(super) fn end(&mut self) -> Vec<u8> {
        self.replaced(true)
    }

    fn replaced(&mut self, is_end: bool) -> Vec<u8> {
        let (mut shown, mut at) = (Vec::with_capacity(self.held.len()), 0);
        'bytes: while at < self.held.len() {
            let rest = &self.held[at..];
            for (value, name) in &self.values {
                if rest.starts_with(value) {
                    shown.extend_from_slice(name);
                    at += value.len();
                    continue 'bytes;
                }
                // A shorter value may begin here, too, and is a part of this one.
                if !is_end && value.starts_with(rest) {
                    break 'bytes;
                }
            }
            shown.push(rest[0]);
            at += 1;
        }
        self.held.drain(..at);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_however_they_come() {
        let text = b"key=hunter2-and-more, again hunter2-and-more; hunter2-, and nothing: hunter1 abcabcabd";
        let variables = [("KEY", "hunter2-and-more"), ("PART", "hunter2"), ("SHORT", "key"), ("TWICE", "abcabd")];
        let expected = "key=$KEY, again $KEY; $PART-, and nothing: hunter1 abc$TWICE";
        for size in 1..text.len() {
            let mut redactor = Redactor::new(variables);
            let mut shown: Vec<u8> = text.chunks(size).flat_map(|piece| redactor.push(piece)).collect();
            shown.extend(redactor.end());
            assert_eq!(String::from_utf8(shown).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_cannot_be_a_value_is_shown_at_once() {
        let mut redactor = Redactor::new([("KEY", "secret-secret")]);
        assert_eq!(redactor.push(b"a line\n"), b"a line\n");
        assert_eq!(redactor.push(b"sec"), b"");
        assert_eq!(redactor.push(b"ond\n"), b"second\n");
    }
}

//! Where two contents begin to differ.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::Value;

use crate::report::FirstDifference;

/// Bytes of a line, or of a value, that are shown.
const SHOWN: usize = 200;

/// Where what two readers give begins to differ; `None` where it is the same.
pub(super) fn of_bytes(was: impl Read, now: impl Read) -> io::Result<Option<FirstDifference>> {
    let (mut was, mut now) = (BufReader::new(was), BufReader::new(now));
    let (mut byte, mut line, mut begun) = (0_u64, 1_u64, Vec::new());
    loop {
        let (a, b) = (was.fill_buf()?, now.fill_buf()?);
        let both = a.len().min(b.len());
        let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        if both == 0 && a.len() == b.len() {
            return Ok(None);
        }
        let part = &a[..same];
        line += part.iter().filter(|byte| **byte == b'\n').count() as u64;
        match part.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => begun = part[end + 1..].to_vec(),
            None => begun.extend_from_slice(part),
        }
        begun.truncate(SHOWN);
        byte += same as u64;
        was.consume(same);
        now.consume(same);
        if same < both || both == 0 {
            break;
        }
    }
    let (was, now) = (rest_of_line(begun.clone(), was)?, rest_of_line(begun, now)?);
    let text = text(&was).zip(text(&now));
    let line = text.is_some().then_some(line);
    let (was, now) = text.unzip();
    Ok(Some(FirstDifference { byte: Some(byte), line, was, now, path: None }))
}

fn rest_of_line(mut line: Vec<u8>, rest: impl BufRead) -> io::Result<Vec<u8>> {
    let room = (SHOWN + 1).saturating_sub(line.len()) as u64;
    rest.take(room).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

/// A line, if it is text: cut where it is long.
fn text(line: &[u8]) -> Option<String> {
    let whole = match std::str::from_utf8(line) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&line[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    if whole.contains('\0') {
        return None;
    }
    Some(cut(whole))
}

fn cut(text: &str) -> String {
    match text.len() {
        ..=SHOWN => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(SHOWN)]),
    }
}

/// Where two values begin to differ, as they are shown.
pub(super) fn of_values(was: &Value, now: &Value) -> FirstDifference {
    let mut path = String::new();
    let (was, now) = descend(was, now, &mut path);
    let shown = |value: Option<&Value>| value.map(|value| cut(&value.to_string()));
    FirstDifference { path: Some(path), was: shown(was), now: shown(now), byte: None, line: None }
}

fn descend<'v>(was: &'v Value, now: &'v Value, path: &mut String) -> (Option<&'v Value>, Option<&'v Value>) {
    match (was, now) {
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                if a.get(at) != b.get(at) {
                    path.push_str(&format!("[{at}]"));
                    return part(a.get(at), b.get(at), path);
                }
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                if a.get(name) != b.get(name) {
                    path.push_str(&format!(".{name}"));
                    return part(a.get(name), b.get(name), path);
                }
            }
        }
        _ => {}
    }
    (Some(was), Some(now))
}

fn part<'v>(
    was: Option<&'v Value>,
    now: Option<&'v Value>,
    path: &mut String,
) -> (Option<&'v Value>, Option<&'v Value>) {
    match (was, now) {
        (Some(was), Some(now)) => descend(was, now, path),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Shown = (u64, Option<u64>, Option<String>, Option<String>);

    fn of(was: &[u8], now: &[u8]) -> Option<Shown> {
        // Readers that give little at a time.
        let first = of_bytes(was.chain(&b""[..]), now).unwrap()?;
        Some((first.byte.unwrap(), first.line, first.was, first.now))
    }

    #[test]
    fn lines_of_text_are_shown() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of(b"a,1\nb,2\n", b"a,1\nb,3\n"), Some((6, Some(2), text("b,2"), text("b,3"))));
        assert_eq!(of(b"same", b"same"), None);
        assert_eq!(of(b"", b""), None);
        assert_eq!(of(b"", b"x"), Some((0, Some(1), text(""), text("x"))));
        assert_eq!(of(b"one\ntwo", b"one\n"), Some((4, Some(2), text("two"), text(""))));
        assert_eq!(of(b"one\n", b"one"), Some((3, Some(1), text("one"), text("one"))));
        assert_eq!(of("é=1".as_bytes(), "é=2".as_bytes()), Some((3, Some(1), text("é=1"), text("é=2"))));
    }

    #[test]
    fn bytes_that_are_no_text_are_counted_only() {
        assert_eq!(of(b"\x89PNG\0\x01", b"\x89PNG\0\x02"), Some((5, None, None, None)));
        assert_eq!(of(b"a\0b", b"a\0c"), Some((2, None, None, None)));
    }

    #[test]
    fn long_contents_are_compared_in_parts_and_shown_cut() {
        let was = [vec![b'x'; 100_000], b"\n".to_vec(), vec![b'y'; 1000], b"1".to_vec()].concat();
        let mut now = was.clone();
        *now.last_mut().unwrap() = b'2';
        let (byte, line, was, _) = of(&was, &now).unwrap();
        assert_eq!((byte, line, was.unwrap().chars().count()), (101_001, Some(2), SHOWN + 1));
    }

    #[test]
    fn values_are_compared_to_where_they_differ() {
        let first = |was, now| {
            let FirstDifference { path, was, now, .. } = of_values(&was, &now);
            (path.unwrap(), was, now)
        };
        let text = |text: &str| Some(text.to_owned());
        let (was, now) = (json!({ "a": 1, "scores": [1, 2, 3] }), json!({ "a": 1, "scores": [1, 2, 4] }));
        assert_eq!(first(was, now), (".scores[2]".to_owned(), text("3"), text("4")));
        assert_eq!(first(json!([1]), json!([1, 2])), ("[1]".to_owned(), None, text("2")));
        assert_eq!(first(json!(1), json!("1")), (String::new(), text("1"), text("\"1\"")));
    }
}

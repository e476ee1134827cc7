//! The envelope of every small object: one line of JSON that carries its own digest.
//!
//! A document is a JSON object whose last member is `"digest"`: BLAKE3, in hexadecimal, of every byte before the comma in
//! front of that member. So a reader checks the bytes it has, without writing them anew, and a document that was cut short
//! or edited by hand is found before a word of it is believed. The first members are `"datlake"`, the kind of document, and
//! `"format"`, the version that wrote it.

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, ErrorKind, Result};

/// The version of everything on disk. A reader refuses what is newer than itself.
pub const FORMAT: u32 = 1;

/// Behind the kind, in what this version writes.
const CURRENT: &[u8] = br#"","format":1,"#;
const TAIL: usize = r#","digest":""}"#.len() + 64 + 1;

#[derive(Serialize)]
struct Envelope<'a, T> {
    datlake: &'static str,
    format: u32,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Deserialize)]
struct Header<'a> {
    datlake: &'a str,
    format: u32,
}

/// Writes `body` as a document of `kind`. Returns its bytes and the digest in it.
pub(crate) fn seal<T: Serialize>(kind: &'static str, body: &T) -> Result<(Vec<u8>, Digest)> {
    let mut bytes = serde_json::to_vec(&Envelope { datlake: kind, format: FORMAT, body })
        .map_err(|e| Error::new(ErrorKind::Value, format!("cannot write a {kind} document")).because(e))?;
    bytes.pop();
    let digest = Digest::of(&bytes);
    bytes.extend_from_slice(format!(",\"digest\":\"{digest}\"}}\n").as_bytes());
    Ok((bytes, digest))
}

/// Whether a document begins as those of `kind` that this version writes.
pub(crate) fn is_current(kind: &str, bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"{\"datlake\":\"").and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(CURRENT))
}

/// Checks a document of `kind` found at `place`, and parses it.
pub(crate) fn open<'a, T: Deserialize<'a>>(kind: &'static str, bytes: &'a [u8], place: &str) -> Result<(T, Digest)> {
    let digest = verify(kind, bytes, || place.to_owned())?;
    let body =
        serde_json::from_slice(bytes).map_err(|e| corrupt(kind, place, "a member is missing or wrong").because(e))?;
    Ok((body, digest))
}

/// Checks a document of `kind` found at `place`, and hands what stands before `member` to `parse`, as an object of its own: what
/// follows may be long. Without that member, it is the whole document.
pub(crate) fn open_before<T>(
    kind: &'static str,
    bytes: &[u8],
    member: &str,
    place: impl Fn() -> String,
    parse: impl FnOnce(&[u8], Digest) -> serde_json::Result<T>,
) -> Result<(T, Digest)> {
    let digest = verify(kind, bytes, &place)?;
    // Quotation marks in strings are escaped, so that this stands in none.
    let parsed = match memchr::memmem::find(bytes, [",\"", member, "\":"].concat().as_bytes()) {
        Some(length) => {
            let mut head = Vec::with_capacity(length + 1);
            head.extend_from_slice(&bytes[..length]);
            head.push(b'}');
            parse(&head, digest)
        }
        None => parse(bytes, digest),
    };
    let wrong = |e| corrupt(kind, &place(), "a member is missing or wrong").because(e);
    Ok((parsed.map_err(wrong)?, digest))
}

/// The digest of a document that is one of `kind` and whole.
fn verify(kind: &str, bytes: &[u8], place: impl Fn() -> String) -> Result<Digest> {
    let digest = check(bytes).map_err(|why| corrupt(kind, &place(), why))?;
    // The header first, unless it is the one we write: a newer format may have other members.
    if !is_current(kind, bytes) {
        let place = place();
        check_header(kind, bytes, &place, &|why| corrupt(kind, &place, why))?;
    }
    Ok(digest)
}

fn corrupt(kind: &str, place: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the {kind} document `{place}` is damaged ({why})"))
        .with_hint("restore it from another copy of the lake, or remove it to forget what it says")
}

fn check_header(kind: &str, bytes: &[u8], place: &str, corrupt: &dyn Fn(&str) -> Error) -> Result<()> {
    let header: Header<'_> = serde_json::from_slice(bytes).map_err(|e| corrupt("not JSON").because(e))?;
    if header.format > FORMAT {
        let message =
            format!("`{place}` was written by a newer datlake (format {}; this one knows {FORMAT})", header.format);
        return Err(Error::new(ErrorKind::Format, message).with_hint("upgrade datlake"));
    }
    if header.datlake != kind {
        return Err(corrupt("another kind of document"));
    }
    Ok(())
}

/// The digest that a document says it has, also where it is damaged.
pub(crate) fn claimed(bytes: &[u8]) -> Option<Digest> {
    parsed(claim_of(bytes)?)
}

fn claim_of(bytes: &[u8]) -> Option<&[u8]> {
    let tail = bytes.get(bytes.len().checked_sub(TAIL)?..)?;
    tail.strip_prefix(b",\"digest\":\"")?.strip_suffix(b"\"}\n")
}

fn parsed(hex: &[u8]) -> Option<Digest> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

fn check(bytes: &[u8]) -> Result<Digest, &'static str> {
    let length = bytes.len().checked_sub(TAIL).ok_or("cut short")?;
    let digest = Digest::of(&bytes[..length]);
    // Written anew, which is quicker than to read the one that is there.
    match claim_of(bytes) {
        Some(hex) if hex == digest.hex().as_ref().as_bytes() => Ok(digest),
        Some(hex) if parsed(hex).is_some() => Err("its digest does not match"),
        _ => Err("cut short"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Body {
        n: u32,
    }

    #[test]
    fn every_single_byte_counts() {
        let (bytes, digest) = seal("test", &Body { n: 7 }).unwrap();
        assert_eq!(open::<Body>("test", &bytes, "x").unwrap(), (Body { n: 7 }, digest));
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            let error = open::<Body>("test", &bent, "the/place").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}");
            assert!(error.to_string().contains("the/place"));
            assert!(open::<Body>("test", &bytes[..at], "x").is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_this_version_writes_is_current() {
        let (bytes, _) = seal("test", &Body { n: 7 }).unwrap();
        assert!(is_current("test", &bytes) && !is_current("tes", &bytes) && !is_current("call", &bytes));
    }

    #[test]
    fn what_stands_before_a_member_is_read_alone_and_all_is_checked() {
        #[derive(Serialize)]
        struct Long {
            n: u32,
            text: &'static str,
            rest: Vec<u32>,
        }
        let (bytes, digest) = seal("test", &Long { n: 7, text: ",\"rest\":", rest: vec![1, 2] }).unwrap();
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Short {
            #[serde(rename = "datlake")]
            _datlake: String,
            #[serde(rename = "format")]
            _format: u32,
            n: u32,
            text: String,
        }
        let read = |bytes: &[u8]| {
            open_before("test", bytes, "rest", || "x".to_owned(), |head, _| serde_json::from_slice::<Short>(head))
        };
        let (head, found) = read(&bytes).unwrap();
        assert_eq!((head.n, &*head.text, found), (7, ",\"rest\":", digest));
        for at in 0..bytes.len() {
            let mut bent = bytes.clone();
            bent[at] ^= 1;
            assert_eq!(read(&bent).map(drop).unwrap_err().kind(), ErrorKind::Corrupt, "byte {at}");
        }
        // Without the member it is all that there is.
        let (bytes, _) = seal("test", &Body { n: 7 }).unwrap();
        let whole = open_before("test", &bytes, "rest", || "x".to_owned(), |head, _| Ok(head.to_vec()));
        assert_eq!(whole.unwrap().0, bytes);
    }

    #[test]
    fn a_newer_format_says_upgrade() {
        let (bytes, _) = seal("test", &Body { n: 7 }).unwrap();
        let text = String::from_utf8(bytes).unwrap().replace("\"format\":1", "\"format\":2");
        let body = &text[..text.len() - TAIL];
        let newer = format!("{body},\"digest\":\"{}\"}}\n", Digest::of(body.as_bytes()));
        let error = open::<Body>("test", newer.as_bytes(), "x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.to_string().contains("upgrade"));
    }
}

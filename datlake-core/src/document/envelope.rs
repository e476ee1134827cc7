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

/// Checks a document of `kind` found at `place`, and parses it.
pub(crate) fn open<'a, T: Deserialize<'a>>(kind: &'static str, bytes: &'a [u8], place: &str) -> Result<(T, Digest)> {
    let corrupt = |why: &str| {
        Error::new(ErrorKind::Corrupt, format!("the {kind} document `{place}` is damaged ({why})"))
            .with_hint("restore it from another copy of the lake, or remove it to forget what it says")
    };
    let digest = check(bytes).map_err(corrupt)?;
    // The header first, unless it is the one we write: a newer format may have other members.
    if !bytes.starts_with(format!("{{\"datlake\":\"{kind}\",\"format\":{FORMAT},").as_bytes()) {
        check_header(kind, bytes, place, &corrupt)?;
    }
    let body = serde_json::from_slice(bytes).map_err(|e| corrupt("a member is missing or wrong").because(e))?;
    Ok((body, digest))
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
    let tail = bytes.get(bytes.len().checked_sub(TAIL)?..)?;
    let hex = tail.strip_prefix(b",\"digest\":\"")?.strip_suffix(b"\"}\n")?;
    std::str::from_utf8(hex).ok()?.parse().ok()
}

fn check(bytes: &[u8]) -> Result<Digest, &'static str> {
    let digest = claimed(bytes).ok_or("cut short")?;
    let body = &bytes[..bytes.len() - TAIL];
    if Digest::of(body) != digest {
        return Err("its digest does not match");
    }
    Ok(digest)
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

//! Secrets: random, and compared in a time that does not depend on what is in them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use datlake::{Error, ErrorKind, Result};

/// What the ids of key pairs begin with.
const KEY: &str = "DLAK";
/// What tokens begin with, so that whoever finds one knows what it is.
const TOKEN: &str = "dlt";
/// What sessions of the page begin with, and links by which somebody signs in.
const SESSION: &str = "dls";
const LINK: &str = "dll";
/// Letters and digits that nobody confuses.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let failed = |e: getrandom::Error| {
        Error::new(ErrorKind::Io, "the system gives no random numbers").because(std::io::Error::other(e.to_string()))
    };
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// An id of nothing else.
pub(crate) fn new_id() -> Result<String> {
    Ok(random::<16>()?.iter().map(|b| LETTERS[usize::from(b % 32)] as char).collect())
}

/// A new key pair: its id, and its secret.
pub(super) fn new_key_pair() -> Result<(String, String)> {
    Ok((format!("{KEY}{}", new_id()?), URL_SAFE_NO_PAD.encode(random::<30>()?)))
}

/// A new token: its id, and all of it.
pub(super) fn new_token() -> Result<(String, String)> {
    new_of(TOKEN)
}

/// The id that a token says it has.
pub(super) fn id_of_token(token: &str) -> Option<&str> {
    id_of(TOKEN, token)
}

/// A new session: its id, and all of it, which is a cookie.
pub(super) fn new_session() -> Result<(String, String)> {
    new_of(SESSION)
}

/// The id that a session says it has.
pub(super) fn id_of_session(session: &str) -> Option<&str> {
    id_of(SESSION, session)
}

/// What a new link has that nobody guesses.
pub(super) fn new_link() -> Result<String> {
    new_of(LINK).map(|(_, link)| link)
}

fn new_of(kind: &str) -> Result<(String, String)> {
    let id = new_id()?;
    let whole = format!("{kind}_{id}_{}", URL_SAFE_NO_PAD.encode(random::<32>()?));
    Ok((id, whole))
}

fn id_of<'a>(kind: &str, whole: &'a str) -> Option<&'a str> {
    whole.strip_prefix(kind)?.strip_prefix('_')?.split_once('_').map(|(id, _)| id)
}

/// What forms of a session have in them: only who knows the session knows it, and it says nothing of the session.
pub(super) fn form_token(session: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("datlake 2026-11-30 forms of sessions of a server's page");
    URL_SAFE_NO_PAD.encode(hasher.update(session.as_bytes()).finalize().as_bytes())
}

/// What is kept of a token, from which nobody gets it: it is as random as a hash.
pub(super) fn hash(token: &str) -> String {
    hashed(token).to_hex().to_string()
}

/// Whether two secrets are the same. Hashes are compared, and in constant time.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    hashed(one) == hashed(other)
}

/// Whether `hash` is that of `token`.
pub(super) fn is_hash_of(hash: &str, token: &str) -> bool {
    blake3::Hash::from_hex(hash).is_ok_and(|hash| hash == hashed(token))
}

fn hashed(secret: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_derive_key("datlake 2026-11-29 hashes of tokens of a server");
    hasher.update(secret.as_bytes()).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_id_and_by_nothing_of_its_secret() {
        let (id, token) = new_token().unwrap();
        assert_eq!(id_of_token(&token), Some(&*id));
        let hash = hash(&token);
        assert!(is_hash_of(&hash, &token) && !is_hash_of(&hash, &format!("{token}x")) && !is_hash_of("x", &token));
        let secret = token.rsplit_once(&format!("{id}_")).unwrap().1;
        assert!(!hash.contains(secret) && secret.len() == 43);
        for other in ["", "dlt", "dlt_", "dlt_x", "x_a_b"] {
            assert_eq!(id_of_token(other), None, "{other}");
        }
    }

    #[test]
    fn key_pairs_are_of_letters_that_need_no_spelling() {
        let (id, secret) = new_key_pair().unwrap();
        assert!(id.len() == 20 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        assert!(secret.len() == 40 && is_same(&secret, &secret.clone()) && !is_same(&secret, &id));
        assert_ne!(new_key_pair().unwrap(), (id, secret));
    }
}

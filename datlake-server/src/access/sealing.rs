//! Secrets of key pairs, which signatures need again: sealed with a key that is not in the database.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use datlake::{Error, ErrorKind, Result};

use super::secret::random;
use crate::problem::SEALED;

const CONTEXT: &str = "datlake 2026-11-29 key that seals secrets of key pairs";
/// The fewest bytes of a key that somebody says.
const SHORTEST: usize = 32;
const NONCE: usize = 24;

/// Seals and opens secrets.
pub(crate) struct Sealing(XChaCha20Poly1305);

impl Sealing {
    /// With the key that somebody says, or the one in the file `secret.key` of `folder`, which is made where it is not there.
    pub(crate) fn open(said: Option<&str>, folder: &Path) -> Result<Self> {
        let key = match said {
            Some(said) if said.len() < SHORTEST => {
                let error = Error::new(ErrorKind::Config, "DATLAKE_SECRET_KEY has fewer than 32 characters");
                return Err(error.with_hint("as `openssl rand -hex 32` makes one"));
            }
            Some(said) => said.to_owned(),
            None => key_in(&folder.join("secret.key"))?,
        };
        Ok(Self(XChaCha20Poly1305::new(&Key::from(blake3::derive_key(CONTEXT, key.as_bytes())))))
    }

    /// The secret of the key pair `id`, so that nobody can put it beside another.
    pub(super) fn seal(&self, id: &str, secret: &str) -> Result<String> {
        let nonce = random::<NONCE>()?;
        let payload = Payload { msg: secret.as_bytes(), aad: id.as_bytes() };
        let failed = |_| Error::new(ErrorKind::Value, format!("cannot seal the secret of the key pair `{id}`"));
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(failed)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// The secret again.
    pub(super) fn unseal(&self, id: &str, sealed: &str) -> Result<String> {
        let unsealed = || {
            let bytes = STANDARD.decode(sealed).ok()?;
            let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
            let payload = Payload { msg: sealed, aad: id.as_bytes() };
            String::from_utf8(self.0.decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
        };
        unsealed().ok_or_else(|| Error::new(ErrorKind::Unavailable, SEALED))
    }
}

fn key_in(file: &Path) -> Result<String> {
    let failed = |what: &str, e| Error::io(what, file.display(), e);
    let new: String = random::<32>()?.iter().map(|b| format!("{b:02x}")).collect();
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut created) => {
            created.write_all(new.as_bytes()).and_then(|()| created.sync_all()).map_err(|e| failed("write", e))?;
            return Ok(new);
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(failed("create", e)),
    }
    let mut opened = std::fs::File::open(file).map_err(|e| failed("open", e))?;
    if opened.metadata().map_err(|e| failed("look at", e))?.permissions().mode() & 0o077 != 0 {
        let error = Error::new(ErrorKind::Config, format!("`{}` is readable by others", file.display()));
        return Err(error.with_hint("it seals secrets: chmod 600"));
    }
    let mut key = String::new();
    opened.read_to_string(&mut key).map_err(|e| failed("read", e))?;
    match key.trim() {
        key if key.len() < SHORTEST => {
            Err(Error::new(ErrorKind::Config, format!("`{}` has no whole key", file.display())))
        }
        key => Ok(key.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_beside_the_same_id() {
        let folder = tempfile::tempdir().unwrap();
        let sealing = Sealing::open(None, folder.path()).unwrap();
        let sealed = sealing.seal("A", "the secret").unwrap();
        assert!(!sealed.contains("secret") && sealed != sealing.seal("A", "the secret").unwrap());
        let again = Sealing::open(None, folder.path()).unwrap();
        assert_eq!(again.unseal("A", &sealed).unwrap(), "the secret");
        assert!(again.unseal("B", &sealed).is_err() && again.unseal("A", "AAAA").is_err());
        let other = Sealing::open(Some(&"x".repeat(32)), folder.path()).unwrap();
        assert_eq!(other.unseal("A", &sealed).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_key_that_is_short_or_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Sealing::open(Some("short"), folder.path()).is_err());
        drop(Sealing::open(None, folder.path()).unwrap());
        let file = folder.path().join("secret.key");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Sealing::open(None, folder.path()).err().unwrap();
        assert!(error.message().contains("readable by others"), "{error}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "").unwrap();
        assert!(Sealing::open(None, folder.path()).is_err());
    }
}

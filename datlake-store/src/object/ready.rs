//! Before a store is first written to: is it a lake that we know, and does it refuse to replace an object?
//!
//! One question is asked of `datlake.json`, which every lake has: to create it once more, with the bytes that it has. A store
//! that says yes to that replaces objects, and would let one machine's record take the place of another's. The answer is
//! remembered in the home; a hit never asks.

use bytes::Bytes;
use datlake_core::{Created, Error, ErrorKind, Location, Result};

use super::Shared;
use super::retry::Tries;
use crate::lake_header;
use crate::names::Names;
use crate::remote_identity::RemoteIdentity;

/// What to do where a store replaces objects.
const CONDITIONAL: &str =
    "use a store that knows `If-None-Match: *`, or set DATLAKE_UNSAFE_REMOTE=yes if only one machine at a time writes";

impl Shared {
    /// What the home remembers of the store: of the place at the server that the client speaks to. At another server, or in
    /// another account, it is another store.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a setting is missing or wrong.
    pub(super) fn identity(&self) -> Result<&RemoteIdentity> {
        let client = self.client()?;
        Ok(self.identity.get_or_init(|| {
            let distinct = format!("{}\n{}\n{}", self.address.shown, client.server, self.options.unsafe_creates);
            RemoteIdentity::of(&self.options, &self.address.shown, &distinct)
        }))
    }

    /// Makes sure, once, that the store can hold a lake and that this version may write to it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a store that replaces objects, [`ErrorKind::Format`] for a lake of a newer format, or one that was
    /// copied from a directory that has other names for objects.
    pub(super) async fn ready(&self) -> Result<()> {
        self.ready.get_or_try_init(|| self.examine()).await.copied()
    }

    async fn examine(&self) -> Result<()> {
        if self.identity()?.exists() {
            return Ok(());
        }
        let key = self.key(&Location::Lake)?;
        let there = match self.get(&key).await? {
            Some(there) => there,
            None => {
                let (_, fresh) = lake_header::fresh(Names::Plain)?;
                let fresh = Bytes::from(fresh);
                match self.create(&key, fresh.clone()).await.map_err(|e| self.without_condition(e))? {
                    Created::New => fresh,
                    // Somebody else was first.
                    Created::Exists => self.get(&key).await?.unwrap_or(fresh),
                }
            }
        };
        let header = lake_header::parse(&format!("{}/{}", self.address.shown, Location::Lake.path()), &there)?;
        if !header.names.is_plain() {
            return Err(self.copied());
        }
        // What is there is replaced by itself, if at all.
        if !self.options.unsafe_creates {
            let again = self.put(&key, &there, &mut Tries::default()).await;
            if again.map_err(|e| self.without_condition(e))? == Created::New {
                return Err(self.replaces());
            }
        }
        self.identity()?.remember(&header.id);
        Ok(())
    }

    /// Compares `datlake.json` as it was just read with what is known of this store.
    pub(super) fn identify(&self, there: Option<&[u8]>) -> Result<()> {
        let Some(there) = there else { return self.identity()?.check_absent() };
        match lake_header::parse(&format!("{}/{}", self.address.shown, Location::Lake.path()), there) {
            Ok(header) if self.identity()?.exists() => self.identity()?.check(&header.id),
            Err(error) if error.kind() == ErrorKind::Format => Err(error),
            // A damaged header is an error of the next write; reading goes on.
            _ => Ok(()),
        }
    }

    fn copied(&self) -> Error {
        let message = format!(
            "{} was copied from a directory where objects have other names, as on a disk of Windows",
            self.address.shown
        );
        Error::new(ErrorKind::Format, message)
            .with_hint("remove what is there, and send the lake with `datlake mirror`")
    }

    fn replaces(&self) -> Error {
        let message = format!(
            "{} replaces objects that exist, although the request forbids it: of two machines that finish one call, the second would take away the result of the first",
            self.address.shown
        );
        Error::new(ErrorKind::Unsupported, message).with_hint(CONDITIONAL)
    }

    fn without_condition(&self, error: Error) -> Error {
        if error.kind() != ErrorKind::Unsupported {
            return error;
        }
        let message = format!("{} cannot create an object on the condition that there is none", self.address.shown);
        Error::new(ErrorKind::Unsupported, message).with_hint(CONDITIONAL).because(error)
    }
}

//! Uploads by signed URLs: where somebody puts content at the remote, which then is copied to content of the lake. Nothing refers to such an
//! upload, and it goes.

use std::time::{Duration, SystemTime};

use datlake_core::{Digest, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _};
use datlake_store::{PutByOthers, Wanted, offload};

use super::{Lake, lock};
use crate::report::{ObjectInfo, SignedObject, SignedUpload};

impl Lake {
    /// Whether the remote gives out URLs by which others read and put objects without credentials, as far as settings say.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where a setting of the remote is missing or wrong.
    ///
    /// ```
    /// assert!(!datlake::Lake::temp()?.signs_urls()?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn signs_urls(&self) -> Result<bool> {
        self.local_view().remote().map_or(Ok(false), datlake_store::Remote::signs)
    }

    /// A URL by which whoever has it puts one object at the remote for as long as `expires`, until it is [read](Lake::uploaded) and
    /// [discarded](Lake::discard_upload); a collection removes what is a day old. Who knows `id` may read it: it is made of randomness.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the remote has no such URLs, as a directory; as [`Lake::url`].
    ///
    /// ```no_run
    /// # #[tokio::main]
    /// # async fn main() -> datlake::Result<()> {
    /// let lake = datlake::Lake::builder().home("/tmp/lake").remote("s3://bucket/lake").open()?;
    /// let id = datlake::Digest::of(b"32 random bytes");
    /// let upload = lake.sign_upload(id, std::time::Duration::from_secs(3600)).await?;
    /// println!("put it to {} until {}", upload.url, upload.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sign_upload(&self, id: Digest, expires: Duration) -> Result<SignedUpload> {
        let (Some(remote), Some(address)) = (self.local_view().remote(), self.address_of(id)) else {
            return Err(self.no_remote("make a URL to put something"));
        };
        let until = SystemTime::now() + expires.min(Duration::from_secs(1 << 33));
        let signed = remote.sign_upload(&Location::Upload(id), expires).await?;
        Ok(SignedUpload { address, url: signed.url, expires_at: humantime::format_rfc3339_seconds(until).to_string() })
    }

    /// The upload that has this [address](SignedUpload::address); `None` where it is none of the lake's remote.
    pub fn upload_at(&self, address: &str) -> Option<Digest> {
        let id = address.rsplit('/').next()?.split('.').next()?.parse().ok()?;
        (self.address_of(id)? == address).then_some(id)
    }

    fn address_of(&self, id: Digest) -> Option<String> {
        let place = self.catalog().remote.as_ref()?.describe();
        Some(format!("{}/{}", place.trim_end_matches('/'), Location::Upload(id).path()))
    }

    /// What was put by the URL of the upload `id`, to be read as it is now; `None` where nothing was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn uploaded(&self, id: Digest) -> Result<Option<PutByOthers>> {
        match self.local_view().remote() {
            Some(remote) => remote.put_by_others(&Location::Upload(id)).await,
            None => Ok(None),
        }
    }

    /// Removes what was put by the URL of the upload `id`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn discard_upload(&self, id: Digest) -> Result<()> {
        match &self.catalog().remote {
            Some(remote) => remote.remove(&Location::Upload(id)).await.map(drop),
            None => Ok(()),
        }
    }

    /// A URL from which the content of an object of a branch or a commit is downloaded, for as long as `expires`.
    ///
    /// # Errors
    /// As [`Lake::url`]; [`ErrorKind::InvalidInput`] for what is no file; [`ErrorKind::Denied`] for what lies outside of the lake where
    /// nothing allows that, and [`ErrorKind::Unsupported`] where its place has no such URLs.
    pub async fn sign_object(&self, object: &ObjectInfo, expires: Duration) -> Result<SignedObject> {
        let until = SystemTime::now() + expires.min(Duration::from_secs(1 << 33));
        let name = object.path.rsplit('/').next().unwrap_or_default();
        let signed = match (&object.digest, &object.outside) {
            (Some(digest), _) => {
                let Some(remote) = self.local_view().remote() else { return Err(self.no_remote("make a URL")) };
                self.send_packed(object, digest).await?;
                remote.sign(&Location::Blob(*digest), name, expires).await?
            }
            (None, Some(outside)) => {
                let places = lock(&self.0.outside).clone();
                places.sign(&outside.address, name, expires).await?.ok_or_else(|| {
                    let message = format!("cannot make a URL: where `{}` lies there are none", outside.address);
                    Error::new(ErrorKind::Unsupported, message).with_hint("download it instead")
                })?
            }
            (None, None) => {
                let message = format!("cannot make a URL: `{}` is no file", object.path);
                return Err(
                    Error::new(ErrorKind::InvalidInput, message).with_hint("name a file below it, or what it leads to")
                );
            }
        };
        Ok(SignedObject { url: signed.url, expires_at: humantime::format_rfc3339_seconds(until).to_string() })
    }
}

impl Lake {
    /// Makes an object that rests in a pack a blob of its own at the remote, for a URL is of a whole object.
    async fn send_packed(&self, object: &ObjectInfo, digest: &Digest) -> Result<()> {
        let (lake, found_in, content) = (self.clone(), object.range(), (*digest, object.size));
        if let Some(range) = offload(move || lake.resting_in(found_in, content)).await?? {
            let what = &object.path;
            let wanted = Wanted { digest, size: object.size, what, range: Some(range), progress: &|_| {} };
            self.local_view().send(wanted, true).await?;
        }
        Ok(())
    }
}

/// Removes what is in `prefix` and was put before, where the store lets us.
pub(super) async fn remove_old(store: &dyn Store, prefix: &Prefix, before: Option<SystemTime>) -> Result<()> {
    let mut old = Vec::new();
    let listed = store
        .each(prefix, |entry| {
            if before.is_none_or(|before| entry.modified < before) {
                old.push(entry.location);
            }
        })
        .await;
    let removed = async {
        listed?;
        for at in &old {
            store.remove(at).await?;
        }
        Ok(())
    };
    match removed.await {
        // They need a right of their own.
        Err(error) if Error::kind(&error) == ErrorKind::Denied => Ok(()),
        removed => removed,
    }
}

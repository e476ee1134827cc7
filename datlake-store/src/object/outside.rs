//! Objects of a bucket that are no lake's: listed, and read as they were when they were listed.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datlake_core::tree::AddressedFile;
use datlake_core::{Error, ErrorKind, Result};
use object_store::list::PaginatedListOptions;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use tokio::sync::mpsc;

use super::failure::Failed;
use super::retry::patiently;
use super::{ObjectStore, PAGES, Shared, unexpected};
use crate::outside::file::{VisitOutside, changed};
use crate::runtime;
use crate::signing::Signed;

impl ObjectStore {
    /// Shows each object below `path`, or the one that is there.
    pub(crate) async fn list_outside(
        &self,
        path: &str,
        address: &(dyn Fn(&str) -> String + Sync),
        visit: VisitOutside<'_>,
    ) -> Result<()> {
        let (shared, path, (send, mut pages)) = (Arc::clone(&self.0), path.to_owned(), mpsc::channel(PAGES));
        let listing = runtime::start(async move { shared.list_outside(&path, send).await })?;
        while let Some(page) = pages.recv().await {
            for (path, meta) in page {
                let file = self.0.outside(address(&path), meta)?;
                visit(&path, file)?;
            }
        }
        listing.await
    }

    /// The bytes of `range` of the object at `path`.
    pub(crate) async fn read_outside(&self, path: &str, file: &AddressedFile, range: Range<u64>) -> Result<Vec<u8>> {
        if range.is_empty() {
            return self.check_outside(path, file).await.map(|()| Vec::new());
        }
        let (shared, path, known) = (Arc::clone(&self.0), path.to_owned(), file.clone());
        let (send, mut chunks) = mpsc::channel(1);
        let length = range.end - range.start;
        let reading = runtime::start(async move {
            let key = shared.outside_key(&path)?;
            shared.download_of(&key, range, Some(&quoted(&known.tag)), send).await
        })?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            bytes.extend_from_slice(&chunk.bytes);
        }
        let size = reading.await.map_err(|error| match error.kind() {
            ErrorKind::Conflict => changed(file, "it was replaced or removed").because(error),
            _ => error,
        })?;
        match size {
            Some(size) if size == file.size && bytes.len() as u64 == length => Ok(bytes),
            Some(size) => Err(changed(file, &format!("it had {} bytes and has {size}", file.size))),
            None => Err(changed(file, "it is not there any more")),
        }
    }

    /// Looks whether the object at `path` is what it was.
    pub(crate) async fn check_outside(&self, path: &str, file: &AddressedFile) -> Result<()> {
        let path = path.to_owned();
        let found = self
            .on_network(|shared| async move {
                let (key, client) = (shared.outside_key(&path)?, shared.client()?);
                match patiently(|| shared.ask("look for", &key, client.objects.head(&key))).await {
                    Err(Failed::Absent) => Ok(None),
                    found => found.map(Some).map_err(unexpected),
                }
            })
            .await?;
        match found {
            None => Err(changed(file, "it is not there any more")),
            Some(meta) if meta.size != file.size => {
                Err(changed(file, &format!("it had {} bytes and has {}", file.size, meta.size)))
            }
            Some(meta) if meta.e_tag.as_deref().map(quoted) != Some(quoted(&file.tag)) => {
                Err(changed(file, "it was replaced"))
            }
            Some(_) => Ok(()),
        }
    }

    /// A URL from which the object at `path` is downloaded under `name`.
    pub(crate) async fn sign_outside(&self, path: &str, name: &str, expires: Duration) -> Result<Signed> {
        let (path, name) = (path.to_owned(), name.to_owned());
        self.on_network(|shared| async move { shared.sign_download(&shared.outside_key(&path)?, &name, expires).await })
            .await
    }
}

impl Shared {
    fn outside_key(&self, path: &str) -> Result<Key> {
        let key = if path.is_empty() { self.address.folder.clone() } else { self.address.key(path) };
        Key::parse(&key).map_err(|e| {
            Error::new(ErrorKind::InvalidInput, format!("`{key}` cannot be a key of {}", self.address.shown)).because(e)
        })
    }

    /// Sends what is below `path`, each with its path from there, page by page; or what is at `path`.
    async fn list_outside(&self, path: &str, pages: mpsc::Sender<Vec<(String, ObjectMeta)>>) -> Result<()> {
        let (client, key) = (self.client()?, self.outside_key(path)?);
        let folder = if key.as_ref().is_empty() { String::new() } else { format!("{key}/") };
        let (mut page_token, mut found) = (None, false);
        loop {
            let page = patiently(|| {
                let options =
                    PaginatedListOptions { page_token: page_token.clone(), ..PaginatedListOptions::default() };
                let folder = Some(&*folder).filter(|folder| !folder.is_empty());
                self.ask("list", &key, client.pages.list_paginated(folder, options))
            });
            let page = page.await.map_err(|failed| match failed {
                Failed::Absent => self.no_bucket(),
                failed => unexpected(failed),
            })?;
            // An object whose key is that of the folder is a mark that some tools make.
            let below = |meta: ObjectMeta| Some((meta.location.as_ref().strip_prefix(&folder)?.to_owned(), meta));
            let objects: Vec<_> = page.result.objects.into_iter().filter_map(below).collect();
            found |= !objects.is_empty();
            if pages.send(objects).await.is_err() {
                return Ok(());
            }
            match page.page_token {
                token if token.is_some() && token == page_token => return Err(self.goes_in_circles(&key)),
                Some(token) => page_token = Some(token),
                None => break,
            }
        }
        if !found && !key.as_ref().is_empty() {
            match patiently(|| self.ask("look for", &key, client.objects.head(&key))).await {
                Err(Failed::Absent) => {}
                // Who stopped listening has an error of their own.
                found => drop(pages.send(vec![(String::new(), found.map_err(unexpected)?)]).await),
            }
        }
        Ok(())
    }

    /// An object as it was listed.
    fn outside(&self, address: String, meta: ObjectMeta) -> Result<AddressedFile> {
        let Some(tag) = meta.e_tag else {
            let message = format!("{} gives objects no tags, by which one is read as it was", self.address.shown);
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let modified = SystemTime::from(meta.last_modified).duration_since(SystemTime::UNIX_EPOCH);
        let modified = modified.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(&tag).to_owned();
        Ok(AddressedFile { address, size: meta.size, modified, tag: bare })
    }
}

/// A tag as requests have it.
fn quoted(tag: &str) -> String {
    match tag.starts_with('"') || tag.starts_with("W/") {
        true => tag.to_owned(),
        false => format!("\"{tag}\""),
    }
}

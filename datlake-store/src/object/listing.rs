//! What is in a bucket, page by page.

use std::collections::BTreeSet;

use datlake_core::{Entry, Error, ErrorKind, LevelItem, Location, Prefix, Result};
use object_store::ListResult;
use object_store::list::PaginatedListOptions;
use object_store::path::Path as Key;
use tokio::sync::mpsc;

use super::failure::Failed;
use super::retry::patiently;
use super::{Shared, unexpected};

impl Shared {
    /// Sends every object of the set, page by page, until the receiver is dropped.
    pub(super) async fn list(&self, prefix: Prefix, pages: mpsc::Sender<Vec<Entry>>) -> Result<()> {
        let entry = |meta: object_store::ObjectMeta| {
            let location = Location::parse(self.address.path(meta.location.as_ref())?)?;
            let (size, modified) = (meta.size, meta.last_modified.into());
            prefix.has(&location).then_some(Entry { location, size, modified })
        };
        let each = |page: ListResult| page.objects.into_iter().filter_map(entry).collect();
        self.pages(&prefix, None, each, pages).await
    }

    /// Sends the objects that are right in the folder of the set, and the folders there, page by page, until the receiver is dropped.
    pub(super) async fn list_level(&self, prefix: Prefix, pages: mpsc::Sender<Vec<LevelItem>>) -> Result<()> {
        let folder = format!("{}/", prefix.path());
        // A server that knows no delimiter gives all objects: of their paths only the first part counts, once.
        let mut known = BTreeSet::new();
        let mut item = |key: &str, is_folder: bool| {
            let path = self.address.path(key)?;
            let name = path.strip_prefix(&folder)?.trim_end_matches('/');
            match name.split_once('/').map(|(first, _)| first).or(is_folder.then_some(name)) {
                Some(name) => known.insert(name.to_owned()).then(|| LevelItem::Folder(name.to_owned())),
                None => Location::parse(path).filter(|location| prefix.has(location)).map(LevelItem::Object),
            }
        };
        let each = |page: ListResult| {
            let folders = page.common_prefixes.iter().map(|key| (key.as_ref(), true));
            let objects = page.objects.iter().map(|meta| (meta.location.as_ref(), false));
            folders.chain(objects).filter_map(|(key, is_folder)| item(key, is_folder)).collect()
        };
        self.pages(&prefix, Some("/"), each, pages).await
    }

    /// Sends what `each` makes of each page of the set's folder, until the receiver is dropped.
    async fn pages<T>(
        &self,
        prefix: &Prefix,
        delimiter: Option<&'static str>,
        mut each: impl FnMut(ListResult) -> Vec<T>,
        pages: mpsc::Sender<Vec<T>>,
    ) -> Result<()> {
        let client = self.client()?;
        let folder = self.address.key(&prefix.path());
        let key = Key::parse(&folder).map_err(|e| Error::new(ErrorKind::InvalidInput, "not a folder").because(e))?;
        let folder = format!("{folder}/{}", prefix.beginning());
        let mut page_token = None;
        loop {
            let page = patiently(|| {
                let (page_token, delimiter) = (page_token.clone(), delimiter.map(Into::into));
                let options = PaginatedListOptions { page_token, delimiter, ..PaginatedListOptions::default() };
                self.ask("list", &key, client.pages.list_paginated(Some(&folder), options))
            });
            let page = page.await.map_err(|failed| match failed {
                // A listing of nothing is empty; what is not there is the bucket.
                Failed::Absent => self.no_bucket(),
                failed => unexpected(failed),
            })?;
            if pages.send(each(page.result)).await.is_err() {
                return Ok(());
            }
            match page.page_token {
                // One that was there already would have no end.
                token if token.is_some() && token == page_token => return Err(self.goes_in_circles(&key)),
                Some(token) => page_token = Some(token),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn goes_in_circles(&self, key: &Key) -> Error {
        let message = format!(
            "cannot list `{key}` in {}: the server gives the same page repeatedly; it does not know \"continuation-token\"",
            self.address.shown
        );
        Error::new(ErrorKind::Unsupported, message)
    }
}

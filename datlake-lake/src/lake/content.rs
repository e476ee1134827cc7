//! All content that a record or a name stands for.

use std::collections::HashSet;

use datlake_core::catalog::Known;
use datlake_core::record::{Name, Record, Target, ValueBytes};
use datlake_core::{Digest, Location, Prefix, Result, Store, StoreExt as _, Uid};
use datlake_store::offload;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Lake;
use crate::file::{File, Tree};

/// What a return value is called that is kept apart, before the call.
pub(super) const VALUE_OF: &str = "the return value of call ";

/// How many things are done at a time; transfers have a bound of their own.
const AT_A_TIME: usize = 8;

/// A piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) digest: Digest,
    /// In bytes; `None` where no document says.
    pub(crate) size: Option<u64>,
    /// What people call it.
    pub(crate) what: String,
    /// Whether the lake is whole without it.
    pub(crate) optional: bool,
}

impl Content {
    fn of(file: &Known) -> Self {
        Self { digest: file.digest, size: Some(file.size), what: file.uid.to_string(), optional: false }
    }
}

impl Lake {
    /// What a call left behind: its outputs, with the files in its trees, and its value where that is kept apart. The
    /// manifests of trees are downloaded.
    pub(crate) fn content_of_call(&self, record: &Record) -> Result<Vec<Content>> {
        let lineage = record.lineage()?;
        let mut all = Vec::new();
        for output in lineage.outputs {
            self.gather(output.into(), &mut all)?;
        }
        all.extend(beside_files(record, lineage.environment.cargo_lock));
        Ok(once(all))
    }

    /// What an added file stands for; nothing for the output of a call.
    pub(crate) fn content_of_name(&self, name: &Name) -> Result<Vec<Content>> {
        let Target::Added(added) = &name.target else { return Ok(Vec::new()) };
        let (uid, digest, size, tree) = (name.uid.clone(), added.digest, added.size, added.tree);
        self.content_of_file(Known { uid, name: added.name.clone(), digest, size, tree })
    }

    /// A file, with the files in it if it is a tree.
    pub(crate) fn content_of_file(&self, file: Known) -> Result<Vec<Content>> {
        let mut all = Vec::new();
        self.gather(file, &mut all)?;
        Ok(once(all))
    }

    fn gather(&self, file: Known, all: &mut Vec<Content>) -> Result<()> {
        all.push(Content::of(&file));
        if !file.tree {
            return Ok(());
        }
        for member in Tree::try_from(File::known(self, file))?.files()? {
            let (digest, size) = (member.digest(), Some(member.len()));
            all.push(Content { digest, size, what: member.to_string(), optional: false });
        }
        Ok(())
    }

    /// How large content is, by whoever has it.
    pub(crate) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        let at = Location::Blob(*digest);
        if let Some(size) = self.catalog().local.size(&at).await? {
            return Ok(Some(size));
        }
        match &self.catalog().remote {
            Some(remote) => remote.size(&at).await,
            None => Ok(None),
        }
    }

    /// What `text` selects, of UIDs: one, or those in a folder. Of calls too: `@creator` and `@creator/3f9a27/0`.
    pub(crate) fn selection(&self, text: &str) -> impl Fn(&Uid) -> bool + use<> {
        let text = text.trim_end_matches('/');
        let whole = self.resolve(text).map_or_else(|_| text.to_owned(), |uid| uid.to_string());
        let folder = format!("{whole}/");
        move |uid| *uid.as_str() == whole || uid.as_str().starts_with(&folder)
    }
}

/// Where a store's documents are that name content: added files, and calls.
pub(crate) async fn documents(store: &dyn Store) -> Result<Vec<Location>> {
    let mut documents = store.locations(&Prefix::Names).await?;
    documents.extend(store.locations(&Prefix::Records).await?);
    Ok(documents)
}

/// What a record names besides files: its value, where that is kept apart, and the text of a lock file.
pub(crate) fn beside_files(record: &Record, cargo_lock: Option<Digest>) -> Vec<Content> {
    let mut all = Vec::new();
    if let ValueBytes::Blob(digest) = record.value {
        let what = format!("{VALUE_OF}{}/{}", record.creator, record.key.short());
        all.push(Content { digest, size: None, what, optional: false });
    }
    if let Some(digest) = cargo_lock {
        all.push(Content { digest, size: None, what: "Cargo.lock".to_owned(), optional: true });
    }
    all
}

/// Each content once.
pub(crate) fn once(mut all: Vec<Content>) -> Vec<Content> {
    let mut seen = HashSet::new();
    all.retain(|content| seen.insert(content.digest));
    all
}

/// Does `work` for each of `items`, a few at a time, where it blocks nobody.
pub(crate) async fn each<T, R, F>(items: Vec<T>, work: F) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Clone + Send + 'static,
{
    let one = |item| {
        let work = work.clone();
        offload(move || work(item))
    };
    stream::iter(items).map(one).buffered(AT_A_TIME).try_collect().await
}

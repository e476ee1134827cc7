//! What is at a path.

use std::collections::BTreeMap;
use std::time::SystemTime;

use datlake_core::{ErrorKind, Result};
use ureq::http::Method;

use super::pages::{ListOptions, Listed};
use super::reference::Reference;
use super::wire::{PathType, Stat, time};

/// An item of a list of objects.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum ListedItem {
    /// An object.
    Object(ObjectInfo),
    /// What the paths of several begin with.
    CommonPrefix(CommonPrefix),
}

/// An object, as it was when it was asked for.
#[derive(Clone, Debug)]
pub struct ObjectInfo {
    at: Reference,
    stat: Stat,
}

/// What the paths of several objects begin with.
#[derive(Clone, Debug)]
pub struct CommonPrefix {
    at: Reference,
    path: String,
}

impl ListedItem {
    /// The path, or what several begin with.
    pub fn path(&self) -> &str {
        match self {
            Self::Object(object) => object.path(),
            Self::CommonPrefix(prefix) => prefix.path(),
        }
    }
}

impl ObjectInfo {
    pub(super) fn new(at: &Reference, stat: Stat) -> Self {
        Self { at: at.clone(), stat }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        &self.stat.path
    }

    /// When it was put there.
    pub fn modified_time(&self) -> SystemTime {
        time(self.stat.mtime)
    }

    /// How many bytes it has.
    pub fn size_bytes(&self) -> u64 {
        self.stat.size_bytes.unwrap_or_default()
    }

    /// The digest of its content.
    pub fn checksum(&self) -> &str {
        &self.stat.checksum
    }

    /// Its media type, where the server says one.
    pub fn content_type(&self) -> Option<&str> {
        self.stat.content_type.as_deref()
    }

    /// What is noted beside its content.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.stat.metadata.clone().unwrap_or_default()
    }

    /// Where its content is.
    pub fn physical_address(&self) -> &str {
        &self.stat.physical_address
    }

    /// Deletes what is at its path of its branch.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) where it was not found at a branch; [`Denied`](ErrorKind::Denied).
    pub fn delete(&self) -> Result<()> {
        let asked = self.at.repository().at(&["branches", self.at.id(), "objects"]).with("path", self.path());
        self.at.client().connection()?.tell(Method::DELETE, asked, None)
    }
}

impl CommonPrefix {
    /// What the paths of `at` begin with that begin with `path`.
    pub fn new(at: &Reference, path: &str) -> Self {
        Self { at: at.clone(), path: path.to_owned() }
    }

    /// What they begin with.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether there is an object whose path begins so.
    ///
    /// # Errors
    /// As [`Reference::commit_info`].
    pub fn exists(&self) -> Result<bool> {
        match self.at.list_objects(ListOptions::prefix(&self.path).max_amount(1)).next().transpose() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            found => Ok(found?.is_some()),
        }
    }
}

impl Reference {
    /// The objects, sorted by path; with a [delimiter](ListOptions::delimiter) also what several begin with.
    pub fn list_objects(&self, how: ListOptions) -> Listed<ListedItem> {
        let this = self.clone();
        Listed::new(self.client(), how, self.at(&["objects", "ls"]), move |stat: Stat| match stat.path_type {
            PathType::CommonPrefix => ListedItem::CommonPrefix(CommonPrefix::new(&this, &stat.path)),
            PathType::Object => ListedItem::Object(ObjectInfo::new(&this, stat)),
        })
    }

    /// What is known of the object at `path`.
    ///
    /// # Errors
    /// As [`Reference::download`].
    pub fn stat_object(&self, path: &str) -> Result<ObjectInfo> {
        Ok(ObjectInfo::new(self, self.stat(path, false)?))
    }
}

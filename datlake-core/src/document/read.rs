//! Reading documents of any kind.

use super::references::{Document, MadeFrom};
use crate::layout::kinds;
use crate::record::{CallDocument, Name, Tombstone};
use crate::repository::{BranchDocument, BranchEntry, RepositoryDocument, TagDocument};
use crate::tree::PackLocations;
use crate::version::{PrunedVersion, Version};
use crate::{Digest, Error, ErrorKind, Location, LogId, Prefix, Result, Role, Store, StoreExt as _, Uid, UidKind};

/// Makes readers of the rows.
macro_rules! readers {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($($cfg:tt)*)])?
        $kind:ident $(($($field:ident: $type:ty),*))? in $folder:literal {
            path: $path:expr,
            parse: $parse:expr,
            examples: $examples:expr,
            is: $role:ident $(|$at:ident, $bytes:ident| $read:expr)?,
        }
    )*) => {
        #[allow(unused_variables)]
        fn read_at(place: &Location, all: Vec<u8>) -> Result<Document> {
            match place {
                $($(#[cfg($($cfg)*)])? Location::$kind $(($($field),*))? => {
                    readers!(@read place all $role $(|$at, $bytes| $read)?)
                })*
            }
        }
    };
    (@read $place:ident $all:ident Root |$at:ident, $bytes:ident| $read:expr) => {{ let ($at, $bytes) = ($place, $all); $read }};
    (@read $place:ident $all:ident Note |$at:ident, $bytes:ident| $read:expr) => {{ let ($at, $bytes) = ($place, $all); $read }};
    (@read $place:ident $all:ident Attached |$at:ident, $bytes:ident| $read:expr) => {{ let ($at, $bytes) = ($place, $all); $read }};
    (@read $place:ident $all:ident Content) => { Err(no_document($place)) };
    (@read $place:ident $all:ident Index) => { Err(no_document($place)) };
    (@read $place:ident $all:ident Passing) => { Err(no_document($place)) };
}

kinds!(readers);

fn no_document(at: &Location) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{}` is no document", at.path()))
}

impl Document {
    /// Reads the document found at `at`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] and [`ErrorKind::Format`] for bytes that are not what was written there;
    /// [`ErrorKind::InvalidInput`] for the place of something else.
    pub fn parse(at: &Location, bytes: Vec<u8>) -> Result<Self> {
        read_at(at, bytes)
    }
}

/// Where the roots of a store are: the documents that keep what they refer to.
pub async fn roots(store: &dyn Store) -> Result<Vec<Location>> {
    let mut found = Vec::new();
    for prefix in Prefix::of_roles(&[Role::Root]) {
        found.extend(store.locations(&prefix).await?.into_iter().filter(|at| at.role() == Role::Root));
    }
    Ok(found)
}

/// Where a store has the documents of what something was made from.
///
/// # Errors
/// Those of the store; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
pub async fn made_from(store: &dyn Store, source: &MadeFrom) -> Result<Vec<Location>> {
    match source {
        MadeFrom::File(uid, content) => file_made_from(store, uid, content).await,
        MadeFrom::Value(creator, key, digest) => {
            let mut found = vec![source.document()];
            let bytes = store.get(&found[0]).await?;
            let record = bytes.map(|bytes| CallDocument::parse(creator, key, bytes)).transpose()?;
            if record.and_then(CallDocument::record).is_none_or(|record| record.value_digest != *digest) {
                // It was returned by a record that lost its key to another's.
                found.extend(store.locations(&Prefix::SupersededOf(creator.clone(), *key)).await?);
            }
            Ok(found)
        }
    }
}

async fn file_made_from(store: &dyn Store, uid: &Uid, content: &Digest) -> Result<Vec<Location>> {
    let at = Location::of_file(uid);
    let mut found = vec![at.clone()];
    let mut main = match (read(store, &at).await?, &at) {
        (None, Location::Name(_)) => return Ok(Vec::new()),
        (main, _) => main,
    };
    if let (Location::Name(uid), Some(first)) = (&at, &main) {
        let log = LogId::Name(uid.clone(), first.digest);
        if let Some(version) = version_with(store, &log, content).await? {
            found.extend(version);
            return Ok(found);
        }
    }
    if let Some(part_of) = main.as_ref().filter(|name| name.is_part()).map(|name| name.part_of.clone()) {
        main = read(store, &part_of).await?;
        found.push(part_of);
    }
    // A file in a tree is none of the outputs, and never beside them.
    let member = matches!(uid.kind(), UidKind::Member { .. });
    if let (Some(Location::Record(creator, key)), false) = (found.last().cloned(), member)
        && !main.is_some_and(|main| main.refers_to(content))
    {
        // It was made by a record that lost its key to another's.
        found.extend(store.locations(&Prefix::SupersededOf(creator, key)).await?);
    }
    Ok(found)
}

/// The latest entry of a log that shows this content, and what it shows.
async fn version_with(store: &dyn Store, log: &LogId, content: &Digest) -> Result<Option<Vec<Location>>> {
    // The latest is listed first, where a store has an order.
    let mut entries = store.locations(&Prefix::EntriesOf(log.clone())).await?;
    entries.sort_by_key(|at| at.path());
    for at in entries {
        let Some(entry) = read(store, &at).await? else { continue };
        if entry.refers_to(content) {
            return Ok(Some(vec![at]));
        }
        for shown in entry.references.shows {
            if read(store, &shown).await?.is_some_and(|shown| shown.refers_to(content)) {
                return Ok(Some(vec![at, shown]));
            }
        }
    }
    Ok(None)
}

async fn read(store: &dyn Store, at: &Location) -> Result<Option<Document>> {
    store.get(at).await?.map(|bytes| Document::parse(at, bytes)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallKey, CreatorName};

    #[test]
    fn every_document_is_read_and_nothing_else_is_one() {
        let creator = CreatorName::new("shop/shop::report").unwrap();
        let (key, digest) = (CallKey::from_bytes([1; 32]), Digest::of(b"x"));
        for location in Location::one_of_each(&creator, key, digest, &Uid::chosen("a/b.csv").unwrap()) {
            let is_document = matches!(location.role(), Role::Root | Role::Note | Role::Attached);
            let error = Document::parse(&location, Vec::new()).unwrap_err();
            let expected = if is_document { ErrorKind::Corrupt } else { ErrorKind::InvalidInput };
            assert_eq!(error.kind(), expected, "{error}");
        }
        let roots = Prefix::of_roles(&[Role::Root]);
        assert_eq!(roots[..3], [Prefix::Folder("files"), Prefix::Folder("calls"), Prefix::Folder("names")]);
    }
}

//! Files in lists: as few questions to the remote as there can be.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use datlake_core::record::NameTarget;
use datlake_core::{Digest, Entry, ErrorKind, Location, Prefix, Result, Uid};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::files::row;
use crate::file::File;
use crate::lake::{AT_ONCE, Lake, refuse_in_body, unless_damaged};
use crate::origin::Origin;
use crate::report::{FolderRow, Listing};

/// For so much content the remote is asked one by one; for more, what it has at all is listed, a thousand at a time.
const ONE_BY_ONE: usize = 200;

impl Lake {
    /// The files with chosen names below the folder `prefix` (all if it is empty), as they are shown. A damaged document
    /// hides its own file only.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what is no UID; [`ErrorKind::Context`] in a body; those of reaching the stores.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// assert_eq!(lake.list_files("greetings")?.files.len(), 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn list_files(&self, prefix: &str) -> Result<Listing> {
        self.listing(prefix, |names, _| (names, BTreeMap::new()))
    }

    /// The files right in the folder `prefix`, and the folders in it, with how many names are below each.
    ///
    /// # Errors
    /// As [`Lake::list_files`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let top = lake.list_folder("")?;
    /// assert_eq!((top.files.len(), top.folders[0].prefix.as_str(), top.folders[0].files), (0, "greetings", 1));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn list_folder(&self, prefix: &str) -> Result<Listing> {
        self.listing(prefix, |names, start| {
            let mut folders = BTreeMap::new();
            let mut here = Vec::new();
            for uid in names {
                match uid.as_str()[start..].split_once('/') {
                    None => here.push(uid),
                    Some((folder, _)) => {
                        *folders.entry(uid.as_str()[..start + folder.len()].to_owned()).or_insert(0) += 1;
                    }
                }
            }
            (here, folders)
        })
    }

    /// `choose` is given all names in the folder and where in them its own ends, and tells which to show and how many are
    /// in which folder.
    fn listing(
        &self,
        prefix: &str,
        choose: impl FnOnce(Vec<Uid>, usize) -> (Vec<Uid>, BTreeMap<String, u64>),
    ) -> Result<Listing> {
        refuse_in_body("list the lake")?;
        let folder = prefix.trim_end_matches('/');
        let folder = if folder.is_empty() { None } else { Some(Uid::chosen(folder)?) };
        wait(async {
            self.contact_remote().await?;
            let names = self.catalog().names(folder.as_ref()).await?;
            self.refresh_all(folder.as_ref(), &names).await?;
            let (names, folders) = choose(names, folder.as_ref().map_or(0, |folder| folder.as_str().len() + 1));
            let mut listing = Listing::default();
            for (prefix, files) in folders {
                listing.folders.push(FolderRow { prefix: Uid::chosen(&prefix)?, files });
            }
            let mut known = Vec::new();
            let mut found = stream::iter(folder.into_iter().chain(names))
                .map(|uid| async move { (self.shown(&uid).await, uid) })
                .buffered(AT_ONCE);
            while let Some((shown, uid)) = found.next().await {
                // A name whose call never finished shows nothing.
                known.extend(listed(shown, &uid, &mut listing)?.flatten());
            }
            let remote = self.in_remote(known.iter().map(|(file, _)| file.digest()).collect()).await?;
            for (file, origin) in known {
                let row = row(&file, &origin, remote.contains(&file.digest()));
                let row = match file.uid() {
                    Some(uid) => listed(row, uid, &mut listing)?,
                    None => Some(row?),
                };
                listing.files.extend(row);
            }
            Ok(listing)
        })
    }

    /// The file that a chosen name shows, and how it came to be.
    async fn shown(&self, uid: &Uid) -> Result<Option<(File, Origin)>> {
        let Some(named) = self.catalog().named(uid).await? else { return Ok(None) };
        let Some(known) = named.file()? else { return Ok(None) };
        let origin = match (named.target(), &named.record) {
            (NameTarget::Added(added), _) => Origin::Added(added.clone()),
            (NameTarget::Output(_), Some(record)) => Origin::Call(Box::new(record.lineage()?)),
            (NameTarget::Output(_), None) => return Ok(None),
        };
        Ok(Some((File::known(self, known), origin)))
    }

    /// Which of these contents the remote has; none where there is no remote.
    async fn in_remote(&self, mut wanted: HashSet<Digest>) -> Result<HashSet<Digest>> {
        let Some(remote) = &self.catalog().remote else { return Ok(HashSet::new()) };
        if wanted.len() <= ONE_BY_ONE {
            let asked = wanted
                .drain()
                .map(|digest| async move { Ok(remote.size(&Location::Blob(digest)).await?.map(|_| digest)) });
            return stream::iter(asked)
                .buffer_unordered(AT_ONCE)
                .try_filter_map(|found| async move { Ok(found) })
                .try_collect()
                .await;
        }
        let mut there = HashSet::new();
        let mut visit = |entry: Entry| {
            if let Some(digest) = entry.location.content()
                && wanted.contains(&digest)
            {
                there.insert(digest);
            }
            if there.len() < wanted.len() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        remote.list(&Prefix::Blobs, &mut visit).await?;
        Ok(there)
    }
}

/// Damage hides its own file; any other error is one of the whole list.
fn listed<T>(read: Result<T>, uid: &Uid, listing: &mut Listing) -> Result<Option<T>> {
    match read {
        // Removed since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => unless_damaged(read, uid, &mut listing.damaged),
    }
}

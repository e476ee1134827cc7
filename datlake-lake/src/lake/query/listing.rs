//! Files in lists: as few questions to the remote as there can be.

use std::collections::HashSet;

use datlake_core::record::NameTarget;
use datlake_core::{Digest, DigestSet, ErrorKind, Location, Prefix, Result, StoreExt as _, Uid};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::files::{Counting, row};
use super::rows::Rows;
use crate::file::File;
use crate::lake::{AT_ONCE, Lake, Replaced, is_damage, refuse_in_body};
use crate::origin::Origin;
use crate::report::{Damage, FolderRow, ListedItem, Listing, Row};
use crate::sorted::{Sorted, Sorter};

/// For so much content the remote is asked one by one; for more, what it has at all is listed, a thousand at a time.
pub(super) const ONE_BY_ONE: usize = 200;

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
        listing(self.item_rows(prefix, Depth::All, Noting::Refreshed)?)
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
        listing(self.item_rows(prefix, Depth::One, Noting::Refreshed)?)
    }

    /// The files of [`Lake::list_files`], as rows that are read while somebody goes through them.
    ///
    /// # Errors
    /// As [`Lake::list_files`].
    ///
    /// ```
    /// use datlake::report::{ListedItem, Row};
    ///
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let Some(Row::Whole(ListedItem::File(file))) = lake.file_rows("")?.next().transpose()? else { panic!() };
    /// assert_eq!(file.name, "en.txt");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn file_rows(&self, prefix: &str) -> Result<Rows<ListedItem>> {
        self.item_rows(prefix, Depth::All, Noting::Nothing)
    }

    /// The files and folders of [`Lake::list_folder`], sorted together, as rows that are read while somebody goes through them.
    ///
    /// # Errors
    /// As [`Lake::list_files`].
    ///
    /// ```
    /// use datlake::report::{ListedItem, Row};
    ///
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("greetings/en.txt", b"hello")?;
    /// let Some(Row::Whole(ListedItem::Folder(folder))) = lake.folder_rows("")?.next().transpose()? else { panic!() };
    /// assert_eq!(folder.files, 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn folder_rows(&self, prefix: &str) -> Result<Rows<ListedItem>> {
        self.item_rows(prefix, Depth::One, Noting::Nothing)
    }

    fn item_rows(&self, prefix: &str, depth: Depth, noting: Noting) -> Result<Rows<ListedItem>> {
        refuse_in_body("list the lake")?;
        let folder = prefix.trim_end_matches('/');
        let folder = if folder.is_empty() { None } else { Some(Uid::chosen(folder)?) };
        let names = wait(self.names_in(folder.as_ref()))?;
        let many = names.iter().take(ONE_BY_ONE + 1).count();
        let asked = wait(self.replaced_in(folder.as_ref(), many))?;
        let names = match depth {
            Depth::All => names,
            Depth::One => one_level(&names, folder.as_ref().map_or(0, |folder| folder.as_str().len() + 1))?,
        };
        let many = names.iter().filter(is_file).take(ONE_BY_ONE + 1).count() > ONE_BY_ONE;
        let mut reading = Reading { lake: self.clone(), asked, noting, many, remote: None };
        let mut folder = folder.map(Name::File);
        let mut items = names.iter();
        Ok(Rows::new(move || {
            refuse_in_body("list the lake")?;
            let names = items.by_ref().take(AT_ONCE).map(|item| read_name(&item?));
            let some: Vec<_> = folder.take().map(Ok).into_iter().chain(names).collect::<Result<_>>()?;
            if some.is_empty() {
                return Ok(None);
            }
            wait(reading.rows_of(some)).map(Some)
        }))
    }

    /// The chosen names below a folder.
    async fn names_in(&self, folder: Option<&Uid>) -> Result<Sorted> {
        self.contact_remote().await?;
        let (mut names, mut failed) = (Sorter::default(), None);
        let gather = |uid: Uid| failed = failed.take().or(names.push(uid.as_str().as_bytes()).err());
        self.catalog().each_name(folder, gather).await?;
        match failed {
            Some(error) => Err(error),
            None => names.sorted(),
        }
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
}

/// How deep a list goes.
enum Depth {
    One,
    All,
}

/// What a process keeps in mind of what it listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Noting {
    /// That these names were asked about: whoever reads one of them next asks no more.
    Refreshed,
    Nothing,
}

/// A name in a list, before anything is known of it.
pub(super) enum Name {
    File(Uid),
    Folder(Uid, u64),
}

/// What stands behind a name, which has none in it: a file stands before a folder of its name.
const FILE: [u8; 2] = [0, 0];
/// See `FILE`; how many names are in it comes then.
const FOLDER: [u8; 2] = [0, 1];

/// Of sorted names that begin with a folder's, which is so long: the files right in it, and the folders.
fn one_level(names: &Sorted, start: usize) -> Result<Sorted> {
    let mut level = Sorter::default();
    // The names in one folder are one behind the other.
    let mut open: Option<(Vec<u8>, u64)> = None;
    let close = |folder: Option<(Vec<u8>, u64)>, level: &mut Sorter| match folder {
        Some((folder, files)) => level.push(&[&folder[..], &FOLDER, &files.to_be_bytes()].concat()),
        None => Ok(()),
    };
    for name in names.iter() {
        let name = name?;
        match name[start..].iter().position(|byte| *byte == b'/') {
            None => level.push(&[&name[..], &FILE].concat())?,
            Some(length) => match &mut open {
                Some((folder, files)) if **folder == name[..start + length] => *files += 1,
                _ => close(open.replace((name[..start + length].to_vec(), 1)), &mut level)?,
            },
        }
    }
    close(open, &mut level)?;
    level.sorted()
}

fn is_file(item: &Result<Vec<u8>>) -> bool {
    let end = |item: &Vec<u8>| item.iter().position(|byte| *byte == 0).unwrap_or(item.len());
    item.as_ref().is_ok_and(|item| !item[end(item)..].starts_with(&FOLDER))
}

fn read_name(item: &[u8]) -> Result<Name> {
    let end = item.iter().position(|byte| *byte == 0).unwrap_or(item.len());
    let uid = Uid::chosen(&String::from_utf8_lossy(&item[..end]))?;
    let files = item[end..].strip_prefix(&FOLDER).and_then(|files| files.first_chunk());
    Ok(files.map_or(Name::File(uid.clone()), |files| Name::Folder(uid, u64::from_be_bytes(*files))))
}

/// Rows that are being read.
pub(super) struct Reading {
    pub(super) lake: Lake,
    pub(super) asked: Replaced,
    pub(super) noting: Noting,
    /// Whether there are more than one asks for one by one.
    pub(super) many: bool,
    /// What content the remote has, once that was listed.
    pub(super) remote: Option<DigestSet>,
}

impl Reading {
    pub(super) async fn rows_of(&mut self, names: Vec<Name>) -> Result<Vec<Row<ListedItem>>> {
        let uids: Vec<Uid> =
            names.iter().filter_map(|name| if let Name::File(uid) = name { Some(uid.clone()) } else { None }).collect();
        self.lake.refresh_those(&self.asked, &uids, self.noting == Noting::Refreshed).await?;
        let mut found = Vec::with_capacity(names.len());
        let mut shown = stream::iter(names)
            .map(async |name| match name {
                Name::File(uid) => Ok((self.lake.shown(&uid).await, uid)),
                Name::Folder(prefix, files) => Err(FolderRow { prefix, files }),
            })
            .buffered(AT_ONCE);
        while let Some(name) = shown.next().await {
            match name {
                Err(folder) => found.push(KnownRow::Row(Row::Whole(ListedItem::Folder(folder)))),
                // A name whose call never finished shows nothing.
                Ok((shown, uid)) => found.extend(listed(shown, &uid)?.and_then(|shown| match shown {
                    Row::Whole(shown) => shown.map(|shown| KnownRow::File(Box::new(shown))),
                    Row::Damaged { damaged } => Some(KnownRow::Row(Row::Damaged { damaged })),
                })),
            }
        }
        drop(shown);
        let files = found
            .iter()
            .filter_map(|found| if let KnownRow::File(file) = found { Some(file.0.digest()) } else { None });
        let remote = self.in_remote(files.collect()).await?;
        let mut rows = Vec::with_capacity(found.len());
        for found in found {
            match found {
                KnownRow::Row(row) => rows.push(row),
                KnownRow::File(known) => {
                    let (file, origin) = &*known;
                    let read = row(file, origin, remote.contains(&file.digest()), Counting::Small);
                    let read = match file.uid() {
                        Some(uid) => listed(read, uid)?,
                        None => Some(Row::Whole(read?)),
                    };
                    rows.extend(read.map(|row| match row {
                        Row::Whole(row) => Row::Whole(ListedItem::File(row)),
                        Row::Damaged { damaged } => Row::Damaged { damaged },
                    }));
                }
            }
        }
        Ok(rows)
    }

    /// Which of these contents the remote has; none where there is no remote. Of many names, all that it has is listed once.
    async fn in_remote(&mut self, wanted: HashSet<Digest>) -> Result<HashSet<Digest>> {
        let remote = self.lake.catalog().remote.as_ref().filter(|_| !wanted.is_empty());
        let Some(remote) = remote else { return Ok(HashSet::new()) };
        if !self.many {
            let asked = wanted
                .into_iter()
                .map(|digest| async move { Ok(remote.size(&Location::Blob(digest)).await?.map(|_| digest)) });
            return stream::iter(asked)
                .buffer_unordered(AT_ONCE)
                .try_filter_map(|found| async move { Ok(found) })
                .try_collect()
                .await;
        }
        if self.remote.is_none() {
            let mut there = DigestSet::default();
            remote.each(&Prefix::Blobs, |entry| there.extend(entry.location.content())).await?;
            self.remote = Some(there);
        }
        let there = self.remote.as_ref();
        Ok(wanted.into_iter().filter(|digest| there.is_some_and(|there| there.contains(digest))).collect())
    }
}

/// What is known of a name.
enum KnownRow {
    File(Box<(File, Origin)>),
    Row(Row<ListedItem>),
}

/// All of a list at once.
fn listing(rows: Rows<ListedItem>) -> Result<Listing> {
    let (items, damaged) = rows.all()?;
    let mut listing = Listing { damaged, ..Listing::default() };
    for item in items {
        match item {
            ListedItem::File(file) => listing.files.push(file),
            ListedItem::Folder(folder) => listing.folders.push(folder),
        }
    }
    Ok(listing)
}

/// Damage hides its own file; any other error is one of the whole list.
fn listed<T>(read: Result<T>, uid: &Uid) -> Result<Option<Row<T>>> {
    match read {
        // Removed since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if is_damage(&error) => Ok(Some(Row::Damaged { damaged: Damage::new(uid, &error) })),
        read => read.map(|read| Some(Row::Whole(read))),
    }
}

//! Files of trees that rest in packs.
//!
//! Invariants:
//! - Whatever a location says, bytes are handed on only where they have the digest that was asked for.
//! - Content that is a blob of its own is read there. So what was healed, or was named by itself, is found first.
//! - From far away a file of a pack is one ranged read, and is kept; from the fifth file on the whole pack is fetched.

use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use datlake_core::tree::{InPack, PackLocations};
use datlake_core::{Digest, Entry, Error, ErrorKind, Location, Prefix, Result, Side, Store, StoreExt as _, WHOLE};

use super::{LocalView, Wanted};
use crate::dir::Seal;
use crate::hashing::Hashing;

impl LocalView {
    /// The locations of a range that are on this machine and can be read.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn locations_here(&self, range: &Digest) -> Result<Arc<[PackLocations]>> {
        // Before they are listed: what comes meanwhile is seen the next time.
        let changed = self.locations_changed(range);
        if let Some(known) = self.packs.known(range, changed) {
            return Ok(known);
        }
        let mut found = Vec::new();
        let mut visit = |entry: Entry| {
            found.push(entry.location);
            ControlFlow::Continue(())
        };
        self.dir.walk(&Prefix::LocationsOf(*range), &mut visit)?;
        let mut read = Vec::new();
        for at in found {
            let (Some((range, pack)), Some(bytes)) = (at.attached(), self.dir.read(&at)?) else { continue };
            // Where these are damaged others may say the same. If none does, the content is missing; `verify` says why.
            read.extend(PackLocations::parse(&range, &pack, &bytes).ok());
        }
        let read: Arc<[PackLocations]> = read.into();
        self.packs.learn(*range, changed, &read);
        Ok(read)
    }

    fn locations_changed(&self, range: &Digest) -> Option<SystemTime> {
        let folder = self.dir.path_of(&Location::PackedIn(*range, *range));
        std::fs::metadata(folder.parent()?).and_then(|found| found.modified()).ok()
    }

    /// The locations of a range that the remote has, which are copied to this machine.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn locations_there(&self, range: &Digest) -> Result<Vec<PackLocations>> {
        let Some(remote) = &self.catalog.remote else { return Ok(Vec::new()) };
        let mut read = Vec::new();
        for at in remote.locations(&Prefix::LocationsOf(*range)).await? {
            let Some((range, pack)) = at.attached() else { continue };
            let bytes = match self.dir.read(&at)? {
                Some(bytes) if PackLocations::parse(&range, &pack, &bytes).is_ok() => bytes,
                here => {
                    let Some(bytes) = remote.get(&at).await? else { continue };
                    let Ok(_) = PackLocations::parse(&range, &pack, &bytes) else { continue };
                    if here.is_some() {
                        self.catalog.local.remove(&at).await?;
                    }
                    self.catalog.cache.create(&at, &bytes).await?;
                    bytes
                }
            };
            read.push(PackLocations::parse(&range, &pack, &bytes)?);
        }
        self.packs.forget(range);
        Ok(read)
    }

    /// Where content rests by the locations that are here.
    fn places(&self, wanted: Wanted<'_>) -> Result<Vec<InPack>> {
        let Some(range) = wanted.range else { return Ok(Vec::new()) };
        Ok(find(&self.locations_here(&range)?, wanted))
    }

    /// Whether content rests in a pack that is here.
    pub(super) fn rests_here(&self, wanted: &Wanted<'_>) -> Result<bool> {
        Ok(self.places(*wanted)?.iter().any(|at| self.place_of(&at.pack).exists()))
    }

    /// How many of these files of a range, by digest and size, are on this machine.
    ///
    /// # Errors
    /// Those of looking into the store.
    pub fn count_here(&self, range: &Digest, files: impl Iterator<Item = (Digest, u64)>) -> Result<u64> {
        let locations = self.locations_here(range)?;
        let here: Vec<_> = locations.iter().filter(|one| self.place_of(&one.pack()).exists()).collect();
        let mut count = 0;
        for (digest, size) in files {
            let rests = here.iter().filter_map(|one| one.find(&digest)).any(|at| at.length == size);
            if rests || self.dir.inspect(&digest, size)? != Seal::Missing {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Whether the remote has content, as a blob of its own or in a pack.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn is_there(&self, wanted: Wanted<'_>) -> Result<bool> {
        let Some(remote) = &self.catalog.remote else { return Ok(false) };
        if remote.size(&Location::Blob(*wanted.digest)).await?.is_some() {
            return Ok(true);
        }
        let Some(range) = wanted.range else { return Ok(false) };
        for at in find(&self.locations_there(&range).await?, wanted) {
            if remote.size(&Location::Blob(at.pack)).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The bytes of content that rests in packs, unless it is a blob of its own here; and whether they had to come. `None` where
    /// no locations lead to it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] where what they lead to has other bytes; those of the stores.
    pub(super) async fn packed(&self, wanted: Wanted<'_>) -> Result<Option<(Vec<u8>, bool)>> {
        if wanted.range.is_none() || self.dir.inspect(wanted.digest, wanted.size)? != Seal::Missing {
            return Ok(None);
        }
        if wanted.size == 0 && *wanted.digest == Digest::of(b"") {
            return Ok(Some((Vec::new(), false)));
        }
        match self.packed_here(wanted)? {
            Some(bytes) => Ok(Some((bytes, false))),
            None => Ok(self.packed_there(wanted).await?.map(|bytes| (bytes, true))),
        }
    }

    fn packed_here(&self, wanted: Wanted<'_>) -> Result<Option<Vec<u8>>> {
        let mut damaged = None;
        for at in self.places(wanted)? {
            match self.slice(&at)? {
                Some(bytes) if Digest::of(&bytes) == *wanted.digest => return Ok(Some(bytes)),
                Some(_) => damaged = Some(at),
                None => {}
            }
        }
        damaged.map_or(Ok(None), |at| Err(wanted.damaged_in_pack(&self.place_of(&at.pack))))
    }

    /// The bytes at a place of a pack that is here, as far as it has them.
    fn slice(&self, at: &InPack) -> Result<Option<Vec<u8>>> {
        let path = self.place_of(&at.pack);
        let failed = |e| Error::io("read", path.display(), e);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(e)),
        };
        let mut bytes = vec![0; usize::try_from(at.length).unwrap_or(usize::MAX)];
        match file.read_exact_at(&mut bytes, at.offset) {
            Ok(()) => Ok(Some(bytes)),
            // It was cut short.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(Vec::new())),
            Err(e) => Err(failed(e)),
        }
    }

    async fn packed_there(&self, wanted: Wanted<'_>) -> Result<Option<Vec<u8>>> {
        let (Some(range), Some(remote)) = (wanted.range, &self.catalog.remote) else { return Ok(None) };
        let mut damaged = None;
        let mut tried = Vec::new();
        for asks in [false, true] {
            let places = match asks {
                false => self.places(wanted)?,
                true => find(&self.locations_there(&range).await?, wanted),
            };
            for at in places {
                if tried.contains(&at) {
                    continue;
                }
                match self.fetch_packed(&**remote, wanted, &at).await {
                    Ok(Some(bytes)) => return Ok(Some(bytes)),
                    Ok(None) => {}
                    Err(error) if error.kind() == ErrorKind::Corrupt => damaged = Some(error),
                    Err(error) => return Err(error),
                }
                tried.push(at);
            }
        }
        // It may be a blob of its own there.
        match damaged {
            Some(error) if remote.size(&Location::Blob(*wanted.digest)).await?.is_none() => Err(error),
            _ => Ok(None),
        }
    }

    /// The bytes of content from a pack at the remote: with the whole pack, where several files of it are wanted.
    async fn fetch_packed(&self, remote: &dyn Store, wanted: Wanted<'_>, at: &InPack) -> Result<Option<Vec<u8>>> {
        if self.packs.are_many(at.pack) {
            let what = format!("pack {}", at.pack.short());
            let pack = Wanted { digest: &at.pack, size: at.pack_size, what: &what, range: None, progress: &|_| {} };
            match Box::pin(self.ensure(pack)).await {
                Ok(_) => {
                    let bytes = self.slice(at)?.filter(|bytes| Digest::of(bytes) == *wanted.digest);
                    if bytes.is_some() {
                        return Ok(bytes);
                    }
                }
                // Of a damaged pack the other files are whole.
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::MissingBlob) => {}
                Err(error) => return Err(error),
            }
        }
        let _permit = self.transfer().await?;
        let mut bytes = Vec::with_capacity(usize::try_from(at.length).unwrap_or(0));
        let range = at.offset..at.offset + at.length;
        match remote.fetch(&Location::Blob(at.pack), range, &mut bytes).await? {
            None => Ok(None),
            Some(_) if Digest::of(&bytes) == *wanted.digest => {
                self.catalog.cache.create(&Location::Blob(*wanted.digest), &bytes).await?;
                Ok(Some(bytes))
            }
            Some(_) => {
                let how = format!("{} bytes of pack {} with another digest", bytes.len(), at.pack.short());
                Err(wanted.came_damaged(remote, &how))
            }
        }
    }

    /// Makes content that may rest in a pack a blob of its own on this machine, which lasts: something else than a tree is about to
    /// name it.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure).
    pub async fn own(&self, wanted: Wanted<'_>) -> Result<()> {
        self.ensure(wanted).await?;
        let path = self.place_of(wanted.digest);
        self.catalog.local.create_from(&Location::Blob(*wanted.digest), &path).await.map(drop)
    }

    /// Fetches content from the remote, from a blob of its own or a pack, and makes it a blob of its own here: a pack that is here
    /// may be damaged.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure).
    pub async fn fetch_by_itself(&self, wanted: Wanted<'_>) -> Result<()> {
        let is_missing = self.dir.inspect(wanted.digest, wanted.size)? == Seal::Missing;
        if wanted.range.is_some()
            && is_missing
            && self.packed_there(wanted).await?.is_some_and(|bytes| !bytes.is_empty())
        {
            return Ok(());
        }
        self.ensure(Wanted { range: None, ..wanted }).await.map(drop)
    }

    /// Reads content on one side, as a blob of its own or in a pack: its real digest and size; `None` if it is not there. A copy
    /// that is whole counts before one that is not.
    ///
    /// # Errors
    /// Those of the stores.
    pub async fn read_wanted(&self, side: Side, wanted: Wanted<'_>) -> Result<Option<(Digest, u64)>> {
        let store = match (side, &self.catalog.remote) {
            (Side::Local, _) => &self.catalog.local,
            (Side::Remote, Some(remote)) => remote,
            (Side::Remote, None) => return Ok(None),
        };
        let mut read = None;
        for known in [Lookup::Blob, Lookup::Here, Lookup::There] {
            let places = match (known, wanted.range, side) {
                (Lookup::Blob, ..) => vec![(*wanted.digest, WHOLE)],
                (Lookup::Here, Some(range), _) => ranges(find(&self.locations_here(&range)?, wanted)),
                (Lookup::There, Some(range), Side::Remote) => {
                    ranges(find(&self.locations_there(&range).await?, wanted))
                }
                _ => Vec::new(),
            };
            for (blob, range) in places {
                let mut sink = Hashing::new(std::io::sink());
                let found = store.fetch(&Location::Blob(blob), range, &mut sink).await?;
                read = found.map(|_| (sink.digest(), sink.size())).or(read);
                if read.is_some_and(|(digest, _)| digest == *wanted.digest) {
                    return Ok(read);
                }
            }
        }
        Ok(read)
    }
}

/// By what content is looked for, in this order.
enum Lookup {
    Blob,
    Here,
    There,
}

fn ranges(places: Vec<InPack>) -> Vec<(Digest, Range<u64>)> {
    places.into_iter().map(|at| (at.pack, at.offset..at.offset + at.length)).collect()
}

fn find(locations: &[PackLocations], wanted: Wanted<'_>) -> Vec<InPack> {
    let found = locations.iter().filter_map(|locations| locations.find(wanted.digest));
    found.filter(|at| at.length == wanted.size).collect()
}

//! Publication: content, `uses`, names, and last the record.

use super::{Catalog, Publication, Published};
use crate::record::{Kept, Name, OutputOf, Target, ValueBytes};
use crate::{Created, Digest, Error, ErrorKind, Location, Result};

impl Catalog {
    /// Makes a finished call visible, in an order that shows all of it or nothing.
    ///
    /// The caller holds the local claim of each name in `names`: only then may a name that a call of this machine left
    /// without finishing be taken over. See [`without_claims`](Self::without_claims).
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] where a name belongs to another call or to an added file, or was given to another
    /// meanwhile. Nothing is visible then.
    pub async fn publish(&self, publication: Publication) -> Result<Published> {
        let Publication { record, value, blobs, uses, names } = publication;
        // What exists only here must be safe here; with a remote this machine holds copies.
        let keep = if self.remote.is_some() { &self.cache } else { &self.local };
        for (digest, path) in &blobs {
            if let Some(remote) = &self.remote {
                remote.create_from(&Location::Blob(*digest), path).await?;
            }
            keep.create_from(&Location::Blob(*digest), path).await?;
        }
        if let (Some(bytes), ValueBytes::Blob(digest)) = (&value, &record.value) {
            if let Some(remote) = &self.remote {
                remote.create(&Location::Blob(*digest), bytes).await?;
            }
            keep.create(&Location::Blob(*digest), bytes).await?;
        }
        // `uses` is an index that can be made again from the records.
        let index = self.remote.as_deref().unwrap_or(&*self.cache);
        for digest in uses {
            index.create(&Location::Use(digest, record.creator.clone(), record.key), b"").await?;
        }
        let mut created = Vec::with_capacity(names.len());
        for uid in names {
            let target = OutputOf { creator: record.creator.clone(), key: record.key };
            let name = Name::create(uid, Target::Output(target), &self.home, &record.nonce)?;
            created.push(self.create_name(name).await?);
        }
        let at = Location::Record(record.creator.clone(), record.key);
        let decided = match self.deciding().create(&at, record.bytes()).await? {
            Created::New => Published::Ours(record),
            Created::Exists => {
                let bytes = self.deciding().get(&at).await?.ok_or_else(|| {
                    Error::new(ErrorKind::Io, format!("`{}` was removed while it was published; run again", at.path()))
                })?;
                match Kept::parse(&record.creator, &record.key, bytes)? {
                    // A create whose reply got lost is ours all the same.
                    Kept::Record(first) if first.nonce == record.nonce => Published::Ours(first),
                    Kept::Record(first) => Published::Theirs(first),
                    Kept::Abandoned(_) => {
                        let message = format!(
                            "cannot publish call {}/{}: its name was removed, or taken by another call, meanwhile; run again",
                            record.creator, record.key
                        );
                        return Err(Error::new(ErrorKind::AlreadyExists, message));
                    }
                }
            }
        };
        // Copies come last: what this machine has by itself has been decided.
        if self.remote.is_some() {
            for name in &created {
                self.copy_name(name).await?;
            }
            let (Published::Ours(record) | Published::Theirs(record)) = &decided;
            self.cache.create(&at, record.bytes()).await?;
        }
        Ok(decided)
    }

    /// Puts content into the lake, by itself not visible.
    pub async fn put_blob(&self, digest: &Digest, file: &std::path::Path) -> Result<()> {
        let at = Location::Blob(*digest);
        if let Some(remote) = &self.remote {
            remote.create_from(&at, file).await?;
            self.cache.create_from(&at, file).await?;
        } else {
            self.local.create_from(&at, file).await?;
        }
        Ok(())
    }
}

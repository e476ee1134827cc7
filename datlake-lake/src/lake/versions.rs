//! Names that are replaced: what they lead to now, and what they led to before.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use datlake_core::catalog::{FoundVersion, PastVersion};
use datlake_core::record::NameTarget;
use datlake_core::version::Moved;
use datlake_core::{Entry, Error, ErrorKind, Location, Prefix, Result, StoreExt as _, Subject, Uid, UidKind};
use datlake_store::wait;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{AT_ONCE, Lake, lock, refuse_in_body};
use crate::event::Event;
use crate::report::{NameHistory, VersionRow};

/// From so many names on it costs less to list what was replaced at all than to ask for each.
const ONE_BY_ONE: usize = 16;

impl Lake {
    /// What the file called `uid` has been, the latest first: `NAME@{0}`, what the name leads to now, `NAME@{1}`, what it led to
    /// before, and so on. Each says by whom, when and by which call it came to be. A name that was never replaced has one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such name; [`ErrorKind::InvalidInput`] for what is no chosen name;
    /// [`ErrorKind::Context`] in a body.
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// lake.add_bytes("table.csv", "1")?;
    /// lake.replacing().add_bytes("table.csv", "2")?;
    /// let log = lake.log("table.csv")?;
    /// assert_eq!(log.versions[1].address, "table.csv@{1}");
    /// assert_eq!(lake.file("table.csv@{1}")?.read_to_string()?, "1");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn log(&self, uid: &str) -> Result<NameHistory> {
        refuse_in_body("look at what a name led to")?;
        let uid = self.resolve(uid)?;
        if !matches!(uid.kind(), UidKind::Chosen) {
            let message = format!("`{uid}` was never replaced: only a name that a person chose can be");
            return Err(Error::new(ErrorKind::InvalidInput, message).about(Subject::Uid(uid)));
        }
        // Fails with the nearest names.
        self.file(uid.as_str())?;
        let versions = wait(self.catalog().versions(&uid))?;
        let rows = versions.into_iter().enumerate().map(|(back, version)| row(&uid, back, version));
        Ok(NameHistory { versions: rows.collect::<Result<_>>()?, uid })
    }

    /// Asks the remote what a name leads to, once in a process. Where it does not answer, what this machine knows counts, and an
    /// event says so.
    #[doc(hidden)]
    pub async fn refresh(&self, uid: &Uid) -> Result<()> {
        let name = match uid.kind() {
            UidKind::Chosen => uid.clone(),
            UidKind::Output { .. } | UidKind::Committed { .. } => return Ok(()),
            UidKind::Member { tree, .. } => return Box::pin(self.refresh(&tree)).await,
        };
        if self.catalog().remote.is_none() || !lock(&self.0.refreshed).insert(name.clone()) {
            return Ok(());
        }
        let mut known = Vec::new();
        for name in [Some(name.clone()), name.version().map(|(name, _)| name)].into_iter().flatten() {
            // What this machine does not know is asked for by whoever looks for it.
            if self.catalog().local.size(&Location::Name(name.clone())).await?.is_some() {
                known.push(name);
            }
        }
        for name in known {
            self.refresh_known(&name).await?;
        }
        Ok(())
    }

    async fn refresh_known(&self, uid: &Uid) -> Result<()> {
        let unchecked = |why: String| self.emit(&Event::Unchecked { uid: uid.clone(), why });
        // Who waited for it once does not wait for each name.
        if let Some(why) = lock(&self.0.unreachable).clone() {
            unchecked(why);
            return Ok(());
        }
        let asked = async {
            self.contact_remote().await?;
            self.catalog().learn_versions(uid).await
        };
        match asked.await {
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Config | ErrorKind::Format) => {
                Err(error)
            }
            Err(error) => {
                let why = error.to_string();
                *lock(&self.0.unreachable) = Some(why.clone());
                unchecked(why);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The version that an address means, as `NAME@{1}` or `NAME@{1}//path`; `None` for the address of anything else.
    pub(super) async fn version_asked(&self, uid: &Uid) -> Result<Option<EarlierVersion>> {
        let address = match uid.kind() {
            UidKind::Member { tree, .. } => tree,
            _ => uid.clone(),
        };
        let Some((name, _)) = address.version() else { return Ok(None) };
        self.contact_remote().await?;
        self.catalog().version_at(&address).await?.map(|found| EarlierVersion::new(&name, found)).transpose()
    }

    /// The same for many names, which are in the folder `below`: one list says which of them were replaced at all.
    pub(super) async fn refresh_all(&self, below: Option<&Uid>, names: &[Uid]) -> Result<()> {
        let replaced = self.replaced_in(below, names.len()).await?;
        self.refresh_those(&replaced, names, true).await
    }

    /// Which of so many names in the folder `below` were replaced at the remote; of a few, each is asked about.
    pub(super) async fn replaced_in(&self, below: Option<&Uid>, names: usize) -> Result<Replaced> {
        let remote = self.catalog().remote.clone().filter(|_| names > ONE_BY_ONE);
        let Some(remote) = remote else { return Ok(Replaced(None)) };
        let mut replaced = HashSet::new();
        let gather = |entry: Entry| replaced.extend(entry.location.name().cloned());
        // Where they cannot be listed, each is asked about, and that says why.
        let listed = remote.each(&Prefix::VersionsIn(below.cloned()), gather).await;
        Ok(Replaced(listed.is_ok().then_some(replaced)))
    }

    /// Asks about those of `names` that may have been replaced; the others are asked about no more where they are `noted`.
    pub(super) async fn refresh_those(&self, replaced: &Replaced, names: &[Uid], noted: bool) -> Result<()> {
        if self.catalog().remote.is_none() {
            return Ok(());
        }
        let (ask, rest): (Vec<_>, Vec<_>) =
            names.iter().cloned().partition(|name| replaced.0.as_ref().is_none_or(|known| known.contains(name)));
        if noted {
            lock(&self.0.refreshed).extend(rest);
        }
        let asked = stream::iter(ask).map(|name| async move { self.refresh(&name).await });
        asked.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await
    }

    /// Before a name is replaced at the remote, what replaced it here goes there.
    pub(super) fn push_replacements(&self, uid: &Uid) -> Result<()> {
        if self.catalog().remote.is_none()
            || self.catalog().refused.load(Ordering::Acquire)
            || wait(self.catalog().unpushed_of(uid))?.is_empty()
        {
            return Ok(());
        }
        wait(self.push_async(&[uid.as_str()])).map(drop)
    }
}

/// Names that were replaced at the remote; `None` where that is not known.
pub(crate) struct Replaced(Option<HashSet<Uid>>);

/// A version of a name, and what replaced it.
pub(super) struct EarlierVersion {
    /// By which it is asked for now.
    pub(super) address: String,
    /// What the name led to.
    pub(super) target: NameTarget,
    /// What it has led to since; `None` where it is still that.
    pub(super) replaced_by: Option<VersionRow>,
}

impl EarlierVersion {
    pub(super) fn new(name: &Uid, found: FoundVersion) -> Result<Self> {
        let FoundVersion { named, back, replaced_by } = found;
        let replaced_by = replaced_by.map(|(back, version)| row(name, back, version)).transpose()?;
        Ok(Self { address: format!("{name}@{{{back}}}"), target: named.target().clone(), replaced_by })
    }
}

/// A version as it is shown.
fn row(uid: &Uid, back: usize, version: PastVersion) -> Result<VersionRow> {
    let PastVersion { named, file } = version;
    let by = named.moved()?.map(|Moved { person, host, at }| (person.email, host, at));
    let (originator, host, at) = by.unwrap_or_default();
    let call = match named.target() {
        NameTarget::Output(output) => Some((output.creator.clone(), output.key)),
        NameTarget::Added(_) => None,
    };
    Ok(VersionRow {
        address: format!("{uid}@{{{back}}}"),
        digest: file.as_ref().map(|file| file.digest),
        size: file.as_ref().map(|file| file.size),
        tree: file.is_some_and(|file| file.tree),
        at,
        originator,
        host,
        call,
        aside: named.version.is_some_and(|version| version.aside),
        pruned: named.is_pruned,
    })
}

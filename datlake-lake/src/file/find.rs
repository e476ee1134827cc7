//! Finding files by their names.

use std::sync::Arc;

use datlake_core::catalog::FoundVersion;
use datlake_core::record::Record;
use datlake_core::{Error, ErrorKind, Result, Subject, Uid, UidKind};
use datlake_store::wait;

use super::handle::File;
use super::tree::Tree;
use crate::handle::Lake;
use crate::nearest::nearest;
use crate::scope;

impl File {
    /// The file called `uid` in the current lake. Nothing is downloaded.
    ///
    /// # Errors
    /// As [`Lake::file`]; those of [`Lake::current`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// lake.add_bytes("a.txt", "a")?;
    /// assert!(datlake::File::exists("a.txt")?);
    /// assert_eq!(datlake::File::get("a.txt")?.read()?, b"a");
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn get(uid: &str) -> Result<Self> {
        Self::named(&Lake::current()?, uid)
    }

    /// Whether the current lake has a file called `uid`.
    ///
    /// # Errors
    /// As [`Lake::exists`]; those of [`Lake::current`].
    ///
    /// ```
    /// let lake = datlake::Lake::temp()?;
    /// let _current = lake.enter();
    /// assert!(!datlake::File::exists("a.txt")?);
    /// lake.add_bytes("a.txt", "a")?;
    /// assert!(datlake::File::exists("a.txt")?);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn exists(uid: &str) -> Result<bool> {
        Lake::current()?.exists(uid)
    }

    /// The file of `lake` called `uid`, which a body that asks for it gets as an input.
    pub(crate) fn named(lake: &Lake, uid: &str) -> Result<Self> {
        let uid: Uid = uid.parse()?;
        if let UidKind::Member { tree, path } = uid.kind() {
            // What a body gets of a tree is fixed by the tree.
            return Tree::try_from(Self::named(lake, tree.as_str())?)?.get(&path);
        }
        let found = wait(Self::find(lake, &uid)).and_then(|file| file.ok_or_else(|| not_found(lake, &uid)));
        match &found {
            Ok(file) => scope::frame().iter().for_each(|frame| frame.note_dynamic_input(&uid, file.to_ref())),
            Err(error) => scope::certain_frame().iter().for_each(|frame| frame.note_failed(error)),
        }
        found
    }

    /// The file of `lake` called `uid`, wherever it is.
    pub(crate) async fn find(lake: &Lake, uid: &Uid) -> Result<Option<Self>> {
        if let UidKind::Member { tree, path } = uid.kind() {
            let Some(tree) = known(lake, &tree).await? else { return Ok(None) };
            return Tree::try_from(tree)?.find(&path);
        }
        if uid.is_committed() {
            let meta = lake.committed(uid)?.map(|file| file.meta(lake)).transpose()?.flatten();
            return Ok(meta.map(|meta| Self::known(lake, meta)));
        }
        known(lake, uid).await
    }
}

impl Tree {
    /// The tree called `uid` in the current lake.
    ///
    /// # Errors
    /// As [`File::get`]; [`ErrorKind::InvalidInput`] for a file that is no tree.
    ///
    /// ```
    /// # let lake = datlake::Lake::temp()?;
    /// # let _current = lake.enter();
    /// lake.add_tree("sources", "src")?;
    /// assert!(datlake::Tree::get_uid("sources")?.names()?.contains(&"lib.rs"));
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn get_uid(uid: &str) -> Result<Self> {
        Self::try_from(File::get(uid)?)
    }
}

async fn known(lake: &Lake, uid: &Uid) -> Result<Option<File>> {
    lake.refresh(uid).await?;
    // Which version is which, this machine cannot know by itself.
    if uid.version().is_some() {
        lake.contact_remote().await?;
        if let Some(FoundVersion { named, .. }) = lake.catalog().version_at(uid).await? {
            let version = Arc::new(named.target().clone());
            return Ok(named.file()?.map(|file| File::version(lake, file, Some(version))));
        }
    } else if let Some(known) = lake.catalog().here().file(uid).await? {
        return Ok(Some(File::known(lake, known)));
    }
    lake.contact_remote().await?;
    Ok(lake.catalog().file(uid).await?.map(|known| File::known(lake, known)))
}

/// The call is there, and returned fewer files.
fn no_such_output(uid: &Uid, record: &Record) -> Error {
    let call = format!("@{}/{}", record.creator, record.key.short());
    let returned = match record.lineage().map_or(0, |lineage| lineage.outputs.len()) {
        0 => "a value, and no file".to_owned(),
        1 => "one file".to_owned(),
        more => format!("{more} files"),
    };
    let message = format!("there is no file `{uid}`: call {call} returned {returned}");
    let error = Error::new(ErrorKind::NotFound, message).about(Subject::Uid(uid.clone()));
    error.with_hint(format!("`datlake info {call}` shows what it returned"))
}

/// What to say where somebody means a repository, a branch, or one that is not there.
fn repository_hint(lake: &Lake, text: &str) -> Option<String> {
    let (name, rest) = text.split_once('@').map_or((text, None), |(name, rest)| (name, Some(rest)));
    match (lake.repository(name), rest) {
        (Ok(_), Some(rest)) if !rest.contains(':') => {
            Some(format!("`{text}` is of the repository `{name}`: a file of it is {text}:PATH"))
        }
        (Ok(of), None) => {
            let main = of.default_branch().name().to_owned();
            Some(format!(
                "`{name}` is a repository: `datlake repo show {name}` shows it, `datlake ls {name}@{main}` its files"
            ))
        }
        (Err(error), Some(_)) if error.kind() == ErrorKind::NotFound => {
            Some(format!("there is no repository `{name}` either: `datlake repo list` shows them"))
        }
        _ => None,
    }
}

/// What to say where somebody means a file in a tree, as if that were a folder.
fn tree_hint(lake: &Lake, text: &str, names: &[Uid]) -> Option<String> {
    let is_tree = |name: &str| lake.file(name).is_ok_and(|file| file.is_tree());
    let mut folders = text.match_indices('/').map(|(at, _)| text.split_at(at));
    let (tree, path) = folders.find(|(name, _)| names.iter().any(|there| there.as_str() == *name) && is_tree(name))?;
    Some(format!("`{tree}` is a tree: what is in it is called `{tree}/{path}`"))
}

fn not_found(lake: &Lake, uid: &Uid) -> Error {
    let mut message = format!("the lake in `{}` has no file `{uid}`", lake.home().display());
    let mut hint = "`datlake ls` shows the files, `datlake calls` the calls".to_owned();
    if let UidKind::Output { creator, key, .. } = uid.kind() {
        if let Ok(Some(record)) = wait(lake.catalog().record(&creator, &key)) {
            return no_such_output(uid, &record);
        }
        message.push_str(&format!(", because call {creator}/{} has not been made or was removed", key.short()));
    } else if uid.is_committed() {
        message.push_str(", because there is no such commit, or it has no such file");
        hint = "`Repository::reference` finds commits by shorter names, and lists their files".to_owned();
    } else {
        // A hint is worth a look at the names, and no second error.
        let names = wait(lake.catalog().names(None)).unwrap_or_default();
        let near = nearest(uid.as_str(), names.iter().map(Uid::as_str));
        let elsewhere = tree_hint(lake, uid.as_str(), &names).or_else(|| repository_hint(lake, uid.as_str()));
        hint = match (&*near, &*names) {
            _ if elsewhere.is_some() => elsewhere.unwrap_or_default(),
            ([], []) => "it has no named files at all".to_owned(),
            ([], _) => hint,
            _ => format!("the nearest names are {}", near.join(", ")),
        };
    }
    if lake.is_offline() {
        message.push_str(" (offline: only this machine was asked)");
    }
    Error::new(ErrorKind::NotFound, message).about(Subject::Uid(uid.clone())).with_hint(hint)
}

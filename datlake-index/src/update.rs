//! The tables brought up to date with what is new on this machine.
//!
//! 1. Marks say which calls are new; their records are read.
//! 2. A folder that changed, and of which no mark speaks, changed in another way: it is listed, and compared with the tables.
//!
//! Marks are read before the times of folders, and removed once what they say is written: whoever dies in between leaves it to be
//! done again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, SystemTime};

use datlake::indexing::{DirStore, IndexedRecord, Mark};
use datlake::{CallKey, CreatorName, Lake};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::reading::read_all;
use crate::rows::Writer;
use crate::schema;
use crate::trouble::Usable;

type Call = (CreatorName, CallKey);

/// A folder that changed so lately may change again without another time.
const UNSETTLED: Duration = Duration::from_secs(2);
/// The time of a folder that is listed again whatever its time is.
const UNKNOWN: i64 = 0;
/// Calls of the remote that are read at a time.
const SOME: usize = 4096;

/// What is new since the tables were written.
struct News {
    marks: Vec<Mark>,
    /// Whether the folders of which marks speak need not be listed.
    marks_suffice: bool,
    /// When each folder changed that is known, or did not before.
    folders: BTreeMap<String, Option<i64>>,
    /// Which of these are not as they were.
    changed: BTreeSet<String>,
}

/// Brings the tables up to date.
pub(crate) fn update(db: &mut Connection, lake: &Lake) -> Usable<()> {
    let home = lake.home_store();
    home.leave_marks()?;
    let news = News::of(db, home)?;
    if news.marks.is_empty() && news.changed.is_empty() {
        return Ok(());
    }
    let to = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut writer = Writer::new(&to);
    put_marked(&mut writer, lake, &news.marks)?;
    Listing { home, lake, writer: &mut writer, to: &to, seen: HashSet::new() }.reconcile(&news)?;
    schema::make_orders(&to)?;
    set_boot(&to)?;
    to.commit()?;
    home.remove_marks(&news.marks);
    Ok(())
}

/// Adds what the remote has and the tables do not, of one creator or of all.
pub(crate) fn add_remote(db: &mut Connection, lake: &Lake, creator: Option<&CreatorName>) -> Usable<()> {
    let mut calls = BTreeSet::new();
    lake.each_remote_call(creator, |creator, key| {
        calls.insert((creator, key));
    })?;
    if calls.is_empty() {
        return Ok(());
    }
    let to = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut writer = Writer::new(&to);
    let mut unknown = Vec::new();
    for call in calls {
        if writer.find(&call.0, &call.1)?.is_none() {
            unknown.push(call);
        }
    }
    for some in unknown.chunks(SOME) {
        for ((creator, key), known) in lake.known(some.to_vec()) {
            writer.put(&creator, &key, &known)?;
        }
    }
    schema::make_orders(&to)?;
    Ok(to.commit()?)
}

impl News {
    fn of(db: &Connection, home: &DirStore) -> Usable<Self> {
        let marks = home.marks()?;
        let before: BTreeMap<String, i64> = db
            .prepare_cached("SELECT path, changed FROM folders")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let paths = before.keys().cloned().chain(home.call_folders());
        let mut folders: BTreeMap<String, Option<i64>> = BTreeMap::new();
        for path in paths {
            let changed = home.folder_changed(&path)?;
            folders.insert(path, changed);
        }
        let changed = folders.iter().filter(|(path, changed)| before.get(*path).copied() != **changed);
        let changed = changed.filter(|(path, changed)| changed.is_some() || before.contains_key(*path));
        let changed = changed.map(|(path, _)| path.clone()).collect();
        let same_boot = boot().is_some_and(|boot| known_boot(db).ok().flatten() == Some(boot));
        // After a failure of power a mark may be missing, of something that lasts.
        let marks_suffice = same_boot && (marks.is_empty() || home.has_second_names());
        Ok(Self { marks, marks_suffice, folders, changed })
    }

    /// The folders of which marks speak.
    fn marked(&self, home: &DirStore) -> BTreeSet<String> {
        let creators: BTreeSet<_> =
            self.marks.iter().flat_map(|mark| &mark.calls).map(|(creator, _)| creator).collect();
        creators.into_iter().flat_map(|creator| home.folders_of(creator)).collect()
    }
}

fn put_marked(writer: &mut Writer<'_>, lake: &Lake, marks: &[Mark]) -> Usable<()> {
    let calls: BTreeSet<Call> = marks.iter().flat_map(|mark| mark.calls.iter().cloned()).collect();
    read_all(lake, calls.into_iter().collect(), |(creator, key), known| put(writer, &creator, &key, &known))
}

/// What is nothing here may be something at the remote.
fn put(writer: &mut Writer<'_>, creator: &CreatorName, key: &CallKey, known: &IndexedRecord) -> Usable<()> {
    match known {
        IndexedRecord::Nothing => writer.remove(creator, key),
        known => writer.put(creator, key, known),
    }
}

/// Folders that are compared with the tables.
struct Listing<'a, 'b> {
    home: &'a DirStore,
    lake: &'a Lake,
    writer: &'a mut Writer<'b>,
    to: &'a Transaction<'b>,
    /// Folders that were listed.
    seen: HashSet<String>,
}

impl Listing<'_, '_> {
    fn reconcile(&mut self, news: &News) -> Usable<()> {
        let marked = if news.marks_suffice { news.marked(self.home) } else { BTreeSet::new() };
        for path in &news.changed {
            let changed = news.folders.get(path).copied().flatten();
            if marked.contains(path) && changed.is_some() && self.is_listed(path)? {
                self.note(path, changed)?;
            } else {
                self.list(path, changed)?;
            }
        }
        Ok(())
    }

    /// Whether the tables have what was in a folder once.
    fn is_listed(&self, path: &str) -> Usable<bool> {
        let mut known = self.to.prepare_cached("SELECT changed FROM folders WHERE path = ?")?;
        Ok(known.query_row([path], |row| row.get::<_, i64>(0)).optional()?.is_some())
    }

    /// Compares a folder with the tables, and those in it that they do not know.
    fn list(&mut self, path: &str, changed: Option<i64>) -> Usable<()> {
        let mut open = vec![(path.to_owned(), changed)];
        while let Some((path, changed)) = open.pop() {
            if !self.seen.insert(path.clone()) {
                continue;
            }
            self.note(&path, changed.map(settled))?;
            let found = self.home.call_folder(&path)?;
            let mut of: BTreeMap<CreatorName, HashSet<CallKey>> = BTreeMap::new();
            for (creator, key) in found.calls {
                of.entry(creator).or_default().insert(key);
            }
            if let Some(creator) = creator_of(self.home, &path) {
                of.entry(creator).or_default();
            }
            for (creator, keys) in of {
                self.compare(&creator, keys, &path)?;
            }
            for below in found.folders {
                if !self.is_listed(&below)? {
                    let changed = self.home.folder_changed(&below)?;
                    open.push((below, changed));
                }
            }
        }
        Ok(())
    }

    /// Reads what a folder has and the tables do not, and looks after what they have and it does not.
    fn compare(&mut self, creator: &CreatorName, keys: HashSet<CallKey>, path: &str) -> Usable<()> {
        let known: HashSet<CallKey> = self.writer.of_creator(creator)?.into_iter().collect();
        let mut doubtful: Vec<CallKey> = keys.difference(&known).copied().collect();
        let mut gone: HashSet<CallKey> = known.difference(&keys).copied().collect();
        if !gone.is_empty() {
            // They may be in the other folder of the creator.
            for other in self.home.folders_of(creator).iter().filter(|other| *other != path) {
                for (_, key) in self.home.call_folder(other)?.calls.iter().filter(|(of, _)| of == creator) {
                    gone.remove(key);
                }
            }
        }
        doubtful.extend(gone);
        let calls = doubtful.into_iter().map(|key| (creator.clone(), key)).collect();
        read_all(self.lake, calls, |(creator, key), known| put(self.writer, &creator, &key, &known))
    }

    fn note(&self, path: &str, changed: Option<i64>) -> Usable<()> {
        match changed {
            Some(changed) => {
                let row = "INSERT OR REPLACE INTO folders (path, changed) VALUES (?, ?)";
                self.to.prepare_cached(row)?.execute(params![path, changed])?;
            }
            None => {
                self.to.prepare_cached("DELETE FROM folders WHERE path = ?")?.execute([path])?;
            }
        }
        Ok(())
    }
}

/// The creator whose folder it may be.
fn creator_of(home: &DirStore, path: &str) -> Option<CreatorName> {
    let name =
        home.call_folders().iter().find_map(|top| path.strip_prefix(&**top)?.strip_prefix('/').map(str::to_owned));
    CreatorName::new(&name?).ok()
}

/// The time of a folder, where it says that nothing comes to it any more without another.
fn settled(changed: i64) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let since = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX).saturating_sub(changed);
    if since > i64::try_from(UNSETTLED.as_nanos()).unwrap_or(i64::MAX) { changed } else { UNKNOWN }
}

/// Which start of the machine this is, where it says so.
fn boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn known_boot(db: &Connection) -> Usable<Option<String>> {
    let mut known = db.prepare_cached("SELECT value FROM meta WHERE name = 'boot'")?;
    Ok(known.query_row([], |row| row.get(0)).optional()?)
}

fn set_boot(to: &Transaction<'_>) -> Usable<()> {
    let row = "INSERT OR REPLACE INTO meta (name, value) VALUES ('boot', ?)";
    to.prepare_cached(row)?.execute([boot().unwrap_or_default()])?;
    Ok(())
}

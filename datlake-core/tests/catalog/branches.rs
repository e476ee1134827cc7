//! Branches that several change, commit and delete at once, some of whom die.
//!
//! What must hold:
//! - What somebody was told to have put there is committed, or uncommitted still; it is there once.
//! - A commit that somebody was told of is the head, or the head came from it: history is one line.
//! - Of a branch that was deleted nothing is left.
//!
//! Each rule is left out once, and something breaks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use datlake_core::catalog::{Appended, Author, Commit, GcGuard};
use datlake_core::lineage::{Person, PersonSource};
use datlake_core::repository::{
    BranchChanges, BranchName, BranchState, EntryKind, Put, RepositoryDocument, RepositoryName,
};
use datlake_core::tree::{ObjectAttributes, TreeEntry};
use datlake_core::version::Moved;
use datlake_core::{Catalog, Digest, Error, ErrorKind, Location, Prefix, Result};

use super::explore::{Actor, End, Model, Outcome};
use super::memory::{REMOTE, World};
use super::mistakes::Mistake::{self, *};
use super::mistakes::Op;
use super::mistakes::Place::{Home, Remote};
use super::mistakes::What::{Create, Get};
use super::scene::{SETTINGS, holds, now};

pub(super) fn main() -> BranchName {
    BranchName::new("main").unwrap()
}

pub(super) fn author(nonce: &str) -> Author {
    let person = Person { email: "ada@example.org".into(), source: PersonSource::Config };
    let by = Moved { person, host: "lovelace".into(), at: "2026-11-29T09:00:00Z".into() };
    Author { nonce: nonce.to_owned(), by }
}

/// What a commit came from, and which paths it has.
pub(super) type Made = (Digest, BTreeSet<String>);

/// What commits have. A commit is what it says, so that all orders of steps share this.
#[derive(Clone, Default)]
pub(super) struct Commits(Arc<Mutex<BTreeMap<Digest, Made>>>);

impl Commits {
    fn of(&self, id: &Digest) -> Option<Made> {
        self.0.lock().unwrap().get(id).cloned()
    }

    /// The commit of all that the branch has; `None` where nothing was changed.
    fn make(&self, state: &BranchState) -> Option<Digest> {
        self.make_of(state, state.changes().into_keys())
    }

    /// The commit of these paths.
    fn make_of(&self, state: &BranchState, changed: impl Iterator<Item = String>) -> Option<Digest> {
        let mut paths = self.of(&state.commit).map(|(_, paths)| paths).unwrap_or_default();
        let before = paths.len();
        paths.extend(changed);
        if paths.len() == before {
            return None;
        }
        let id = Digest::of(format!("{} {paths:?}", state.commit).as_bytes());
        self.0.lock().unwrap().insert(id, (state.commit, paths));
        Some(id)
    }
}

/// A lake with a repository and its branch.
pub(super) fn begun() -> ([World; 2], Digest, Commits) {
    let mut incarnation = None;
    let worlds = [false, true].map(|remote| {
        let world = World::coarse();
        let catalog = world.catalog(None, "home a", remote);
        let name = RepositoryName::new("sales").unwrap();
        let Author { nonce, by } = author("first");
        let document = RepositoryDocument {
            nonce,
            name: name.clone(),
            default_branch: main(),
            commit: Digest::of(b"first"),
            by,
            metadata: BTreeMap::new(),
        };
        let (bytes, digest) = document.to_bytes().unwrap();
        assert_eq!(
            now(catalog.create_ref(&Location::Repository(name), &bytes, &GcGuard::default())).unwrap(),
            Commit::Done(true)
        );
        let branch = document.first_branch(digest);
        let (bytes, _) = branch.to_bytes().unwrap();
        now(catalog.create_ref(&branch.at(), &bytes, &GcGuard::default())).unwrap();
        incarnation = Some(digest);
        world
    });
    (worlds, incarnation.unwrap(), Commits::default())
}

/// What a writer does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Job {
    Puts(&'static str),
    Commits,
    /// It commits what it made, whoever committed meanwhile.
    Insists,
    /// It commits a path, and leaves the others as they are.
    CommitsAlone(&'static str),
    /// As that, without putting the others once more.
    CoversOthers(&'static str),
}

struct Writer {
    catalog: Catalog,
    repository: Digest,
    nonce: String,
    commits: Commits,
}

impl Writer {
    async fn state(&self, known: Option<BranchState>) -> Result<BranchState> {
        let state = self.catalog.branch_state(&self.repository, &main(), known).await?;
        state.ok_or_else(|| Error::new(ErrorKind::NotFound, "the branch is gone"))
    }

    async fn append(&self, state: &BranchState, what: EntryKind) -> Result<Appended> {
        let attempt =
            async || self.catalog.append(state, what.clone(), &author(&self.nonce), &GcGuard::default()).await;
        let appended = match attempt().await {
            // Who got no reply tries again, with what was read then.
            Err(error) if error.to_string().contains("the reply got lost") => attempt().await?,
            appended => appended?,
        };
        match appended {
            Commit::Done(Appended::Gone) => Err(Error::new(ErrorKind::NotFound, "the branch is gone")),
            Commit::Done(appended) => Ok(appended),
            Commit::Retry(_) => unreachable!("nobody collects"),
        }
    }

    fn does(self, job: Job) -> Actor {
        match job {
            Job::Puts(path) => self.puts(path),
            Job::Commits => self.commits(false),
            Job::Insists => self.commits(true),
            Job::CommitsAlone(path) => self.commits_alone(path, true),
            Job::CoversOthers(path) => self.commits_alone(path, false),
        }
    }

    fn puts(self, path: &'static str) -> Actor {
        Box::pin(async move {
            let file = TreeEntry::file(Digest::of(path.as_bytes()), 1, false);
            let put = Put { file, attributes: ObjectAttributes::default() };
            let what = EntryKind::Changes([(path.to_owned(), Some(put))].into());
            let mut state = self.state(None).await?;
            while self.append(&state, what.clone()).await? == Appended::Moved {
                state = self.state(Some(state)).await?;
            }
            Ok(Outcome::Done)
        })
    }

    fn commits(self, insists: bool) -> Actor {
        Box::pin(async move {
            let mut state = self.state(None).await?;
            loop {
                let Some(commit) = self.commits.make(&state) else { return Ok(Outcome::Done) };
                let (base, through) = (state.base, state.n);
                // Uploads meanwhile change nothing.
                while state.base == base || insists {
                    if self.append(&state, EntryKind::Commit { commit, base, through }).await? != Appended::Moved {
                        return Ok(Outcome::Ours(commit));
                    }
                    state = self.state(Some(state)).await?;
                }
            }
        })
    }

    /// As `Branch::commit_all` does.
    fn commits_alone(mut self, path: &'static str, keeps: bool) -> Actor {
        Box::pin(async move {
            let mut state = self.state(None).await?;
            let nonce = self.nonce.clone();
            for attempt in 0.. {
                let Some(commit) = self.commits.make_of(&state, [path.to_owned()].into_iter()) else {
                    return Ok(Outcome::Done);
                };
                let (base, through) = (state.base, state.n);
                let others = state.changes().into_iter().filter(|(changed, _)| keeps && changed != path);
                let put = |file| Put { file, attributes: ObjectAttributes::default() };
                let others: BranchChanges = others.map(|(path, file)| (path, file.map(put))).collect();
                if !others.is_empty() {
                    self.nonce = format!("{nonce} keeps {attempt}");
                    if self.append(&state, EntryKind::Changes(others)).await? == Appended::Moved {
                        state = self.state(Some(state)).await?;
                        continue;
                    }
                    state = self.state(Some(state)).await?;
                }
                self.nonce = format!("{nonce} commits {attempt}");
                while state.base == base {
                    if self.append(&state, EntryKind::Commit { commit, base, through }).await? != Appended::Moved {
                        return Ok(Outcome::Ours(commit));
                    }
                    state = self.state(Some(state)).await?;
                }
            }
            Ok(Outcome::Done)
        })
    }

    fn deletes(self) -> Actor {
        Box::pin(async move {
            let state = self.state(None).await?;
            self.catalog.remove_ref(&Location::Branch(self.repository, main())).await?;
            self.catalog.remove_below(&Prefix::EntriesOf(state.log)).await?;
            Ok(Outcome::Done)
        })
    }
}

/// What somebody sees who looks for the first time.
fn seen(world: &World, remote: bool, repository: &Digest) -> Result<Option<BranchState>, String> {
    let world = world.copy();
    let catalog = world.catalog(None, if remote { "home z" } else { "home a" }, remote);
    now(catalog.branch_state(repository, &main(), None)).map_err(|e| e.to_string())
}

/// All that was ever committed or put can be read at every moment, and the log goes on.
fn sound(world: &World, remote: bool, repository: &Digest, last: &mut u64) -> Result<(), String> {
    let Some(state) = seen(world, remote, repository)? else { return Ok(()) };
    if state.n < *last {
        return Err("the log goes back".to_owned());
    }
    *last = state.n;
    Ok(())
}

fn told(
    world: &World,
    remote: bool,
    repository: &Digest,
    commits: &Commits,
    puts: &[(usize, &str)],
    ends: &[End],
) -> Result<(), String> {
    if let Some(End::Failed(error)) = ends.iter().find(|end| matches!(end, End::Failed(_))) {
        return Err(format!("somebody failed: {error}"));
    }
    let state = seen(world, remote, repository)?.ok_or("the branch is gone")?;
    let mut line = Vec::new();
    let mut at = state.commit;
    while let Some((parent, _)) = commits.of(&at) {
        line.push(at);
        at = parent;
    }
    if at != Digest::of(b"first") {
        return Err("history does not begin with the first commit".to_owned());
    }
    let mut there = commits.of(&state.commit).map(|(_, paths)| paths).unwrap_or_default();
    there.extend(state.changes().into_keys());
    if !there.contains("before") {
        return Err("`before` is lost".to_owned());
    }
    for (who, path) in puts {
        if matches!(ends[*who], End::Finished(_)) && !there.contains(*path) {
            return Err(format!("`{path}` is lost"));
        }
    }
    for end in ends {
        if let End::Finished(Outcome::Ours(commit)) = end
            && !line.contains(commit)
        {
            return Err("a commit is lost".to_owned());
        }
    }
    let store = if remote { REMOTE } else { "home a" };
    let mut nonces = BTreeSet::new();
    for (path, bytes) in world.below(store, "repos/") {
        if !path.contains("/log/") {
            continue;
        }
        let nonce = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["nonce"].to_string();
        if !nonces.insert(nonce.clone()) {
            return Err(format!("{nonce} appended twice"));
        }
    }
    Ok(())
}

/// Several do their jobs at once: in every order of their steps, or in some `orders`.
fn writing(mistake: Option<Mistake>, deaths: usize, jobs: &[Job], orders: Option<u64>) -> Result<usize, String> {
    let (worlds, repository, commits) = begun();
    let mut states = 0;
    for (remote, second) in SETTINGS {
        let writer = |who: Option<usize>, world: &World, home| Writer {
            catalog: world.catalog(who, home, remote),
            repository,
            nonce: format!("writer {who:?}"),
            commits: commits.clone(),
        };
        // Something to commit.
        let first = worlds[usize::from(remote)].copy();
        now(writer(None, &first, "home a").puts("before")).unwrap();
        let first = first.with(mistake);
        let actors = |world: &World| {
            let home = |who: usize| if who == 0 { "home a" } else { second };
            jobs.iter().enumerate().map(|(who, job)| writer(Some(who), world, home(who)).does(*job)).collect()
        };
        let always = |world: &World, last: &mut u64| sound(world, remote, &repository, last);
        let put = |(who, job): (usize, &Job)| if let Job::Puts(path) = job { Some((who, *path)) } else { None };
        let puts: Vec<_> = jobs.iter().enumerate().filter_map(put).collect();
        let finally = |world: &World, ends: &[End]| told(world, remote, &repository, &commits, &puts, ends);
        let model = Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally };
        match orders {
            None => states += model.explore()?,
            Some(orders) => {
                for order in 0..orders {
                    let digest = Digest::of(&order.to_le_bytes());
                    let choices: Vec<_> =
                        digest.as_bytes().iter().flat_map(|b| [(b & 15, b >> 4 == 7), (b >> 4, false)]).collect();
                    model.walk(&choices)?;
                    states += 1;
                }
            }
        }
    }
    Ok(states)
}

/// One puts, one commits, and the branch is deleted.
fn deleting(mistake: Option<Mistake>) -> Result<usize, String> {
    let (worlds, repository, commits) = begun();
    let mut states = 0;
    for (remote, second) in SETTINGS {
        let first = worlds[usize::from(remote)].copy().with(mistake);
        let writer = |world: &World, who, home| Writer {
            catalog: world.catalog(Some(who), home, remote),
            repository,
            nonce: format!("writer {who}"),
            commits: commits.clone(),
        };
        let actors = |world: &World| vec![writer(world, 0, "home a").puts("a"), writer(world, 1, second).deletes()];
        let always = |_: &World, _: &mut ()| Ok(());
        let finally = |world: &World, ends: &[End]| {
            if !matches!(ends[1], End::Finished(_)) {
                return Err(format!("it was not deleted: {ends:?}"));
            }
            let store = if remote { REMOTE } else { "home a" };
            match world.below(store, "repos/").into_iter().next() {
                Some((path, _)) => Err(format!("`{path}` is left of it")),
                None => Ok(()),
            }
        };
        let model = Model { world: &|| first.copy(), actors: &actors, deaths: 0, always: &always, finally: &finally };
        states += model.explore()?;
    }
    Ok(states)
}

#[test]
fn who_commits_beside_others_who_commit_and_upload_loses_nothing() {
    holds(writing(None, 1, &[Job::Commits, Job::Commits], None));
    holds(writing(None, 1, &[Job::Commits, Job::Puts("a")], None));
    let jobs = [Job::Commits, Job::Puts("a"), Job::Commits, Job::Puts("b"), Job::Puts("c")];
    holds(writing(None, 2, &jobs, Some(400)));
}

#[test]
fn who_commits_some_paths_leaves_what_others_put_uncommitted() {
    holds(writing(None, 0, &[Job::CommitsAlone("a"), Job::Puts("b")], None));
    for other in [Job::Puts("b"), Job::Commits, Job::CommitsAlone("b")] {
        holds(writing(None, 1, &[Job::CommitsAlone("a"), other], Some(400)));
    }
    let jobs = [Job::CommitsAlone("a"), Job::Puts("a"), Job::CommitsAlone("b"), Job::Puts("c"), Job::Commits];
    holds(writing(None, 2, &jobs, Some(400)));
    holds(writing(Some(LosesReply(appended(Remote))), 0, &[Job::CommitsAlone("a"), Job::Puts("b")], Some(400)));
}

#[test]
fn a_reply_that_gets_lost_appends_nothing_twice() {
    holds(writing(Some(LosesReply(appended(Remote))), 0, &[Job::Commits, Job::Puts("a")], None));
}

#[test]
fn of_a_branch_that_is_deleted_nothing_is_left() {
    holds(deleting(None));
}

pub(super) fn appended(place: super::mistakes::Place) -> Op {
    Op::new(Create, place, "repos/")
}

#[track_caller]
pub(super) fn breaks(explored: Result<usize, String>, how: &[&str]) {
    match explored {
        Ok(states) => panic!("nothing breaks in {states} states"),
        Err(why) => assert!(how.iter().any(|how| why.lines().next().unwrap().contains(how)), "{why}"),
    }
}

#[test]
fn each_rule_of_branches_is_needed() {
    let two = [Job::Puts("a"), Job::Puts("b")];
    for place in [Home, Remote] {
        // Nothing is replaced, and what another has appended is looked at.
        breaks(writing(Some(Replaces(appended(place))), 0, &two, None), &["is lost"]);
        breaks(writing(Some(Believes(appended(place))), 0, &two, None), &["is lost"]);
        // Who appended looks once more whether there is still such a branch.
        breaks(deleting(Some(Remembers(Op::new(Get, place, "repos/").by(0)))), &["is left of it"]);
    }
    // What others put is put once more where a commit covers it that does not have it.
    breaks(writing(None, 0, &[Job::CoversOthers("a"), Job::Puts("b")], None), &["is lost"]);
    // What was made of what another has committed is made anew.
    breaks(writing(None, 0, &[Job::Commits, Job::Insists], None), &["is lost", "it covers what was committed"]);
}

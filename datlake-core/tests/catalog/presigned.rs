//! What somebody puts by a presigned URL, as often as they like, and what is made of it: linked to a branch by servers, some of whom die, beside a collection.
//!
//! What must hold:
//! - What a branch has is at the remote, under the digest of its bytes, whatever is put by the URL later.
//! - What was put and not linked is there, to be linked, for as long as the URL may be used and a while longer.
//! - Of what was linked nothing is left in the end.
//!
//! Each rule is left out once, and something breaks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{Appended, Commit, GcGuard};
use datlake_core::repository::{EntryKind, Put};
use datlake_core::tree::{ObjectAttributes, TreeEntry};
use datlake_core::{Catalog, Digest, Error, ErrorKind, Location, Prefix, Result, Store, StoreExt as _};

use super::branches::{author, begun, breaks, main};
use super::explore::{Actor, End, Model, Outcome};
use super::memory::{REMOTE, World};
use super::scene::{holds, now};

/// So long a URL is good, and so old is what a collection takes.
const GOOD: u64 = 1;
const COLLECTED: u64 = 24;

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Omitted {
    Nothing,
    /// What was put is copied, and nothing refers to where it was put.
    Copy,
    /// It is read on the condition that it is what it was when it was asked for.
    Tag,
    /// The branch has it before it goes.
    RemoveLast,
    /// A collection leaves what is young.
    Age,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Puts(&'static str),
    /// Makes an object of what was put, with the tag that the client was told of.
    Links(&'static str),
    Collects,
    Waits(u64),
}

fn upload() -> Location {
    Location::Upload(Digest::of(b"random"))
}

struct Serving {
    catalog: Catalog,
    world: World,
    who: Option<usize>,
    repository: Digest,
    omitted: Omitted,
}

impl Serving {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.catalog.remote.as_ref().unwrap())
    }

    fn does(self, job: Job) -> Actor {
        Box::pin(async move {
            match job {
                Job::Puts(content) => self.puts(content).await,
                Job::Links(content) => self.links(content).await?,
                Job::Collects => self.collects().await?,
                Job::Waits(time) => self.world.pass(time).await,
            }
            Ok(Outcome::Done)
        })
    }

    /// The store replaces what is put by a URL, as long as that is good.
    async fn puts(&self, content: &str) {
        let may = self.world.time() <= GOOD;
        self.world
            .transact(self.who, REMOTE, "puts by the URL", |objects| {
                if may {
                    objects.insert(upload().path(), content.as_bytes().to_vec());
                }
            })
            .await;
    }

    async fn links(&self, said: &str) -> Result<()> {
        let conflict = || Error::new(ErrorKind::Conflict, "what is there is not what the request says");
        let missing = || Error::new(ErrorKind::NotFound, "nothing was put there");
        let asked = self.store().get(&upload()).await?.ok_or_else(missing)?;
        if asked != said.as_bytes() {
            return Err(conflict());
        }
        let digest = Digest::of(&asked);
        if self.omitted == Omitted::RemoveLast {
            self.store().remove(&upload()).await?;
        } else if self.omitted != Omitted::Copy {
            let read = self.store().get(&upload()).await?.ok_or_else(missing)?;
            if read != asked && self.omitted != Omitted::Tag {
                return Err(conflict());
            }
            // A store takes what it is sent.
            let at = Location::Blob(digest).path();
            self.world
                .transact(self.who, REMOTE, "creates the content", |objects| objects.entry(at).or_insert(read).len())
                .await;
        }
        if self.omitted == Omitted::RemoveLast {
            self.store().create(&Location::Blob(digest), &asked).await?;
        }
        self.appends(digest, asked.len() as u64).await?;
        if self.omitted != Omitted::RemoveLast && self.omitted != Omitted::Copy {
            self.store().remove(&upload()).await?;
        }
        Ok(())
    }

    async fn appends(&self, digest: Digest, size: u64) -> Result<()> {
        let put = Put { file: TreeEntry::file(digest, size, false), attributes: ObjectAttributes::default() };
        let what = EntryKind::Changes([("x".to_owned(), Some(put))].into());
        loop {
            let state = self.catalog.branch_state(&self.repository, &main(), None).await?.unwrap();
            let author = author(&format!("server {:?}", self.who));
            match self.catalog.append(&state, what.clone(), &author, &GcGuard::default()).await? {
                Commit::Done(Appended::Moved) => {}
                _ => return Ok(()),
            }
        }
    }

    async fn collects(&self) -> Result<()> {
        let age = if self.omitted == Omitted::Age { 0 } else { COLLECTED };
        self.world.transact(self.who, REMOTE, "looks at the clock", |_| ()).await;
        let (mut old, now) = (Vec::new(), SystemTime::UNIX_EPOCH + Duration::from_secs(self.world.time()));
        let store = self.store();
        store
            .each(&Prefix::Uploads, |entry| {
                if entry.modified + Duration::from_secs(age) <= now {
                    old.push(entry.location);
                }
            })
            .await?;
        for at in old {
            store.remove(&at).await?;
        }
        Ok(())
    }
}

/// What the branch has.
fn linked(world: &World) -> Vec<Digest> {
    let log = world.below(REMOTE, "repos/").into_iter().filter(|(path, _)| path.contains("/log/"));
    let content = |bytes: &[u8]| {
        let entry: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        entry["changes"][0]["file"][0].as_str().unwrap().parse().unwrap()
    };
    log.map(|(_, bytes)| content(&bytes)).collect()
}

/// What the branch has is there, and is what its name says.
fn sound(world: &World, omitted: Omitted) -> Result<(), String> {
    for digest in linked(world) {
        let at = if omitted == Omitted::Copy { upload() } else { Location::Blob(digest) };
        match world.below(REMOTE, &at.path()).pop() {
            None => return Err("what the branch has is not there".to_owned()),
            Some((_, bytes)) if Digest::of(&bytes) != digest => {
                return Err("what the branch has became something else".to_owned());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn told(world: &World, repository: Digest, jobs: &[Job], ends: &[End]) -> Result<(), String> {
    let is_done = |at: usize| matches!(ends[at], End::Finished(_));
    for (at, job) in jobs.iter().enumerate() {
        let Job::Links(content) = job else { continue };
        let digest = Digest::of(content.as_bytes());
        if is_done(at) && !linked(world).contains(&digest) {
            return Err("it was linked, and is not there".to_owned());
        }
    }
    // Who got no answer asks again, in time.
    let is_linked = !linked(world).is_empty();
    let is_put = world.below(REMOTE, &upload().path()).pop();
    if !is_linked && is_put.is_none() && world.time() < COLLECTED {
        return Err("what was put is lost".to_owned());
    }
    let world = world.copy();
    now(world.pass(COLLECTED + GOOD));
    let catalog = world.catalog(None, "home z", true);
    let serving = Serving { catalog, world: world.clone(), who: None, repository, omitted: Omitted::Nothing };
    now(serving.collects()).unwrap();
    match world.below(REMOTE, "uploads/").is_empty() {
        true => Ok(()),
        false => Err("something is left of it".to_owned()),
    }
}

/// What was put at first is `a`.
fn linking(jobs: &[Job], deaths: usize, omitted: Omitted) -> Result<usize, String> {
    let ([_, first], repository, _) = begun();
    let serving = |world: &World, who: Option<usize>, home| Serving {
        catalog: world.catalog(who, home, true),
        world: world.clone(),
        who,
        repository,
        omitted,
    };
    now(serving(&first, None, "home a").puts("a"));
    let actors = |world: &World| {
        let home = |who: usize| if who.is_multiple_of(2) { "home a" } else { "home b" };
        jobs.iter().enumerate().map(|(who, job)| serving(world, Some(who), home(who)).does(*job)).collect()
    };
    let always = |world: &World, _: &mut ()| sound(world, omitted);
    let finally = |world: &World, ends: &[End]| told(world, repository, jobs, ends);
    Model { world: &|| first.copy(), actors: &actors, deaths, always: &always, finally: &finally }.explore()
}

#[test]
fn what_is_linked_stays_what_it_was_and_what_is_not_linked_stays_for_a_while() {
    holds(linking(&[Job::Links("a"), Job::Links("a")], 1, Omitted::Nothing));
    holds(linking(&[Job::Links("a"), Job::Puts("b"), Job::Collects], 1, Omitted::Nothing));
    holds(linking(&[Job::Links("a"), Job::Puts("b"), Job::Links("b")], 0, Omitted::Nothing));
    holds(linking(&[Job::Links("a"), Job::Waits(COLLECTED + 1), Job::Collects], 1, Omitted::Nothing));
}

#[test]
fn each_rule_of_presigned_uploads_is_needed() {
    let [links, puts] = [Job::Links("a"), Job::Puts("b")];
    breaks(linking(&[links, puts], 0, Omitted::Copy), &["became something else"]);
    breaks(linking(&[links, puts], 0, Omitted::Tag), &["became something else"]);
    breaks(linking(&[links], 1, Omitted::RemoveLast), &["what was put is lost"]);
    breaks(linking(&[links, Job::Collects], 1, Omitted::Age), &["what was put is lost"]);
}

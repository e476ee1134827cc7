//! An upload in parts, through several servers that share a remote and a database, some of which die: parts come, it is completed, given up,
//! expires, and others put, delete the branch and collect meanwhile.
//!
//! What must hold:
//! - An upload is put once, however often it is completed, and has the parts that were named. Who was told so finds it in the log.
//! - What a server has counted of an upload that goes on is there at every moment.
//! - Of one that has ended nothing is left in the end.
//! - Nothing of it comes to a branch that is another one of that name.
//!
//! Each rule is left out once, and something breaks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{Appended, Author, Commit, GcGuard};
use datlake_core::repository::{BranchDocument, BranchState, EntryKind, Put};
use datlake_core::tree::{ObjectAttributes, TreeEntry};
use datlake_core::{Catalog, Digest, Error, ErrorKind, Location, LogId, Prefix, Result, Store, StoreExt as _};

use super::branches::{author, main};
use super::database::DATABASE;
use super::explore::{Actor, End, Outcome};
use super::memory::{REMOTE, World};
use super::scene::now;

/// So long after it began an upload expires, and so old is a part that a collection takes. A server works on a request no longer than `REQUEST`.
const EXPIRES: u64 = 7;
const COLLECTED: u64 = 9;
const REQUEST: u64 = 1;
const BEGINS: &str = "once-upload-";

/// A rule that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Omitted {
    Nothing,
    /// Who completes looks whether it was put.
    Look,
    /// And does so anew before each attempt.
    LookAgain,
    /// They look behind where the first of all who completed it was.
    FirstPlace,
    /// A part is known before it is kept.
    KnownFirst,
    /// A part that may be on its way stays known.
    OnItsWay,
    /// What it became is noted after it was put.
    PutFirst,
    /// Parts go after that.
    ClearLast,
    /// A completion says which parts it means.
    Named,
    /// A branch that came back is another.
    SameBranch,
    /// A collection takes what has expired before, and nothing younger.
    Age,
    /// An upload expires a while after it began, and not after its last part.
    SinceBegun,
}

/// What a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Job {
    Part(i64, &'static str),
    /// With the parts whose contents these are.
    Completes(&'static [&'static str]),
    Aborts,
    /// Somebody else puts something at the same path.
    Puts(&'static str),
    /// The branch is deleted, and created anew.
    ComesBack,
    /// What every server does now and then.
    Sweeps,
    /// Somebody collects the lake.
    Collects,
    Waits(u64),
}

/// A row of the table of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: Digest,
    number: i64,
    content: String,
    begun_at: u64,
    /// How many were known before.
    order: usize,
    is_kept: bool,
}

impl Row {
    fn key(&self) -> String {
        format!("part/{}", self.id)
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { id, number, content, begun_at, order, is_kept } = self;
        format!("{id}\t{number}\t{content}\t{begun_at}\t{order}\t{is_kept}").into_bytes()
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let parts: Vec<&str> = text.split('\t').collect();
        Self {
            id: parts[0].parse().unwrap(),
            number: parts[1].parse().unwrap(),
            content: parts[2].to_owned(),
            begun_at: parts[3].parse().unwrap(),
            order: parts[4].parse().unwrap(),
            is_kept: parts[5].parse().unwrap(),
        }
    }

    fn at(&self) -> Location {
        Location::Part(self.id, Digest::of(self.content.as_bytes()))
    }
}

type Table = BTreeMap<String, Vec<u8>>;

fn known_parts(table: &Table) -> Vec<Row> {
    table.iter().filter(|(key, _)| key.starts_with("part/")).map(|(_, bytes)| Row::parse(bytes)).collect()
}

fn text(table: &Table, key: &str) -> Option<String> {
    table.get(key).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
}

/// Whether an upload that began at the beginning of time has not ended.
fn goes_on(table: &Table, time: u64, omitted: Omitted) -> bool {
    let since = match omitted {
        Omitted::SinceBegun => text(table, "last").map_or(0, |last| last.parse().unwrap()),
        _ => 0,
    };
    !table.contains_key("ended") && time <= since + EXPIRES
}

fn error(kind: ErrorKind, why: &str) -> Error {
    Error::new(kind, why.to_owned())
}

/// A request that a server works on.
pub(super) struct Serving {
    pub(super) catalog: Catalog,
    pub(super) world: World,
    pub(super) who: Option<usize>,
    pub(super) repository: Digest,
    pub(super) omitted: Omitted,
}

impl Serving {
    pub(super) async fn sql<T: std::fmt::Debug>(&self, what: &str, act: impl FnOnce(&mut Table) -> T) -> T {
        self.world.transact(self.who, DATABASE, what, act).await
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.catalog.remote.as_ref().unwrap())
    }

    fn leaves_out(&self, omitted: Omitted) -> bool {
        self.omitted == omitted
    }

    pub(super) fn does(self, job: Job) -> Actor {
        Box::pin(async move {
            match job {
                Job::Part(number, content) => self.puts_part(number, content).await?,
                Job::Completes(named) => {
                    // Who got no reply asks again.
                    match self.completes(named, 0).await {
                        Err(e) if e.to_string().contains("the reply got lost") => self.completes(named, 1).await?,
                        done => done?,
                    }
                }
                Job::Aborts => {
                    let ended =
                        |table: &mut Table| table.entry("ended".to_owned()).or_insert(b"gave up".to_vec()).clone();
                    self.sql("ends it", ended).await;
                    self.clears().await?;
                }
                Job::Puts(content) => {
                    let nonce = format!("another {:?}", self.who);
                    while !self.appends(&self.state().await?, content, &nonce).await? {}
                }
                Job::ComesBack => self.comes_back().await?,
                Job::Sweeps => self.sweeps().await?,
                Job::Collects => self.collects().await?,
                Job::Waits(time) => self.world.pass(time).await,
            }
            Ok(Outcome::Done)
        })
    }

    pub(super) async fn puts_part(&self, number: i64, content: &str) -> Result<()> {
        let id = Digest::of(format!("part of {:?} {content}", self.who).as_bytes());
        let time = self.world.time();
        let row = |is_kept| Row { id, number, content: content.to_owned(), begun_at: time, order: 0, is_kept };
        if !self.leaves_out(Omitted::KnownFirst) {
            self.sql("knows a part", |table| {
                let expected = Row { order: known_parts(table).len(), ..row(false) };
                table.insert(expected.key(), expected.bytes());
            })
            .await;
        }
        self.store().create(&row(true).at(), content.as_bytes()).await?;
        let time = self.world.time();
        let is_kept = self.sql("counts a part", |table| {
            let row = row(true);
            let known = table.get(&row.key()).map(|known| Row::parse(known).order);
            let may = !table.contains_key("ended") && (known.is_some() || self.leaves_out(Omitted::KnownFirst));
            let row = Row { order: known.unwrap_or(0), ..row };
            if may {
                table.insert(row.key(), row.bytes());
                // Only for the rule that is left out.
                table.insert("last".to_owned(), time.to_string().into_bytes());
            }
            may
        });
        if is_kept.await {
            return Ok(());
        }
        self.removes(&row(true)).await?;
        Err(error(ErrorKind::NotFound, "there is no such upload"))
    }

    async fn removes(&self, row: &Row) -> Result<()> {
        self.store().remove(&row.at()).await?;
        self.sql("forgets a part", |table| drop(table.remove(&row.key()))).await;
        Ok(())
    }

    pub(super) async fn state(&self) -> Result<BranchState> {
        let state = self.catalog.branch_state(&self.repository, &main(), None).await?;
        state.ok_or_else(|| error(ErrorKind::NotFound, "the branch is gone"))
    }

    /// Appends what puts `content` there, behind `state`: whether nobody else was first.
    async fn appends(&self, state: &BranchState, content: &str, nonce: &str) -> Result<bool> {
        let file = TreeEntry::file(Digest::of(content.as_bytes()), content.len() as u64, false);
        let put = Put { file, attributes: ObjectAttributes::default() };
        let what = EntryKind::Changes([("x".to_owned(), Some(put))].into());
        match self.catalog.append(state, what, &author(nonce), &GcGuard::default()).await? {
            Commit::Done(Appended::Done(_)) => Ok(true),
            Commit::Done(Appended::Moved) => Ok(false),
            Commit::Done(Appended::Gone) => Err(error(ErrorKind::NotFound, "the branch is gone")),
            Commit::Retry(_) => unreachable!("nobody collects what is secured here"),
        }
    }

    async fn completes(&self, named: &[&str], again: u64) -> Result<()> {
        let time = self.world.time();
        let find = |table: &mut Table| {
            let known = text(table, "ended").or((!goes_on(table, time, self.omitted)).then(|| "gave up".to_owned()));
            (known, text(table, "place"), known_parts(table))
        };
        let (known, place, parts) = self.sql("finds it", find).await;
        match known.as_deref() {
            Some("gave up") => return Err(error(ErrorKind::NotFound, "there is no such upload")),
            Some(_) => return self.clears().await,
            None => {}
        }
        let kept: BTreeMap<i64, Vec<&Row>> =
            parts.iter().filter(|row| row.is_kept).fold(BTreeMap::new(), |mut kept, row| {
                kept.entry(row.number).or_insert_with(Vec::new).push(row);
                kept
            });
        let mut selected = Vec::new();
        for (at, content) in named.iter().enumerate() {
            let of_number = kept.get(&(at as i64 + 1)).cloned().unwrap_or_default();
            let found = match self.leaves_out(Omitted::Named) {
                true => of_number.into_iter().max_by_key(|row| row.order),
                false => of_number.into_iter().find(|row| row.content == *content),
            };
            selected.push(found.ok_or_else(|| error(ErrorKind::InvalidInput, "there is no such part"))?.clone());
        }
        let state = self.state().await?;
        let LogId::Branch(_, _, first) = &state.log else { unreachable!() };
        if place != Some(first.to_string()) && !self.leaves_out(Omitted::SameBranch) {
            return Err(error(ErrorKind::NotFound, "the branch is another"));
        }
        let mut since = state.n;
        if !self.leaves_out(Omitted::FirstPlace) {
            let own = since.to_string().into_bytes();
            let noted = |table: &mut Table| table.entry("since".to_owned()).or_insert(own).clone();
            since = String::from_utf8(self.sql("notes since when", noted).await).unwrap().parse().unwrap();
        }
        if self.leaves_out(Omitted::ClearLast) {
            self.sql("ends it", |_| ()).await;
            for row in &selected {
                self.removes(row).await?;
            }
        }
        let mut whole = String::new();
        for row in &selected {
            match self.store().get(&row.at()).await? {
                Some(bytes) => whole += std::str::from_utf8(&bytes).unwrap(),
                None if self.leaves_out(Omitted::ClearLast) => whole += &row.content,
                // Somebody else has completed it, or it was given up.
                None => {
                    return self
                        .sql("finds it", |table| text(table, "ended"))
                        .await
                        .filter(|ended| ended != "gave up")
                        .map(drop)
                        .ok_or_else(|| error(ErrorKind::NotFound, "there is no such upload"));
                }
            }
        }
        if self.leaves_out(Omitted::PutFirst) {
            self.sql("ends it", |table| drop(table.insert("ended".to_owned(), b"put".to_vec()))).await;
        }
        self.puts_once(&whole, (first, since), again).await?;
        self.sql("ends it", |table| drop(table.insert("ended".to_owned(), b"put".to_vec()))).await;
        self.clears().await
    }

    /// As `Upload::once` does.
    async fn puts_once(&self, whole: &str, (first, since): (&Digest, u64), again: u64) -> Result<()> {
        let nonce = format!("{BEGINS}{:?}-{again}", self.who);
        let looked = Cell::new(false);
        loop {
            let state = self.state().await?;
            if !matches!(&state.log, LogId::Branch(_, _, now) if now == first) && !self.leaves_out(Omitted::SameBranch)
            {
                return Err(error(ErrorKind::NotFound, "the branch is another"));
            }
            let looks = match self.omitted {
                Omitted::Look => false,
                Omitted::LookAgain => !looked.replace(true),
                _ => true,
            };
            let is_it = |nonce: &str| nonce.starts_with(BEGINS);
            if looks && self.catalog.entry_by(&state.log, since + 1..=state.n, &is_it).await?.is_some() {
                return Ok(());
            }
            if self.appends(&state, whole, &nonce).await? {
                return Ok(());
            }
        }
    }

    /// Removes parts of an upload that has ended.
    async fn clears(&self) -> Result<()> {
        let time = self.world.time();
        let is_over = |row: &Row| row.is_kept || time > row.begun_at + REQUEST || self.leaves_out(Omitted::OnItsWay);
        let ended =
            self.sql("lists parts", |table| known_parts(table).into_iter().filter(is_over).collect::<Vec<_>>()).await;
        for row in ended {
            self.removes(&row).await?;
        }
        Ok(())
    }

    /// What time it is, which is looked at in a step of its own.
    async fn clock(&self) -> u64 {
        self.sql("looks at the clock", |_| ()).await;
        self.world.time()
    }

    async fn sweeps(&self) -> Result<()> {
        let time = self.clock().await;
        let has_ended = self.sql("ends what has expired", |table| {
            if !goes_on(table, time, self.omitted) {
                table.entry("ended".to_owned()).or_insert(b"gave up".to_vec());
            }
            table.contains_key("ended")
        });
        if has_ended.await { self.clears().await } else { Ok(()) }
    }

    /// As a collection does, by the clock of the store.
    async fn collects(&self) -> Result<()> {
        let age = if self.leaves_out(Omitted::Age) { REQUEST } else { COLLECTED };
        let (mut old, now) = (Vec::new(), SystemTime::UNIX_EPOCH + Duration::from_secs(self.clock().await));
        let store = self.store();
        store
            .each(&Prefix::Parts, |entry| {
                if entry.modified + Duration::from_secs(age) < now {
                    old.push(entry.location);
                }
            })
            .await?;
        for at in old {
            store.remove(&at).await?;
        }
        Ok(())
    }

    async fn comes_back(&self) -> Result<()> {
        let state = self.state().await?;
        self.catalog.remove_ref(&Location::Branch(self.repository, main())).await?;
        self.catalog.remove_below(&Prefix::EntriesOf(state.log)).await?;
        let Author { nonce, by } = author("came back");
        let document = BranchDocument { nonce, repository: self.repository, name: main(), commit: state.commit, by };
        let (bytes, _) = document.to_bytes()?;
        self.catalog.create_ref(&document.at(), &bytes, &GcGuard::default()).await?;
        Ok(())
    }
}

/// What is in the log of the branch: nonces and contents.
fn log(world: &World) -> Vec<(String, Digest)> {
    let mut log = Vec::new();
    for (path, bytes) in world.below(REMOTE, "repos/") {
        if !path.contains("/log/") {
            continue;
        }
        let entry: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let content = entry["changes"][0]["file"][0].as_str().unwrap_or_default().parse();
        log.push((entry["nonce"].as_str().unwrap().to_owned(), content.unwrap_or_else(|_| Digest::of(b""))));
    }
    log
}

/// The upload is there once, and what was counted of it is there while it goes on.
pub(super) fn sound(world: &World, omitted: Omitted) -> Result<(), String> {
    let uploads = log(world).into_iter().filter(|(nonce, _)| nonce.starts_with(BEGINS)).count();
    if uploads > 1 {
        return Err("it was put twice".to_owned());
    }
    let table: Table = world.below(DATABASE, "").into_iter().collect();
    for row in known_parts(&table) {
        let is_there = world.below(REMOTE, &row.at().path()).len() == 1;
        if row.is_kept && goes_on(&table, world.time(), omitted) && !is_there {
            return Err("a part is lost".to_owned());
        }
    }
    Ok(())
}

pub(super) fn told(world: &World, jobs: &[Job], ends: &[End]) -> Result<(), String> {
    let named = jobs.iter().find_map(|job| if let Job::Completes(named) = job { Some(*named) } else { None });
    let (whole, comes_back) = (named.unwrap_or_default().concat(), jobs.contains(&Job::ComesBack));
    let log = log(world);
    let put: Vec<_> = log.iter().filter(|(nonce, _)| nonce.starts_with(BEGINS)).collect();
    if put.iter().any(|(_, content)| *content != Digest::of(whole.as_bytes())) {
        return Err("it has other parts than were named".to_owned());
    }
    for (job, end) in jobs.iter().zip(ends) {
        match (job, end) {
            (Job::Completes(_), End::Finished(_)) if put.is_empty() && !comes_back => {
                return Err("it was completed, and is not there".to_owned());
            }
            (Job::Puts(content), End::Finished(_))
                if !comes_back && !log.iter().any(|(_, of)| *of == Digest::of(content.as_bytes())) =>
            {
                return Err("what somebody else put is lost".to_owned());
            }
            (_, End::Failed(error))
                if !["there is no such", "the reply got lost"].iter().any(|why| error.to_string().contains(why))
                    && !comes_back =>
            {
                return Err(format!("somebody failed: {error}"));
            }
            _ => {}
        }
    }
    if comes_back {
        // The log of the first is gone with it: what is there is of the other.
        let first = world.below(DATABASE, "place").remove(0).1;
        let first = String::from_utf8(first).unwrap();
        let of_another = world
            .below(REMOTE, "repos/")
            .into_iter()
            .filter(|(path, _)| path.contains("/log/") && !path.contains(&first));
        if of_another.count() > 0
            && matches!(ends[jobs.iter().position(|job| *job == Job::ComesBack).unwrap()], End::Finished(_))
        {
            return Err("it came to another branch".to_owned());
        }
    }
    left(world)
}

/// What is left of it once servers have looked after it had to be over.
fn left(world: &World) -> Result<(), String> {
    let world = world.copy();
    now(world.pass(EXPIRES + REQUEST + 1));
    let repository = Digest::of(b"none");
    let serving = Serving {
        catalog: world.catalog(None, "home z", true),
        world: world.clone(),
        who: None,
        repository,
        omitted: Omitted::Nothing,
    };
    now(serving.sweeps()).unwrap();
    match world.below(REMOTE, "parts/").first() {
        Some((path, _)) => Err(format!("`{path}` is left of it")),
        None => Ok(()),
    }
}

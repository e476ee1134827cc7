//! Machines that share a remote, each behind stores that fail as planned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datlake::testing::{Location, Side};
use datlake::{ErrorKind, Event, File, Lake, Result, Tree};

use crate::jobs;
use crate::model::MACHINES;
use crate::store::{Asked, Clock, Fault, Plan, What, faulty_by};

/// Contents that are added, and arguments of calls.
pub(crate) const TEXTS: [&str; 3] = ["to be or not", "down the rabbit hole", "call me"];
/// Chosen names: of what is added, and of what calls make.
pub(crate) const NAMES: [&str; 3] = ["a.txt", "b/a.txt", "b/c.txt"];

/// Heartbeats that fail to come are not waited for long.
const LEASE: Duration = Duration::from_millis(100);

/// A fault, and when it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) side: Side,
    /// Among how many operations of that side, or changes where only they count, since the step began.
    pub(crate) at: usize,
    pub(crate) changes: bool,
    /// Whether it recurs, until the step ends.
    pub(crate) lasts: bool,
    pub(crate) fault: Fault,
}

/// The troubles of one machine in one step.
#[derive(Default)]
struct Troubles {
    planned: Vec<Trouble>,
    operations: [usize; 2],
    changes: [usize; 2],
    /// Those that came and can be felt.
    felt: Vec<Fault>,
    /// Whether something was refused that reads, and something that changes.
    refused: Refused,
    /// Whether the machine has no right to change anything at the remote.
    read_only: bool,
}

#[derive(Clone, Copy, Default)]
struct Refused {
    reads: bool,
    changes: bool,
}

impl Troubles {
    fn meet(&mut self, asked: Asked<'_>) -> Option<Fault> {
        // How many heartbeats there are depends on time.
        if matches!(asked.what, What::Create(Location::Beat(..)) | What::Remove(Location::Beat(..))) {
            return (self.read_only && asked.side == Side::Remote).then_some(Fault::Denied);
        }
        let side = usize::from(asked.side == Side::Remote);
        self.operations[side] += 1;
        self.changes[side] += usize::from(asked.what.is_change());
        let (operations, changes) = (self.operations[side], self.changes[side]);
        let comes = |trouble: &&Trouble| {
            let now = if trouble.changes { changes } else { operations };
            let counts = asked.what.is_change() || !trouble.changes;
            trouble.side == asked.side && counts && (now == trouble.at || (trouble.lasts && now > trouble.at))
        };
        let planned = self.planned.iter().find(comes).map(|trouble| trouble.fault);
        let forbidden = self.read_only && asked.side == Side::Remote && asked.what.is_change();
        let fault = if forbidden { Fault::Denied } else { planned? };
        let felt = match fault {
            Fault::Denied => {
                self.refused.reads |= !asked.what.is_change();
                self.refused.changes |= asked.what.is_change();
                false
            }
            Fault::Before | Fault::After => true,
            Fault::Cut => matches!(asked.what, What::Fetch | What::Get | What::List),
            Fault::Flip => matches!(asked.what, What::Fetch | What::Get),
            _ => false,
        };
        if felt {
            self.felt.push(fault);
        }
        Some(fault)
    }
}

/// Something of which the lake has one, or none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Name(u8),
    /// The call of [`jobs::upper`] with the file of that name and content.
    Upper(u8, String),
    Words(u8),
    Nested(u8),
    Unsteady(u8),
}

/// A call that a machine may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Named(u8, u8),
    Upper(u8),
    Words(u8),
    Nested(u8),
    Unsteady(u8),
}

/// What a call gave.
pub(crate) struct Given {
    pub(crate) thing: Thing,
    pub(crate) text: String,
    /// The file of it, if there is one.
    pub(crate) uid: Option<String>,
}

/// One machine, with the process that runs there now.
pub(crate) struct Machine {
    home: PathBuf,
    remote: String,
    pub(crate) offline: bool,
    /// Whether the process has not been asked for anything yet.
    pub(crate) fresh: bool,
    /// Whether the process may know that the remote refuses to be written.
    pub(crate) refused: bool,
    /// That of the remote.
    pub(crate) clock: Clock,
    lake: Option<Lake>,
    troubles: Arc<Mutex<Troubles>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Machine {
    pub(crate) fn all(folder: &Path) -> [Self; MACHINES] {
        let clock = Clock::default();
        std::array::from_fn(|n| Self { clock: clock.clone(), ..Self::new(folder, &format!("machine-{n}")) })
    }

    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        Self::before(folder, name, "remote")
    }

    /// A machine that has another store as its remote.
    pub(crate) fn before(folder: &Path, name: &str, remote: &str) -> Self {
        Self {
            home: folder.join(name),
            remote: format!("file://{}", folder.join(remote).display()),
            offline: false,
            fresh: true,
            refused: false,
            clock: Clock::default(),
            lake: None,
            troubles: Arc::default(),
            events: Arc::default(),
        }
    }

    /// The lake, as the process that runs here sees it.
    pub(crate) fn lake(&mut self) -> Lake {
        if let Some(lake) = &self.lake {
            return lake.clone();
        }
        let troubles = Arc::clone(&self.troubles);
        let plan: Plan = Arc::new(move |asked| troubles.lock().unwrap().meet(asked));
        let builder = Lake::builder().home(&self.home).remote(&self.remote).offline(self.offline).lease(LEASE);
        let lake = builder.email("ada@example.org").wrap_stores(faulty_by(plan, self.clock.clone())).open().unwrap();
        let events = Arc::clone(&self.events);
        lake.observe(move |event| events.lock().unwrap().push(event.clone()));
        self.fresh = true;
        self.refused = self.is_read_only();
        self.lake.insert(lake).clone()
    }

    /// The process ends; the next asks the remote or not.
    pub(crate) fn restart(&mut self, offline: bool) {
        (self.lake, self.offline) = (None, offline);
        self.lake();
    }

    /// Whether it has no right to change anything at the remote.
    pub(crate) fn is_read_only(&self) -> bool {
        self.troubles.lock().unwrap().read_only
    }

    /// The process ends; the next may change the remote or not.
    pub(crate) fn may_write(&mut self, may: bool) {
        self.troubles.lock().unwrap().read_only = !may;
        self.restart(self.offline);
    }

    /// Does `work`, and meets these troubles in it: what came of it, what could be felt, and what happened.
    pub(crate) fn meets<T>(&mut self, planned: &[Trouble], work: impl FnOnce(&Lake) -> Result<T>) -> Done<T> {
        let lake = self.lake();
        self.fresh = false;
        self.events.lock().unwrap().clear();
        let read_only = self.is_read_only();
        *self.troubles.lock().unwrap() = Troubles { planned: planned.to_vec(), read_only, ..Troubles::default() };
        let result = {
            let _current = lake.enter();
            work(&lake)
        };
        let after = Troubles { read_only, ..Troubles::default() };
        let Troubles { felt, refused, .. } = std::mem::replace(&mut *self.troubles.lock().unwrap(), after);
        self.refused |= refused.reads || refused.changes;
        Done { result, felt, refused, events: std::mem::take(&mut *self.events.lock().unwrap()) }
    }

    /// The path of content on this machine.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}

/// How something ended.
pub(crate) struct Done<T> {
    pub(crate) result: Result<T>,
    felt: Vec<Fault>,
    refused: Refused,
    events: Vec<Event>,
}

impl<T> Done<T> {
    /// Whether an error of this kind can come of what was felt.
    pub(crate) fn explains(&self, kind: ErrorKind) -> bool {
        let flipped = self.felt.contains(&Fault::Flip);
        let failed = self.felt.iter().any(|fault| *fault != Fault::Flip);
        match kind {
            ErrorKind::Unavailable | ErrorKind::Io => failed,
            ErrorKind::Corrupt => flipped,
            // Who may read does not need to write.
            ErrorKind::Denied => self.refused.reads,
            _ => false,
        }
    }

    pub(crate) fn untroubled(&self) -> bool {
        self.felt.is_empty() && !self.refused.reads
    }

    /// Whether it failed because a change was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.changes && matches!(&self.result, Err(error) if error.kind() == ErrorKind::Denied)
    }

    pub(crate) fn flipped(&self) -> bool {
        self.felt.contains(&Fault::Flip)
    }

    /// Whether the body of `function` ran here and its value counts.
    pub(crate) fn ran(&self, function: &str) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Executed { call, .. } if call.function() == function))
    }

    /// Whether something that a call made stayed on the machine.
    pub(crate) fn kept(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Unpushed { .. }))
    }

    /// Whether it was found when nobody was running it.
    pub(crate) fn hit(&self, function: &str) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Hit(call) if call.function() == function))
    }
}

impl Job {
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Named(..) => "named",
            Self::Upper(_) => "upper",
            Self::Words(_) => "words",
            Self::Nested(_) => "nested",
            Self::Unsteady(_) => "unsteady",
        }
    }

    /// Makes the call in the current lake.
    pub(crate) fn call(self, world: u64) -> Result<Given> {
        let text = |t: u8| TEXTS[usize::from(t)];
        let of_file = |thing, file: File| {
            Ok(Given { thing, text: known(&file, world), uid: file.uid().map(ToString::to_string) })
        };
        match self {
            Self::Named(t, n) => of_file(Thing::Name(n), jobs::named(text(t), NAMES[usize::from(n)])?),
            Self::Upper(n) => {
                let file = File::get(NAMES[usize::from(n)])?;
                of_file(Thing::Upper(n, known(&file, world)), jobs::upper(&file)?)
            }
            Self::Words(t) => {
                let (tree, numbers) = jobs::words(text(t))?;
                assert_eq!(numbers, jobs::numbers(text(t)), "a wrong value");
                Ok(Given { thing: Thing::Words(t), text: text(t).to_owned(), uid: tree.uid().map(ToString::to_string) })
            }
            Self::Nested(t) => Ok(Given { thing: Thing::Nested(t), text: jobs::nested(text(t))?, uid: None }),
            Self::Unsteady(n) => of_file(Thing::Unsteady(n), jobs::unsteady(world, n)?),
        }
    }
}

/// The text that a file has, by its digest: nothing is read.
pub(crate) fn known(file: &File, world: u64) -> String {
    let mut texts: Vec<String> = TEXTS.iter().flat_map(|text| [(*text).to_owned(), jobs::named_text(text)]).collect();
    texts.extend((0..2).flat_map(|n| jobs::made(world, n)));
    let upper: Vec<String> = texts.iter().map(|text| text.to_uppercase()).collect();
    let all = texts.into_iter().chain(upper);
    all.into_iter()
        .find(|text| datlake::Digest::of(text.as_bytes()) == file.digest())
        .unwrap_or_else(|| panic!("{file} has content that nobody made"))
}

fn members(tree: &Tree) -> Result<String> {
    let mut words = Vec::new();
    for name in tree.names()? {
        words.push(tree.get(name)?.read_to_string()?);
    }
    Ok(words.join(" "))
}

/// Reads all of a file, or of the files in a tree.
pub(crate) fn read(lake: &Lake, uid: &str) -> Result<String> {
    let file = lake.file(uid)?;
    if file.name() == "words" { members(&Tree::try_from(file)?) } else { file.read_to_string() }
}

impl Thing {
    /// What it is called, of those that have a file.
    pub(crate) fn uids(world: u64) -> BTreeMap<Self, String> {
        let lake = Lake::temp().unwrap();
        let _current = lake.enter();
        let names = NAMES.iter().zip(0..).map(|(name, n)| (Self::Name(n), (*name).to_owned()));
        let words = TEXTS
            .iter()
            .zip(0..)
            .map(|(text, t)| (Self::Words(t), jobs::words::call(text).uids().unwrap()[0].to_string()));
        let unsteady = (0..2).map(|n| (Self::Unsteady(n), jobs::unsteady::call(world, n).uid().unwrap().to_string()));
        names.chain(words).chain(unsteady).collect()
    }
}

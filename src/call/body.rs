//! What a running body may read and what it has made.
//!
//! A body may open its arguments, files it got by a fixed UID, what its nested calls returned and what it made itself.
//! Anything else is a hole in the call's key, and an error that says so.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use datlake_core::admission::BodyId;
use datlake_core::canonical::{Encoded, is_telling};
use datlake_core::flight::FlightId;
use datlake_core::lineage::Input;
use datlake_core::record::{CallValue, DynamicInput};
use datlake_core::returned::ReturnedBy;
use datlake_core::{CallKey, Code, CreatorName, Digest, Error, ErrorKind, FileRef, Result, Subject, Uid, UidKind};
use datlake_store::{Holding, Staged};

use crate::work_stealing;
use datlake_lake::Lake;
use datlake_lake::scope::{self, Frame, StagedFile};
use datlake_lake::sync::lock;

/// A body that runs.
#[derive(Debug)]
pub(crate) struct Body {
    lake: Lake,
    code: &'static Code,
    creator: CreatorName,
    key: CallKey,
    chain: Arc<Chain>,
    /// Whether it declares code, by address, or has found it: looked up once for each.
    declared: RwLock<HashMap<usize, bool>>,
    given: HashSet<Digest>,
    /// The UIDs its outputs must bear, if the caller chose them.
    names: Option<Vec<Uid>>,
    /// As what it is known to those who have something of the machine.
    admitted: Option<BodyId>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing can be made in it any more.
    ended: bool,
    dynamic_inputs: Vec<(Uid, FileRef)>,
    nested: HashMap<Digest, FileRef>,
    /// The calls in it whose values it was handed.
    called: HashMap<CallKey, ReturnedBy>,
    /// What of `nested` was opened, passed on or returned.
    used: HashMap<Digest, FileRef>,
    /// Content of what it looked up in trees that it may read.
    members: HashSet<Digest>,
    opened: u64,
    /// Outputs that were begun and not finished.
    unfinished: HashMap<u64, Uid>,
    staged: HashMap<u64, (Uid, Arc<StagedFile>)>,
    /// Staged files that went into a tree or a nested call.
    consumed: HashSet<u64>,
    /// Keeps the content of those from being collected here: nothing names it before the body is over.
    held: Option<Holding>,
    violations: Vec<Error>,
    /// How often code that is not declared was entered.
    entered: HashMap<usize, u64>,
    /// Addresses of the code that `violations` tell of.
    undeclared: HashSet<usize>,
}

/// A body that runs, and those it stands in.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) creator: CreatorName,
    pub(crate) key: CallKey,
    /// `None` where nothing is remembered.
    pub(crate) flight: Option<FlightId>,
    /// How many it stands in.
    pub(crate) depth: usize,
    pub(crate) outer: Option<Arc<Chain>>,
}

impl Chain {
    /// The body itself and those it stands in, the outermost last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |chain| chain.outer.as_deref())
    }
}

/// What a body made, for its record.
pub(crate) struct Made {
    pub(crate) dynamic_inputs: Vec<DynamicInput>,
    /// Inputs besides the arguments.
    pub(crate) inputs: Vec<Input>,
    /// The calls in the body that returned values worth an edge.
    pub(crate) called: Vec<ReturnedBy>,
    /// New content, kept until it is published.
    pub(crate) alive: Vec<Arc<StagedFile>>,
}

pub(crate) struct NewBody {
    pub(crate) lake: Lake,
    pub(crate) code: &'static Code,
    pub(crate) creator: CreatorName,
    pub(crate) key: CallKey,
    pub(crate) chain: Arc<Chain>,
    pub(crate) given: HashSet<Digest>,
    pub(crate) names: Option<Vec<Uid>>,
    pub(crate) admitted: Option<BodyId>,
}

fn address(code: &'static Code) -> usize {
    std::ptr::from_ref(code) as usize
}

/// The body the code stands in.
pub(crate) fn current() -> Option<Arc<Body>> {
    scope::frame().and_then(of_frame)
}

/// The bodies that run in this process.
pub(super) fn running() -> Vec<Arc<Body>> {
    scope::running().into_iter().filter_map(of_frame).collect()
}

fn of_frame(frame: Arc<dyn Frame>) -> Option<Arc<Body>> {
    let any: Arc<dyn Any + Send + Sync> = frame;
    any.downcast().ok()
}

/// How the key learns of a file.
const TAKEN_ALONG: &str = "pass it as an argument without #[skip], or get it by its UID in the body";

impl Body {
    pub(crate) fn new(new: NewBody) -> Self {
        let NewBody { lake, code, creator, key, chain, given, names, admitted } = new;
        let declared = code.closure().iter().map(|code| (address(code), true)).collect();
        let declared = RwLock::new(declared);
        Self { lake, code, creator, key, chain, declared, given, names, admitted, state: Mutex::default() }
    }

    pub(crate) fn code(&self) -> &'static Code {
        self.code
    }

    pub(crate) fn key(&self) -> CallKey {
        self.key
    }

    pub(crate) fn admitted(&self) -> Option<BodyId> {
        self.admitted
    }

    pub(crate) fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    pub(crate) fn declares(&self, code: &'static Code) -> bool {
        let known = self.declared.read().unwrap_or_else(PoisonError::into_inner).get(&address(code)).copied();
        known.unwrap_or_else(|| {
            let declares = self.code.declares(code);
            self.declared.write().unwrap_or_else(PoisonError::into_inner).insert(address(code), declares);
            declares
        })
    }

    /// The error for code that runs in the body and is not declared.
    pub(crate) fn undeclared(&self, code: &Code) -> Error {
        let message = format!(
            "`{}` ran in the body of `{}`, which does not declare it: a change of it would go unnoticed",
            code.item(),
            self.creator
        );
        let (file, line, path) = (self.code.file, self.code.line, path_for(code, self.code));
        let hint = format!(
            "add it at {file}:{line}, as #[file_creator(depends_on({path}))], or at the tracked function that calls it"
        );
        Error::new(ErrorKind::Undeclared, message).with_hint(hint)
    }

    /// A tracked item was entered. What is wrong with that is reported when the body ends: the item itself cannot. Whether it
    /// was entered by the body, or on top of it, is looked at less and less often: `true` where it was not the body for certain.
    pub(crate) fn note_entered(&self, code: &'static Code) -> bool {
        if self.declares(code) {
            return false;
        }
        let mut state = lock(&self.state);
        let entered = state.entered.entry(address(code)).or_default();
        *entered = entered.saturating_add(1);
        let look = entered.is_power_of_two();
        if !look || state.undeclared.contains(&address(code)) {
            return false;
        }
        drop(state);
        if !work_stealing::is_excluded() {
            return true;
        }
        let error = self.undeclared(code);
        let mut state = lock(&self.state);
        if state.undeclared.insert(address(code)) {
            state.violations.push(error);
        }
        false
    }

    /// A call in the body returned a value; `by` is `None` where nothing is remembered.
    pub(crate) fn note_nested(&self, value: &Encoded, by: Option<&CallValue>) {
        // Nothing is guessed here, so a score of 1.0 counts; what is one byte, as `()` and `true`, tells of nothing. Files are inputs.
        let counts = value.files.is_empty() && value.bytes.len() > 1;
        let by = by.filter(|_| counts || is_telling(&value.bytes));
        let mut state = lock(&self.state);
        if let Some(answer) = by {
            state.called.entry(answer.key).or_insert_with(|| ReturnedBy::of(answer));
        }
        for file in &value.files {
            state.nested.insert(file.digest, file.clone());
        }
    }

    /// Whether the body may pass `file` on to a nested call.
    pub(crate) fn check_passed(&self, file: &FileRef, to: &CreatorName) -> Result<()> {
        let mut state = lock(&self.state);
        if self.knows(&mut state, &file.digest) || state.made(&file.digest) {
            return Ok(());
        }
        drop(state);
        let message = format!(
            "the body of `{}` passes `{}` on to `{to}`, and it is neither an argument nor made by it: the call's key does not know of it",
            self.creator,
            shown(file)
        );
        Err(Error::new(ErrorKind::Undeclared, message).about(Subject::Digest(file.digest)).with_hint(TAKEN_ALONG))
    }

    /// Whether the body came by this content in a way that its key knows of, and did not make it.
    fn knows(&self, state: &mut State, digest: &Digest) -> bool {
        if let Some(nested) = state.nested.get(digest).cloned() {
            state.used.insert(*digest, nested);
            return true;
        }
        self.was_given(state, digest)
    }

    fn was_given(&self, state: &State, digest: &Digest) -> bool {
        self.given.contains(digest)
            || state.members.contains(digest)
            || state.dynamic_inputs.iter().any(|(_, file)| file.digest == *digest)
    }

    /// The state, while the body can make `name`.
    fn open(&self, name: &Uid) -> Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if !state.ended {
            return Ok(state);
        }
        let message = format!("cannot make `{name}`: the body of `{}` has ended", self.creator);
        let hint = "wait for the threads and tasks it starts before it returns";
        Err(Error::new(ErrorKind::Context, message).with_hint(hint))
    }

    /// Staged files among the arguments of a nested call: their content goes into the lake before that call.
    pub(crate) fn consume(&self, files: &[FileRef]) -> Vec<Arc<StagedFile>> {
        let mut state = lock(&self.state);
        let mut consumed = Vec::new();
        for id in files.iter().filter_map(|file| file.stage) {
            if let Some((_, staged)) = state.staged.get(&id) {
                consumed.push(Arc::clone(staged));
                state.consumed.insert(id);
            }
        }
        consumed
    }

    /// Keeps what went into nested calls from being collected, until the body is over.
    pub(crate) fn hold(&self, holding: Option<Holding>) {
        let mut state = lock(&self.state);
        state.held = state.held.take().or(holding);
    }

    /// The body is over, however it ended.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        state.ended = true;
        state.held = None;
    }

    /// Ends the body: gives the files it returned, in order, their UIDs, and says what it made.
    ///
    /// # Errors
    /// [`ErrorKind::Undeclared`] for what it used and does not declare; [`ErrorKind::Outputs`] where what it returned is not
    /// what it made, or not what it was to make.
    pub(crate) fn finish(&self, returned: &[FileRef]) -> Result<Made> {
        let mut state = lock(&self.state);
        state.ended = true;
        if let Some(first) = state.violations.drain(..).next() {
            return Err(first);
        }
        let outputs = |message: String| Err(Error::new(ErrorKind::Outputs, message));
        if let Some(name) = state.unfinished.values().min() {
            return outputs(format!(
                "the body of `{}` began `{name}` and did not finish it: call `finish()` and return the file",
                self.creator
            ));
        }
        let mut names = Vec::new();
        let mut ids = HashSet::new();
        for (position, file) in returned.iter().enumerate() {
            let Some(id) = file.stage else {
                self.check_returned(&mut state, file)?;
                continue;
            };
            let Some((name, staged)) = state.staged.get(&id) else {
                return outputs(format!(
                    "the body of `{}` returned `{}`, which another body made and did not return",
                    self.creator, file.name
                ));
            };
            if ids.insert(id) {
                names.push(name.clone());
                // The first one stays.
                let _ = staged.uid.set(match &self.names {
                    Some(_) => name.clone(),
                    None => Uid::output(&self.creator, &self.key, u32::try_from(position).unwrap_or(u32::MAX)),
                });
            }
        }
        if let Some(expected) = &self.names {
            self.check_names(expected, &names)?;
        }
        let forgotten = state.staged.iter().filter(|(id, _)| !ids.contains(id) && !state.consumed.contains(id));
        if let Some(name) = forgotten.map(|(_, (name, _))| name).min() {
            return outputs(format!(
                "the body of `{}` made `{name}` and did not return it: return it, or write what nobody needs later to a temporary file",
                self.creator
            ));
        }
        let alive: Vec<_> = state.staged.values().map(|(_, file)| Arc::clone(file)).collect();
        let dynamic_inputs = state
            .dynamic_inputs
            .iter()
            .map(|(uid, file)| DynamicInput { uid: uid.clone(), digest: file.digest })
            .collect();
        let mut inputs: Vec<Input> = state.dynamic_inputs.iter().map(|(_, file)| input(None, file)).collect();
        let mut used: Vec<_> = state.used.values().collect();
        used.sort_by(|a, b| a.uid.cmp(&b.uid));
        inputs.extend(used.into_iter().map(|file| input(None, file)));
        inputs.dedup();
        let mut called: Vec<ReturnedBy> = std::mem::take(&mut state.called).into_values().collect();
        called.sort();
        Ok(Made { dynamic_inputs, inputs, called, alive })
    }

    /// A file that the body only passes on must be one it may read.
    fn check_returned(&self, state: &mut State, file: &FileRef) -> Result<()> {
        if self.knows(state, &file.digest) {
            return Ok(());
        }
        let message = format!(
            "the body of `{}` returned `{}`, which is neither an argument nor made by it: pass it as an argument",
            self.creator,
            shown(file)
        );
        Err(Error::new(ErrorKind::Undeclared, message))
    }

    fn check_names(&self, expected: &[Uid], made: &[Uid]) -> Result<()> {
        let sorted = |names: &[Uid]| {
            let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            names.sort();
            names
        };
        let (expected, made) = (sorted(expected), sorted(made));
        if expected == made {
            return Ok(());
        }
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let message = format!(
            "the body of `{}` must return new files with exactly the UIDs {}, but returned {}",
            self.creator,
            list(&expected),
            list(&made)
        );
        Err(Error::new(ErrorKind::Outputs, message).with_hint("create each under its UID"))
    }
}

impl Frame for Body {
    fn lake(&self) -> &Lake {
        &self.lake
    }

    fn creator(&self) -> &CreatorName {
        &self.creator
    }

    fn is_certain(&self) -> bool {
        work_stealing::is_excluded()
    }

    fn may_read(&self, content: &Digest) -> bool {
        let state = lock(&self.state);
        state.nested.contains_key(content) || self.was_given(&state, content)
    }

    fn check_access(&self, lake: &Lake, content: Digest, within: Option<Digest>, what: &dyn Display) -> Result<()> {
        if *lake != self.lake {
            let message = format!("`{what}` belongs to another lake than the call of `{}` that uses it", self.creator);
            return Err(Error::new(ErrorKind::Context, message));
        }
        let mut state = lock(&self.state);
        let mut known = [Some(content), within].into_iter().flatten();
        if known.any(|digest| self.knows(&mut state, &digest)) || state.made(&content) {
            return Ok(());
        }
        drop(state);
        let message = format!(
            "the body of `{}` uses `{what}`, which is neither an argument nor made by it: the call's key does not know of it",
            self.creator
        );
        Err(Error::new(ErrorKind::Undeclared, message).about(Subject::Digest(content)).with_hint(TAKEN_ALONG))
    }

    fn note_dynamic_input(&self, uid: &Uid, file: FileRef) {
        lock(&self.state).dynamic_inputs.push((uid.clone(), file));
    }

    fn note_member(&self, content: Digest) {
        lock(&self.state).members.insert(content);
    }

    fn note_failed(&self, error: &Error) {
        let message = format!("the body of `{}` went on without what it asked for: {}", self.creator, error.message());
        self.note_violation(error.clone().with_message(message));
    }

    fn note_violation(&self, error: Error) {
        lock(&self.state).violations.push(error);
    }

    fn note_opened(&self, name: &Uid) -> Result<u64> {
        let mut state = self.open(name)?;
        state.opened += 1;
        let number = state.opened;
        state.unfinished.insert(number, name.clone());
        Ok(number)
    }

    fn note_staged(&self, name: &Uid, content: Staged, opened: Option<u64>) -> Result<Arc<StagedFile>> {
        let mut state = self.open(name)?;
        let shown = if self.names.is_some() { name.file_name() } else { name.as_str() };
        let staged = Arc::new(StagedFile::new(shown, content));
        if let Some(opened) = opened {
            state.unfinished.remove(&opened);
        }
        state.staged.insert(staged.id, (name.clone(), Arc::clone(&staged)));
        Ok(staged)
    }

    fn note_used(&self, staged: &StagedFile) {
        lock(&self.state).consumed.insert(staged.id);
    }
}

impl State {
    fn made(&self, digest: &Digest) -> bool {
        self.staged.values().any(|(_, file)| file.content.digest == *digest)
    }
}

/// What to write into the `depends_on` of `from` for `code`.
fn path_for(code: &Code, from: &Code) -> String {
    let crate_of = |code: &Code| code.module.split("::").next().unwrap_or_default();
    let (word, name) = match code.name.strip_prefix("mod ") {
        Some(name) => ("mod ", name),
        None => ("", code.name),
    };
    match code.module.strip_prefix(crate_of(from)) {
        Some(_) if code.module == from.module => format!("{word}{name}"),
        Some(below) if crate_of(code) == crate_of(from) => format!("{word}crate{below}::{name}"),
        _ => format!("{word}{}::{name}", code.module),
    }
}

/// What people call a file.
fn shown(file: &FileRef) -> &str {
    match &file.uid {
        Some(uid) if !matches!(uid.kind(), UidKind::Output { .. }) => uid.as_str(),
        _ => &file.name,
    }
}

pub(crate) fn input(argument: Option<&str>, file: &FileRef) -> Input {
    Input {
        argument: argument.map(str::to_owned),
        uid: file.uid.clone(),
        name: file.name.to_string(),
        digest: file.digest,
        size: file.size,
    }
}

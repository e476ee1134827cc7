//! What one machine knows of how a call came about: person, host, time, build, version control.
//!
//! Asked on a miss only; what does not change in a process is found out once.

mod compiled;
mod kept;
mod person;
#[cfg(feature = "git")]
mod source;
#[cfg(feature = "git")]
mod text;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use datlake_core::catalog::{Catalog, GcEpoch};
use datlake_core::lineage::{
    CodeLineage, CodeState, Dependency, Environment, Input, Lineage, Output, Person, SourceState,
};
use datlake_core::returned::ValueInputs;
use datlake_core::run::BodyProcess;
use datlake_core::value_shape::ValueShape;
use datlake_core::{CallKey, Code, Digest, Identity, Result};
use datlake_store::{LocalView, PerProcess, Staged};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::kept::KeptSources;
use crate::sync::lock;
#[cfg(feature = "git")]
pub(crate) use text::Checkout;

/// How many source files are kept at a time.
const AT_ONCE: usize = 8;

/// The version of datlake that writes records.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a lake's records say of this process.
#[derive(Debug)]
pub struct Provenance {
    email: Option<String>,
    /// Whether the source files of code that is in no commit are kept.
    keeps_code: bool,
    person: OnceLock<Person>,
    run: PerProcess<String>,
    /// By address of the code.
    sources: Mutex<HashMap<usize, SourceState>>,
    /// Texts of the build that were kept, in which epoch, and whether at the remote too.
    texts_kept: Mutex<HashSet<(Digest, GcEpoch, bool)>>,
    /// By address of the code: its source files, where they are to be kept.
    kept: Mutex<HashMap<usize, Option<Arc<KeptSources>>>>,
    seen: Mutex<kept::Seen>,
}

/// A body that ran.
pub struct Ran<'a> {
    pub identity: &'a Identity,
    pub key: CallKey,
    pub inputs: Vec<Input>,
    pub values: ValueInputs,
    pub outputs: Vec<Output>,
    pub returns: Option<ValueShape>,
    pub started_at: &'a str,
    pub took: Duration,
    pub process: Option<BodyProcess>,
}

/// The time by this machine's clock, RFC 3339, UTC.
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn new_run() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

impl Provenance {
    pub(crate) fn new(email: Option<String>, keeps_code: bool) -> Self {
        Self {
            email,
            keeps_code,
            person: OnceLock::new(),
            run: PerProcess::new(new_run()),
            sources: Mutex::default(),
            texts_kept: Mutex::default(),
            kept: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// The run this process is; a forked child is one of its own.
    pub fn run(&self) -> &str {
        self.run.get(new_run)
    }

    /// The machine.
    pub fn host(&self) -> &'static str {
        person::host()
    }

    /// Who runs the process.
    pub fn person(&self) -> Result<Person> {
        Ok(self.person.get_or_init(|| person::find(self.email.as_deref())).clone())
    }

    /// The lineage of a body that ran.
    pub fn lineage(&self, ran: Ran<'_>) -> Result<Lineage> {
        let Ran { identity, key, inputs, values, outputs, returns, started_at, took, process } = ran;
        let code = identity.code;
        let source = self.source(code);
        let source_texts = self.kept_sources(code, &source).map(|kept| kept.list);
        Ok(Lineage {
            creator: identity.creator.clone(),
            key,
            code: CodeLineage {
                function: code.name.to_owned(),
                module: code.module.to_owned(),
                package: code.package.to_owned(),
                package_version: code.package_version.to_owned(),
                file: code.file.to_owned(),
                line: code.line,
                hash: identity.code_hash,
                own_hash: code.own_hash(),
                dependencies: Dependency::all_of(code),
                closure: code.found.map(|found| Digest::of(found.table.as_bytes())),
                source_texts,
                returns,
                source,
            },
            generics: identity.generics(),
            params: identity.params(),
            extras: identity.extras(),
            inputs,
            values: values.values,
            values_left_out: values.left_out,
            rests: values.rests,
            outputs,
            environment: environment(code),
            person: self.person()?,
            host: self.host().to_owned(),
            run: self.run().to_owned(),
            process,
            started_at: started_at.to_owned(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            datlake_version: VERSION.to_owned(),
        })
    }

    fn source(&self, code: &'static Code) -> SourceState {
        let address = std::ptr::from_ref(code) as usize;
        if let Some(known) = lock(&self.sources).get(&address) {
            return known.clone();
        }
        #[cfg(feature = "git")]
        let found = source::find(code);
        #[cfg(not(feature = "git"))]
        let found = SourceState::default();
        lock(&self.sources).insert(address, found.clone());
        found
    }

    /// The source files of `code` that are to be kept: of code that is in no commit.
    fn kept_sources(&self, code: &'static Code, source: &SourceState) -> Option<Arc<KeptSources>> {
        if !self.keeps_code || source.state == CodeState::Committed {
            return None;
        }
        let address = std::ptr::from_ref(code) as usize;
        let look = || KeptSources::of(code, &mut lock(&self.seen)).map(Arc::new);
        lock(&self.kept).entry(address).or_insert_with(look).clone()
    }

    /// The digests of what [`keep_build_texts`](Self::keep_build_texts) keeps.
    pub(crate) fn build_texts(&self, lineage: &Lineage, code: &'static Code) -> Vec<Digest> {
        let of_build = lineage.environment.cargo_lock.into_iter().chain(lineage.code.closure);
        let kept = self.kept_sources(code, &lineage.code.source);
        of_build.chain(kept.iter().flat_map(|kept| kept.digests())).collect()
    }

    /// Keeps what a record names of the build: the table of its code, the text of `Cargo.lock` where it still is what was built
    /// with, and source files that are in no commit.
    pub(crate) async fn keep_build_texts(
        &self,
        local_view: &LocalView,
        catalog: &Catalog,
        lineage: &Lineage,
        code: &'static Code,
        since: GcEpoch,
    ) -> Result<()> {
        if let (Some(digest), Some(found)) = (lineage.code.closure, code.found) {
            self.keep_text(local_view, catalog, digest, since, || Some(found.table.into())).await?;
        }
        if let (Some(digest), Some((path, _))) = (lineage.environment.cargo_lock, code.lock) {
            self.keep_text(local_view, catalog, digest, since, || unchanged(path.as_ref(), &digest)).await?;
        }
        let Some(kept) = self.kept_sources(code, &lineage.code.source) else { return Ok(()) };
        // The list is kept behind what it names.
        if lock(&self.texts_kept).contains(&(kept.list, since, catalog.remote.is_some())) {
            return Ok(());
        }
        let texts = stream::iter(kept.files.clone()).map(|(text, path)| async move {
            self.keep_text(local_view, catalog, text.digest, since, || unchanged(&path, &text.digest)).await
        });
        texts.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await?;
        self.keep_text(local_view, catalog, kept.list, since, || Some(kept.bytes.clone())).await
    }

    /// Keeps a text once for each epoch, and apart where only this machine has it.
    async fn keep_text(
        &self,
        local_view: &LocalView,
        catalog: &Catalog,
        digest: Digest,
        since: GcEpoch,
        text: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<()> {
        let kept = (digest, since, catalog.remote.is_some());
        if lock(&self.texts_kept).contains(&kept) {
            return Ok(());
        }
        if let Some(text) = text() {
            let staged = Staged::from_bytes(&local_view.scratch()?, &text)?;
            catalog.put_blob(&digest, staged.path()).await?;
        }
        lock(&self.texts_kept).insert(kept);
        Ok(())
    }
}

/// The bytes of a file that still are those.
fn unchanged(path: &Path, digest: &Digest) -> Option<Vec<u8>> {
    std::fs::read(path).ok().filter(|text| Digest::of(text) == *digest)
}

/// What `code` was built with.
pub fn environment(code: &Code) -> Environment {
    let lock = code.lock.map(|(_, digest)| Digest::from_bytes(digest));
    let (rustc, target) = (env!("DATLAKE_RUSTC"), env!("DATLAKE_TARGET"));
    Environment::new(lock, rustc, target, code.features, code.cfg, cfg!(debug_assertions))
}

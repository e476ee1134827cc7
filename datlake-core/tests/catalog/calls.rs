//! What programs do with a catalog: calls, additions, removals, reads. As the facade does them, without bodies.

use std::path::PathBuf;

use datlake_core::catalog::{Commit, GcEpoch, GcGuard, Publication, Published, Replacement, Retry};
use datlake_core::lineage::{
    Added, CodeLineage, Environment, Input, Lineage, Output, Person, PersonSource, SourceState,
};
use datlake_core::record::{CallDocument, Name, NameTarget, NewRecord, OutputOf, Record};
use datlake_core::version::Moved;
use datlake_core::{CallKey, Catalog, CodeHash, CreatorName, Digest, Error, ErrorKind, Result, Uid};

use super::explore::{Actor, Outcome};
use super::memory::{Held, World};
use super::mistakes::Mistake;

/// How often somebody begins anew because of what is collected.
pub(crate) const PATIENCE: usize = 3;

/// A call, as one program makes it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) key: u8,
    /// The chosen names of its outputs; without any it has one output that bears none.
    pub(crate) names: &'static [&'static str],
    /// Whether its value is too large for its record.
    pub(crate) large: bool,
    /// Its first output is a tree with this content in it.
    pub(crate) tree: Option<&'static str>,
}

impl Call {
    pub(crate) fn creator() -> CreatorName {
        CreatorName::new("shop/shop::report").unwrap()
    }

    pub(crate) fn key(&self) -> CallKey {
        CallKey::from_bytes([self.key; 32])
    }

    /// Its record, or the key that it would be kept under.
    pub(crate) async fn find(&self, catalog: &Catalog) -> Result<Result<Record, CallKey>> {
        let mut key = self.key();
        loop {
            match catalog.kept(&Self::creator(), &key).await? {
                Some(CallDocument::Record(record)) => return Ok(Ok(record)),
                Some(CallDocument::Abandoned(mark)) => key = key.successor(&mark.digest),
                None => return Ok(Err(key)),
            }
        }
    }

    pub(crate) async fn record(&self, catalog: &Catalog) -> Result<Option<Record>> {
        Ok(self.find(catalog).await?.ok())
    }

    /// Whether `record` is its own, under whatever key.
    pub(crate) fn made(&self, record: &Record) -> bool {
        record.lineage().is_ok_and(|lineage| lineage.run == self.key.to_string())
    }

    /// What it makes visible under `key`. Bodies are not deterministic here: `nonce` is in all that they make.
    pub(crate) fn publication(&self, key: CallKey, nonce: &str, since: GcEpoch) -> Publication {
        let content = |name: &str| match self.tree {
            Some(member) => manifest(member),
            None => format!("{name} made by {nonce}"),
        };
        let output = |uid: Uid, name: &str| {
            let bytes = content(name);
            Output {
                uid,
                name: name.to_owned(),
                digest: Digest::of(bytes.as_bytes()),
                size: bytes.len() as u64,
                tree: self.tree.is_some(),
            }
        };
        let implicit = || output(Uid::output(&Self::creator(), &key, 0), "out.csv");
        let outputs: Vec<Output> = match self.names {
            [] => vec![implicit()],
            names => names.iter().map(|name| output(Uid::chosen(name).unwrap(), name)).collect(),
        };
        let value = vec![self.key; if self.large { 20_000 } else { 20 }];
        let lineage = lineage(key, self.key.to_string(), outputs.clone());
        let new = NewRecord {
            nonce,
            value_digest: Digest::of(&value),
            value: &value,
            dynamic_inputs: Vec::new(),
            lineage: &lineage,
        };
        let (record, value) = Record::create(new).unwrap();
        let contents = outputs.iter().map(|output| content(&output.name));
        let blobs = contents.chain(self.tree.map(str::to_owned));
        let blobs = blobs.map(|content| (Digest::of(content.as_bytes()), PathBuf::from(content))).collect();
        let names = outputs.into_iter().map(|output| output.uid).filter(Uid::is_chosen).collect();
        let (attached, found, replaces) = Default::default();
        Publication { record, value, blobs, attached, uses: vec![input()], names, found, replaces, since }
    }
}

/// A tree with one file in it.
pub(crate) fn manifest(member: &str) -> String {
    format!("tree of {}", Digest::of(member.as_bytes()))
}

fn lineage(key: CallKey, run: String, outputs: Vec<Output>) -> Lineage {
    Lineage {
        creator: Call::creator(),
        key,
        code: CodeLineage {
            function: "report".into(),
            module: "shop".into(),
            package: "shop".into(),
            package_version: "1.0.0".into(),
            file: "src/lib.rs".into(),
            line: 1,
            hash: CodeHash::from_bytes([1; 32]),
            own_hash: CodeHash::from_bytes([2; 32]),
            dependencies: Vec::new(),
            closure: None,
            source_texts: None,
            returns: None,
            source: SourceState::default(),
        },
        generics: Vec::new(),
        params: Vec::new(),
        extras: Vec::new(),
        inputs: vec![Input { name: "in.csv".into(), digest: input(), size: 8, uid: None, argument: None }],
        values: Vec::new(),
        values_left_out: 0,
        rests: Default::default(),
        outputs,
        environment: Environment::new(None, "rustc", "target", &[], &[], false),
        person: person(),
        host: "here".into(),
        run,
        process: None,
        started_at: "2026-01-01T00:00:00Z".into(),
        duration_ms: 1,
        datlake_version: "0".into(),
    }
}

/// What every call reads.
pub(crate) fn input() -> Digest {
    Digest::of(b"an input")
}

fn person() -> Person {
    Person { email: "me@example.org".into(), source: PersonSource::Config }
}

pub(crate) fn output_of(key: CallKey) -> NameTarget {
    NameTarget::Output(OutputOf { creator: Call::creator(), key })
}

/// How a finished call is made visible.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    /// By the catalog.
    Sound,
    /// By the catalog, for who cannot claim the names.
    WithoutClaims,
    /// By the catalog: the names are led to what it made, whatever they led to before.
    Replacing,
    /// The same, without a look at the names where the call was made before.
    ReplacingOnce,
}

/// A process on the machine `home`.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) world: World,
    pub(crate) catalog: Catalog,
    pub(crate) home: &'static str,
    /// What tells its documents from those of others.
    pub(crate) nonce: String,
}

impl Process {
    pub(crate) fn new(world: &World, who: usize, home: &'static str, remote: bool) -> Self {
        let catalog = world.catalog(Some(who), home, remote);
        Self { world: world.clone(), catalog, home, nonce: format!("{home}-{who}") }
    }

    /// Makes a call: looks for it, looks at the names it is to have, and publishes what its body made.
    pub(crate) fn call(self, call: Call, order: Order) -> Actor {
        Box::pin(async move {
            let key = match call.find(&self.catalog).await? {
                Ok(record) => {
                    let names = if matches!(order, Order::Replacing) { call.names } else { &[] };
                    for name in names {
                        let to = self.replacement(Uid::chosen(name)?, output_of(call.key()));
                        self.catalog.replace(&to, &GcGuard::default()).await?;
                    }
                    return Ok(Outcome::Hit(record.digest));
                }
                Err(_) if self.world.is_wrong_by(Mistake::Stays) => call.key(),
                Err(key) => key,
            };
            let names = if matches!(order, Order::Sound | Order::WithoutClaims) { call.names } else { &[] };
            for name in names {
                let Some(named) = self.catalog.named(&Uid::chosen(name)?).await? else { continue };
                let ours = matches!(named.target(), NameTarget::Output(OutputOf { key: of, .. }) if *of == key);
                if !ours && let Some(why) = self.catalog.why_taken(&named) {
                    return Err(Error::new(ErrorKind::AlreadyExists, why));
                }
            }
            self.publish_under(key, &call, order).await
        })
    }

    /// Publishes a call whose body has run, as if it had looked at everything long ago.
    pub(crate) fn publish(self, call: Call, order: Order) -> Actor {
        Box::pin(async move { self.publish_under(call.key(), &call, order).await })
    }

    pub(crate) async fn publish_under(&self, key: CallKey, call: &Call, order: Order) -> Result<Outcome> {
        let names: Vec<Uid> = call.names.iter().map(|name| Uid::chosen(name).unwrap()).collect();
        let mut claims = Vec::<Held>::new();
        if !matches!(order, Order::WithoutClaims) {
            for name in &names {
                claims.push(self.world.claim(self.home, name.as_str()).await);
            }
        }
        for _ in 0..PATIENCE {
            let mut publication = call.publication(key, &self.nonce, self.catalog.since().await?);
            if matches!(order, Order::Replacing | Order::ReplacingOnce) {
                let names = std::mem::take(&mut publication.names).into_iter();
                publication.replaces = names.map(|uid| self.replacement(uid, output_of(key))).collect();
            }
            let published = match order {
                Order::Sound | Order::Replacing | Order::ReplacingOnce => self.catalog.publish(&publication).await?,
                Order::WithoutClaims => self.catalog.without_claims(&self.nonce).publish(&publication).await?,
            };
            match published {
                Commit::Done(Published::Ours(record)) => return Ok(Outcome::Ours(record.digest)),
                Commit::Done(Published::Theirs(record)) => return Ok(Outcome::Theirs(record.digest)),
                Commit::Retry(_) => {}
            }
        }
        Ok(Outcome::Done)
    }

    /// Adds `content` as the file `uid`; where it is `late`, it looks what is collected when it has put the content: a mistake
    /// that must be found.
    pub(crate) fn add(self, uid: &'static str, content: &'static str, late: bool) -> Actor {
        self.add_range(uid, content, None, late)
    }

    /// The same for content whose files rest in a `pack`.
    pub(crate) fn add_range(
        self,
        uid: &'static str,
        content: &'static str,
        pack: Option<&'static str>,
        late: bool,
    ) -> Actor {
        Box::pin(async move {
            let (uid, digest) = (Uid::chosen(uid)?, Digest::of(content.as_bytes()));
            let added = self.added(&uid, content);
            let name = Name::create(uid.clone(), NameTarget::Added(added), self.home, &self.nonce)?;
            let _claim = self.world.claim(self.home, uid.as_str()).await;
            for _ in 0..PATIENCE {
                let mut since = GcEpoch::default();
                if !late {
                    since = self.catalog.since().await?;
                }
                let mut contents = vec![digest];
                if let Some(pack) = pack {
                    contents.push(Digest::of(pack.as_bytes()));
                    self.catalog.put_blob(&contents[1], pack.as_ref()).await?;
                    let at = datlake_core::Location::PackedIn(digest, contents[1]);
                    self.catalog.put_attached(&at, b"locations", false).await?;
                }
                self.catalog.put_blob(&digest, content.as_ref()).await?;
                if late {
                    since = self.catalog.since().await?;
                }
                if let Commit::Done(secured) = self.catalog.secure(&contents, &since).await?
                    && let Commit::Done(()) = self.catalog.add(name.clone(), &secured).await?
                {
                    break;
                }
            }
            Ok(Outcome::Done)
        })
    }

    /// Who moves a name, and where.
    pub(crate) fn replacement(&self, uid: Uid, target: NameTarget) -> Replacement {
        let moved = Moved { person: person(), host: self.home.to_owned(), at: self.nonce.clone() };
        Replacement::new(uid, target, moved, self.nonce.clone())
    }

    /// What somebody adds.
    fn added(&self, uid: &Uid, content: &str) -> Added {
        Added {
            name: uid.file_name().to_owned(),
            digest: Digest::of(content.as_bytes()),
            size: content.len() as u64,
            tree: false,
            source: None,
            person: person(),
            host: self.home.to_owned(),
            // Two additions are never made at the same moment.
            at: self.nonce.clone(),
        }
    }

    /// Adds `content` as the file `uid`, whatever that was before. Who cannot reach the remote tries again; who `forgets` does not
    /// know then what it has tried.
    pub(crate) fn replace(self, uid: &'static str, content: &'static str, forgets: bool) -> Actor {
        Box::pin(async move {
            let (uid, digest) = (Uid::chosen(uid)?, Digest::of(content.as_bytes()));
            let replacement = || self.replacement(uid.clone(), NameTarget::Added(self.added(&uid, content)));
            let mut to = replacement();
            let _claim = self.world.claim(self.home, uid.as_str()).await;
            for attempt in 1..=PATIENCE {
                let since = self.catalog.since().await?;
                self.catalog.put_blob(&digest, content.as_ref()).await?;
                let Commit::Done(secured) = self.catalog.secure(&[digest], &since).await? else { continue };
                match self.catalog.replace(&to, &secured).await {
                    Ok(Commit::Done(())) => break,
                    Ok(Commit::Retry(Retry::Closed(_))) if attempt == PATIENCE => {
                        let why = "what the name led to is being removed";
                        return Err(datlake_core::Error::new(ErrorKind::Busy, why));
                    }
                    Ok(Commit::Retry(_)) => {}
                    Err(error) if error.kind() == ErrorKind::Unavailable => {
                        if forgets {
                            to = replacement();
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(Outcome::Done)
        })
    }

    /// Removes the file `uid`, or the call it comes from.
    pub(crate) fn remove(self, uid: Uid) -> Actor {
        Box::pin(async move {
            self.catalog.learn_removals().await?;
            let names = self.catalog.names_going_with(&uid).await?;
            let mut claims = Vec::new();
            for name in &names {
                claims.push(self.world.try_claim(self.home, name.as_str(), &self.nonce).await);
            }
            let claimed = if claims.iter().all(Option::is_some) { &*names } else { &[] };
            let mut serial = 0..;
            let id = || format!("{}-{}", self.nonce, serial.next().unwrap());
            self.catalog.claiming(claimed).remove(&uid, &person(), "2026-01-01T00:00:00Z", id).await?;
            Ok(Outcome::Done)
        })
    }

    /// Contacts the remote, and looks for a call.
    pub(crate) fn look_for(self, call: Call) -> Actor {
        Box::pin(async move {
            self.catalog.learn_removals().await?;
            match call.record(&self.catalog).await? {
                Some(record) => Ok(Outcome::Hit(record.digest)),
                None => Ok(Outcome::Done),
            }
        })
    }

    /// Reads all that a call and its names show, and fails where they show what they have not. Nothing must be removed.
    pub(crate) fn read(self, call: Call) -> Actor {
        Box::pin(async move {
            let wrong = |what: String| Err(Error::new(ErrorKind::Corrupt, what));
            let mut shown = None;
            for name in call.names {
                let named = self.catalog.named(&Uid::chosen(name)?).await?;
                shown = shown.or(named.and_then(|named| named.record).filter(|record| call.made(record)));
            }
            let record = call.record(&self.catalog).await?;
            if let Some(shown) = shown
                && record.as_ref().is_none_or(|record| record.digest != shown.digest)
            {
                return wrong("a name showed what its call did not make".to_owned());
            }
            let Some(record) = record else { return Ok(Outcome::Done) };
            self.catalog.value(&record).await?;
            for output in record.lineage()?.outputs {
                let known = self.catalog.file(&output.uid).await?;
                if known.is_none_or(|known| known.digest != output.digest) {
                    return wrong(format!("`{}` is not what its call made", output.uid));
                }
            }
            Ok(Outcome::Hit(record.digest))
        })
    }
}

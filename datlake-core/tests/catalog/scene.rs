//! The calls and machines of the models, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};

use datlake_core::record::NameTarget;
use datlake_core::{Catalog, Digest, Uid};

use super::calls::{Call, Order, Process, input};
use super::explore::{Actor, End, Model, Outcome};
use super::memory::{REMOTE, World};

pub(crate) const PLAIN: Call = Call { key: 1, names: &[], large: false, tree: None };
pub(crate) const LARGE: Call = Call { key: 1, names: &[], large: true, tree: None };
pub(crate) const NAMED: Call = Call { key: 1, names: &["a.csv"], large: false, tree: None };
pub(crate) const TWICE_NAMED: Call = Call { key: 1, names: &["a.csv", "b.csv"], large: false, tree: None };
/// Another call that wants one of the names.
pub(crate) const RIVAL: Call = Call { key: 2, names: &["a.csv"], large: false, tree: None };
pub(crate) const THIRD: Call = Call { key: 3, names: &["a.csv"], large: false, tree: None };

/// What has been shown so far.
#[derive(Clone, Default, Hash)]
pub(crate) struct Shown {
    pub(crate) records: BTreeMap<u8, BTreeSet<Digest>>,
    pub(crate) files: BTreeMap<Uid, BTreeSet<Digest>>,
}

/// The machines of a model, and what is going on there.
pub(crate) struct Scene<'s> {
    pub(crate) homes: &'s [&'static str],
    pub(crate) remote: bool,
    pub(crate) calls: &'s [Call],
    /// Whether anything is removed.
    pub(crate) removals: bool,
}

pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

impl Scene<'_> {
    pub(crate) fn catalogs(&self, world: &World) -> impl Iterator<Item = (&'static str, Catalog)> {
        let (world, remote) = (world.copy(), self.remote);
        self.homes.iter().map(move |home| (*home, world.catalog(None, home, remote)))
    }

    /// What each machine sees at this moment.
    pub(crate) fn sound(&self, world: &World, shown: &mut Shown) -> Result<(), String> {
        for (home, catalog) in self.catalogs(world) {
            let offline = Catalog { remote: None, ..catalog.clone() };
            for call in self.calls {
                self.whole(world, home, &catalog, call, shown)?;
                for name in call.names {
                    let uid = Uid::chosen(name).unwrap();
                    for catalog in [&offline, &catalog] {
                        let Some(known) = now(catalog.file(&uid)).map_err(|e| format!("{home}: {e}"))? else {
                            continue;
                        };
                        shown.files.entry(known.uid).or_default().insert(known.digest);
                    }
                }
            }
        }
        if self.removals {
            return Ok(());
        }
        match shown.files.iter().find(|(_, digests)| digests.len() > 1) {
            Some((uid, _)) => Err(format!("`{uid}` showed one content and then another")),
            None => match shown.records.iter().find(|(_, digests)| digests.len() > 1) {
                Some((key, _)) => Err(format!("call {key} had one record and then another")),
                None => Ok(()),
            },
        }
    }

    /// A call is there with all that belongs to it, or not at all.
    pub(crate) fn whole(
        &self,
        world: &World,
        home: &str,
        catalog: &Catalog,
        call: &Call,
        shown: &mut Shown,
    ) -> Result<(), String> {
        let failed = |what: &str, e: datlake_core::Error| format!("{home}: the {what} of call {}: {e}", call.key);
        let Some(record) = now(call.record(catalog)).map_err(|e| failed("record", e))? else { return Ok(()) };
        shown.records.entry(call.key).or_default().insert(record.digest);
        now(catalog.value(&record)).map_err(|e| failed("value", e))?;
        for output in record.lineage().unwrap().outputs {
            let remote = if self.remote { REMOTE } else { home };
            if !world.has_blob(home, &output.digest) && !world.has_blob(remote, &output.digest) {
                return Err(format!(
                    "{home}: call {} is finished, and the content of `{}` is missing",
                    call.key, output.uid
                ));
            }
            let shown = || now(catalog.file(&output.uid)).map_err(|e| failed("output", e));
            let mut known = shown()?;
            if self.removals && known.as_ref().is_some_and(|known| known.digest != output.digest) {
                // A machine goes by what it knew until it hears of a removal, and not for longer.
                now(catalog.learn_removals()).map_err(|e| failed("removals", e))?;
                if now(call.record(catalog)).map_err(|e| failed("record", e))?.is_none() {
                    return Ok(());
                }
                known = shown()?;
            }
            match known {
                Some(known) if known.digest == output.digest => {}
                None if self.removals => {}
                known => {
                    let shows = known.map_or("nothing".to_owned(), |known| known.digest.to_string());
                    return Err(format!(
                        "{home}: call {} is finished, and its output `{}` shows {shows}",
                        call.key, output.uid
                    ));
                }
            }
        }
        // A removal takes this away with the rest, also from who makes the call anew.
        let readers = now(catalog.readers(&BTreeSet::from([input()]))).map_err(|e| failed("readers", e))?;
        if !self.removals && !readers.contains(&(record.creator, record.key)) {
            return Err(format!("{home}: call {} is finished, and not among the readers of what it read", call.key));
        }
        Ok(())
    }

    /// Whoever has never seen the lake finds every call with all that belongs to it, or not at all, also while it is removed.
    pub(crate) fn afresh(&self, world: &World) -> Result<(), String> {
        let (home, world) = ("home c", world.copy());
        let scene = Scene { homes: &[], remote: true, calls: self.calls, removals: false };
        let catalog = world.catalog(None, home, true);
        let mut shown = Shown::default();
        self.calls.iter().try_for_each(|call| scene.whole(&world, home, &catalog, call, &mut shown))
    }

    /// What everyone was told is what is there, and what the dead left behind is in nobody's way.
    pub(crate) fn settled(&self, world: &World, ends: &[End]) -> Result<(), String> {
        if ends
            .iter()
            .any(|end| matches!(end, End::Failed(error) if error.kind() != datlake_core::ErrorKind::AlreadyExists))
        {
            return Err("somebody failed".to_owned());
        }
        let mut records = BTreeSet::new();
        for (_, catalog) in self.catalogs(world) {
            for call in self.calls {
                records.extend(now(call.record(&catalog)).unwrap().map(|record| record.digest));
            }
        }
        let mut ours = BTreeSet::new();
        for end in ends {
            match end {
                End::Finished(Outcome::Ours(digest)) if !ours.insert(digest) => {
                    return Err("two records won".to_owned());
                }
                End::Finished(Outcome::Ours(digest) | Outcome::Theirs(digest) | Outcome::Hit(digest))
                    if !self.removals && !records.contains(digest) =>
                {
                    return Err("somebody was told of a record that is not the one".to_owned());
                }
                _ => {}
            }
        }
        self.agreed(world)?;
        // Whoever comes next, on any machine, gets the call done, unless its name is taken.
        for home in self.homes {
            for call in self.calls {
                self.next(world, home, call)?;
            }
        }
        Ok(())
    }

    /// Once everyone has heard of everything, all machines see the same.
    pub(crate) fn agreed(&self, world: &World) -> Result<(), String> {
        let mut shown = BTreeMap::<Uid, BTreeSet<Option<Digest>>>::new();
        for (_, catalog) in self.catalogs(world) {
            now(catalog.learn_removals()).unwrap();
            for uid in self.calls.iter().flat_map(|call| call.names).map(|name| Uid::chosen(name).unwrap()) {
                let known = now(catalog.file(&uid)).map_err(|e| e.to_string())?;
                shown.entry(uid).or_default().insert(known.map(|known| known.digest));
            }
        }
        match shown.iter().find(|(_, digests)| digests.len() > 1) {
            Some((uid, _)) => Err(format!("`{uid}` is one thing here and another there")),
            None => Ok(()),
        }
    }

    pub(crate) fn next(&self, world: &World, home: &'static str, call: &Call) -> Result<(), String> {
        let world = world.copy();
        for home in self.homes {
            now(world.catalog(None, home, self.remote).learn_removals()).unwrap();
        }
        let process = Process { catalog: world.catalog(None, home, self.remote), world, home, nonce: "next".into() };
        let wants = |other: &&Call| other.key != call.key && other.names.iter().any(|name| call.names.contains(name));
        let mut rivals = self.calls.iter().filter(wants);
        let added = |name: &&'static str| {
            let named = now(process.catalog.named(&Uid::chosen(name).unwrap())).unwrap();
            named.is_some_and(|named| matches!(named.target(), NameTarget::Added(_)))
        };
        let known = now(call.record(&process.catalog)).unwrap().is_some();
        let taken = !known
            && (rivals.any(|rival| now(rival.record(&process.catalog)).unwrap().is_some())
                || call.names.iter().any(added));
        let mut done = now(process.clone().call(call.clone(), Order::Sound));
        // A machine that died, or was told to run again, may have left names, which a person has to remove: each once.
        let mut left: Vec<_> = if taken { Vec::new() } else { call.names.to_vec() };
        while let Err(error) = &done
            && let Some(at) = left.iter().position(|name| error.to_string().contains(&format!("remove `{name}`")))
        {
            now(process.clone().remove(Uid::chosen(left.swap_remove(at)).unwrap())).unwrap();
            done = now(process.clone().call(call.clone(), Order::Sound));
        }
        if done.is_err() != taken {
            return Err(format!("{home}: the next call {} gave {done:?}", call.key));
        }
        self.sound(&process.world, &mut Shown::default())
    }

    pub(crate) fn explore(
        &self,
        world: &dyn Fn() -> World,
        deaths: usize,
        actors: &dyn Fn(&World) -> Vec<Actor>,
    ) -> Result<usize, String> {
        let always = |world: &World, shown: &mut Shown| self.sound(world, shown);
        let finally = |world: &World, ends: &[End]| self.settled(world, ends);
        Model { world, actors, deaths, always: &always, finally: &finally }.explore()
    }
}

#[track_caller]
pub(crate) fn holds(explored: Result<usize, String>) {
    match explored {
        Ok(states) => println!("{states} states"),
        Err(why) => panic!("{why}"),
    }
}

pub(crate) const ONE_HOME: [&str; 1] = ["home a"];
pub(crate) const TWO_HOMES: [&str; 2] = ["home a", "home b"];

/// Whether there is a remote, and the machine of the second of two processes, the first being on `home a`.
pub(crate) const SETTINGS: [(bool, &str); 3] = [(false, "home a"), (true, "home a"), (true, "home b")];

pub(crate) fn homes(remote: bool) -> &'static [&'static str] {
    if remote { &TWO_HOMES } else { &ONE_HOME }
}

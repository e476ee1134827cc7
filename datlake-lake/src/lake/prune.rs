//! Calls that nobody needs any more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use datlake_core::explain::{ArgumentOrigins, CallAddress, maker};
use datlake_core::lineage::{Lineage, Output};
use datlake_core::record::NameTarget;
use datlake_core::{CreatorName, Digest, Error, ErrorKind, Location, Result, Uid};
use datlake_store::wait;

use super::prune_versions::{OldVersion, ReadByName, VersionRule};
use super::{Lake, refuse_in_body, unless_damaged};
use crate::report::{Damage, Removable, Removal};
use crate::setters::setters;

/// Which calls may go. Where more than one thing is said, all of it must hold.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prune {
    /// Of each creator with the same arguments, so many of the latest stay. Arguments are the same when they have the same
    /// values, files of the same chosen UIDs, and files and values that calls of the same creators made from the same arguments.
    pub keep: Option<usize>,
    /// Only what started so long ago, by the clock of the machine that ran it.
    pub older_than: Option<Duration>,
    /// Earlier versions of names may go too; so many of the latest of each name stay, with the one that it leads to. They go as
    /// calls do: what a call that stays was made from stays.
    pub keep_versions: Option<usize>,
    /// Earlier versions of names may go that were replaced so long ago.
    pub versions_older_than: Option<Duration>,
}

impl Prune {
    /// What was superseded: the latest of each creator and arguments stays, of each variant of a build (features, `--cfg`, target, debug
    /// or release).
    ///
    /// ```
    /// # let lake = datlake::Lake::temp()?;
    /// use datlake::Prune;
    /// let month = std::time::Duration::from_secs(30 * 24 * 3600);
    /// let removal = lake.prunable(Prune::superseded().older_than(month).keep(2))?;
    /// assert!(lake.apply(&removal, false)?.is_empty());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    #[must_use]
    pub fn superseded() -> Self {
        Self { keep: Some(1), ..Self::default() }
    }

    setters! {
        /// What started so long ago.
        older_than: Some(Duration);
        /// Keeps so many of the latest of each creator and arguments.
        keep: Some(usize);
        /// Keeps so many of the latest versions of each name.
        keep_versions: Some(usize);
        /// Only earlier versions that were replaced so long ago.
        versions_older_than: Some(Duration);
    }
}

/// Every call, and what it was made from.
struct Calls {
    lineages: BTreeMap<CallAddress, Lineage>,
}

impl Lake {
    /// The calls and earlier versions of names that nobody needs any more, to be [removed](Lake::apply). What stays: what `prune` does not mean; calls
    /// with an output that a chosen name leads to; where there is a remote, calls that it has not decided about; and everything
    /// that a call that stays was made from.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where `prune` says nothing; [`ErrorKind::Context`] in a body; those of reaching the stores.
    pub fn prunable(&self, prune: Prune) -> Result<Removal> {
        refuse_in_body("prune the lake")?;
        if prune == Prune::default() {
            let message =
                "cannot prune: say what may go, what was superseded, what is older than some age, or earlier versions";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let (calls, mut damaged) = wait(self.every_call())?;
        let mut may_go = match prune {
            Prune { keep: None, older_than: None, .. } => HashSet::new(),
            prune => self.meant(&calls, prune)?,
        };
        let shared = self.remote().is_some() || self.is_offline();
        let unpushed = if shared { wait(self.catalog().unpushed())? } else { Vec::new() };
        let unpushed: HashSet<Location> = unpushed.into_iter().collect();
        let rule = VersionRule { keep: prune.keep_versions, older_than: prune.versions_older_than };
        let versions = self.old_versions(rule, &unpushed, &mut damaged)?;
        may_go.extend(versions.calls.into_iter().filter(|call| calls.lineages.contains_key(call)));
        let named = self.named_calls(&may_go, &calls)?;
        may_go.retain(|id| !named.contains(id) && !unpushed.contains(&Location::Record(id.0.clone(), id.1)));
        // A file of a chosen name was made by whoever gave it that content.
        let mut makers = HashMap::<(&Uid, &Digest), Vec<&CallAddress>>::new();
        for (id, lineage) in &calls.lineages {
            for output in lineage.outputs.iter().filter(|output| output.uid.is_chosen()) {
                makers.entry((&output.uid, &output.digest)).or_default().push(id);
            }
        }
        // What stays keeps what it was made from.
        let mut open: Vec<CallAddress> = calls.lineages.keys().filter(|id| !may_go.contains(id)).cloned().collect();
        while let Some(id) = open.pop() {
            let Some(lineage) = calls.lineages.get(&id) else { continue };
            let inputs = lineage.inputs.iter().filter_map(|input| Some((input.uid.as_ref()?, &input.digest)));
            let by_name = inputs.clone().filter_map(|input| makers.get(&input)).flatten().map(|id| (*id).clone());
            let files = inputs.filter_map(|(uid, _)| maker(uid)).map(|(call, _)| call);
            let values = lineage.values.iter().map(|value| (value.creator.clone(), value.key));
            for made_by in files.chain(by_name).chain(values) {
                if may_go.remove(&made_by) {
                    open.push(made_by);
                }
            }
        }
        let mut read = ReadByName::default();
        calls.lineages.iter().filter(|(id, _)| !may_go.contains(id)).for_each(|(_, lineage)| read.add(lineage));
        let versions = versions.added.into_iter().filter(|version| !read.has(self, version));
        let versions: Vec<Removable> = versions.map(OldVersion::removable).collect();
        let mut going: Vec<CallAddress> = may_go.into_iter().collect();
        // What was made last goes first: wherever it is stopped, nothing is left whose inputs went before it.
        going.sort_by(|a, b| calls.lineages[b].started_at.cmp(&calls.lineages[a].started_at).then_with(|| a.cmp(b)));
        let removable = |id: CallAddress| Removable {
            files: files_of(&id, &calls.lineages[&id]),
            call: Some(id),
            name: None,
            version: None,
        };
        let asked = going.into_iter().map(removable).chain(versions).collect();
        Ok(Removal { asked, downstream: Vec::new(), damaged })
    }

    /// Those of the calls with an output that a chosen name leads to.
    fn named_calls(&self, ids: &HashSet<CallAddress>, calls: &Calls) -> Result<HashSet<CallAddress>> {
        let mut named = HashSet::new();
        for id in ids {
            for output in calls.lineages[id].outputs.iter().filter(|output| output.uid.is_chosen()) {
                wait(self.refresh(&output.uid))?;
                let leads_to = wait(self.catalog().target(&output.uid))?;
                let is_it = match &leads_to {
                    Some(NameTarget::Output(of)) => (&of.creator, &of.key) == (&id.0, &id.1),
                    // A file that was only passed on.
                    Some(NameTarget::Added(added)) => added.digest == output.digest,
                    None => false,
                };
                if is_it {
                    named.insert(id.clone());
                }
            }
        }
        Ok(named)
    }

    /// Every call that can be read, and those that cannot: of what those need, nobody knows.
    async fn every_call(&self) -> Result<(Calls, Vec<Damage>)> {
        self.contact_remote().await?;
        let (mut lineages, mut damaged) = (BTreeMap::new(), Vec::new());
        for (creator, key) in self.catalog().calls(None).await? {
            let lineage = self.lineage_of(&creator, &key).await;
            let lineage = unless_damaged(lineage, format_args!("{creator}/{key}"), &mut damaged)?.flatten();
            lineages.extend(lineage.map(|lineage| ((creator, key), lineage)));
        }
        Ok((Calls { lineages }, damaged))
    }

    /// The calls that `prune` means.
    fn meant(&self, calls: &Calls, prune: Prune) -> Result<HashSet<CallAddress>> {
        let mut ids: Vec<CallAddress> = calls.lineages.keys().cloned().collect();
        if let Some(keep) = prune.keep {
            let mut groups = HashMap::<(CreatorName, Digest), Vec<CallAddress>>::new();
            // A build with other features, or for another platform, may be in use beside this one.
            let mut origins = ArgumentOrigins::new(&calls.lineages, true);
            for id in ids {
                if let Some(signature) = origins.call(&id) {
                    groups.entry((id.0.clone(), signature)).or_default().push(id);
                }
            }
            let latest_first = |group: &mut Vec<CallAddress>| {
                group.sort_by(|a, b| {
                    calls.lineages[b].started_at.cmp(&calls.lineages[a].started_at).then_with(|| a.cmp(b))
                });
            };
            ids = Vec::new();
            for mut group in groups.into_values() {
                latest_first(&mut group);
                ids.extend(group.into_iter().skip(keep));
            }
        }
        if let Some(age) = prune.older_than {
            let now = SystemTime::now();
            ids.retain(|id| {
                // A time that cannot be read is no reason to go.
                let started = humantime::parse_rfc3339(&calls.lineages[id].started_at);
                started.is_ok_and(|started| now.duration_since(started).is_ok_and(|since| since >= age))
            });
        }
        Ok(ids.into_iter().collect())
    }
}

/// What goes with a call: a name that leads elsewhere by now stays, and its earlier version goes.
fn files_of(id: &CallAddress, lineage: &Lineage) -> Vec<Uid> {
    let of = |(index, output): (u32, &Output)| match output.uid.is_chosen() {
        true => Uid::output(&id.0, &id.1, index),
        false => output.uid.clone(),
    };
    (0..).zip(&lineage.outputs).map(of).collect()
}

//! What differs between how two files, or two values, were made.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use datlake_core::explain::{Difference, between, name_paths, nearness};
use datlake_core::lineage::{Environment, Lineage};
use datlake_core::{CallKey, CreatorName, Digest, ErrorKind, Result};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::origin::Origin;
use crate::report::{BuildChange, CallDiff, CallPair, ComparedCall, CrateChange, Damage};

/// So many pairs of calls are compared.
const PAIRS: usize = 200;
/// So many calls of one creator are looked through for those that go together; of more, one goes with another by its place.
const MATCHED: usize = 40;

impl Lake {
    /// What differs between how `was` and `now` were made, each a file or a call as for [`explain`](Self::explain): parameters,
    /// inputs, code with its source, what both were built with; and, upstream, the same of the calls that made what differs.
    ///
    /// # Errors
    /// As [`Lake::explain`].
    ///
    /// ```
    /// use datlake::{Lake, Result, file_creator};
    ///
    /// #[file_creator]
    /// fn double(n: u32) -> Result<u32> {
    ///     Ok(2 * n)
    /// }
    ///
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// (double(4)?, double(5)?);
    /// let calls = lake.history(Some("double"))?.calls;
    /// let diff = lake.compare(&format!("double/{}", calls[0].key), &format!("double/{}", calls[1].key))?;
    /// assert_eq!(diff.pairs[0].differences.len(), 1); // `n`
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn compare(&self, was: &str, now: &str) -> Result<CallDiff> {
        refuse_in_body("compare calls")?;
        let (was, now) = (
            self.made_by_call(was, "there is nothing to compare")?,
            self.made_by_call(now, "there is nothing to compare")?,
        );
        wait(async {
            let (was, now) = (self.record_present(&was.0, &was.1).await?, self.record_present(&now.0, &now.1).await?);
            let (old, new) = (was.lineage()?, now.lineage()?);
            let crates = self.compare_locks(old.environment.cargo_lock, new.environment.cargo_lock).await?;
            let made = |lineage: &Lineage| lineage.outputs.iter().map(|output| output.digest).collect::<Vec<_>>();
            let mut diff = CallDiff {
                pairs: Vec::new(),
                left_out: false,
                same_result: was.value_digest == now.value_digest && made(&old) == made(&new),
                build: built_with(&old.environment, &new.environment),
                lock_unknown: crates.is_none(),
                crates: crates.unwrap_or_default(),
                damaged: Vec::new(),
            };
            self.compare_upstream(old, new, true, &mut diff).await?;
            Ok(diff)
        })
    }

    /// Why what a call was given is other than what `was` was given: pairs of calls upstream, and whether there are more.
    pub(super) async fn why_upstream(
        &self,
        was: Option<Lineage>,
        now: &Lineage,
        with_sources: bool,
        damaged: &mut Vec<Damage>,
    ) -> Result<(Vec<CallPair>, bool)> {
        let Some(was) = was else { return Ok((Vec::new(), false)) };
        let mut diff = CallDiff::default();
        self.compare_upstream(was, now.clone(), with_sources, &mut diff).await?;
        damaged.append(&mut diff.damaged);
        Ok((diff.pairs.split_off(1), diff.left_out))
    }

    /// Compares two calls, and from there upstream those that made what differs.
    async fn compare_upstream(
        &self,
        was: Lineage,
        now: Lineage,
        with_sources: bool,
        diff: &mut CallDiff,
    ) -> Result<()> {
        let mut seen = HashSet::from([(was.key, now.key)]);
        let mut open = VecDeque::from([(was, now)]);
        let mut shown = Vec::new();
        for _ in 0..PAIRS {
            let Some((was, now)) = open.pop_front() else { return Ok(()) };
            for (was, now) in self.upstream_pairs(&was, &now, diff).await? {
                if seen.insert((was.key, now.key)) {
                    open.push_back((was, now));
                }
            }
            let mut differences = if was.key == now.key { Vec::new() } else { between(&was, &now) };
            let what = [&was, &now].map(|of| (of.creator.clone(), of.code.hash));
            let what = (what, own(&differences, &was, &now));
            // Those that were asked for are shown by themselves.
            if let Some(alike) = shown.iter().skip(1).position(|other| *other == what) {
                diff.pairs[alike + 1].alike += 1;
                continue;
            }
            shown.push(what);
            name_paths(self.catalog(), &mut differences, &was.inputs, &now.inputs).await?;
            let sources = self.name_items(&mut differences, Some(&was), Some(&now), with_sources).await?;
            let (was, now) = (ComparedCall::of(&was), ComparedCall::of(&now));
            diff.pairs.push(CallPair { was, now, differences, sources, alike: 0 });
        }
        diff.left_out |= !open.is_empty();
        Ok(())
    }

    /// The calls that made what each was given, those that both were given left out: in pairs of one creator, the nearest together.
    async fn upstream_pairs(
        &self,
        was: &Lineage,
        now: &Lineage,
        diff: &mut CallDiff,
    ) -> Result<Vec<(Lineage, Lineage)>> {
        let (old, new) = (self.sources_of(was, diff).await?, self.sources_of(now, diff).await?);
        let mut by_creator = BTreeMap::<&CreatorName, (Vec<CallKey>, Vec<CallKey>)>::new();
        old.difference(&new).for_each(|(creator, key)| by_creator.entry(creator).or_default().0.push(*key));
        new.difference(&old).for_each(|(creator, key)| by_creator.entry(creator).or_default().1.push(*key));
        let mut pairs = Vec::new();
        for (creator, (old, new)) in by_creator {
            let (mut old, new) = (self.lineages(creator, &old, diff).await?, self.lineages(creator, &new, diff).await?);
            let many = old.len().max(new.len()) > MATCHED;
            for now in new {
                let by_nearness = |other: &Lineage| nearness(&between(other, &now), other.run == now.run);
                let nearest = (0..old.len()).min_by_key(|at| if many { (0, false, 0) } else { by_nearness(&old[*at]) });
                let Some(nearest) = nearest else { break };
                pairs.push((old.remove(nearest), now));
            }
        }
        Ok(pairs)
    }

    /// The calls that made the files and values that a call was given.
    async fn sources_of(&self, lineage: &Lineage, diff: &mut CallDiff) -> Result<BTreeSet<(CreatorName, CallKey)>> {
        let values = lineage.values.iter().map(|value| (value.creator.clone(), value.key));
        let mut found: BTreeSet<_> = values.collect();
        for input in &lineage.inputs {
            let Some(uid) = &input.uid else { continue };
            match Origin::of(self, uid, &input.digest).await {
                // What was removed since is in no pair.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                origin => match unless_damaged(origin, uid, &mut diff.damaged)? {
                    Some(Origin::Call(call)) => drop(found.insert((call.creator, call.key))),
                    Some(Origin::Added(_)) | None => {}
                },
            }
        }
        Ok(found)
    }

    /// What is remembered of calls, as far as it can be read.
    async fn lineages(&self, creator: &CreatorName, keys: &[CallKey], diff: &mut CallDiff) -> Result<Vec<Lineage>> {
        let mut found = Vec::new();
        for key in keys.iter().take(PAIRS) {
            let lineage = self.lineage_of(creator, key).await;
            let what = format!("{creator}/{}", key.short());
            found.extend(unless_damaged(lineage, what, &mut diff.damaged)?.flatten());
        }
        diff.left_out |= keys.len() > PAIRS;
        found.sort_by(|a, b| (&a.started_at, a.key).cmp(&(&b.started_at, b.key)));
        Ok(found)
    }

    /// The crates that differ between two lock files; `None` where they differ and one is not kept.
    async fn compare_locks(&self, was: Option<Digest>, now: Option<Digest>) -> Result<Option<Vec<CrateChange>>> {
        if was == now {
            return Ok(Some(Vec::new()));
        }
        let (Some(was), Some(now)) = (was, now) else { return Ok(None) };
        let texts = (self.catalog().small_content(&was).await?, self.catalog().small_content(&now).await?);
        let (Some(was), Some(now)) = texts else { return Ok(None) };
        Ok(packages(&was).zip(packages(&now)).map(|(was, now)| changed(&was, &now)))
    }
}

/// What is a pair's own of its differences: what other calls made is said of those.
fn own(differences: &[Difference], was: &Lineage, now: &Lineage) -> Vec<Difference> {
    let values = was.values.iter().chain(&now.values);
    let made: BTreeSet<&str> = values.filter_map(|value| value.argument.as_deref()).collect();
    let is_own = |difference: &&Difference| match difference {
        Difference::Value { name, .. } => !made.contains(name.split(['.', '[']).next().unwrap_or(name)),
        Difference::Input { .. } | Difference::Fetched { .. } => false,
        _ => true,
    };
    differences.iter().filter(is_own).cloned().collect()
}

/// What differs in how two calls were built.
fn built_with(was: &Environment, now: &Environment) -> Vec<BuildChange> {
    let rows = |of: &Environment| {
        [
            ("rustc", of.rustc.clone()),
            ("target", of.target.clone()),
            ("features", of.features.join(", ")),
            ("cfg", of.cfg.join(", ")),
            ("debug_assertions", of.debug_assertions.to_string()),
        ]
    };
    let both = rows(was).into_iter().zip(rows(now));
    let differing = both.filter(|((_, was), (_, now))| was != now);
    differing.map(|((what, was), (_, now))| BuildChange { what: what.to_owned(), was, now }).collect()
}

/// A package's versions, each with what tells it from another of that number.
type Packages = BTreeMap<String, BTreeSet<(String, String)>>;

fn packages(lock: &[u8]) -> Option<Packages> {
    let lock: toml_edit::DocumentMut = std::str::from_utf8(lock).ok()?.parse().ok()?;
    let mut found = Packages::new();
    for package in lock.get("package")?.as_array_of_tables()? {
        let text = |key: &str| package.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let identity = format!("{} {}", text("source"), text("checksum"));
        found.entry(text("name")).or_default().insert((text("version"), identity));
    }
    Some(found)
}

fn changed(was: &Packages, now: &Packages) -> Vec<CrateChange> {
    let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let differing = names.into_iter().filter(|name| was.get(*name) != now.get(*name));
    let versions = |packages: &Packages, name: &String| {
        packages.get(name).into_iter().flatten().map(|(version, _)| version.clone()).collect()
    };
    differing
        .map(|name| CrateChange { name: name.clone(), was: versions(was, name), now: versions(now, name) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_are_compared_crate_by_crate() {
        let lock = |packages: &[(&str, &str, &str)]| {
            let package = |(name, version, sum): &(&str, &str, &str)| {
                format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nchecksum = \"{sum}\"\n\n")
            };
            packages_of(&packages.iter().map(package).collect::<String>())
        };
        let was = lock(&[("a", "1.0.0", "0a"), ("b", "1.0.0", "0b"), ("c", "1.0.0", "0c"), ("d", "1.0.0", "0d")]);
        let now = lock(&[
            ("a", "1.0.0", "0a"),
            ("b", "1.0.0", "1b"),
            ("c", "1.0.0", "0c"),
            ("c", "2.0.0", "1c"),
            ("e", "1.0.0", ""),
        ]);
        let rows = |change: &CrateChange| format!("{}: {:?} {:?}", change.name, change.was, change.now);
        let found: Vec<_> = changed(&was, &now).iter().map(rows).collect();
        assert_eq!(
            found,
            [
                r#"b: ["1.0.0"] ["1.0.0"]"#,
                r#"c: ["1.0.0"] ["1.0.0", "2.0.0"]"#,
                r#"d: ["1.0.0"] []"#,
                r#"e: [] ["1.0.0"]"#
            ]
        );
        assert!(packages(b"[[package]\n").is_none() && packages(b"\xff").is_none() && packages(b"").is_none());
    }

    fn packages_of(text: &str) -> Packages {
        packages(format!("version = 4\n\n{text}").as_bytes()).unwrap()
    }
}

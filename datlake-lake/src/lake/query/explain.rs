//! Why a call ran, as far as records tell.

use datlake_core::explain::{Difference, Sketch, between, name_items, name_paths, nearest};
use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, Error, ErrorKind, Result};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{CallExplanation, CodeExtent, Comparison, CreatorCode, ItemSource, Since};

impl Lake {
    /// Why the call ran that `call` means: a UID, of a file that it made, or `creator/key`, where the creator's name may be
    /// abbreviated to its end and the key to its beginning.
    ///
    /// Only records are read. What a call that has not been made would run for, `f::call(…).explain()` says.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such call, and for a file that no call made; [`ErrorKind::InvalidInput`] for
    /// what means several; [`ErrorKind::Context`] in a body; those of reading the stores.
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
    /// double(4)?;
    /// let key = lake.history(Some("double"))?.calls[0].key;
    /// assert!(lake.explain(&format!("double/{key}"))?.earlier.is_none());
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn explain(&self, call: &str) -> Result<CallExplanation> {
        self.explained(call, false)
    }

    /// As [`explain`](Self::explain), with the sources of the items that changed: as they were compiled, from the lake, from
    /// the working directory and from git, whichever has them.
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
    /// double(4)?;
    /// let key = lake.history(Some("double"))?.calls[0].key;
    /// for item in lake.explain_sources(&format!("double/{key}"))?.earlier.into_iter().flat_map(|earlier| earlier.sources) {
    ///     println!("{}:\n{}", item.item, item.now.unwrap_or_default());
    /// }
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn explain_sources(&self, call: &str) -> Result<CallExplanation> {
        self.explained(call, true)
    }

    fn explained(&self, call: &str, with_sources: bool) -> Result<CallExplanation> {
        refuse_in_body("explain a call")?;
        let (creator, key) = self.made_by_call(call, "there is nothing to explain")?;
        wait(async {
            let this = self.record_present(&creator, &key).await?.lineage()?;
            let (mut others, mut damaged) = (Vec::new(), Vec::new());
            for (creator, other) in self.catalog().calls(Some(&creator)).await? {
                if other == key {
                    continue;
                }
                let lineage = self.lineage_of(&creator, &other).await;
                others.extend(unless_damaged(lineage, format_args!("{creator}/{other}"), &mut damaged)?.flatten());
            }
            let (mut earlier, mut since) = (self.nearest_earlier(&this, &others).await?, since(&this, &others));
            let of = |key: CallKey| others.iter().find(|other| other.key == key);
            if let Some(found) = &mut earlier {
                let (differences, was) = (&mut found.differences, of(found.key));
                let inputs = was.map_or(&[][..], |was| &was.inputs);
                name_paths(self.catalog(), differences, inputs, &this.inputs).await?;
                found.sources = self.name_items(differences, was, Some(&this), with_sources).await?;
            }
            if let Some(found) = &mut since {
                let (differences, now) = (&mut found.differences, of(found.latest));
                found.sources = self.name_items(differences, Some(&this), now, with_sources).await?;
            }
            let was = earlier.as_ref().and_then(|earlier| of(earlier.key).cloned());
            let (upstream, left_out) = self.why_upstream(was, &this, with_sources, &mut damaged).await?;
            let extent = self.extent(&this).await?;
            Ok(CallExplanation {
                extent,
                earlier,
                upstream,
                left_out,
                since,
                damaged,
                creator,
                key,
                started_at: this.started_at,
                originator: this.person.email,
                code_hash: this.code.hash,
            })
        })
    }
}

impl Lake {
    /// The code that the results of a creator depend on, as the table of its latest call has it: how much, what of that cannot be
    /// seen, and what brings in most. The creator's name may be abbreviated to its end.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where no creator of that name has a call, and where the latest call has no table, or that is not there;
    /// [`ErrorKind::InvalidInput`] for a name of several; [`ErrorKind::Context`] in a body; those of reading the stores.
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
    /// double(4)?;
    /// assert_eq!(lake.creator_code("double")?.extent.size.items, 1);
    /// # Ok::<(), datlake::Error>(())
    /// ```
    pub fn creator_code(&self, creator: &str) -> Result<CreatorCode> {
        refuse_in_body("look at a creator's code")?;
        wait(async {
            self.contact_remote().await?;
            let (creator, keys) = self.creator_meant(creator).await?;
            let mut calls = Vec::new();
            for key in keys {
                calls.extend(self.lineage_of(&creator, &key).await.unwrap_or_default());
            }
            let whose = format!("the latest call of `{creator}`");
            let latest = calls.into_iter().max_by(|a, b| when(a).cmp(&when(b)));
            let latest = latest.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{whose} cannot be read")))?;
            let closure = self.code_table(&latest, &whose).await?;
            Ok(CreatorCode {
                creator,
                key: latest.key,
                started_at: latest.started_at,
                code_hash: latest.code.hash,
                extent: CodeExtent::of(&closure),
                pulled_in: closure.pulled_in(),
            })
        })
    }

    async fn nearest_earlier(&self, this: &Lineage, others: &[Lineage]) -> Result<Option<Comparison>> {
        let earlier = others.iter().filter(|other| when(other) < when(this));
        let nearest = nearest(self.catalog(), &Sketch::of(this), &this.run, earlier, |was| between(was, this)).await?;
        Ok(nearest.map(|(Lineage { key, started_at, person, .. }, differences)| Comparison {
            key: *key,
            started_at: started_at.clone(),
            originator: person.email.clone(),
            differences,
            sources: Vec::new(),
        }))
    }

    /// How much code a call's result depends on, where that was looked for and is kept.
    pub(super) async fn extent(&self, lineage: &Lineage) -> Result<Option<CodeExtent>> {
        let Some(digest) = lineage.code.closure else { return Ok(None) };
        Ok(self.catalog().closure(&digest).await?.as_ref().map(CodeExtent::of))
    }

    /// Names the items that changed, where the tables of both calls are kept: their sources, if they are wanted.
    pub(super) async fn name_items(
        &self,
        differences: &mut Vec<Difference>,
        was: Option<&Lineage>,
        now: Option<&Lineage>,
        with_sources: bool,
    ) -> Result<Vec<ItemSource>> {
        let named = |difference: &Difference| matches!(difference, Difference::Found | Difference::Code);
        let (Some(was), Some(now)) = (was, now) else { return Ok(Vec::new()) };
        let Some((old, new)) = was.code.closure.zip(now.code.closure).filter(|_| differences.iter().any(named)) else {
            return Ok(Vec::new());
        };
        let tables = (self.catalog().closure(&old).await?, self.catalog().closure(&new).await?);
        let (Some(old), Some(new)) = tables else { return Ok(Vec::new()) };
        name_items(differences, &old, &new);
        match with_sources {
            true => self.edited(differences, (was, &old), (now, &new)).await,
            false => Ok(Vec::new()),
        }
    }
}

/// Where a call stands among those of its creator.
fn when(lineage: &Lineage) -> (&str, CallKey) {
    (&lineage.started_at, lineage.key)
}

fn since(this: &Lineage, others: &[Lineage]) -> Option<Since> {
    let later = || others.iter().filter(|other| when(other) > when(this) && other.code.hash != this.code.hash);
    let latest = others.iter().max_by_key(|other| when(other))?;
    if when(latest) < when(this) || latest.code.hash == this.code.hash {
        return None;
    }
    let mut differences = between(this, latest);
    differences.retain(is_of_code);
    if differences.is_empty() {
        differences.push(Difference::Unknown);
    }
    let again = later().filter(|other| between(this, other).iter().all(is_of_code)).max_by_key(|other| when(other));
    let digests = |lineage: &Lineage| lineage.outputs.iter().map(|output| output.digest).collect::<Vec<_>>();
    Some(Since {
        latest: latest.key,
        started_at: latest.started_at.clone(),
        originator: latest.person.email.clone(),
        differences,
        sources: Vec::new(),
        again: again.map(|again| again.key),
        same_outputs: again.map(|again| digests(again) == digests(this)),
    })
}

pub(super) fn is_of_code(difference: &Difference) -> bool {
    matches!(difference, Difference::Code | Difference::Dependency { .. } | Difference::Found | Difference::Item { .. })
}

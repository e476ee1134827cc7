//! Why a call ran, as far as records tell.

use datlake_core::explain::{Difference, between, name_items, nearness};
use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, Error, ErrorKind, Result};
use datlake_store::wait;

use crate::lake::{Lake, refuse_in_body, unless_damaged};
use crate::report::{CallExplanation, Comparison, Since};

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
        refuse_in_body("explain a call")?;
        let Some((creator, key)) = self.call_meant(call)? else {
            let message = format!("no call made `{call}`: somebody added it, so there is nothing to explain");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        wait(async {
            let this = self.lineage_of(&creator, &key).await?.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("call {creator}/{} has just been removed", key.short()))
            })?;
            let (mut others, mut damaged) = (Vec::new(), Vec::new());
            for (creator, other) in self.catalog().calls(Some(&creator)).await? {
                if other == key {
                    continue;
                }
                let lineage = self.lineage_of(&creator, &other).await;
                others.extend(unless_damaged(lineage, format_args!("{creator}/{other}"), &mut damaged)?.flatten());
            }
            let (mut earlier, mut since) = (nearest_earlier(&this, &others), since(&this, &others));
            let of = |key: CallKey| others.iter().find(|other| other.key == key);
            if let Some(found) = &mut earlier {
                self.name_items(&mut found.differences, of(found.key), Some(&this)).await?;
            }
            if let Some(found) = &mut since {
                self.name_items(&mut found.differences, Some(&this), of(found.latest)).await?;
            }
            Ok(CallExplanation {
                earlier,
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
    /// Names the items that changed, where the tables of both calls are kept.
    async fn name_items(
        &self,
        differences: &mut Vec<Difference>,
        was: Option<&Lineage>,
        now: Option<&Lineage>,
    ) -> Result<()> {
        let digests = was.and_then(|was| was.code.closure).zip(now.and_then(|now| now.code.closure));
        let Some((was, now)) = digests.filter(|_| differences.contains(&Difference::Found)) else { return Ok(()) };
        if let (Some(was), Some(now)) = (self.catalog().closure(&was).await?, self.catalog().closure(&now).await?) {
            name_items(differences, &was, &now);
        }
        Ok(())
    }
}

/// Where a call stands among those of its creator.
fn when(lineage: &Lineage) -> (&str, CallKey) {
    (&lineage.started_at, lineage.key)
}

fn nearest_earlier(this: &Lineage, others: &[Lineage]) -> Option<Comparison> {
    let earlier = others.iter().filter(|other| when(other) < when(this));
    let compared = earlier.map(|other| (between(other, this), other));
    let fewest = compared.min_by(|(a, x), (b, y)| nearness(a).cmp(&nearness(b)).then_with(|| when(y).cmp(&when(x))))?;
    let (differences, Lineage { key, started_at, person, .. }) = fewest;
    Some(Comparison { key: *key, started_at: started_at.clone(), originator: person.email.clone(), differences })
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
        again: again.map(|again| again.key),
        same_outputs: again.map(|again| digests(again) == digests(this)),
    })
}

fn is_of_code(difference: &Difference) -> bool {
    matches!(difference, Difference::Code | Difference::Dependency { .. } | Difference::Found | Difference::Item { .. })
}

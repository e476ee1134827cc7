//! Why a call ran, as far as records tell.

use datlake_core::explain::{Difference, between};
use datlake_core::lineage::Lineage;
use datlake_core::{CallKey, CodeHash, CreatorName, Error, ErrorKind, Result};
use serde::Serialize;

use super::Damage;
use super::files::is_damage;
use crate::lake::{Lake, refuse_in_body};

/// Why a call ran, and whether its creator's code is another since: what the records of the lake tell.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct CallExplanation {
    /// The creator.
    pub creator: CreatorName,
    /// The key of the call.
    pub key: CallKey,
    /// When the body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// Hash of the code with all that it declares to depend on.
    pub code_hash: CodeHash,
    /// The nearest earlier call of the creator: the fewest differences, then the latest. `None` for the first.
    pub earlier: Option<Comparison>,
    /// What came after, where the latest call of the creator ran with other code.
    pub since: Option<Since>,
    /// Calls of the creator whose records are damaged: they were not looked at.
    pub damaged: Vec<Damage>,
}

/// An earlier call, and what differs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Comparison {
    /// The key of that call.
    pub key: CallKey,
    /// When its body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// What is not the same; never empty.
    pub differences: Vec<Difference>,
}

/// How the code of a creator has changed since a call.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Since {
    /// The latest call of the creator.
    pub latest: CallKey,
    /// When its body started.
    pub started_at: String,
    /// Who ran it.
    pub originator: String,
    /// What differs in its code.
    pub differences: Vec<Difference>,
    /// The latest call that differs in its code alone: the same call, made again.
    pub again: Option<CallKey>,
    /// Whether that one made the same files.
    pub same_outputs: Option<bool>,
}

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
    /// # fn main() -> Result<()> {
    /// let lake = Lake::temp()?;
    /// let _current = lake.enter();
    /// double(4)?;
    /// let key = lake.history(Some("double"))?.calls[0].key;
    /// assert!(lake.explain(&format!("double/{key}"))?.earlier.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain(&self, call: &str) -> Result<CallExplanation> {
        refuse_in_body("explain a call")?;
        let Some((creator, key)) = self.call_meant(call)? else {
            let message = format!("no call made `{call}`: somebody added it, so there is nothing to explain");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        pollster::block_on(async {
            let record = self.catalog().record(&creator, &key).await?.ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("call {creator}/{} has just been removed", key.short()))
            })?;
            let this = record.lineage()?;
            let (mut others, mut damaged) = (Vec::new(), Vec::new());
            for (creator, other) in self.catalog().calls(Some(&creator)).await? {
                if other == key {
                    continue;
                }
                let lineage = match self.catalog().record(&creator, &other).await {
                    Ok(record) => record.map(|record| record.lineage()).transpose(),
                    Err(error) => Err(error),
                };
                match lineage {
                    Ok(lineage) => others.extend(lineage),
                    Err(error) if is_damage(&error) => {
                        damaged.push(Damage { what: format!("{creator}/{other}"), error: error.to_string() });
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(CallExplanation {
                earlier: nearest_earlier(&this, &others),
                since: since(&this, &others),
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

/// Where a call stands among those of its creator.
fn when(lineage: &Lineage) -> (&str, CallKey) {
    (&lineage.started_at, lineage.key)
}

fn nearest_earlier(this: &Lineage, others: &[Lineage]) -> Option<Comparison> {
    let earlier = others.iter().filter(|other| when(other) < when(this));
    let compared = earlier.map(|other| (between(other, this), other));
    let fewest = compared.min_by(|(a, x), (b, y)| a.len().cmp(&b.len()).then_with(|| when(y).cmp(&when(x))))?;
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
    matches!(difference, Difference::Code | Difference::Dependency { .. })
}

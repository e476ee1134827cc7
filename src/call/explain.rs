//! Gathering what `explain` compares.

use datlake_core::explain::{Explanation, Sketch, name_items};
use datlake_core::lineage::Dependency;
use datlake_core::record::Record;
use datlake_core::{Digest, Identity, Result};

use super::body::input;
use super::site::{CallSite, Lookup};

/// All of a call that enters its key.
pub(super) fn sketch(identity: &Identity) -> Sketch {
    Sketch {
        creator: identity.creator.clone(),
        key: identity.key,
        code_hash: identity.code_hash,
        own_hash: identity.code.own_hash(),
        dependencies: Dependency::all_of(identity.code),
        closure: identity.code.found.map(|found| Digest::of(found.table.as_bytes())),
        generics: identity.generics(),
        params: identity.params(),
        extras: identity.extras(),
        inputs: identity.inputs().iter().map(|(argument, file)| input(Some(argument), file)).collect(),
    }
}

pub(super) async fn explain<T>(site: &CallSite, found: Lookup<T>) -> Result<Explanation> {
    let identity = &site.target.identity;
    let creator = identity.creator.clone();
    let key = match found {
        Lookup::Hit(_, record) => {
            let lineage = record.lineage()?;
            let (started_at, by) = (lineage.started_at, lineage.person.email);
            return Ok(Explanation::Cached { creator, key: record.key, started_at, by });
        }
        Lookup::Miss(key) => key,
    };
    if key != identity.key {
        return Ok(Explanation::Outgrown { creator, key: identity.key });
    }
    let (catalog, of) = (site.lake.catalog().clone(), creator.clone());
    let earlier = site.pace.io(async move { catalog.records_of(&of).await }).await?;
    let lineages = earlier.iter().map(Record::lineage).collect::<Result<Vec<_>>>()?;
    let mut answer = sketch(identity).explain(&lineages);
    if let Explanation::Differs { nearest, differences, .. } = &mut answer
        && let Some(found) = identity.code.found
        && let Some(was) = lineages.iter().find(|lineage| lineage.key == *nearest).and_then(|was| was.code.closure)
    {
        let catalog = site.lake.catalog().clone();
        if let Some(was) = site.pace.io(async move { catalog.closure(&was).await }).await? {
            name_items(differences, &was, &found.closure());
        }
    }
    Ok(answer)
}

//! Gathering what `explain` compares.

use datlake_core::explain::{Difference, Explanation, Sketch, name_items, name_paths};
use datlake_core::lineage::{Dependency, Input, Lineage};
use datlake_core::record::NameTarget;
use datlake_core::{CallKey, Digest, Identity, Result};
use datlake_lake::Lake;

use super::body::input;
use super::site::{CallSite, Lookup};

/// All of a call that enters its key.
fn sketch(lake: &Lake, identity: &Identity) -> Sketch {
    let values = lake.returned_values().inputs(identity);
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
        inputs: inputs(identity),
        values: values.values,
        rests: values.rests,
    }
}

/// What differs from the call that came about as `was`.
pub(super) async fn differences(site: &CallSite, was: &Lineage) -> Result<Vec<Difference>> {
    let mut differences = sketch(&site.lake, &site.target.identity).differences(was);
    name_code(site, &mut differences, was).await?;
    name_files(site, differences, was).await
}

/// Names the files that changed in trees.
async fn name_files(site: &CallSite, mut differences: Vec<Difference>, was: &Lineage) -> Result<Vec<Difference>> {
    if !differences.iter().any(|difference| matches!(difference, Difference::Input { .. })) {
        return Ok(differences);
    }
    let (catalog, was, now) = (site.lake.catalog().clone(), was.inputs.clone(), inputs(&site.target.identity));
    let named = async move {
        name_paths(&catalog, &mut differences, &was, &now).await?;
        Ok(differences)
    };
    site.pace.io(named).await
}

fn inputs(identity: &Identity) -> Vec<Input> {
    identity.inputs().iter().map(|(argument, file)| input(Some(argument), file)).collect()
}

/// Names the code that changed, where the table of the earlier call is kept.
async fn name_code(site: &CallSite, differences: &mut Vec<Difference>, was: &Lineage) -> Result<()> {
    if let Some(found) = site.target.identity.code.found
        && let Some(digest) = was.code.closure
    {
        let catalog = site.lake.catalog().clone();
        if let Some(was) = site.pace.io(async move { catalog.closure(&digest).await }).await? {
            name_items(differences, &was, &found.closure());
        }
    }
    Ok(())
}

pub(super) async fn explain<T>(site: &CallSite, found: Lookup<T>) -> Result<Explanation> {
    let identity = &site.target.identity;
    let creator = identity.creator.clone();
    let key = match found {
        Lookup::Hit(_, answer) => {
            let lineage = site.lineage_of(&answer).await?;
            let (started_at, by) = (lineage.started_at, lineage.person.email);
            return Ok(Explanation::Cached { creator, key: answer.key, started_at, by });
        }
        Lookup::Miss(key) => key,
    };
    if key != identity.key {
        return Ok(Explanation::Outgrown { creator, key: identity.key });
    }
    let (lake, of) = (site.lake.clone(), creator.clone());
    let lineages = site.pace.io(async move { lake.earlier_calls(&of).await }).await?;
    // What has the name that the call is to make keeps it from running.
    let holder = holder(site).await?;
    let compared = match lineages.iter().find(|was| Some(was.key) == holder) {
        Some(holder) => std::slice::from_ref(holder),
        None => &**lineages,
    };
    let (catalog, sketch) = (site.lake.catalog().clone(), sketch(&site.lake, identity));
    let (compared, run) = (compared.to_vec(), site.lake.provenance().run().to_owned());
    let mut answer = site.pace.io(async move { sketch.explain(&catalog, &compared, &run).await }).await?;
    if let Explanation::Differs { nearest, differences, .. } = &mut answer
        && let Some(was) = lineages.iter().find(|lineage| lineage.key == *nearest)
    {
        name_code(site, differences, was).await?;
        *differences = name_files(site, std::mem::take(differences), was).await?;
    }
    Ok(answer)
}

/// The call of the same creator that made a file under a name which the call is to make.
async fn holder(site: &CallSite) -> Result<Option<CallKey>> {
    let Some(names) = site.target.names.clone() else { return Ok(None) };
    let (catalog, creator) = (site.lake.catalog().clone(), site.target.identity.creator.clone());
    let look = async move {
        for name in &names {
            if let Some(NameTarget::Output(output)) = catalog.target(name).await?
                && output.creator == creator
            {
                return Ok(Some(output.key));
            }
        }
        Ok(None)
    };
    site.pace.io(look).await
}

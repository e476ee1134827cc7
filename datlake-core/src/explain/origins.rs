//! What identifies the arguments of calls, also after everything above them was made again: a file with a chosen name by that name,
//! what a call made by its creator and by what identifies the arguments of that, and anything else by itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::Sketch;
use crate::catalog::Catalog;
use crate::lineage::{Input, Lineage, Param, ValueInput};
use crate::{CallKey, CreatorName, Digest, ErrorKind, Result, Uid, UidKind};

/// How far up arguments are compared by what made them; beyond that by content.
const DEPTH: usize = 200;
/// So many records are read above calls that are compared; beyond that, only a key tells what a call made.
const MAKERS: usize = 2000;
const AT_ONCE: usize = 16;

/// One call.
pub type CallAddress = (CreatorName, CallKey);

/// What is known of calls, to identify arguments by what made them.
#[derive(Debug)]
pub struct ArgumentOrigins<'a> {
    calls: &'a BTreeMap<CallAddress, Lineage>,
    /// Whether builds of other features, or for other platforms, are different calls.
    by_variant: bool,
    signatures: HashMap<CallAddress, Option<Digest>>,
}

/// What a call was given.
struct Given<'a> {
    inputs: &'a [Input],
    values: &'a [ValueInput],
    rests: &'a BTreeMap<String, Digest>,
}

impl<'a> ArgumentOrigins<'a> {
    /// By what `calls` were given.
    pub fn new(calls: &'a BTreeMap<CallAddress, Lineage>, by_variant: bool) -> Self {
        Self { calls, by_variant, signatures: HashMap::new() }
    }

    /// What identifies a call by its creator and arguments; `None` where its record does not say, and where there is none.
    pub fn call(&mut self, id: &CallAddress) -> Option<Digest> {
        self.signature(id, DEPTH)
    }

    /// What identifies each argument, by its name, without those of which that is not known.
    pub(super) fn arguments(&mut self, of: &Sketch) -> BTreeMap<String, Value> {
        let given = Given { inputs: &of.inputs, values: &of.values, rests: &of.rests };
        let mut identified = BTreeMap::new();
        for param in of.params.iter().chain(&of.extras) {
            if let (value, true) = self.argument(param, &given, DEPTH) {
                identified.insert(param.name.clone(), value);
            }
        }
        identified
    }

    fn signature(&mut self, id: &CallAddress, depth: usize) -> Option<Digest> {
        if let Some(known) = self.signatures.get(id) {
            return *known;
        }
        let lineage = self.calls.get(id)?;
        // Values may lead round in a circle, where calls returned alike.
        self.signatures.insert(id.clone(), None);
        let mut parts = vec![json!(lineage.creator), json!(lineage.generics)];
        if self.by_variant {
            let built = &lineage.environment;
            parts.push(json!([built.features, built.cfg, built.target, built.debug_assertions]));
        }
        let given = Given { inputs: &lineage.inputs, values: &lineage.values, rests: &lineage.rests };
        let mut known = true;
        for param in lineage.params.iter().chain(&lineage.extras) {
            let (value, is_known) = self.argument(param, &given, depth);
            known &= is_known;
            parts.push(json!([param.name, value]));
        }
        let signature = known.then(|| Digest::of(Value::Array(parts).to_string().as_bytes()));
        self.signatures.insert(id.clone(), signature);
        signature
    }

    /// What identifies one argument, and whether that is known.
    fn argument(&mut self, param: &Param, given: &Given<'_>, depth: usize) -> (Value, bool) {
        let inputs: Vec<&Input> =
            given.inputs.iter().filter(|input| input.argument.as_ref() == Some(&param.name)).collect();
        let returned: Vec<&ValueInput> =
            given.values.iter().filter(|one| one.argument.as_ref() == Some(&param.name)).collect();
        let calls = self.returned(&returned, depth);
        match given.rests.get(&param.name) {
            Some(rest) => {
                let files: Vec<Value> = inputs.iter().map(|input| self.input(input, depth)).collect();
                (json!([rest, calls.0, files]), true)
            }
            None if calls.1 && returned.iter().any(|one| one.is_whole(&param.name)) => (json!(calls.0), true),
            None => {
                let mut value = param.value.clone();
                let known = !param.secret && self.within(&mut value, &inputs, depth);
                (value, known)
            }
        }
    }

    fn signature_below(&mut self, id: &CallAddress, depth: usize) -> Option<Digest> {
        depth.checked_sub(1).and_then(|depth| self.signature(id, depth))
    }

    /// What identifies values that calls returned: what identifies those calls. And whether that is known of all of them.
    fn returned(&mut self, returned: &[&ValueInput], depth: usize) -> (Vec<Value>, bool) {
        let (mut identified, mut known) = (Vec::<Vec<Value>>::new(), true);
        for alike in returned.chunk_by(|a, b| a.at == b.at) {
            let mut calls = Vec::new();
            for ValueInput { creator, key, .. } in alike {
                let signature = self.signature_below(&(creator.clone(), *key), depth);
                known &= signature.is_some();
                calls.push(signature.map_or_else(|| json!([creator, key]), |signature| json!([creator, signature])));
            }
            // Of those that returned alike, neither order nor number says anything.
            calls.sort_by_cached_key(Value::to_string);
            calls.dedup();
            identified.push(calls);
        }
        (identified.into_iter().map(Value::Array).collect(), known)
    }

    /// What identifies a file that an argument holds.
    fn input(&mut self, input: &Input, depth: usize) -> Value {
        let file = json!({ "name": input.name, "digest": input.digest });
        self.file(input.uid.as_ref(), file, depth)
    }

    /// What identifies a file that is shown as `file`: the call that made it, if one did, or its chosen UID.
    fn file(&mut self, uid: Option<&Uid>, file: Value, depth: usize) -> Value {
        match uid.map(|uid| (uid, maker(uid))) {
            None => file,
            Some((uid, None)) => json!(uid),
            Some((_, Some((call, place)))) => match self.signature_below(&call, depth) {
                Some(signature) => json!([call.0, place, signature]),
                None => file,
            },
        }
    }

    /// Puts in the place of each file what identifies it. `false` where the value itself is not in the record.
    fn within(&mut self, value: &mut Value, inputs: &[&Input], depth: usize) -> bool {
        if let Some(not_shown) = value.get("$large").or_else(|| value.get("$deep")) {
            // Earlier versions kept the size alone.
            return not_shown.get("digest").is_some();
        }
        if let Some(file) = value.get("$file").cloned() {
            // A UID that no person chose is among the inputs.
            let is_it = |input: &&&Input| {
                file.get("digest") == Some(&json!(input.digest)) && file.get("name") == Some(&json!(input.name))
            };
            let chosen = file.get("uid").and_then(Value::as_str).and_then(|uid| uid.parse::<Uid>().ok());
            let uid = chosen.or_else(|| inputs.iter().find(is_it).and_then(|input| input.uid.clone()));
            *value = self.file(uid.as_ref(), file, depth);
            return true;
        }
        match value {
            Value::Array(items) => items.iter_mut().all(|item| self.within(item, inputs, depth)),
            Value::Object(members) => members.values_mut().all(|item| self.within(item, inputs, depth)),
            _ => true,
        }
    }
}

/// The call that made a file without a chosen name, and which of its files that is.
pub fn maker(uid: &Uid) -> Option<(CallAddress, String)> {
    match uid.kind() {
        UidKind::Output { creator, key, index } => Some(((creator, key), index.to_string())),
        UidKind::Member { tree, path } => match tree.kind() {
            UidKind::Output { creator, key, index } => Some(((creator, key), format!("{index}//{path}"))),
            _ => None,
        },
        UidKind::Chosen | UidKind::Committed { .. } => None,
    }
}

/// The calls that made what is above calls that were given this, those that are nearest first, as far as they are remembered.
pub(super) async fn makers(catalog: &Catalog, below: &[Sketch]) -> Result<BTreeMap<CallAddress, Lineage>> {
    let mut seen = HashSet::new();
    let mut open: Vec<CallAddress> = below.iter().flat_map(|call| above(&call.inputs, &call.values)).collect();
    let mut found = BTreeMap::new();
    loop {
        open.retain(|id| seen.insert(id.clone()));
        open.truncate(MAKERS.saturating_sub(found.len()));
        if open.is_empty() {
            return Ok(found);
        }
        let read = async |id: CallAddress| match catalog.record(&id.0, &id.1).await {
            Ok(record) => match record.map(|record| record.lineage()).transpose() {
                Ok(lineage) => Ok(lineage.map(|lineage| (id, lineage))),
                Err(error) => unless_damaged(error),
            },
            Err(error) => unless_damaged(error),
        };
        let level: Vec<_> = stream::iter(std::mem::take(&mut open)).map(read).buffered(AT_ONCE).collect().await;
        for one in level {
            let Some((id, lineage)) = one? else { continue };
            open.extend(above(&lineage.inputs, &lineage.values));
            found.insert(id, lineage);
        }
    }
}

/// What cannot be read tells nothing; whoever asks for it gets the error.
fn unless_damaged<T>(error: crate::Error) -> Result<Option<T>> {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::Format => Ok(None),
        _ => Err(error),
    }
}

fn above(inputs: &[Input], values: &[ValueInput]) -> Vec<CallAddress> {
    let files = inputs.iter().filter_map(|input| maker(input.uid.as_ref()?)).map(|(call, _)| call);
    files.chain(values.iter().map(|value| (value.creator.clone(), value.key))).collect()
}

//! Events of OpenLineage 2-0-2.
//!
//! A creator is a job, a call a run of it, and the process that made the call its parent. Files are data sets, as are values that one
//! call was given and another one returned. Facets of our own have a schema in `docs/openlineage`.

mod body;

use datlake_core::CreatorName;
use datlake_lake::Lake;
use datlake_lake::lineage::Param;
use datlake_lake::report::{CallDetails, GraphCall, GraphFile, GraphItem, GraphNode, LineageGraph};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

pub use body::of_body;

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const CALL_FACET: &str = "urn:datlake:schema:openlineage:1-0-0:DatlakeCallRunFacet#/$defs/DatlakeCallRunFacet";
const PRODUCER: &str = concat!("urn:datlake:", env!("CARGO_PKG_VERSION"));

/// What distinguishes the names of a lake from those of others: what its settings say, or the URL of the remote, which other machines
/// know too, or that of the directory.
pub fn namespace(lake: &Lake) -> String {
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    if let Some(namespace) = lake.receiver().and_then(|receiver| receiver.namespace()) {
        return namespace.to_owned();
    }
    lake.remote().filter(|remote| remote.contains("://")).unwrap_or_else(|| {
        let folder = lake.remote().unwrap_or_else(|| lake.home().to_string_lossy().into_owned());
        format!("file://{}", utf8_percent_encode(&folder, &PLAIN))
    })
}

/// Two events for each call of a graph, one a line and the earliest first, as if somebody had listened while it ran.
pub fn of_graph(graph: &LineageGraph, namespace: &str) -> String {
    let events = Events { graph, namespace };
    let mut all: Vec<(String, Value)> = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        if let GraphItem::Call(call) = &node.item
            && let Some(details) = &call.details
        {
            all.extend(events.of_call(at, node, call, details));
        }
    }
    // A start stays before its end where both are of one millisecond.
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all.into_iter().map(|(_, event)| format!("{event}\n")).collect()
}

/// An event, without what it was given and made.
fn event(kind: &str, time: &str, run: &Value, job: &Value) -> Value {
    json!({
        "eventType": kind,
        "eventTime": time,
        "producer": PRODUCER,
        "schemaURL": EVENT,
        "run": run,
        "job": job,
        "inputs": [],
        "outputs": [],
    })
}

struct Events<'a> {
    graph: &'a LineageGraph,
    namespace: &'a str,
}

impl Events<'_> {
    fn of_call(&self, at: usize, node: &GraphNode, call: &GraphCall, details: &CallDetails) -> [(String, Value); 2] {
        let id = run_id(&details.run, &call.creator, &call.key.to_string(), &details.started_at);
        let run = json!({ "runId": id, "facets": self.run_facets(node, call, details) });
        let job = json!({ "namespace": self.namespace, "name": call.creator, "facets": job_facets(details) });
        let inputs: Vec<Value> = self.given(at).map(|node| self.input(node)).collect();
        let end_time = details.ended_at();
        let mut start = event("START", &details.started_at, &run, &job);
        let mut end = event("COMPLETE", &end_time, &run, &job);
        end["outputs"] = self.made(at).map(|node| self.output(node)).collect();
        end["inputs"] = Value::Array(inputs.clone());
        start["inputs"] = Value::Array(inputs);
        [(details.started_at.clone(), start), (end_time, end)]
    }

    /// What a call was given: files, and calls whose values these are.
    fn given(&self, at: usize) -> impl Iterator<Item = &GraphNode> {
        self.graph.edges.iter().filter(move |edge| edge.to == at).map(|edge| &self.graph.nodes[edge.from])
    }

    /// Where what a call made went.
    fn after(&self, at: usize) -> impl Iterator<Item = &GraphNode> + Clone {
        self.graph.edges.iter().filter(move |edge| edge.from == at).map(|edge| &self.graph.nodes[edge.to])
    }

    /// The files that a call made, and the call itself where its value went on to others.
    fn made(&self, at: usize) -> impl Iterator<Item = &GraphNode> {
        let is_file = |node: &&GraphNode| matches!(node.item, GraphItem::File(_));
        let to = self.after(at);
        let value = to.clone().any(|node| matches!(node.item, GraphItem::Call(_))).then(|| &self.graph.nodes[at]);
        to.filter(is_file).chain(value)
    }

    fn input(&self, node: &GraphNode) -> Value {
        self.dataset(node, "inputFacets", "inputStatistics", "1-0-0/InputStatisticsInputDatasetFacet")
    }

    fn output(&self, node: &GraphNode) -> Value {
        self.dataset(node, "outputFacets", "outputStatistics", "1-0-2/OutputStatisticsOutputDatasetFacet")
    }

    fn dataset(&self, node: &GraphNode, role: &str, statistics: &str, schema: &str) -> Value {
        let mut dataset = json!({ "namespace": self.namespace, "name": node.address });
        if let GraphItem::File(file) = &node.item {
            let version = facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": file.digest }));
            dataset["facets"] = json!({ "version": version });
            if let Some(size) = content_size(file) {
                dataset[role] = json!({ statistics: facet(schema, json!({ "size": size, "fileCount": 1 })) });
            }
        }
        dataset
    }

    fn run_facets(&self, node: &GraphNode, call: &GraphCall, details: &CallDetails) -> Value {
        let mut facets = Map::new();
        facets.insert("executionParameters".to_owned(), execution_parameters(&details.params));
        facets.extend(parent(self.namespace, &details.run, &call.creator).map(|parent| ("parent".to_owned(), parent)));
        let own = json!({
            "_producer": PRODUCER,
            "_schemaURL": CALL_FACET,
            "address": node.address,
            "key": call.key,
            "run": details.run,
            "originator": details.originator,
            "host": details.host,
            "durationMs": details.duration_ms,
            "typeParameters": details.generics.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "parameters": details.params,
            "code": details.code,
        });
        facets.insert("datlake_call".to_owned(), own);
        Value::Object(facets)
    }
}

/// What every creator is.
fn function() -> Map<String, Value> {
    let kind = json!({ "processingType": "BATCH", "integration": "DATLAKE", "jobType": "FUNCTION" });
    Map::from_iter([("jobType".to_owned(), facet("2-0-4/JobTypeJobFacet", kind))])
}

fn job_facets(details: &CallDetails) -> Value {
    let mut facets = function();
    if let Some(link) = &details.code.permalink {
        let mut location = json!({ "type": "git", "url": link, "path": details.code.file });
        if let Some(commit) = &details.code.commit {
            location["version"] = json!(commit);
        }
        facets.insert("sourceCodeLocation".to_owned(), facet("1-1-0/SourceCodeLocationJobFacet", location));
    }
    Value::Object(facets)
}

/// A facet of the standard, by its version and name.
fn facet(schema: &str, mut content: Value) -> Value {
    let name = schema.split_once('/').map_or(schema, |(_, name)| name);
    content["_producer"] = json!(PRODUCER);
    content["_schemaURL"] = json!(format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{name}"));
    content
}

/// How many bytes are in a file; of a tree it is not known here.
fn content_size(file: &GraphFile) -> Option<u64> {
    (!file.tree).then_some(file.size)
}

/// The arguments of a call, without those that are secret.
fn execution_parameters(params: &[Param]) -> Value {
    let shown = |param: &Param| json!({ "key": param.name, "name": param.name, "value": param.shown() });
    let shown: Vec<Value> = params.iter().filter(|param| !param.secret).map(shown).collect();
    facet("1-0-0/ExecutionParametersRunFacet", json!({ "parameters": shown }))
}

/// The process that made a call, as a run of its package.
fn parent(namespace: &str, run: &str, creator: &CreatorName) -> Option<Value> {
    let creator = creator.to_string();
    let package = creator.split('/').next()?;
    let job = json!({ "namespace": namespace, "name": package });
    Some(facet("1-2-0/ParentRunFacet", json!({ "run": { "runId": uuid(run)? }, "job": job })))
}

/// A body by the process that ran it, and when it began: the same while it runs, and wherever its record is read.
fn run_id(run: &str, creator: &CreatorName, key: &str, started_at: &str) -> String {
    let what = format!("{run}\0{creator}\0{key}\0{started_at}");
    let hash = blake3::derive_key("datlake 2026-11-29 run of OpenLineage, format 2", what.as_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|at| hash[at]);
    // A version 8: made in a way of one's own.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    uuid(&digits).unwrap_or(digits)
}

/// 32 hexadecimal digits as a UUID is written.
fn uuid(digits: &str) -> Option<String> {
    let is_uuid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let part = |from: usize, to: usize| &digits[from..to];
    is_uuid.then(|| format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_run_is_a_uuid() {
        assert_eq!(uuid("019aa5d8c0f17abc8123456789abcdef").unwrap(), "019aa5d8-c0f1-7abc-8123-456789abcdef");
        assert_eq!((uuid("019aa5"), uuid("é19aa5d8c0f17abc8123456789abcde")), (None, None));
    }
}

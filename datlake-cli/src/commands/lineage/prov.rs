//! W3C PROV-JSON: files are entities, calls are activities, people are agents.

use datlake::report::{CallDetails, GraphCall, GraphFile, GraphItem, LineageGraph};
use serde_json::{Map, Value, json};

/// The document. `namespace` tells the names of this lake from those of others.
pub(super) fn text(graph: &LineageGraph, namespace: &str) -> String {
    let mut document = Document::default();
    for node in &graph.nodes {
        let id = format!("lake:{}", node.address);
        match &node.item {
            GraphItem::File(file) => document.file(&id, &node.name, file),
            GraphItem::Call(call) => document.call(&id, call),
            GraphItem::Creator(_) | GraphItem::Folder(_) => {}
        }
    }
    for edge in &graph.edges {
        let (from, to) = (&graph.nodes[edge.from], &graph.nodes[edge.to]);
        let (source, target) = (format!("lake:{}", from.address), format!("lake:{}", to.address));
        match (&from.item, &to.item) {
            (GraphItem::File(_), GraphItem::Call(_)) => {
                let mut used = json!({ "prov:activity": target, "prov:entity": source });
                if !edge.arguments.is_empty() {
                    used["prov:role"] = json!(edge.arguments);
                }
                document.relation("used", used);
            }
            (GraphItem::Call(_), GraphItem::File(_)) => {
                document.relation("wasGeneratedBy", json!({ "prov:entity": target, "prov:activity": source }));
            }
            // A value that went from one call to the other.
            (GraphItem::Call(_), GraphItem::Call(_)) => {
                document.relation("wasInformedBy", json!({ "prov:informed": target, "prov:informant": source }));
            }
            _ => {}
        }
    }
    // Only where no call made it: else it is that call's.
    let made: Vec<usize> = graph.edges.iter().map(|edge| edge.to).collect();
    for (at, node) in graph.nodes.iter().enumerate() {
        if let GraphItem::File(file) = &node.item
            && let Some(person) = &file.originator
            && !made.contains(&at)
        {
            let agent = document.person(person);
            let id = format!("lake:{}", node.address);
            document.relation("wasAttributedTo", json!({ "prov:entity": id, "prov:agent": agent }));
        }
    }
    document.text(namespace)
}

#[derive(Default)]
struct Document {
    entities: Map<String, Value>,
    activities: Map<String, Value>,
    agents: Map<String, Value>,
    relations: Map<String, Value>,
    /// How many relations there are.
    count: usize,
}

impl Document {
    fn file(&mut self, id: &str, name: &str, file: &GraphFile) {
        let mut entity = json!({ "prov:label": name, "datlake:digest": file.digest.to_string() });
        match file.tree {
            true => entity["prov:type"] = json!({ "$": "prov:Collection", "type": "prov:QUALIFIED_NAME" }),
            false => entity["datlake:size"] = json!({ "$": file.size.to_string(), "type": "xsd:unsignedLong" }),
        }
        self.entities.insert(id.to_owned(), entity);
    }

    fn call(&mut self, id: &str, call: &GraphCall) {
        let mut activity = json!({ "prov:label": call.creator });
        if let Some(details) = &call.details {
            activity["prov:startTime"] = json!(details.started_at);
            activity["prov:endTime"] = json!(details.ended_at());
            describe(&mut activity, details);
            let agent = self.person(&details.originator);
            self.relation("wasAssociatedWith", json!({ "prov:activity": id, "prov:agent": agent }));
        }
        self.activities.insert(id.to_owned(), activity);
    }

    /// The agent of that address.
    fn person(&mut self, address: &str) -> String {
        let id = format!("person:{address}");
        let person =
            json!({ "prov:label": address, "prov:type": { "$": "prov:Person", "type": "prov:QUALIFIED_NAME" } });
        self.agents.insert(id.clone(), person);
        id
    }

    fn relation(&mut self, kind: &str, content: Value) {
        self.count += 1;
        let id = format!("_:r{}", self.count);
        let all = self.relations.entry(kind.to_owned()).or_insert_with(|| json!({}));
        all[id] = content;
    }

    fn text(self, namespace: &str) -> String {
        let mut document = json!({
            "prefix": {
                "lake": format!("{}/", namespace.trim_end_matches('/')),
                "person": "mailto:",
                "datlake": "urn:datlake:prov:",
                "xsd": "http://www.w3.org/2001/XMLSchema#",
            },
            "entity": self.entities,
            "activity": self.activities,
            "agent": self.agents,
        });
        for (kind, all) in self.relations {
            document[kind] = all;
        }
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }
}

/// What is known of a call beside when it ran.
fn describe(activity: &mut Value, details: &CallDetails) {
    let parameters: Vec<String> = details
        .params
        .iter()
        .map(|param| match param.secret {
            true => format!("{} is secret", param.name),
            false => format!("{} = {}", param.name, param.shown()),
        })
        .collect();
    if !parameters.is_empty() {
        activity["datlake:parameter"] = json!(parameters);
    }
    let code = &details.code;
    activity["datlake:code"] = json!(code.hash.to_string());
    activity["datlake:package"] = json!(format!("{} {}", code.package, code.package_version));
    activity["datlake:source"] = json!(format!("{}:{}", code.file, code.line));
    for (what, known) in [("datlake:commit", &code.commit), ("datlake:link", &code.permalink)] {
        if let Some(known) = known {
            activity[what] = json!(known);
        }
    }
    activity["datlake:run"] = json!(details.run);
    activity["datlake:host"] = json!(details.host);
}

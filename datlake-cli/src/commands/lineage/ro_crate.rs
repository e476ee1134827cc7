//! An RO-Crate: a folder with files, the code that made them and how, to publish. Process Run Crate 0.5 of the Workflow Run profiles: each
//! call is an action, by the code that ran, from files and parameters to files and values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use datlake::report::{CallDetails, GraphCall, GraphFile, GraphItem, GraphNode, LineageGraph};
use datlake::{Error, ErrorKind, Lake};
use serde_json::{Value, json};

use crate::answer::{Answer as _, Page};
use crate::commands::get;
use crate::failure::refused;
use crate::text::url_path;

const PROFILE: &str = "https://w3id.org/ro/wfrun/process/0.5";

/// Writes the crate, which appears whole: how many files could not be had.
pub(super) fn write(lake: &Lake, graph: &LineageGraph, folder: &Path, license: Option<&str>) -> anyhow::Result<u64> {
    let shown = folder.display();
    if folder.symlink_metadata().is_ok() {
        let error = Error::new(ErrorKind::AlreadyExists, format!("cannot write `{shown}`: it exists"));
        bail!(error.with_hint("name a folder that is to be made"));
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = || format!("cannot write `{shown}`");
    let made = tempfile::Builder::new().prefix(".datlake-crate-").tempdir_in(above).with_context(failed)?;
    let mut content =
        RoCrate { lake, graph, folder: made.path(), entities: Vec::new(), ids: BTreeMap::new(), absent: 0 };
    for (at, node) in graph.nodes.iter().enumerate() {
        if let GraphItem::File(file) = &node.item {
            content.file(at, node, file)?;
        }
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        if let GraphItem::Call(call) = &node.item {
            content.call(at, node, call)?;
        }
    }
    let absent = content.absent;
    let metadata = content.metadata(license);
    std::fs::write(made.path().join("ro-crate-metadata.json"), metadata).with_context(failed)?;
    // As others may read the folder that it is in; a temporary one is for its owner alone.
    let permissions = std::fs::metadata(above).with_context(failed)?.permissions();
    std::fs::set_permissions(made.path(), permissions).with_context(failed)?;
    std::fs::rename(made.path(), folder).with_context(failed)?;
    // It is somewhere else now.
    let _ = made.keep();
    Ok(absent)
}

struct RoCrate<'a> {
    lake: &'a Lake,
    graph: &'a LineageGraph,
    folder: &'a Path,
    /// What is described, but for the crate itself.
    entities: Vec<Value>,
    /// What the entity of a node is called.
    ids: BTreeMap<usize, String>,
    absent: u64,
}

impl RoCrate<'_> {
    fn file(&mut self, at: usize, node: &GraphNode, file: &GraphFile) -> anyhow::Result<()> {
        let taken: BTreeSet<&String> = self.ids.values().collect();
        let mut path = format!("data/{}", node.name);
        if taken.contains(&reference(&path, file.tree)) {
            path = format!("data/{at}/{}", node.name);
        }
        let mut entity = json!({
            "@type": if file.tree { "Dataset" } else { "File" },
            "name": node.name,
            "alternateName": node.address,
            "identifier": format!("blake3:{}", file.digest),
        });
        if let Some(created) = &file.created_at {
            entity["dateCreated"] = json!(created);
        }
        if !file.tree {
            entity["contentSize"] = json!(file.size.to_string());
        }
        let id = match self.copied(node, file, &path)? {
            true => reference(&path, file.tree),
            false => {
                self.absent += 1;
                entity["description"] = json!("The lake did not have it any more when this was written.");
                format!("urn:blake3:{}", file.digest)
            }
        };
        entity["@id"] = json!(id);
        self.ids.insert(at, id);
        self.entities.push(entity);
        Ok(())
    }

    /// Whether the content that was used is there, in the crate.
    fn copied(&self, node: &GraphNode, file: &GraphFile, path: &str) -> anyhow::Result<bool> {
        let address = file.version.as_ref().or(file.uid.is_some().then_some(&node.address));
        let Some(address) = address else { return Ok(false) };
        let now = match self.lake.info(address) {
            Ok(info) => info.row.digest,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if now != file.digest {
            return Ok(false);
        }
        let Some(to) = self.folder.join(path).to_str().map(str::to_owned) else {
            bail!(refused(format!("`{}` is no UTF-8", self.folder.display())));
        };
        match get::run(self.lake, &[address.clone(), to], get::How { force: false, recursive: false, parents: true }) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn call(&mut self, at: usize, node: &GraphNode, call: &GraphCall) -> anyhow::Result<()> {
        let Some(details) = &call.details else { return Ok(()) };
        let (tool, key) = (self.tool(call, details)?, call.key.to_string());
        let mut object: Vec<Value> = Vec::new();
        for edge in self.graph.edges.iter().filter(|edge| edge.to == at) {
            object.extend(self.part(edge.from));
        }
        for param in details.params.iter().filter(|param| !param.secret) {
            let id = format!("#{key}-{}", url_path(&param.name));
            self.entities.push(json!({
                "@id": id, "@type": "PropertyValue", "name": param.name, "value": param.shown(),
            }));
            object.push(json!({ "@id": id }));
        }
        let mut result: Vec<Value> = Vec::new();
        let after: Vec<usize> = self.graph.edges.iter().filter(|edge| edge.from == at).map(|edge| edge.to).collect();
        for to in &after {
            result.extend(self.ids.get(to).map(|id| json!({ "@id": id })));
        }
        if after.iter().any(|to| matches!(self.graph.nodes[*to].item, GraphItem::Call(_))) {
            self.entities.push(json!({
                "@id": format!("#{key}-value"), "@type": "PropertyValue",
                "name": format!("what {} returned", node.name), "value": node.address,
            }));
            result.push(json!({ "@id": format!("#{key}-value") }));
        }
        let person = format!("#{}", url_path(&details.originator));
        self.entities.push(json!({ "@id": person, "@type": "Person", "name": details.originator }));
        self.entities.push(json!({
            "@id": format!("#{key}"),
            "@type": "CreateAction",
            "name": format!("{} of {}", node.name, details.started_at),
            "description": format!("{} on {}", node.address, details.host),
            "instrument": { "@id": tool },
            "object": object,
            "result": result,
            "agent": { "@id": person },
            "startTime": details.started_at,
            "endTime": details.ended_at(),
            "actionStatus": { "@id": "http://schema.org/CompletedActionStatus" },
        }));
        Ok(())
    }

    /// What a call was given, by another one or from a file.
    fn part(&self, from: usize) -> Option<Value> {
        match &self.graph.nodes[from].item {
            GraphItem::Call(call) => Some(json!({ "@id": format!("#{}-value", call.key) })),
            _ => self.ids.get(&from).map(|id| json!({ "@id": id })),
        }
    }

    /// The code that ran, once for all calls of it.
    fn tool(&mut self, call: &GraphCall, details: &CallDetails) -> anyhow::Result<String> {
        let (of, hash) = (&details.code, details.code.hash.to_string());
        let name = call.creator.as_str().rsplit("::").next().unwrap_or_default();
        let path = format!("code/{}-{}.rs", name.replace('/', "_"), hash.get(..12).unwrap_or(&hash));
        let id = reference(&path, false);
        if self.entities.iter().any(|entity| entity["@id"] == json!(id)) {
            return Ok(id);
        }
        let sources = self.lake.call_code(&format!("{}/{}", call.creator, call.key))?;
        let text = sources.text(&Page { columns: 100, limit: None, verbose: true });
        let file = self.folder.join(&path);
        let written = || {
            std::fs::create_dir_all(self.folder.join("code"))?;
            std::fs::write(&file, &text)
        };
        written().with_context(|| format!("cannot write `{}`", file.display()))?;
        let mut entity = json!({
            "@id": id,
            "@type": ["File", "SoftwareSourceCode"],
            "name": call.creator,
            "softwareVersion": format!("{} {}", of.package, of.package_version),
            "identifier": hash,
            "contentSize": text.len().to_string(),
            "programmingLanguage": { "@id": "https://www.rust-lang.org" },
        });
        if let Some(link) = &of.permalink {
            entity["url"] = json!(link);
        }
        self.entities.push(entity);
        Ok(id)
    }

    fn metadata(mut self, license: Option<&str>) -> String {
        let mut seen = BTreeSet::new();
        self.entities.retain(|entity| seen.insert(entity["@id"].to_string()));
        let all = |wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> {
            self.entities.iter().filter(|one| wanted(one)).map(|one| json!({ "@id": one["@id"] })).collect()
        };
        let is_part = |one: &Value| {
            let id = one["@id"].as_str().unwrap_or_default();
            id.starts_with("data/") || id.starts_with("code/")
        };
        let asked = self.graph.asked.iter().filter_map(|at| self.graph.nodes.get(*at));
        let name: Vec<&str> = asked.map(|node| &*node.address).collect();
        let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let root = json!({
            "@id": "./",
            "@type": "Dataset",
            "name": name.join(", "),
            "description": format!("{} with what it was made from, the code that made it, and how.", name.join(", ")),
            "datePublished": today.get(..10),
            "license": license.unwrap_or("Whoever wrote this crate gave no license."),
            "conformsTo": { "@id": PROFILE },
            "hasPart": all(&is_part),
            "mentions": all(&|one| one["@type"] == json!("CreateAction")),
        });
        let mut graph = vec![
            json!({
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "conformsTo": { "@id": "https://w3id.org/ro/crate/1.1" },
                "about": { "@id": "./" },
            }),
            root,
            json!({ "@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5" }),
            json!({ "@id": "https://www.rust-lang.org", "@type": "ComputerLanguage", "name": "Rust" }),
        ];
        graph.append(&mut self.entities);
        let context = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"];
        serde_json::to_string_pretty(&json!({ "@context": context, "@graph": graph })).unwrap_or_default() + "\n"
    }
}

fn is_absent(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    matches!(kind, Some(ErrorKind::NotFound | ErrorKind::MissingBlob))
}

/// What a path in the crate is called in its description.
fn reference(path: &str, is_folder: bool) -> String {
    format!("{}{}", url_path(path), if is_folder { "/" } else { "" })
}

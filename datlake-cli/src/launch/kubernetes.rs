//! Processes as the pods of an Indexed Job of Kubernetes: its manifest.
//!
//! The program is what the image calls so: nothing of this machine is in it. So is the lake: pods have the remote alone.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Duration;

use datlake::report::Given;
use serde_json::Value;

use super::{RUN, RUN_SIZE, Shipped, ship};
use crate::failure::refused;

/// What Kubernetes calls the job, which no other job is ever called; a label of its pods since 1.27.
const JOB_UID: &str = "DATLAKE_JOB_UID";
/// Where it put the pod.
const NODE: &str = "NODE_NAME";

/// What a pod is given.
#[derive(Debug)]
pub(crate) struct KubernetesOptions {
    pub(crate) image: String,
    pub(crate) given: Given,
    pub(crate) grace: Duration,
    /// The program, where the image does not have it.
    pub(crate) shipped: Option<Shipped>,
}

/// The manifest, in YAML. A pod that is killed is started anew as often as a run has processes: what is done stays done.
pub(crate) fn manifest(
    id: &str,
    processes: u64,
    program: &[OsString],
    remote: &str,
    options: &KubernetesOptions,
) -> anyhow::Result<String> {
    let grace = options.grace.as_secs().max(1);
    let secret = format!("datlake-{id}");
    let needs = options.shipped.iter().map(|shipped| {
        let command = shipped.command();
        format!("# It needs: kubectl create secret generic \"{secret}\" --from-literal=url=\"$({command})\"\n")
    });
    let mut yaml = needs.collect::<String>();
    write!(
        yaml,
        "apiVersion: batch/v1
kind: Job
metadata:
  name: {}
spec:
  completionMode: Indexed
  completions: {processes}
  parallelism: {processes}
  backoffLimit: {processes}
  template:
    spec:
      restartPolicy: OnFailure
      terminationGracePeriodSeconds: {grace}
      containers:
        - name: pipeline
          image: {}
          command:
",
        text(&secret),
        text(&options.image),
    )?;
    for word in program {
        let Some(word) = word.to_str() else {
            return Err(
                refused(format!("`{}` is not UTF-8 text: it cannot stand in a manifest", word.display())).into()
            );
        };
        writeln!(yaml, "            - {}", text(word))?;
    }
    yaml.push_str("          env:\n");
    yaml.push_str(&environment(id, processes, remote, options.shipped.as_ref().map(|_| &*secret)));
    yaml.push_str(&resources(options.given));
    Ok(yaml)
}

/// What stands in a container's environment.
fn environment(id: &str, processes: u64, remote: &str, secret: Option<&str>) -> String {
    let told = |name: &str, value: Value| format!("            - name: {name}\n              value: {value}\n");
    let from = |name: &str, source: &str, lines: &[(&str, Value)]| {
        let lines: String = lines.iter().map(|(key, value)| format!("                  {key}: {value}\n")).collect();
        format!("            - name: {name}\n              valueFrom:\n                {source}:\n{lines}")
    };
    let of_pod = |name: &str, field: &str| from(name, "fieldRef", &[("fieldPath", field.into())]);
    let mut all = vec![
        of_pod(JOB_UID, "metadata.labels['batch.kubernetes.io/controller-uid']"),
        of_pod(NODE, "spec.nodeName"),
        // Whoever has the manifest may make another job of it, which is another run.
        told(RUN, format!("{id}.$({JOB_UID})").into()),
        told(RUN_SIZE, processes.to_string().into()),
        told("DATLAKE_REMOTE", text(remote)),
    ];
    all.extend(secret.map(|secret| from(ship::URL, "secretKeyRef", &[("name", secret.into()), ("key", "url".into())])));
    all.concat()
}

/// What a container may use, at least and at most.
fn resources(given: Given) -> String {
    let Given { cpus, gpus, memory } = given;
    let gpus = gpus.filter(|gpus| *gpus > 0);
    let given = [
        ("cpu", cpus.map(|cpus| cpus.to_string())),
        ("memory", memory.map(|memory| memory.to_string())),
        ("nvidia.com/gpu", gpus.map(|gpus| gpus.to_string())),
    ];
    let limits: String = given
        .into_iter()
        .filter_map(|(what, much)| Some(format!("              {what}: {}\n", text(&much?))))
        .collect();
    if limits.is_empty() {
        return limits;
    }
    format!("          resources:\n            requests:\n{limits}            limits:\n{limits}")
}

/// A text in which Kubernetes puts no variables in the place of `$(…)`.
fn text(text: &str) -> Value {
    text.replace("$(", "$$(").into()
}

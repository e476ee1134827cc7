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
    // Kubernetes puts variables in the place of `$(…)`.
    let text = |text: &str| Value::from(text.replace("$(", "$$(")).to_string();
    let grace = options.grace.as_secs().max(1);
    let secret = text(&format!("datlake-{id}"));
    let needs = options.shipped.iter().map(|shipped| {
        let command = shipped.command();
        format!("# It needs: kubectl create secret generic {secret} --from-literal=url=\"$({command})\"\n")
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
        secret,
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
    for (name, field) in [(JOB_UID, "metadata.labels['batch.kubernetes.io/controller-uid']"), (NODE, "spec.nodeName")] {
        write!(
            yaml,
            "            - name: {name}
              valueFrom:
                fieldRef:
                  fieldPath: {}
",
            Value::from(field)
        )?;
    }
    // Whoever has the manifest may make another job of it, which is another run.
    write!(yaml, "            - name: {RUN}\n              value: {}\n", Value::from(format!("{id}.$({JOB_UID})")))?;
    for (name, value) in [(RUN_SIZE, &*processes.to_string()), ("DATLAKE_REMOTE", remote)] {
        write!(yaml, "            - name: {name}\n              value: {}\n", text(value))?;
    }
    if options.shipped.is_some() {
        write!(
            yaml,
            "            - name: {}
              valueFrom:
                secretKeyRef:
                  name: {secret}
                  key: url
",
            ship::URL
        )?;
    }
    let Given { cpus, gpus, memory } = options.given;
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
    if !limits.is_empty() {
        write!(yaml, "          resources:\n            requests:\n{limits}            limits:\n{limits}")?;
    }
    Ok(yaml)
}

"""A stand-in for Kubernetes: checks the manifest of an Indexed Job on standard input, and runs its containers as processes here.

Like Kubernetes, it tells each its index, puts variables in the place of $(NAME), and starts one that failed anew, as often as the
job permits.
"""

import os
import re
import subprocess
import sys
import uuid

import kubernetes_validate
import yaml


def expanded(text, variables):
    """What Kubernetes makes of $(NAME), and of $$ before a parenthesis."""
    def of(found):
        return "$(" if found.group() == "$$(" else variables.get(found.group(1), found.group())
    return re.sub(r"\$\$\(|\$\(([A-Za-z_][A-Za-z0-9_]*)\)", of, text)


def value(entry, variables, fields):
    """What a variable is, of which others may stand before it; of a secret, its key `url` is in SECRET_URL."""
    if "value" in entry:
        return expanded(entry["value"], variables)
    source = entry["valueFrom"]
    if "fieldRef" in source:
        return fields[source["fieldRef"]["fieldPath"]]
    return os.environ["SECRET_" + source["secretKeyRef"]["key"].upper()]


def start(container, index, fields):
    variables = {}
    for entry in container.get("env", []):
        variables[entry["name"]] = value(entry, variables, fields)
    command = [expanded(word, variables) for word in container["command"]]
    return subprocess.Popen(command, env={**os.environ, **variables, "JOB_COMPLETION_INDEX": str(index)})


def main():
    job = yaml.safe_load(sys.stdin)
    kubernetes_validate.validate(job, "1.37", strict=True)
    spec = job["spec"]
    assert job["kind"] == "Job" and spec["completionMode"] == "Indexed", "it is no Indexed Job"
    [container] = spec["template"]["spec"]["containers"]
    # Each job gets a name of its own, which its pods have as a label.
    fields = {"metadata.labels['batch.kubernetes.io/controller-uid']": str(uuid.uuid4()), "spec.nodeName": "stand-in"}
    running = {index: start(container, index, fields) for index in range(spec["completions"])}
    left = spec.get("backoffLimit", 6)
    while running:
        index, process = next(iter(running.items()))
        del running[index]
        if process.wait() == 0:
            continue
        if left == 0:
            return f"the job has failed: index {index} ended with {process.returncode}"
        left -= 1
        running[index] = start(container, index, fields)
    return None


sys.exit(main())

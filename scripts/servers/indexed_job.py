"""A stand-in for Kubernetes: checks the manifest of an Indexed Job on standard input, and runs its containers as processes here.

Like Kubernetes, it tells each its index, puts variables in the place of $(NAME), and starts one that failed anew, as often as the
job permits.
"""

import os
import re
import subprocess
import sys

import kubernetes_validate
import yaml


def expanded(text, variables):
    """What Kubernetes makes of $(NAME), and of $$ before a parenthesis."""
    def of(found):
        return "$(" if found.group() == "$$(" else variables.get(found.group(1), found.group())
    return re.sub(r"\$\$\(|\$\(([A-Za-z_][A-Za-z0-9_]*)\)", of, text)


def value(entry):
    """What a variable is; of a secret, its key `url` is in SECRET_URL."""
    return entry["value"] if "value" in entry else os.environ["SECRET_" + entry["valueFrom"]["secretKeyRef"]["key"].upper()]


def start(container, index):
    variables = {entry["name"]: value(entry) for entry in container.get("env", [])}
    command = [expanded(word, variables) for word in container["command"]]
    return subprocess.Popen(command, env={**os.environ, **variables, "JOB_COMPLETION_INDEX": str(index)})


def main():
    job = yaml.safe_load(sys.stdin)
    kubernetes_validate.validate(job, "1.37", strict=True)
    spec = job["spec"]
    assert job["kind"] == "Job" and spec["completionMode"] == "Indexed", "it is no Indexed Job"
    [container] = spec["template"]["spec"]["containers"]
    running = {index: start(container, index) for index in range(spec["completions"])}
    left = spec.get("backoffLimit", 6)
    while running:
        index, process = next(iter(running.items()))
        del running[index]
        if process.wait() == 0:
            continue
        if left == 0:
            return f"the job has failed: index {index} ended with {process.returncode}"
        left -= 1
        running[index] = start(container, index)
    return None


sys.exit(main())

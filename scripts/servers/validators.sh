#!/usr/bin/env bash
# Readers of other people's formats, who say whether what we write is what they mean: a Python with their packages. No server is
# started. From PyPI, and Graphviz from Debian where it is missing and that works.
#   scripts/servers/validators.sh DIR     DIR/env has the variable for the tests
set -euo pipefail
dir=$(realpath -m "$1")
mkdir -p "$dir"
cd "$dir"
install() {
  (
    flock 9
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends graphviz 9>&-
  ) 9> /tmp/datlake-packages.lock
}
command -v dot > /dev/null || install > packages.log 2>&1 ||
  { echo "Graphviz cannot be installed: $dir/packages.log" >&2; exit 1; }
packages=(jsonschema==4.26.0 rfc3339-validator==0.1.4 rfc3987-syntax==1.1.0 openlineage-python==1.54.0 prov==3.2.3 pydot==4.0.1 networkx==3.6 rocrate==0.16.0)
if [ ! -e complete ]; then
  { python3 -m venv venv && venv/bin/pip install -q "${packages[@]}"; } > install.log 2>&1 ||
    { echo "they cannot be installed: $dir/install.log" >&2; exit 1; }
  touch complete
fi
: > pids
echo "export DATLAKE_TEST_VALIDATORS=$dir/venv/bin/python" > env

#!/usr/bin/env bash
# moto, which speaks S3, on this machine alone. It knows more of S3's calls than others and starts at once; it does not
# check credentials, and of several creators of one object it may let two win. From PyPI where it is missing.
#   scripts/servers/moto.sh DIR [PORT]    DIR/env has the variable for the tests, DIR/pids what to end
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5600}
answers() { curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"; }

if answers; then echo "something answers on port $port already" >&2; exit 1; fi
mkdir -p "$dir"
cd "$dir"
program=$(command -v moto_server || true)
if [ -z "$program" ]; then
  program=venv/bin/moto_server
  [ -x "$program" ] || { python3 -m venv venv && venv/bin/pip install -q 'moto[server]==5.2.1'; } > install.log 2>&1 ||
    { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
fi
setsid "$program" -H 127.0.0.1 -p "$port" > server.log 2>&1 < /dev/null &
echo $! > pids
for _ in $(seq 120); do answers && break; sleep 0.25; done
answers || { echo "it does not answer: $dir/server.log" >&2; exit 1; }
echo "export DATLAKE_TEST_MOTO=http://127.0.0.1:$port" > env

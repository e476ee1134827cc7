#!/usr/bin/env bash
# PostgreSQL on this machine alone, with a cluster of its own that keeps nothing. From Debian where it is missing, as root.
#   scripts/servers/postgres.sh DIR [PORT]    DIR/env has the variable for the tests, DIR/pids what to end
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5640}
programs() { find /usr/lib/postgresql -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname; }
mkdir -p "$dir"
if [ -z "$(programs)" ]; then
  # Several scripts may install at once.
  { exec 9> /tmp/datlake-packages.lock && flock 9 && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql 9>&-; } > "$dir/install.log" 2>&1 ||
    { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
fi
bin=$(programs)
# It refuses to run as root, and its files are where its user may write.
data=$(mktemp -d /tmp/datlake-postgres.XXXXXX)
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$data"
as "$bin/initdb" -D "$data" -A trust -U datlake --no-sync > "$dir/initdb.log" 2>&1 || { echo "it cannot be set up: $dir/initdb.log" >&2; exit 1; }
as "$bin/pg_ctl" -D "$data" -l "$data/log" -w -o "-p $port -k $data -c listen_addresses=127.0.0.1 -c fsync=off" start > "$dir/start.log" 2>&1 < /dev/null ||
  { echo "it does not answer: $data/log" >&2; exit 1; }
head -n 1 "$data/postmaster.pid" > "$dir/pids"
# What it kept goes when it ends.
setsid bash -c 'while kill -0 "$1" 2> /dev/null; do sleep 1; done; rm -rf "$2"' - "$(cat "$dir/pids")" "$data" > /dev/null 2>&1 < /dev/null &
echo "export DATLAKE_TEST_POSTGRES=postgres://datlake@127.0.0.1:$port/postgres" > "$dir/env"

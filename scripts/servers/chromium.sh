#!/usr/bin/env bash
# A browser without a window, and what drives it: the tests of the page look at it there. Debian's package and those of npm are
# installed where they are missing.
#   scripts/servers/chromium.sh DIR       DIR/env has the variable for the tests; nothing goes on running
set -euo pipefail
dir=$(realpath -m "$1") web=$(realpath "$(dirname "$0")/../../web")

install_packages() {
  command -v chromium >/dev/null && return
  # Servers are started side by side, and packages are installed one after another.
  (
    flock 9
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium 9>&-
  ) 9> /tmp/datlake-packages.lock
}

mkdir -p "$dir"
cd "$dir"
command -v npm >/dev/null || { echo "Node is missing" >&2; exit 1; }
install_packages > install.log 2>&1 || { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
cd "$web"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --loglevel error --no-fund --no-audit > "$dir/npm.log" 2>&1 ||
  { echo "what drives it cannot be installed: $dir/npm.log" >&2; exit 1; }
echo "export DATLAKE_TEST_CHROMIUM=$(command -v chromium)" > "$dir/env"

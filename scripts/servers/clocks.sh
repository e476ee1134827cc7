#!/usr/bin/env bash
# libfaketime, from Debian, as root: processes whose clocks are wrong. No server.
#   scripts/servers/clocks.sh DIR [PORT]    DIR/env has the variable for the tests
set -euo pipefail
dir=$(realpath -m "$1")
mkdir -p "$dir"
cd "$dir"
library() { find /usr/lib -name libfaketimeMT.so.1 2> /dev/null | head -n 1; }
if [ -z "$(library)" ]; then
  # Several scripts may install at once.
  { exec 9> /tmp/datlake-packages.lock && flock 9 && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libfaketime 9>&-; } > install.log 2>&1 ||
    { echo "libfaketime cannot be installed: $dir/install.log" >&2; exit 1; }
fi
echo "export DATLAKE_TEST_CLOCKS=$(library)" > env

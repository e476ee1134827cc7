#!/usr/bin/env bash
# The clients of lakeFS and of S3 that people use, and Schemathesis: from PyPI, in an environment of their own, and rclone from Debian, as root.
# Our own package for Python is built and installed beside them, with what looks at its types. No server: the tests start ours.
#   scripts/servers/clients.sh DIR [PORT]    DIR/env has the variables for the tests
set -euo pipefail
dir=$(realpath -m "$1") sources=$(realpath "$(dirname "$0")/../../python")
mkdir -p "$dir"
cd "$dir"
# Those of S3 want one version of botocore, which is said, for finding it takes pip minutes.
packages=(lakefs==0.16.0 lakefs-sdk==1.88.0 boto3==1.43.117 botocore==1.43.117 awscli==1.46.3 aiobotocore==3.10.0 s3fs==2026.9.0
  pandas==3.1.1 pyarrow==26.0.1 schemathesis==4.32.5 httpx==0.28.1 hatchling==1.33.0 mypy==2.4.1 ruff==0.17.6)
if ! venv/bin/python -c 'import lakefs, boto3, awscli, s3fs, pandas, pyarrow, schemathesis, httpx, hatchling, mypy, ruff' > /dev/null 2>&1; then
  { python3 -m venv venv && venv/bin/pip install -q "${packages[@]}"; } > install.log 2>&1 ||
    { echo "they cannot be installed: $dir/install.log" >&2; exit 1; }
fi
# As people get it: from its wheel, which is built anew each time.
{ rm -rf wheel && venv/bin/pip wheel -q --no-deps --no-build-isolation -w wheel "$sources" &&
  venv/bin/pip install -q --no-deps --no-index --force-reinstall wheel/*.whl; } > wheel.log 2>&1 ||
  { echo "datlake-sdk cannot be built: $dir/wheel.log" >&2; exit 1; }
if ! command -v rclone > /dev/null; then
  # Several scripts may install at once.
  { exec 9> /tmp/datlake-packages.lock && flock 9 && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rclone 9>&-; } >> install.log 2>&1 ||
    { echo "rclone cannot be installed: $dir/install.log" >&2; exit 1; }
fi
echo "export DATLAKE_TEST_CLIENTS=$dir/venv/bin/python" > env
echo "export DATLAKE_TEST_RCLONE=$(command -v rclone)" >> env

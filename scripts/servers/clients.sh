#!/usr/bin/env bash
# The clients of lakeFS and of S3 that people use, and Schemathesis: from PyPI, in an environment of their own, and rclone from Debian, as root.
# No server: the tests start ours.
#   scripts/servers/clients.sh DIR [PORT]    DIR/env has the variables for the tests
set -euo pipefail
dir=$(realpath -m "$1")
mkdir -p "$dir"
cd "$dir"
# Those of S3 want one version of botocore, which is said, for finding it takes pip minutes.
packages=(lakefs==0.16.0 lakefs-sdk==1.88.0 boto3==1.43.117 botocore==1.43.117 awscli==1.46.3 aiobotocore==3.10.0 s3fs==2026.9.0
  pandas==3.1.1 pyarrow==26.0.1 schemathesis==4.32.5)
if ! venv/bin/python -c 'import lakefs, boto3, awscli, s3fs, pandas, pyarrow, schemathesis' > /dev/null 2>&1; then
  { python3 -m venv venv && venv/bin/pip install -q "${packages[@]}"; } > install.log 2>&1 ||
    { echo "they cannot be installed: $dir/install.log" >&2; exit 1; }
fi
if ! command -v rclone > /dev/null; then
  # Several scripts may install at once.
  { exec 9> /tmp/datlake-packages.lock && flock 9 && apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rclone 9>&-; } >> install.log 2>&1 ||
    { echo "rclone cannot be installed: $dir/install.log" >&2; exit 1; }
fi
echo "export DATLAKE_TEST_CLIENTS=$dir/venv/bin/python" > env
echo "export DATLAKE_TEST_RCLONE=$(command -v rclone)" >> env

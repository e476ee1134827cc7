#!/usr/bin/env bash
# Azurite, which speaks Azure Blob, on this machine alone, with a container for the tests. From npm where it is missing;
# it needs Node 20 or newer, and 3.35.0 is the last version for Node 20.
#   scripts/servers/azurite.sh DIR [PORT]    DIR/env has the variable for the tests, DIR/pids what to end
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5610}
answers() { curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"; }

if answers; then echo "something answers on port $port already" >&2; exit 1; fi
command -v node >/dev/null || { echo "Node is missing" >&2; exit 1; }
mkdir -p "$dir"
cd "$dir"
program=node_modules/.bin/azurite-blob
[ -x "$program" ] || npm install --silent --no-fund --no-audit --prefix . azurite@3.35.0 > install.log 2>&1 ||
  { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
setsid "$program" --blobHost 127.0.0.1 --blobPort "$port" --silent --skipApiVersionCheck --disableTelemetry \
  --inMemoryPersistence > server.log 2>&1 < /dev/null &
echo $! > pids
for _ in $(seq 120); do answers && break; sleep 0.25; done
# A container is made by a request signed with the account's key, which is the same in every Azurite.
node - "$port" <<'JS' || { echo "it makes no container: $dir/server.log" >&2; exit 1; }
const [http, crypto, port] = [require("http"), require("crypto"), process.argv[2]];
const account = "devstoreaccount1", path = `/${account}/datlake`, date = new Date().toUTCString(), version = "2021-08-06";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const text = `PUT${"\n".repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n/${account}${path}\nrestype:container`;
const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
const headers = { "x-ms-date": date, "x-ms-version": version, "content-length": 0, authorization: `SharedKey ${account}:${signature}` };
const request = { host: "127.0.0.1", port, method: "PUT", path: `${path}?restype=container`, headers };
http.request(request, (answer) => { answer.resume(); process.exit(answer.statusCode === 201 ? 0 : 1); }).end();
JS
echo "export DATLAKE_TEST_AZURITE=http://127.0.0.1:$port" > env

#!/usr/bin/env bash
# Ray on this machine alone: a head, and two nodes more, each with daemons of its own. From PyPI. It asks for a token.
#   scripts/servers/ray.sh DIR [PORT]     DIR/env has the variables for the tests, DIR/pids what to end
# It takes PORT and the two after it. The head and the node n2 have 4 CPUs each, which is more than there are, and what needs `safe` is put
# on them. The node n1 has one, and a test takes it away: what needs `spot` is put there and on n2.
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5660}
mkdir -p "$dir"
cd "$dir"
taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
for wanted in $(seq "$port" $((port + 2))); do
  if taken "$wanted"; then echo "port $wanted is taken" >&2; exit 1; fi
done
if [ ! -e complete ]; then
  { python3 -m venv venv && venv/bin/pip install -q 'ray[default]==2.60.0'; } > install.log 2>&1 ||
    { echo "it cannot be installed: $dir/install.log" >&2; exit 1; }
  touch complete
fi
export PATH=$dir/venv/bin:$PATH RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(head -c 24 /dev/urandom | base64 | tr -dc a-zA-Z0-9)
export RAY_AUTH_TOKEN

# Sockets below it have paths of 107 characters at most.
state=$(mktemp -d /tmp/datlake-ray-XXXX)
# Its daemons wait for each other when they are asked to end, some for minutes: who is asked is a guard, which kills them all.
# shellcheck disable=SC2046
end_all() { kill -KILL $(pgrep -f "$dir/venv|$state") 2>/dev/null || true; }
guard() {
  sleep infinity &
  trap 'kill -KILL $!; end_all; rm -rf "$state"; exit' TERM
  wait
}
guard > /dev/null 2>&1 < /dev/null &
echo $! > pids
common=(--include-log-monitor=false --object-store-memory=80000000 --min-worker-port=0 --max-worker-port=0 --dashboard-agent-listen-port=0)
head_node() {
  ray start --head --port="$port" --dashboard-port=$((port + 1)) --ray-client-server-port=$((port + 2)) \
    --node-name=head --num-cpus=4 --resources='{"safe": 100}' --temp-dir="$state" "${common[@]}"
}
join() {
  ray start --address="127.0.0.1:$port" --node-name="$1" --num-cpus="$2" --resources="$3" "${common[@]}"
}
start() { head_node && join n1 1 '{"spot": 1}' && join n2 4 '{"safe": 100, "spot": 1}'; }
# A node is given up after half a minute, which a machine that does much else may take, and its daemons stay: a head that is started again would
# find its own port taken.
anew() { end_all; start; }
ask() { curl -sf -m 5 -H "Authorization: Bearer $RAY_AUTH_TOKEN" "http://127.0.0.1:$((port + 1))$1"; }
ready() { [ "$(ask '/nodes?view=summary' | grep -o '"state": "ALIVE"' | wc -l)" -ge 3 ]; }

started=0
{ start || anew || anew; } > start.log 2>&1 || started=$?
[ "$started" = 0 ] || { echo "it does not start: $dir/start.log: $(tail -n 1 start.log)" >&2; exit 1; }
for _ in $(seq 120); do ready && break; sleep 0.25; done
ready || { echo "its nodes are not ready: $dir/start.log, $state" >&2; exit 1; }
printf 'export DATLAKE_TEST_RAY=http://127.0.0.1:%s DATLAKE_TEST_RAY_TOKEN=%s\n' $((port + 1)) "$RAY_AUTH_TOKEN" > env

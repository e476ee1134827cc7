#!/usr/bin/env bash
# A Ceph object gateway, which speaks S3, on this machine alone: one monitor, one store in memory, the gateway.
# It decides create races rightly and checks signatures. Debian's packages are installed where they are missing.
#   scripts/servers/rgw.sh DIR [PORT]     DIR/env has the variable for the tests, DIR/pids what to end
# It takes PORT, and ports from PORT + 40 on, below PORT + 90. RGW_DISK=40G keeps objects in a file of that size in DIR, sparse,
# instead of in memory.
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5603}
monitor=$((port + 40))
export CEPH_CONF=$dir/ceph.conf

install_packages() {
  for program in radosgw radosgw-admin ceph ceph-mon ceph-osd; do
    command -v "$program" >/dev/null || missing=1
  done
  [ -n "${missing:-}" ] || return 0
  # Servers are started side by side, and packages are installed one after another.
  (
    flock 9
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends radosgw ceph-mon ceph-osd ceph-base ceph-common 9>&-
  ) 9> /tmp/datlake-packages.lock
}

configure() {
  local objects="osd objectstore = memstore
memstore device bytes = 4294967296"
  [ -z "${RGW_DISK:-}" ] || objects="osd objectstore = bluestore
bluestore block create = true
bluestore block size = $(numfmt --from=iec "$RGW_DISK")
osd memory target = 1073741824"
  cat > "$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = v2:127.0.0.1:$monitor/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind port min = $((monitor + 1))
ms bind port max = $((monitor + 49))
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
mon data = $dir/mon
mon allow pool size one = true
mon data avail crit = 0
mon data avail warn = 0
mon max pg per osd = 1000
osd data = $dir/osd
$objects
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
keyring = $dir/keyring
run dir = $dir/run
admin socket =
pid file = $dir/run/\$name.pid
log file = $dir/log/\$name.log
[client.admin]
rgw frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw data = $dir/rgw
rgw enable apis = s3
CONF
}

start_cluster() {
  # Called where a failure does not end the script by itself.
  local fsid osd
  fsid=$(sed -n 's/^fsid = //p' "$CEPH_CONF") osd=$(cat /proc/sys/kernel/random/uuid)
  ceph-authtool keyring --create-keyring --gen-key -n mon. --cap mon 'allow *' || return
  ceph-authtool keyring --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' || return
  monmaptool --create --clobber --addv a "[v2:127.0.0.1:$monitor]" --fsid "$fsid" monmap || return
  ceph-mon --mkfs -i a --monmap monmap --keyring keyring || return
  ceph-mon -i a || return
  timeout 60 ceph osd new "$osd" || return
  ceph-authtool keyring --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' || return
  timeout 60 ceph auth add osd.0 -i keyring || return
  timeout 60 ceph-osd -i 0 --mkfs --osd-uuid "$osd" || return
  ceph-osd -i 0 || return
  user datlake TEST || return
  # They have no rights but what a bucket's owner gives them.
  for role in reader writer remover collector server; do user "$role" "${role^^}" || return; done
}

user() {
  timeout 120 radosgw-admin user create --uid="$1" --display-name="$1" --access-key="DATLAKE${2}KEY" --secret-key=datlake-test-secret
}

answers() { curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/"; }
taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# Where it is written down why, and its last words there.
why() { echo "$dir/$1: $(grep -v '^[[:space:]]*$' "$1" | tail -n 1)"; }

for wanted in "$port" "$monitor"; do
  if taken "$wanted"; then echo "port $wanted is taken" >&2; exit 1; fi
done
rm -rf "$dir"
mkdir -p "$dir"/{mon,osd,rgw,log,run}
cd "$dir"
install_packages > install.log 2>&1 || { echo "its packages cannot be installed: $(why install.log)" >&2; exit 1; }
configure
start_cluster > setup.log 2>&1 || { cat run/*.pid > pids 2>/dev/null; echo "it does not start: $(why setup.log)" >&2; exit 1; }
setsid radosgw -f -n client.admin > gateway.log 2>&1 < /dev/null &
echo $! > run/gateway.pid
cat run/*.pid > pids
for _ in $(seq 240); do answers && break; sleep 0.25; done
answers || { echo "it does not answer: $(why gateway.log)" >&2; exit 1; }
echo "export DATLAKE_TEST_RGW=http://127.0.0.1:$port" > env

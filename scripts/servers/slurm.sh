#!/usr/bin/env bash
# Slurm on this machine alone: a controller, and four nodes of two processors and 2 GB, each a daemon of its own. Debian's packages are
# installed where they are missing.
#   scripts/servers/slurm.sh DIR [PORT]     DIR/env has the variable for the tests, DIR/pids what to end
# It takes PORT and the five after it. Jobs in the partition `low` make room for those in `high`: they get SIGTERM, and two seconds.
set -euo pipefail
dir=$(realpath -m "$1") port=${2:-5643}
export SLURM_CONF=$dir/slurm.conf

install_packages() {
  for program in munged slurmctld slurmd sbatch; do
    command -v "$program" >/dev/null || missing=1
  done
  [ -n "${missing:-}" ] || return 0
  # Servers are started side by side, and packages are installed one after another. A machine that has Slurm starts it itself.
  (
    flock 9
    apt-get update -qq
    printf '#!/bin/sh\nexit 101\n' > "$dir/policy" && chmod +x "$dir/policy"
    [ -e /usr/sbin/policy-rc.d ] || { cp "$dir/policy" /usr/sbin/policy-rc.d && trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge 9>&-
  ) 9> /tmp/datlake-packages.lock
}

configure() {
  cat > "$SLURM_CONF" <<CONF
ClusterName=datlake
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CryptoType=crypto/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,requeue_setup_env_fail
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=2
MinJobAge=300
InactiveLimit=0
NodeName=n[1-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 1))-$((port + 4)) CPUs=2 RealMemory=2048 State=UNKNOWN
PartitionName=low Nodes=n[1-4] Default=YES MaxTime=60 DefMemPerCPU=256 PriorityTier=1 GraceTime=2 State=UP
PartitionName=high Nodes=n[1-4] MaxTime=60 DefMemPerCPU=256 PriorityTier=9 PreemptMode=OFF State=UP
CONF
  printf 'CgroupPlugin=cgroup/v1\n' > "$dir/cgroup.conf"
}

start() {
  (umask 077 && head -c 1024 /dev/urandom > "$dir/munge/key")
  munged --force --socket "$dir/munge/socket" --key-file "$dir/munge/key" --log-file "$dir/log/munged.log" \
    --pid-file "$dir/run/munged.pid" --seed-file "$dir/munge/seed" || return
  slurmctld -c || return
  for node in n1 n2 n3 n4; do slurmd -N "$node" -f "$SLURM_CONF" || return; done
}

ready() { [ "$(sinfo -h -p low -t idle -o %D 2>/dev/null)" = 4 ]; }
taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
why() { echo "$dir/$1: $(grep -v '^[[:space:]]*$' "$dir/$1" | tail -n 1)"; }

for wanted in $(seq "$port" $((port + 4))); do
  if taken "$wanted"; then echo "port $wanted is taken" >&2; exit 1; fi
done
rm -rf "$dir"
mkdir -p "$dir"/{munge,state,spool,run,log}
chmod 755 "$dir/munge"
install_packages > "$dir/log/install.log" 2>&1 || { echo "its packages cannot be installed: $(why log/install.log)" >&2; exit 1; }
configure
start > "$dir/log/start.log" 2>&1 || { cat "$dir"/run/*.pid > "$dir/pids" 2>/dev/null; echo "it does not start: $(why log/start.log)" >&2; exit 1; }
for _ in $(seq 120); do ready && break; sleep 0.25; done
cat "$dir"/run/*.pid > "$dir/pids"
ready || { echo "its nodes are not ready: $(why log/slurmctld.log)" >&2; exit 1; }
echo "export DATLAKE_TEST_SLURM=$SLURM_CONF" > "$dir/env"

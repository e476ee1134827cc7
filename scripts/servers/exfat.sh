#!/usr/bin/env bash
# A disk as in cameras and on Windows: exFAT, in a file, mounted for this machine's tests. It has no hard links, no symbolic
# ones, no modes and one time for each file; `A` is `a` there, and no name has a `:`. Debian's packages are installed where they
# are missing.
#   scripts/servers/exfat.sh DIR       DIR/env has the variable for the tests; it is unmounted when what DIR/pids says ends
set -euo pipefail
dir=$(realpath -m "$1")

install_packages() {
  command -v mount.exfat-fuse >/dev/null && command -v mkfs.exfat >/dev/null && return
  # Servers are started side by side, and packages are installed one after another.
  (
    flock 9
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends exfat-fuse exfatprogs 9>&-
  ) 9> /tmp/datlake-packages.lock
}

# The program asks the kernel for the mount of a device, and what it mounts is a file: so it asks for a mount as of any other
# file system of FUSE.
plain_mounts() {
  cat > plain.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) {
  int (*next)(const char *, const char *, const char *, unsigned long, const void *) = dlsym(RTLD_NEXT, "mount");
  char options[4096];
  snprintf(options, sizeof options, "%s", (const char *)data);
  char *size = strstr(options, ",blksize=");
  if (size) {
    char *rest = strchr(size + 1, ',');
    if (rest) memmove(size, rest, strlen(rest) + 1); else *size = 0;
  }
  return next(source, target, "fuse.exfat", flags, options);
}
C
  cc -shared -fPIC -o plain.so plain.c -ldl
}

why() { echo "$dir/$1: $(grep -v '^[[:space:]]*$' "$1" | tail -n 1)"; }

[ -c /dev/fuse ] || { echo "this kernel has no FUSE, or this container may not use it" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "only root may mount it" >&2; exit 1; }
# Left by a run that was killed.
if mountpoint -q "$dir/mount"; then umount -l "$dir/mount"; fi
rm -rf "$dir"
mkdir -p "$dir/mount"
cd "$dir"
install_packages > install.log 2>&1 || { echo "its packages cannot be installed: $(why install.log)" >&2; exit 1; }
{ plain_mounts && truncate -s 4G image && mkfs.exfat image; } > setup.log 2>&1 ||
  { echo "it cannot be made: $(why setup.log)" >&2; exit 1; }
# With -d it stays in front, and tells every request: only the first are kept.
LD_PRELOAD=$dir/plain.so setsid mount.exfat-fuse -d image mount > /dev/null 2> >(head -c 10000 > mount.log; cat > /dev/null) < /dev/null &
echo $! > pids
for _ in $(seq 100); do mountpoint -q mount && break; kill -0 "$(cat pids)" 2>/dev/null || break; sleep 0.1; done
mountpoint -q mount || { echo "it cannot be mounted: $(why mount.log)" >&2; exit 1; }
echo "export DATLAKE_TEST_EXFAT=$dir/mount" > env

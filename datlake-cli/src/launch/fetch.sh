sum=$1 name=$2; shift 2
fail() { echo "datlake: $*" >&2; exit 127; }
is_it() { [ "$(sha256sum < "$1")" = "$sum  -" ]; }
folder=${TMPDIR:-/tmp}/datlake-programs-$(id -u)
mkdir -p -m 700 "$folder"
[ -d "$folder" ] && [ ! -L "$folder" ] && [ -O "$folder" ] || fail "$folder is not a folder of this user's own: set TMPDIR to another place"
program=$folder/$sum/$name new=$folder/$sum/$name.$$
if ! { [ -x "$program" ] && is_it "$program"; }; then
  [ -n "$DATLAKE_PROGRAM_URL" ] || fail "$name cannot be fetched: DATLAKE_PROGRAM_URL is not set here"
  mkdir -p "$folder/$sum"
  # By standard input, for all see the arguments of a process.
  printf 'url = "%s"\n' "$DATLAKE_PROGRAM_URL" | curl -fsS --retry 5 --connect-timeout 30 -o "$new" -K - ||
    fail "$name cannot be fetched from the remote${DATLAKE_PROGRAM_UNTIL:+, which its URL allows until $DATLAKE_PROGRAM_UNTIL}"
  is_it "$new" || { rm -f "$new"; fail "what came is not $name: its SHA-256 is another"; }
  chmod 500 "$new" && mv -f "$new" "$program"
fi
unset DATLAKE_PROGRAM_URL DATLAKE_PROGRAM_UNTIL
exec "$program" "$@"

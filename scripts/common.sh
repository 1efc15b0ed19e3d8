# Shared by scripts/up, down and test; sourced, not run. Expects the root of the project as working folder.

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Shows a build's output as one moving line on a terminal, else as a line each tenth; everything
# else that the build says (warnings, errors) is printed as it is.
show_progress() {
  local line tenth last=-1 columns=${COLUMNS:-100}
  while IFS= read -r line; do
    if [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      if [ -t 1 ]; then
        printf '\r\033[K%s' "${line:0:columns-1}"
      else
        tenth=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        ((tenth == last)) || printf '%s\n' "$line"
        last=$tenth
      fi
    elif [[ $line != "ninja: "* ]]; then
      printf '%s\n' "$line"
    fi
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

# build PRESET [TARGET…]: configures when that was never done (Ninja does it again when needed) and
# builds with all cores; the log is build/PRESET/build.log. Returns the build's exit code.
build() {
  local preset=$1 folder=build/$1
  shift
  mkdir -p "$folder"
  if [ ! -f "$folder/build.ninja" ]; then
    say "configuring $folder"
    if ! cmake --preset "$preset" >"$folder/configure.log" 2>&1; then
      rm -f "$folder/build.ninja"
      tail -n 30 "$folder/configure.log" >&2
      say "configuring failed; the whole log is $folder/configure.log" >&2
      return 1
    fi
  fi
  local status=0
  cmake --build "$folder" ${1+--target "$@"} 2>&1 | tee "$folder/build.log" | show_progress || status=$?
  if ((status)); then
    say "the build failed; the end of $folder/build.log:" >&2
    grep -E 'FAILED:|error:|Error' "$folder/build.log" | tail -n 20 >&2
    tail -n 5 "$folder/build.log" >&2
  fi
  return "$status"
}

# The process id in FILE if it is that of a running troupe (not of a zombie that nobody has reaped), else nothing.
running_troupe() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  if [[ $pid =~ ^[0-9]+$ ]] && grep -qsE '^State:[[:space:]]+[^ZX[:space:]]' "/proc/$pid/status" &&
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = troupe ]; then
    printf '%s' "$pid"
  fi
}

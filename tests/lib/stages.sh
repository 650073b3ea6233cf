# shellcheck shell=bash
# Stages of tests/run.sh: each is timed, has its log, and counts. Sourced, not run.

passed=0
failed=0
table=()

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# stage NAME COMMAND…: output goes to the terminal and to a log of its own. The first build or set-up that fails ends the run;
# what comes after it could only fail, too.
stage() {
  local name=$1; shift
  local log began=$SECONDS status=0
  log=build/tests/$(printf '%s' "$name" | tr -cs 'A-Za-z0-9' '-' | sed 's/-*$//').log
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log" || status=$?
  local took=$((SECONDS - began))
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    table+=("$(printf '  ok      %5d s  %s' "$took" "$name")")
  else
    failed=$((failed + 1))
    table+=("$(printf '  FAILED  %5d s  %s  (%s)' "$took" "$name" "$log")")
    case $name in Packages | PostgreSQL | Build*) summary; exit 1 ;; esac
  fi
}

summary() {
  printf '\n== Summary (%d s)\n' "$SECONDS"
  printf '%s\n' "${table[@]}"
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}

install_packages() {
  local missing=() package
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    # An operator's node may be there without Debian's package.
    case $package in nodejs | npm) command -v "${package%js}" >/dev/null && continue ;; esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done < <(cat "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    echo "all there"
    return
  fi
  echo "installing: ${missing[*]}"
  as_root apt-get update -qq
  # RUNLEVEL=1: a test machine needs the programs, not the services.
  as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >build/tests/apt.log
}

start_postgresql() { tests/lib/postgresql.sh start "$1" | grep '^export ' >build/tests/postgresql.env && cat build/tests/postgresql.env; }

build_tree() {
  local preset=$1; shift
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
  cmake --preset "$preset" "$@" >"build/tests/configure-$preset.log" 2>&1 || { tail -n 30 "build/tests/configure-$preset.log"; return 1; }
  cmake --build --preset "$preset" -j "$(nproc)" -- --quiet
}

# The rooms that read what strangers wrote - requests, packages, what workers say - with the memory checked.
core_rooms=(base config http wire plugin)
build_core() {
  local targets=()
  for room in "${core_rooms[@]}"; do targets+=("dispatch_${room}_tests"); done
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
  cmake --preset "$1" >"build/tests/configure-$1.log" 2>&1 || { tail -n 30 "build/tests/configure-$1.log"; return 1; }
  cmake --build --preset "$1" -j "$(nproc)" --target "${targets[@]}" -- --quiet
}
run_core() { run_ctest "$1" -R "^($(IFS='|'; echo "${core_rooms[*]}"))\\."; }

run_ctest() { ctest --preset "$1" "${@:2}" -j "$(nproc)" --timeout 300 --no-tests=error 2>&1 | grep -vE '^ *Start +[0-9]+:|^ *[0-9]+/[0-9]+ Test +#.* Passed '; }

check_style() {
  # Joined: the shell's own way of ending at a failure is off inside a stage.
  git ls-files '*.sh' install.sh .ci/run | sort -u | xargs shellcheck -x &&
    git ls-files '*.cpp' '*.hpp' '*.h' '*.c' | grep -v '^sdk/include/dispatch/abi' | xargs clang-format --dry-run -Werror &&
    tests/lib/arrows.sh
}

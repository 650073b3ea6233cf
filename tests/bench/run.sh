#!/usr/bin/env bash
# Runs the benchmarks. Prints figures and ratios; a slow machine is not a failure, a benchmark that cannot run is.
#
#   tests/bench/run.sh [--quick] [NAME...]
#
# A benchmark is a folder tests/bench/NAME with an executable run.sh. It is called with
#   BENCH_BIN    folder of the programs built for it: its CMake target bench_NAME, or, where its folder has no
#                CMakeLists.txt, the whole product
#   BENCH_BUILD  the build folder above it, for cmake --install
#   BENCH_ROOT   the source tree
#   BENCH_QUICK  1 or 0: under a minute, or as long as good figures need
# From outside: BENCH_BUILD, another build folder than build/bench; BENCH_BIN, a folder of programs built already.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BENCH_ROOT=$(cd "$here/../.." && pwd)
BENCH_QUICK=0
names=()
for argument in "$@"; do
  case $argument in
    --quick) BENCH_QUICK=1 ;;
    --help | -h)
      sed -n '2,/^set -e/{/^#/{s/^# \{0,1\}//;p}}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    -*)
      echo "run.sh: unknown option $argument; --help lists them" >&2
      exit 2
      ;;
    *) names+=("$argument") ;;
  esac
done
if [ ${#names[@]} -eq 0 ]; then
  for script in "$here"/*/run.sh; do names+=("$(basename "$(dirname "$script")")"); done
fi
for name in "${names[@]}"; do
  if [ ! -x "$here/$name/run.sh" ]; then
    echo "run.sh: there is no benchmark $name; known: $(cd "$here" && echo */)" >&2
    exit 2
  fi
done

if [ -z "${BENCH_BIN:-}" ]; then
  BENCH_BUILD=${BENCH_BUILD:-$BENCH_ROOT/build/bench}
  # No option but these: a folder that was configured before keeps what its owner chose.
  configure=(-DCMAKE_BUILD_TYPE=Release -DDISPATCH_BUILD_BENCH=ON)
  [ -f "$BENCH_BUILD/build.ninja" ] || configure+=(-DDISPATCH_BUILD_TESTS=OFF -DDISPATCH_BUILD_WEB=OFF)
  export CCACHE_BASEDIR=$BENCH_ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
  mkdir -p "$BENCH_BUILD"
  cmake -S "$BENCH_ROOT" -B "$BENCH_BUILD" -G Ninja "${configure[@]}" >"$BENCH_BUILD/configure.log" 2>&1 ||
    { tail -n 25 "$BENCH_BUILD/configure.log" >&2; exit 1; }
  targets=()
  for name in "${names[@]}"; do
    if [ -f "$here/$name/CMakeLists.txt" ]; then targets+=("bench_$name"); else targets+=(all); fi
  done
  cmake --build "$BENCH_BUILD" --target "${targets[@]}" -j "$(nproc)" -- --quiet
  BENCH_BIN=$BENCH_BUILD/bin
fi
BENCH_BUILD=${BENCH_BUILD:-$(dirname "$BENCH_BIN")}
export BENCH_BIN BENCH_BUILD BENCH_ROOT BENCH_QUICK

failed=0
for name in "${names[@]}"; do
  printf '== %s\n' "$name"
  "$here/$name/run.sh" || { echo "benchmark $name could not run" >&2; failed=1; }
done
exit $failed

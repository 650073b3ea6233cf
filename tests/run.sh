#!/usr/bin/env bash
# Installs what the tests need, builds, and runs everything that fits in its time: unit tests, integration and browser tests on
# SQLite and PostgreSQL, the core under AddressSanitizer. --full takes the optimised build and adds the long ones: everything under
# sanitizers, fuzzing, random kills, swapped packages, the real Redmine, an incident through everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

full=no
only=
while [ $# -gt 0 ]; do
  case $1 in
    --full) full=yes ;;
    --only) only=$2; shift ;;
    --help | -h)
      cat <<'TXT'
Usage: tests/run.sh [--full] [--only STAGE]

  --full        with the optimised build, and also: everything under Address-, UB- and ThreadSanitizer, fuzzers, 200 random kills
                under load, 1,000 reloads under load, 10,000 loads of packages that are swapped meanwhile, the real Redmine, one
                incident through every kind of plugin
  --only STAGE  one stage: style, unit, integration, browser, core, sanitizers, full

Needs root or sudo the first time, for apt-get. Logs are in build/tests/.
TXT
      exit 0 ;;
    *) echo "tests/run.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
  esac
  shift
done

# shellcheck source=tests/lib/stages.sh
. tests/lib/stages.sh
mkdir -p build/tests
work=$(mktemp -d)
chmod 0755 "$work"
postgresql_up=no
finish() {
  if [ "$postgresql_up" = yes ]; then tests/lib/postgresql.sh stop "$work/postgresql" >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap finish EXIT

wants() { [ -z "$only" ] || [ "$only" = "$1" ]; }

stage "Packages" install_packages config/packages/build.txt config/packages/test.txt
stage "PostgreSQL" start_postgresql "$work/postgresql"
postgresql_up=yes
# shellcheck source=/dev/null
. build/tests/postgresql.env

if wants style; then
  stage "Scripts and format" check_style
fi
# The whole run takes the optimised build for what needs one: then the sanitizers' builds are the only others.
tree=debug
[ "$full" = yes ] && tree=release
if wants unit || wants integration || wants browser; then
  stage "Build" build_tree "$tree" -DDISPATCH_BUILD_BENCH=OFF
fi
if wants unit; then
  stage "Unit tests" run_ctest "$tree"
fi
if wants integration; then
  for script in tests/integration/*/run.sh; do
    [ -x "$script" ] || continue
    stage "Integration: $(basename "$(dirname "$script")")" "$script" "$PWD/build/$tree"
  done
fi
if wants browser; then
  stage "Browser, SQLite" tests/e2e/run.sh "$PWD/build/$tree" sqlite
  stage "Browser, PostgreSQL" tests/e2e/run.sh "$PWD/build/$tree" postgresql
fi
if [ "$full" = no ] && wants core; then
  stage "Build of the core (address, undefined)" build_core asan
  stage "The core under AddressSanitizer and UBSan" run_core asan
fi
if [ "$full" = yes ] || [ "$only" = sanitizers ]; then
  stage "Build (address, undefined)" build_tree asan
  stage "Everything under AddressSanitizer and UBSan" run_ctest asan
  stage "Build (thread)" build_tree tsan
  stage "Everything under ThreadSanitizer" run_ctest tsan
fi
if [ "$full" = yes ] || [ "$only" = full ]; then
  stage "Build (release)" build_tree release
  for script in tests/full/*.sh; do
    [ -x "$script" ] && stage "Full: $(basename "$script" .sh)" "$script" "$PWD/build/release"
  done
fi
summary

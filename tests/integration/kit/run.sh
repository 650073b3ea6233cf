#!/usr/bin/env bash
# An author's way on an installed program: new, build, ctest, check, sign, verified by the server; timed, from nothing. Then recorded
# HTTP (recorded.sh), and packages that are bad on purpose: the right check fails, with the right sentence.
#   run.sh [BUILD]      default: build/debug
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
build=${1:-$root/build/debug}
work=$(mktemp -d)
trap 'stop_service; rm -rf "$work"' EXIT
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/recorded.sh"
export HOME=$work/home PATH=$work/prefix/bin:$PATH
unset XDG_CONFIG_HOME DISPATCH_CONFIG_DIR
goal=60

run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "FAILED: $*"; exit 1; }; }
refused() { if "$@" >"$work/log" 2>&1; then cat "$work/log"; echo "FAILED, should have been refused: $*"; exit 1; fi; }
says() { grep -qF -- "$1" "$work/log" || { cat "$work/log"; echo "FAILED: it should say \"$1\""; exit 1; }; }

run cmake --install "$build" --prefix "$work/prefix"
mkdir -p "$HOME" "$work/prefix/etc/dispatch" "$work/prefix/var/lib/dispatch"
cd "$work"

# make_package ID: builds the project, runs its tests.
make_package() {
  run cmake -G Ninja -S "$1" -B "$1/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror"
  run cmake --build "$1/build" -j 2
  run ctest --test-dir "$1/build" --no-tests=error --output-on-failure
}

# The first example of docs/plugin-authors.md, as it stands there.
follow_documentation() {
  sed -n '/^## A first plugin/,/^## The class/p' "$root/docs/plugin-authors.md" |
    awk '/^```/ {if (inside) exit; inside = 1; next} inside' >"$work/first.sh"
  grep -q 'dispatch-plugin new ticket acme-jira' "$work/first.sh" || { echo "FAILED: docs/plugin-authors.md has lost its first example"; exit 1; }
  run bash -euo pipefail -c "$(sed "s|/opt/dispatch|$work/prefix|g" "$work/first.sh")"
}

by_hand() {
  run dispatch-plugin new contact kit-contact --language c
  make_package kit-contact
  run dispatch-plugin check kit-contact/build/lib/dispatch/plugins/kit-contact
  says "0 failed"
  run dispatch-plugin sign kit-contact/build/lib/dispatch/plugins/kit-contact
}

# journey WHAT ID COMMAND: from nothing to a package that the server takes.
journey() {
  local began package took
  began=$(date +%s%N)
  package=$2/build/lib/dispatch/plugins/$2
  "$3"
  sed -n 's/^ *dispatch plugins trust add/dispatch plugins trust add/p' "$work/log" >"$work/trust.sh"
  run bash -eu "$work/trust.sh"
  run dispatch plugins verify "$package"
  says "It may run here: signed by"
  took=$((($(date +%s%N) - began) / 1000000))
  run dispatch-plugin check "$package" --require-signature --json "$work/$2.json" --junit "$work/$2.xml" --sarif "$work/$2.sarif"
  python3 - "$work/$2" <<'PY'
import json, sys, xml.etree.ElementTree as tree
report, sarif = json.load(open(sys.argv[1] + ".json")), json.load(open(sys.argv[1] + ".sarif"))
assert report["ok"] and len(report["findings"]) > 40, report
assert len(sarif["runs"][0]["results"]) == len(report["findings"])
assert int(tree.parse(sys.argv[1] + ".xml").getroot().get("failures")) == 0
PY
  echo "$1: from nothing to a verified plugin in $((took / 1000)).$(printf %03d $((took % 1000))) s (goal: under $goal s)"
}

journey "C++ ticket, by the documentation" acme-jira follow_documentation
journey "C contact" kit-contact by_hand

recorded_http
templates

refused dispatch-plugin new contact kit-contact --language c
says "is there already"
refused dispatch-plugin new tickt other
says "did you mean ticket?"
run dispatch-plugin new --help
for type in "$work"/prefix/share/dispatch/templates/c++/*/; do
  type=$(basename "$type")
  [ "$type" = common ] || says "$type"
done
cp "$work"/prefix/share/dispatch/contracts/{ticket,cartography}.json
sed -i 's/"type": "ticket"/"type": "cartography"/' "$work/prefix/share/dispatch/contracts/cartography.json"
sed 's/TicketPlugin/MapPlugin/' "$work/prefix/include/dispatch/sdk/ticket.hpp" >"$work/prefix/include/dispatch/sdk/cartography.hpp"
refused dispatch-plugin new cartography other
says 'There is no template for the type "cartography" in c++ yet'
says "its class derives from dispatch::MapPlugin (<dispatch/sdk/cartography.hpp>)"
rm "$work"/prefix/share/dispatch/contracts/cartography.json "$work"/prefix/include/dispatch/sdk/cartography.hpp
refused dispatch-plugin new ticket dispatch-ticket
says "is the id of a plugin that came with Dispatch"

package=kit-contact/build/lib/dispatch/plugins/kit-contact
run dispatch-plugin run "$package" get '{"email": "grace@example.com"}'
says 'worker  OK'
says '"fullname":"grace@example.com"'
refused dispatch-plugin diff "$package" "$package"
says "a version is one package for ever"
run dispatch-plugin diff --help
says "exit code 1 if it breaks something"

# Nothing is written where nobody made a place for it, nor two reports into one.
for given in "check $package --junit nosuch/x.xml" "keygen --key nosuch/k" \
  "record $package test --to nosuch/x.har" "test $package $work/acme-jira/tests/recordings --sarif nosuch/x.sarif"; do
  # shellcheck disable=SC2086
  refused dispatch-plugin $given
  says "there is no directory nosuch"
done
[ ! -e nosuch ] || { echo "FAILED: a directory was made"; exit 1; }
refused dispatch-plugin check "$package" --json - --junit -
says "--json and --junit both write to standard output"
refused dispatch-plugin check "$package" --only nosuch
says 'There is no check "nosuch". dispatch-plugin checks lists them.'
refused dispatch-plugin sign nosuch
says "Nothing was signed: nosuch cannot be read"
mkdir empty
refused dispatch-plugin sign empty
says "empty has no plugin.json"
printf '\xfe\x80\x1b[31m' >empty/plugin.json
refused dispatch-plugin check empty
says "plugin.json is not valid JSON"
! LC_ALL=C grep -q -e "$(printf '\xfe')" -e "$(printf '\x1b')" "$work/log" || { echo "FAILED: bytes of the manifest were printed as they are"; exit 1; }

# A key's line may look like a path.
until tail -n 1 slash.pub 2>/dev/null | grep -q /; do
  rm -f slash.key slash.pub
  run dispatch-plugin keygen --key slash.key
done
refused dispatch-plugin keygen --key slash.key
says "a key is never overwritten"
run dispatch plugins trust add "$(tail -n 1 slash.pub)" --name Slash --ids 'slash-*'

# The examples in C, and in Rust without crates: the boundary needs no C++. Debian's rustc: another may want a home of its own.
run cmake -G Ninja -S "$root/sdk/examples/c" -B c -DCMAKE_PREFIX_PATH="$work/prefix"
run cmake --build c
run dispatch-plugin check c/lib/dispatch/plugins/plain-ticket
run cmake -G Ninja -S "$root/sdk/examples/rust" -B rust -DCMAKE_PREFIX_PATH="$work/prefix" -DRUSTC=/usr/bin/rustc
run cmake --build rust
run dispatch-plugin check rust/lib/dispatch/plugins/rust-ticket
says "0 failed"
echo "the examples in C and Rust pass every check"

# A changed file after signing.
cp -r "$package" changed
echo "more" >>changed/LICENSE
refused dispatch-plugin check changed
says "LICENSE is not the file that plugin.json lists"
refused dispatch-plugin sign changed
says 'Nothing was signed. Check "hashes" failed'

# Bad on purpose: opens a file, answers any method, and answers from memory that is not its call's.
run dispatch-plugin new ticket kit-bad --language c
python3 - kit-bad/kit_bad.c <<'PY'
import sys
text = open(sys.argv[1]).read()
for before, after in (
    ("#include <string.h>\n", "#include <stdio.h>\n#include <string.h>\n"),
    ('if (equals(method, "create"))', 'fopen("/etc/hostname", "r");\n  if (equals(method, "create"))'),
    ('return answer_text(call, "{}", out);', "return *out = text(\"{}\"), DISPATCH_OK;"),
    ('return call->fail(call, DISPATCH_ERR_UNSUPPORTED, text("This plugin has no such method."), 0);',
     "return answer_text(call, \"{}\", out);"),
):
    assert before in text, before
    text = text.replace(before, after, 1)
open(sys.argv[1], "w").write(text)
PY
make_package kit-bad
refused dispatch-plugin check kit-bad/build/lib/dispatch/plugins/kit-bad --only sandbox,unknown-method,answers
says "The sandbox refused"
says '"no_such_method", is answered with the status 0; expected is DISPATCH_ERR_UNSUPPORTED'
says "answered update, but its answer is not in the memory of its call"
echo "a bad package is refused, with a sentence for each defect"

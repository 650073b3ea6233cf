#!/usr/bin/env bash
# The types of the SDK against those that were committed: tests/abi/baseline.sh check|write LIBRARY
# LIBRARY is sdk_types.c, built with debug information (target abi_sdk_types). `write` makes tests/abi/sdk.abi anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
action=${1:-}
library=${2:-}
[ -n "$library" ] || { sed -n '2,3p' "$0" >&2; exit 2; }
if ! command -v abidiff >/dev/null; then
  echo "abidiff is missing, so the types of the SDK were not compared: apt-get install abigail-tools" >&2
  exit 77
fi
case $action in
  write)
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --out-file "$here/sdk.abi" "$library"
    ;;
  check)
    status=0
    # --harmless: also a renamed member, which breaks plugins that are compiled against it. abidiff 2.2 can leave out structs that
    # grew at their end, but leaves out other changes with them: so every change is shown, and a person says which it is.
    abidiff --harmless --no-architecture --no-added-syms "$here/sdk.abi" "$library" || status=$?
    [ "$status" = 0 ] && exit 0
    echo
    echo "abidiff compared the types of sdk/include/dispatch/abi with tests/abi/sdk.abi; expected is no difference, found is the above."
    echo "If it is only members that were appended to structs (rule 2 of abi.h), write both anew:"
    echo "  tests/abi/baseline.sh write $library"
    echo "  tests/abi/make_layout.py sdk/include write tests/abi/layout_lock.inc"
    if grep -q 'DISPATCH_ABI_STATUS ".*draft' "$here/../../sdk/include/dispatch/abi/types.h"; then
      echo "Any other change, while the ABI is a draft: the same, and replace what it breaks in tests/abi/museum."
    else
      echo "Any other change breaks plugins that are in use, for the ABI is frozen: undo it. What is new gets an id with the next"
      echo "revision (rule 3), or another major version."
    fi
    exit 1
    ;;
  *) sed -n '2,3p' "$0" >&2; exit 2 ;;
esac

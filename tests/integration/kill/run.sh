#!/usr/bin/env bash
# kill -9 at every boundary of every step of a new incident, on both databases at a time: run.sh BUILD_DIR [sqlite|postgresql]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1
if [ $# -gt 1 ]; then exec /usr/bin/python3 "$here/kill.py" "$@"; fi
# Most of the time is spent waiting for servers to start.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
/usr/bin/python3 "$here/kill.py" "$1" postgresql >"$log" 2>&1 &
other=$!
status=0
/usr/bin/python3 "$here/kill.py" "$1" sqlite || status=$?
wait "$other" || status=$?
cat "$log"
exit "$status"

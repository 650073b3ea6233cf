#!/usr/bin/env bash
# kill -9 at every boundary of every step of a new incident, on both databases: run.sh BUILD_DIR [sqlite|postgresql]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/kill.py" "$@"

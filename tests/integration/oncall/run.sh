#!/usr/bin/env bash
# On-call from calendars and rooms of a conference server, under the real server, with Debian's nginx serving both; on SQLite and
# PostgreSQL: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/oncall.py" "$@"

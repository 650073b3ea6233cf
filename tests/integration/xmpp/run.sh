#!/usr/bin/env bash
# Rooms of Debian's Prosody for incidents of the real server, with people at clients of their own reading along; on SQLite and
# PostgreSQL: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/xmpp.py" "$@"

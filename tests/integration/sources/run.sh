#!/usr/bin/env bash
# A plugin that looks outside by itself, made by dispatch-plugin, under the real server, with Debian's Prometheus watching; on SQLite
# and PostgreSQL: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/sources.py" "$@"

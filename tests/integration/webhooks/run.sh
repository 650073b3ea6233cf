#!/usr/bin/env bash
# Webhooks end to end, on SQLite and PostgreSQL: the real Alertmanager, a server that is killed in the middle: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/webhooks.py" "$@"

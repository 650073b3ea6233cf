#!/usr/bin/env bash
# People and groups of a real OpenLDAP server, on SQLite and PostgreSQL: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/ldap.py" "$@"

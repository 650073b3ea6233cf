#!/usr/bin/env bash
# Folders and documents on Debian's Apache with mod_dav, on SQLite and PostgreSQL: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/webdav.py" "$@"

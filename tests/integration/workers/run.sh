#!/usr/bin/env bash
# Plugins in workers under the real server: a crash, a reload under load, the death of the host: run.sh BUILD_DIR [RELOADS]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/workers.py" "$@"

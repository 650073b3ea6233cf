#!/usr/bin/env bash
# A plugin that crashes in the server's own process: the next start says whose crash it was: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/crash.py" "$@"

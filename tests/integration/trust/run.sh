#!/usr/bin/env bash
# Whose plugins run: trust, signatures of Debian's minisign, versions and their commands, on the installed program: run.sh BUILD_DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/trust.py" "$1"

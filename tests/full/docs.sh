#!/usr/bin/env bash
# Holds the documentation to the program: tests/full/docs.sh BUILD_DIR [--write]. See docs.py.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/docs.py" "$@"

#!/usr/bin/env bash
# 200 random kills under load, on SQLite and PostgreSQL: tests/full/kills.sh BUILD_DIR [sqlite|postgresql]. See kills.py.
# KILLS=20 makes it short; KILLS_SEED repeats the moments of a run. PostgreSQL: DISPATCH_TEST_POSTGRESQL, as tests/run.sh sets it.
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/kills.py" "$@"

#!/usr/bin/env bash
# 1,000 reloads of the auth provider in its worker under login load, no login fails, memory stays: tests/full/reloads.sh BUILD_DIR.
# RELOADS=100 makes it short. See tests/integration/workers.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/../integration/workers/run.sh" "$1" "${RELOADS:-1000}"

#!/usr/bin/env bash
# On-call and pages against a fake of PagerDuty's API, which PagerDuty's own client has tried first: run.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages=$here/../../../build/tests/pagerduty-packages
mkdir -p "$packages"
cp "$here/package.json" "$here/package-lock.json" "$here/client.mjs" "$packages/"
(cd "$packages" && { cmp -s package-lock.json .installed 2>/dev/null || { npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json .installed; }; })
PAGERDUTY_CLIENT=$packages/client.mjs PYTHONPATH=$here/../../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/pagerduty.py" "$@"

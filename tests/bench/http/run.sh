#!/usr/bin/env bash
# Our HTTP layer alone beside stock Poco, Boost.Beast and FastAPI; called by ../run.sh.
set -euo pipefail
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
missing=()
for tool in wrk h2load taskset; do command -v "$tool" >/dev/null || missing+=("$tool"); done
/usr/bin/python3 -c 'import fastapi, uvicorn, uvloop, httptools' 2>/dev/null || missing+=(python3-fastapi)
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}" >&2
  echo "apt-get install wrk nghttp2-client python3-fastapi python3-uvicorn python3-uvloop python3-httptools" >&2
  exit 1
fi
exec /usr/bin/python3 "$(dirname "$0")/bench.py"

#!/usr/bin/env bash
# Authenticated GET /incidents, 25 of 10,000 rows, beside FastAPI + SQLAlchemy over the same data; then time to ready and idle
# memory with all plugins loaded; called by ../run.sh. Servers on one core, load on another, interleaved rounds; prints ratios
# and never fails on a slow day.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${BENCH_BUILD:?call tests/bench/run.sh incidents}
rounds=3 seconds=5 latency_seconds=30
[ "${BENCH_QUICK:-0}" = 1 ] && rounds=1 seconds=3 latency_seconds=10
missing=()
for tool in wrk h2load taskset jq curl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
/usr/bin/python3 -c 'import fastapi, uvicorn, sqlalchemy' 2>/dev/null || missing+=(python3-fastapi)
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}" >&2
  echo "apt-get install wrk nghttp2-client jq curl python3-fastapi python3-uvicorn python3-sqlalchemy" >&2
  exit 1
fi
mapfile -t cores < <(python3 -c 'import os; c = sorted(os.sched_getaffinity(0)); print(c[0]); print(c[-1])')
readonly server_core=${cores[0]} load_core=${cores[1]}
work=$(mktemp -d)
pids=()
finish() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap finish EXIT
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ready() { for _ in $(seq 1 200); do curl -fsS -o /dev/null "$1" 2>/dev/null && return; sleep 0.05; done; echo "no answer from $1" >&2; return 1; }

cmake --install "$build" --prefix "$work/prefix" >/dev/null
etc=$work/prefix/etc/dispatch
mkdir -p "$etc"
secret=$(head -c 36 /dev/urandom | base64 | tr -d '+/=')
ours=$(free_port)
peer=$(free_port)
printf 'DISPATCH_ENCRYPTION_KEY=%s\nDISPATCH_JWT_SECRET=%s\nDISPATCH_PORT=%s\nLOG_LEVEL=ERROR\n' "$(head -c 36 /dev/urandom | base64 | tr -d '+/=')" "$secret" "$ours" >"$etc/.env"
chmod 0600 "$etc/.env"
dispatch=$work/prefix/bin/dispatch
"$dispatch" database init >/dev/null
database=$(find "$work/prefix/var" -name '*.db' | head -n 1)
email=bench@example.com
taskset -c "$server_core" "$dispatch" server start >"$work/server.log" 2>&1 &
pids+=($!); server=$!
ready "http://127.0.0.1:$ours/readyz"
token=$(curl -fsS -H 'Content-Type: application/json' -d "{\"email\":\"$email\",\"password\":\"seven quiet lantern orbits\"}" "http://127.0.0.1:$ours/api/v1/default/auth/register" | jq -r .token)
kill "$server"; wait "$server" 2>/dev/null || true
python3 "$here/fill.py" "$database" 10000 "$email"

# time to ready and idle memory, all plugins loaded
best=999999
for _ in 1 2 3 4 5; do
  began=$(date +%s%N)
  taskset -c "$server_core" "$dispatch" server start >"$work/server.log" 2>&1 &
  server=$!
  until curl -fsS -o /dev/null "http://127.0.0.1:$ours/readyz" 2>/dev/null; do sleep 0.002; done
  took=$((($(date +%s%N) - began) / 1000000))
  [ "$took" -lt "$best" ] && best=$took
  sleep 1
  memory=$(awk '/^VmRSS/ {print $2}' "/proc/$server/status")
  workers=$(pgrep -P "$server" | while read -r worker; do awk '/^Pss:/ {print $2}' "/proc/$worker/smaps_rollup"; done | awk '{sum += $1} END {printf "%d %.1f", NR, sum / 1024}')
  kill "$server"; wait "$server" 2>/dev/null || true
done
printf 'time to ready  %d ms best of 5 (goal <= 250)\nidle memory    %.1f MB resident, all plugins loaded (goal <= 40); beside it workers: %s MB\n' "$best" "$(echo "$memory" | awk '{print $1 / 1024}')" "$(echo "$workers" | awk '{print $1 ", together " $2}')"

taskset -c "$server_core" "$dispatch" server start >"$work/server.log" 2>&1 &
pids+=($!)
(cd "$here" && exec env BENCH_DATABASE="$database" BENCH_JWT_SECRET="$secret" taskset -c "$server_core" /usr/bin/python3 -m uvicorn peer:app --port "$peer" --log-level error --no-access-log) >"$work/peer.log" 2>&1 &
pids+=($!)
path='/api/v1/default/incidents?itemsPerPage=25&page=3&sortBy[]=reported_at&descending[]=true'
ready "http://127.0.0.1:$ours/readyz"
for _ in $(seq 1 100); do curl -fsS -g -o /dev/null -H "Authorization: Bearer $token" "http://127.0.0.1:$peer$path" 2>/dev/null && break; sleep 0.1; done
same=$(for port in "$ours" "$peer"; do curl -fsS -g -H "Authorization: Bearer $token" "http://127.0.0.1:$port$path" | jq -c '[.total, [.items[] | [.id, .title, .commander.individual.email, .incident_type.name, (.tags | map(.name) | sort)]]]'; done | sort -u | wc -l)
[ "$same" = 1 ] || { echo "the two servers do not give the same answer" >&2; exit 1; }

rate() { taskset -c "$load_core" wrk -t1 -c16 -d"${seconds}s" --timeout 10s -H "Authorization: Bearer $token" "http://127.0.0.1:$1$path" | awk '/Requests\/sec/ {print $2}'; }
best_of() { sort -g | tail -n 1; }
for round in $(seq 1 "$rounds"); do
  rate "$ours" >>"$work/ours"
  rate "$peer" >>"$work/peer"
  printf 'round %d: ours %s, peer %s requests/s\n' "$round" "$(tail -n 1 "$work/ours")" "$(tail -n 1 "$work/peer")"
done
a=$(best_of <"$work/ours"); b=$(best_of <"$work/peer")
printf 'GET /incidents, 25 of 10,000: ours %s, FastAPI + SQLAlchemy %s requests/s; ratio %.1f (goal >= 10)\n' "$a" "$b" "$(echo "$a $b" | awk '{print $1 / $2}')"

# the same offered rate for both, below the peer's saturation
offered=$(echo "$b" | awk '{r = int($1 * 0.6); print (r < 1 ? 1 : r)}')
p99() { taskset -c "$load_core" h2load --h1 --rps "$(echo "$offered" | awk '{print $1 / 4}')" -c 4 -D "$latency_seconds" --warm-up-time 1 --log-file="$work/log.$1" -H "Authorization: Bearer $token" "http://127.0.0.1:$1$path" >/dev/null 2>&1 || true; awk '{print $3}' "$work/log.$1" | sort -n | awk '{v[NR] = $1} END {print v[int(NR * 0.99)] / 1000}'; rm -f "$work/log.$1"; }
a=$(p99 "$ours"); b=$(p99 "$peer")
printf 'p99 at %s requests/s: ours %s ms, peer %s ms; ratio 1/%.1f (goal <= 1/5)\n' "$offered" "$a" "$b" "$(echo "$a $b" | awk '{print $2 / ($1 > 0 ? $1 : 0.001)}')"

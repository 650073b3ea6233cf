#!/usr/bin/env bash
# A throw-away PostgreSQL server for tests.
#   eval "$(tests/lib/postgresql.sh start DIR)"   makes and starts it in DIR; prints `export DISPATCH_TEST_POSTGRESQL=…`
#   tests/lib/postgresql.sh stop DIR              stops it and removes DIR
#   tests/lib/postgresql.sh restart DIR [MODE]    restarts it (MODE: fast, immediate), on the same port
# Durable as in earnest (fsync on); listens on 127.0.0.1, and on a socket in DIR where its path is short enough for one.
# Run by root it runs as user postgres.
set -euo pipefail

usage() { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1
mkdir -p "$2"
directory=$(cd "$2" && pwd)
data=$directory/data

programs=$(for d in /usr/lib/postgresql/*/bin; do if [ -x "$d/initdb" ]; then echo "$d"; fi; done | sort -V | tail -n 1)
if [ -z "$programs" ]; then
  echo "postgresql.sh: expected a PostgreSQL server below /usr/lib/postgresql, found none; apt-get install postgresql" >&2
  exit 1
fi

as_owner() {
  if [ "$(id -u)" -eq 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# Asks the kernel for a port that is free now; the server may still lose the race, hence the attempts below.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() {
  if [ ! -d "$data" ]; then
    if [ "$(id -u)" -eq 0 ]; then chown postgres: "$directory"; fi
    as_owner "$programs/initdb" -D "$data" -A trust -U dispatch --locale=C.UTF-8 -E UTF8 >"$directory/initdb.log" 2>&1 ||
      { cat "$directory/initdb.log" >&2; exit 1; }
    sockets=$directory
    if [ ${#directory} -gt 80 ]; then sockets=; fi
    # Every test opens databases of its own, with a pool each.
    printf '%s\n' "max_connections = 300" "shared_buffers = 64MB" "fsync = on" "synchronous_commit = on" \
      "unix_socket_directories = '$sockets'" "listen_addresses = '127.0.0.1'" "log_min_messages = warning" |
      as_owner tee -a "$data/postgresql.conf" >/dev/null
  fi
  for _ in 1 2 3 4 5; do
    port=$(free_port)
    if as_owner "$programs/pg_ctl" -D "$data" -l "$data/server.log" -o "-p $port" -w -t 60 start >"$directory/start.log" 2>&1; then
      echo "$port" >"$directory/port"
      echo "export DISPATCH_TEST_POSTGRESQL='host=127.0.0.1 port=$port user=dispatch dbname=postgres'"
      return
    fi
  done
  cat "$directory/start.log" >&2
  exit 1
}

stop() {
  if [ -f "$data/postmaster.pid" ]; then
    as_owner "$programs/pg_ctl" -D "$data" -m immediate -w stop >/dev/null
  fi
  rm -rf "$directory"
}

case $command in
  start) start ;;
  stop) stop ;;
  restart) as_owner "$programs/pg_ctl" -D "$data" -l "$data/server.log" -m "${3:-fast}" -w -t 60 restart >/dev/null ;;
  *) usage ;;
esac

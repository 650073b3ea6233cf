#!/usr/bin/env bash
# From a clone on Debian 12 to a running server. Run it as root or as somebody who may use sudo; run it again after an
# update: what is up to date is left alone.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly repo
prefix=/opt/dispatch
start=yes
demo=no
assume_yes=no
host=127.0.0.1
port=8000

usage() {
  cat <<'TXT'
Usage: ./install.sh [options]

Installs the packages, builds Dispatch, generates its keys, initialises the database (SQLite unless DATABASE_HOSTNAME is set in
the .env) and starts the server on http://127.0.0.1:8000.

  --prefix DIR   install below DIR (default /opt/dispatch): DIR/bin, DIR/etc/dispatch, DIR/var, …
  --port N       where the server listens the first time (default 8000; later: DISPATCH_PORT in the .env)
  --demo         load example data: incidents, people, services and types to look around in
  --no-start     do everything but start the server
  --yes          ask nothing
  --help         this text

Settings are in DIR/etc/dispatch/.env and dispatch.yaml; neither is ever overwritten. Docs: docs/operators.md
TXT
}

while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -ge 2 ] || { echo "install.sh: --prefix needs a directory" >&2; exit 2; }; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --port) [ $# -ge 2 ] || { echo "install.sh: --port needs a number" >&2; exit 2; }; port=$2; shift ;;
    --port=*) port=${1#*=} ;;
    --demo) demo=yes ;;
    --no-start) start=no ;;
    --yes | -y) assume_yes=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "install.sh: unknown option $1 (--help lists them)" >&2; exit 2 ;;
  esac
  shift
done
[ -n "$prefix" ] || { echo "install.sh: --prefix needs a directory, found nothing" >&2; exit 2; }
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
prefix=${prefix%/}
case $port in
  '' | *[!0-9]* | ??????*) port_fits=no ;;
  *) port_fits=yes; [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || port_fits=no ;;
esac
[ "$port_fits" = yes ] || { echo "install.sh: --port must be a whole number from 1 to 65535, found \"$port\"" >&2; exit 2; }

readonly etc=$prefix/etc/dispatch
readonly var=$prefix/var/lib/dispatch
readonly logs=$prefix/var/log/dispatch
readonly run=$prefix/var/run/dispatch
readonly build=$repo/build/release
readonly build_log=$repo/build/install.log
readonly steps=7
step=0

say() { printf '%s\n' "$*"; }
stage() { step=$((step + 1)); printf '\n[%d/%d] %s\n' "$step" "$steps" "$*"; }
fail() { printf '\nError: %s\n' "$1" >&2; shift; for line in "$@"; do printf '       %s\n' "$line" >&2; done; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
as_dispatch() { as_root runuser -u dispatch -- "$@"; }

# A long command with its output in the log and a sign of life on the terminal.
watched() {
  local what=$1; shift
  local began=$SECONDS
  "$@" >>"$build_log" 2>&1 &
  local child=$!
  while kill -0 "$child" 2>/dev/null; do
    if [ -t 1 ]; then
      printf '\r      %s … %ds  %s\033[K' "$what" $((SECONDS - began)) "$(tail -n 1 "$build_log" | cut -c1-60 | tr -cd '[:print:]')"
    fi
    sleep 1
  done
  [ -t 1 ] && printf '\r\033[K'
  if ! wait "$child"; then
    tail -n 25 "$build_log" >&2
    fail "$what failed." "The whole output is in $build_log"
  fi
  say "      $what: $((SECONDS - began)) s"
}

port_is_taken() { (exec 3<>"/dev/tcp/$(tr -d '[]' <<<"$host")/$port") 2>/dev/null; }
answers() { curl -fsS --max-time 3 "http://$host:$port/readyz" >/dev/null 2>&1; }
# The value that counts, whether the environment, the .env or dispatch.yaml has it; nothing before the first installation.
configured() {
  [ -x "$prefix/bin/dispatch" ] || return 0
  # A setting that is wrong is told when the server starts, with its place.
  { as_root "$prefix/bin/dispatch" server config 2>/dev/null || true; } | awk -v name="$1" '$1 == name {print $2}'
}
# Where an installation that is there listens: what it was given counts, and --port only the first time.
find_address() {
  local value
  value=$(configured DISPATCH_PORT)
  port=${value:-$port}
  value=$(configured DISPATCH_HOST)
  case $value in
    '' | 0.0.0.0) ;;
    ::) host='[::1]' ;;
    *:*) host="[$value]" ;;
    *) host=$value ;;
  esac
}
server_runs() { [ -x "$prefix/bin/dispatch" ] && as_root "$prefix/bin/dispatch" server status >/dev/null 2>&1; }

check_machine() {
  stage "Checking this machine"
  [ -r /etc/os-release ] || fail "This does not look like Debian: /etc/os-release is missing." "Dispatch is built and tested on Debian 12."
  local id version
  # shellcheck source=/dev/null
  id=$(. /etc/os-release && echo "${ID:-}")
  # shellcheck source=/dev/null
  version=$(. /etc/os-release && echo "${VERSION_ID:-0}")
  if [ "$id" != debian ]; then
    fail "This is ${id:-an unknown system}, and this script installs with Debian 12's packages." "Use a Debian 12 machine or container."
  fi
  if [ "${version%%.*}" -lt 12 ]; then
    fail "This is Debian $version; Debian 12 (bookworm) or later is needed." "Older releases lack the compiler and libraries that Dispatch is built with."
  fi
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "You are not root and sudo is not installed." "Run this as root, or install sudo and let $(id -un) use it."
  fi
  # An update compiles what has changed; the first time it is everything.
  local free memory least_disk=2500 least_memory=1500
  if [ -x "$build/bin/dispatch" ]; then least_disk=400; least_memory=600; fi
  free=$(df -Pk "$repo" | awk 'NR == 2 {print int($4 / 1024)}')
  [ "$free" -ge "$least_disk" ] || fail "$repo has $free MB of free disk; $least_disk MB are needed to build." "Free some space, or clone to a larger disk."
  memory=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)
  [ "$memory" -ge "$least_memory" ] || fail "$memory MB of memory are available; $least_memory MB are needed to build." "Stop something, add memory or swap."
  find_address
  if [ "$start" = yes ] && port_is_taken && ! server_runs; then
    local holder
    holder=$(as_root ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\("[^"]*"\),pid=\([0-9]*\).*/ by \1 (pid \2)/p' | head -n 1)
    fail "Port $port on $host is taken$holder." "Stop that, or choose another one: $([ -e "$etc/.env" ] && echo "DISPATCH_PORT in $etc/.env" || echo "./install.sh --port 8001")"
  fi
  say "      Debian $version, $free MB disk, $memory MB memory, $(nproc) processors: fine"
}

install_packages() {
  stage "Installing packages"
  local missing=()
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    # A node from elsewhere brings its npm along, and conflicts with Debian's package of that name.
    case $package in nodejs | npm) command -v "${package%js}" >/dev/null && continue ;; esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done <"$repo/config/packages/build.txt"
  if [ ${#missing[@]} -eq 0 ]; then
    say "      all there"
    return
  fi
  say "      ${missing[*]}" | fold -s -w 110 | sed '2,$s/^/      /'
  if [ "$assume_yes" = no ] && [ -t 0 ]; then
    read -r -p "      Install these with apt-get? [Y/n] " answer
    case $answer in '' | y* | Y*) ;; *) fail "Nothing was changed." "Install the packages above yourself and run this again." ;; esac
  fi
  watched "apt-get update" as_root apt-get update
  watched "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

build_it() {
  stage "Building"
  if [ ! -f "$build/build.ninja" ]; then
    watched "configure" cmake -S "$repo" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDISPATCH_BUILD_TESTS=OFF -DDISPATCH_WERROR=OFF -DCMAKE_INSTALL_PREFIX="$prefix"
  fi
  # One compiler needs up to 1 GB: fewer at a time on a small machine.
  local jobs memory
  jobs=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1024 / 1000)}' /proc/meminfo)
  [ "$memory" -ge "$jobs" ] || jobs=$((memory > 0 ? memory : 1))
  watched "compile and build the web UI" cmake --build "$build" -j "$jobs"
}

install_it() {
  stage "Installing to $prefix"
  if ! getent passwd dispatch >/dev/null; then
    as_root useradd --system --user-group --home-dir "$var" --no-create-home --shell /usr/sbin/nologin --comment "Dispatch server" dispatch
    say "      made the system user dispatch"
  fi
  local before after
  before=$(cksum "$prefix/bin/dispatch" 2>/dev/null || true)
  watched "copy files" as_root cmake --install "$build" --prefix "$prefix"
  after=$(cksum "$prefix/bin/dispatch")
  changed=no
  [ "$before" = "$after" ] || changed=yes
  as_root install -d -m 0750 -o root -g dispatch "$etc"
  as_root install -d -m 0750 -o dispatch -g dispatch "$var" "$logs" "$run"
  local program
  for program in dispatch dispatch-plugin; do
    if [ ! -e "/usr/local/bin/$program" ] || [ -L "/usr/local/bin/$program" ]; then
      as_root ln -sfn "$prefix/bin/$program" "/usr/local/bin/$program"
    fi
  done
}

secret_text() { head -c 48 /dev/urandom | base64 | tr -d '+/=\n' | cut -c1-48; }

configure_it() {
  stage "Settings and keys"
  if [ ! -e "$etc/dispatch.yaml" ]; then
    as_root install -m 0640 -o root -g dispatch "$repo/config/dispatch.yaml" "$etc/dispatch.yaml"
  fi
  if as_root test -e "$etc/.env"; then
    say "      kept $etc/.env"
    if as_root grep -qE '^[A-Z_]+=REPLACE' "$etc/.env"; then
      fail "$etc/.env still has placeholder keys from the example file:" "$(as_root grep -nE '^[A-Z_]+=REPLACE' "$etc/.env" | cut -d= -f1 | tr '\n' ' ')" \
        "Put a real key there (make one with: dispatch secret generate), then run this again."
    fi
    return
  fi
  local made
  made=$(mktemp)
  trap 'rm -f "$made"' RETURN
  # Every placeholder gets a key of its own.
  while IFS= read -r line; do
    case $line in
      *=REPLACE_WITH_X25519*) printf '%s=%s\n' "${line%%=*}" "$(head -c 32 /dev/urandom | base64)" ;;
      *=REPLACE*) printf '%s=%s\n' "${line%%=*}" "$(secret_text)" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$repo/config/.env.example" >"$made"
  [ "$port" = 8000 ] || printf '\nDISPATCH_PORT=%s\n' "$port" >>"$made"
  as_root install -m 0640 -o root -g dispatch "$made" "$etc/.env"
  say "      made $etc/.env with fresh keys; keep a copy of it apart from the database's"
}

prepare_database() {
  stage "Database"
  as_dispatch "$prefix/bin/dispatch" database init || fail "The database could not be initialised." "The reason is above; settings are in $etc/.env"
  if [ "$demo" = yes ]; then
    as_dispatch "$prefix/bin/dispatch" demo load || fail "The example data could not be loaded."
  fi
}

start_server() {
  stage "Starting the server"
  find_address
  if [ "$start" = no ]; then
    say "      not asked for; start it with: $starter"
    return
  fi
  if [ -d /run/systemd/system ]; then
    sed "s|/opt/dispatch|$prefix|g" "$repo/config/systemd/dispatch.service" | as_root tee /etc/systemd/system/dispatch.service >/dev/null
    as_root systemctl daemon-reload
    as_root systemctl enable --quiet dispatch
    if [ "$changed" = yes ]; then as_root systemctl restart dispatch; else as_root systemctl start dispatch; fi
  else
    if server_runs; then
      if [ "$changed" = no ] && answers; then
        say "      it runs already"
        return
      fi
      as_root "$prefix/bin/dispatch" server stop >/dev/null || true
    fi
    as_dispatch "$prefix/bin/dispatch" server start --background </dev/null || true
  fi
  for _ in $(seq 1 100); do
    if answers; then
      say "      it answers on http://$host:$port"
      return
    fi
    sleep 0.2
  done
  as_root tail -n 15 "$logs/dispatch.log" >&2 2>/dev/null || true
  fail "The server did not answer on http://$host:$port within 20 s." "Its log: $logs/dispatch.log    Try by hand: $starter"
}

[ -d /run/systemd/system ] && starter="systemctl start dispatch" || starter="runuser -u dispatch -- $prefix/bin/dispatch server start --background"
mkdir -p "$repo/build"
: >"$build_log"
check_machine
install_packages
build_it
install_it
configure_it
prepare_database
start_server

cat <<TXT

Dispatch is installed in $prefix.

  1. Register:     http://$host:$port/default/auth/register
  2. Become Admin: dispatch user update --role Admin --organization default YOUR_EMAIL

  Settings  $etc/.env and $etc/dispatch.yaml
  Log       $logs/dispatch.log
  Stop      $([ -d /run/systemd/system ] && echo "systemctl stop dispatch" || echo "dispatch server stop")
TXT

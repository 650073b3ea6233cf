#!/usr/bin/env bash
# Both README commands on a machine that has nothing: a bare Debian 12 made by debootstrap, with a clean clone of this
# repository. Not part of CI (it takes as long as both commands do from nothing). Needs root and debootstrap.
#
#   tests/fresh-machine.sh              ./install.sh, ask the server, then tests/run.sh
#   tests/fresh-machine.sh --install    only ./install.sh
#   tests/fresh-machine.sh --full       the second with --full (hours)
#   tests/fresh-machine.sh --keep DIR   leave the root in DIR for a look
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

what=both
full=
root=
while [ $# -gt 0 ]; do
  case $1 in
    --install) what=install ;;
    --full) full=--full ;;
    --keep) root=$2; shift ;;
    *) sed -n '2,9p' "$0"; exit 2 ;;
  esac
  shift
done
[ "$(id -u)" = 0 ] || { echo "fresh-machine: needs root for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh-machine: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
keep=yes
if [ -z "$root" ]; then root=$(mktemp -d /var/tmp/dispatch-fresh.XXXXXX); keep=no; fi

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 "$@"; }
finish() {
  inside sh -c 'command -v dispatch >/dev/null && dispatch server stop' >/dev/null 2>&1 || true
  for mount in dev/shm dev/pts dev proc sys; do mountpoint -q "$root/$mount" && umount --recursive --lazy "$root/$mount"; done
  if [ "$keep" = no ]; then rm -rf --one-file-system "$root"; fi
}
trap finish EXIT

began=$SECONDS
# One of these files is usually not there.
mirror=$( (cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true) | sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' | grep -v security | head -n 1)
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >/dev/null
# The same registries as this machine's, and nothing else of it.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
rm -f "$root"/etc/apt/sources.list
mkdir -p "$root/etc/apt/sources.list.d" "$root/etc/apt/apt.conf.d"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/*proxy*; do [ -f "$file" ] && cp "$file" "$root$file"; done
cp -r /etc/apt/keyrings "$root/etc/apt/" 2>/dev/null || true
for file in /root/.npmrc /usr/local/etc/npmrc /etc/npmrc; do [ -f "$file" ] && { mkdir -p "$root$(dirname "$file")"; cp "$file" "$root$file"; }; done
mkdir -p "$root/usr/local/share/ca-certificates"
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
[ -f /etc/ssl/certs/ca-certificates.crt ] && { mkdir -p "$root/etc/ssl/certs"; cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; }
mount -t proc proc "$root/proc"; mount --rbind /sys "$root/sys" 2>/dev/null || true
mount --bind /dev "$root/dev"; mount --bind /dev/pts "$root/dev/pts"; mount -t tmpfs tmpfs "$root/dev/shm" 2>/dev/null || true
git clone -q --no-hardlinks . "$root/srv/dispatch"
echo "== a bare Debian 12 in $((SECONDS - began)) s"

proxy=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY npm_config_registry NODE_EXTRA_CA_CERTS; do
  [ -n "${!name:-}" ] && proxy+=("$name=${!name}")
done

began=$SECONDS
inside "${proxy[@]}" sh -c 'cd /srv/dispatch && ./install.sh --yes --port 8765'
inside curl -fsS http://127.0.0.1:8765/readyz; echo
inside curl -fsS http://127.0.0.1:8765/ | grep -q '<div id="app">'
echo "== ./install.sh from nothing to a server that answers: $((SECONDS - began)) s"
began=$SECONDS
inside "${proxy[@]}" sh -c 'cd /srv/dispatch && ./install.sh --yes --port 8765' >/dev/null
echo "== ./install.sh again: $((SECONDS - began)) s"

if [ "$what" = both ]; then
  began=$SECONDS
  inside "${proxy[@]}" CI=true sh -c "cd /srv/dispatch && tests/run.sh $full"
  echo "== tests/run.sh $full from nothing: $((SECONDS - began)) s"
fi

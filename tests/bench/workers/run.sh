#!/usr/bin/env bash
# Calls into a plugin: in the host's process, in a sandboxed worker, and through hashicorp/go-plugin over gRPC (Debian's packages
# golang-go, golang-github-hashicorp-go-plugin-dev, golang-google-grpc-dev, golang-goprotobuf-dev, protobuf-compiler); once with
# everything on one core, once on all.
set -euo pipefail
here=$BENCH_ROOT/tests/bench/workers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quick=
[ "$BENCH_QUICK" = 1 ] && quick=quick

packages=(golang-go golang-github-hashicorp-go-plugin-dev golang-google-grpc-dev golang-goprotobuf-dev protobuf-compiler)
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    { echo "workers: $package is missing: apt-get install --no-install-recommends ${packages[*]}" >&2; exit 1; }
done
mkdir -p "$work/go/src/peer"
cp "$here/peer/main.go" "$work/go/src/peer/"
protoc -I "$here/peer" --go_out=plugins=grpc,paths=source_relative:"$work/go/src/peer" "$here/peer/echo.proto"
sed -i 's/^package peer$/package main/' "$work/go/src/peer/echo.pb.go"
GO111MODULE=off GOFLAGS=-mod=mod GOPATH="$work/go:/usr/share/gocode" GOCACHE="$work/cache" go build -o "$work/peer" peer

{
  for pinned in yes no; do
    pin=()
    [ "$pinned" = yes ] && pin=(taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')")
    "${pin[@]}" "$BENCH_BIN/bench_workers_dispatch" $quick | jq -c --arg pinned "$pinned" '. + {pinned: $pinned}'
    "${pin[@]}" "$work/peer" $quick | jq -c --arg pinned "$pinned" '. + {pinned: $pinned}'
  done
} >"$work/lines"
go version
dpkg-query -W -f='${Package} ${Version}\n' golang-github-hashicorp-go-plugin-dev golang-google-grpc-dev
python3 "$here/table.py" <"$work/lines"

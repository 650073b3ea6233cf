#!/usr/bin/env bash
# Puts a plugin into the museum, built against the headers as they are now: tests/abi/museum/add.sh NAME [SOURCE]
# NAME: of the entry, such as 2026-11-26-draft. SOURCE: a project that uses the SDK (sdk/examples/c). An entry of that name is
# replaced. It holds package/, without a signature, and source/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
[ $# -ge 1 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
entry=tests/abi/museum/$1
source=${2:-sdk/examples/c}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
  cmake -G Ninja -S sdk -B "$work/sdk" -DCMAKE_INSTALL_PREFIX="$work/installed"
  cmake --install "$work/sdk"
  cmake -G Ninja -S "$source" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS="-ffile-prefix-map=$PWD=." -DCMAKE_CXX_FLAGS="-ffile-prefix-map=$PWD=." -DCMAKE_MODULE_LINKER_FLAGS=-s
  cmake --build "$work/build" -j 2
} >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
rm -rf "$entry"
mkdir -p "$entry"
cp -r "$work"/build/lib/dispatch/plugins/* "$entry/package"
rm -f "$entry/package/plugin.json.minisig"
cp -r "$source" "$entry/source"
rm -f "$entry/source/LICENSE"
echo "$entry:"
ls -l "$entry/package"

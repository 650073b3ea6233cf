#!/usr/bin/env bash
# The SDK stands alone: installed into a prefix of its own, it builds the two example plugins, whose tests pass and whose packages
# are sound. The packages are left in BUILD/sdk-example for the host to load.
#   run.sh [BUILD]      default: build/release
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
out=${1:-$root/build/release}/sdk-example
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; echo "FAILED: $*"; exit 1; }; }

# A copy of sdk/ alone: what it reached for outside would be missing.
cp -r "$root/sdk" "$work/sdk"
cp "$root/LICENSE" "$work/LICENSE"
run cmake -G Ninja -S "$work/sdk" -B "$work/build-sdk" -DCMAKE_INSTALL_PREFIX="$work/prefix"
run cmake --build "$work/build-sdk"
run cmake --install "$work/build-sdk"
mv "$work/sdk/examples" "$work/examples"
rm -rf "$work/sdk" "$work/build-sdk"

for example in hello-ticket c; do
  run cmake -G Ninja -S "$work/examples/$example" -B "$work/build-$example" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Werror"
  run cmake --build "$work/build-$example"
  run ctest --test-dir "$work/build-$example" --no-tests=error --output-on-failure
  run cmake --install "$work/build-$example" --prefix "$work/installed"
done

for id in hello-ticket plain-ticket; do
  package=$work/installed/lib/dispatch/plugins/$id
  for file in plugin.json LICENSE "lib$id.so"; do
    [ -f "$package/$file" ] || { echo "FAILED: $package has no $file"; exit 1; }
  done
  listed=$(sed -n "s/.*\"lib$id.so\" *: *\"\([0-9a-f]\{64\}\)\".*/\1/p" "$package/plugin.json")
  actual=$(b2sum -l 256 "$package/lib$id.so" | cut -d' ' -f1)
  [ "$listed" = "$actual" ] || { echo "FAILED: plugin.json lists $listed for lib$id.so, which has $actual"; exit 1; }
  rm -rf "${out:?}/$id"
  cp -r "$package" "$out/$id"
  echo "built $id against the installed SDK: $out/$id"
done

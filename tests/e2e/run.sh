#!/usr/bin/env bash
# Browser tests: tests/e2e/run.sh BUILD_DIR sqlite|postgresql
# Installs BUILD_DIR into a prefix of its own, starts the real server, a real SMTP server and a web server for workflows,
# and goes through the product as people do, in headless Chromium.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
build=$1
dialect=${2:-sqlite}
out=$repo/build/tests/e2e-$dialect
rm -rf "$out"
mkdir -p "$out" "$repo/build/tests/e2e-packages"

cp "$here/package.json" "$here/package-lock.json" "$repo/build/tests/e2e-packages/"
(cd "$repo/build/tests/e2e-packages" && { cmp -s package-lock.json .installed 2>/dev/null || { npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json .installed; }; })
rm -rf "$repo/build/tests/e2e-packages/tests"
mkdir -p "$repo/build/tests/e2e-packages/tests"
cp "$here"/*.mjs "$repo/build/tests/e2e-packages/tests/"

cmake --install "$build" --prefix "$out/prefix" >"$out/install.log"
# A plugin that looks outside by itself, as an author gets it.
(cd "$out" && prefix/bin/dispatch-plugin new source watch-feed --language c >watch-feed.log)
{
  cmake -G Ninja -S "$out/watch-feed" -B "$out/watch-feed/build" -DCMAKE_PREFIX_PATH="$out/prefix"
  cmake --build "$out/watch-feed/build" --target watch_feed_package
} >>"$out/watch-feed.log"
cp -r "$out/watch-feed/build/lib/dispatch/plugins/watch-feed" "$out/prefix/lib/dispatch/plugins/"
# Playwright wants a newer Node than Debian's: the one of package.json.
architecture=x64
[ "$(uname -m)" = aarch64 ] && architecture=arm64
exec "$repo/build/tests/e2e-packages/node_modules/node-linux-$architecture/bin/node" "$repo/build/tests/e2e-packages/tests/journey.mjs" "$out" "$dialect"

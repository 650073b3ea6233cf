#!/usr/bin/env bash
# 10,000 loads of a plugin while its package is swapped (one signed, another signed, one tampered with) between the verification
# and the load: tests/full/swaps.sh BUILD_DIR. SWAPS=100 makes it short. See host/plugin/package/package_swap_test.cpp.
set -euo pipefail
export DISPATCH_TEST_SWAPS=${SWAPS:-10000}
exec "$1/bin/dispatch_plugin_tests" --gtest_filter='PackageSwap.*'

#!/usr/bin/env bash
# Fuzzes what reads bytes from outside, under AddressSanitizer and UBSan: tests/full/fuzz.sh [BUILD_DIR [NAME...]]
#
# A target is tests/fuzz/NAME_fuzz.cpp; its first lines say what it is built from (Sources:, Libraries:, Options:). It starts
# from tests/fuzz/seeds/NAME and from what earlier runs found (build/fuzz/corpus/NAME), and runs FUZZ_SECONDS (60). A finding
# fails the run and stays in build/fuzz/findings. BUILD_DIR is not needed: these are built here, with clang.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
shift $(($# > 0 ? 1 : 0))
seconds=${FUZZ_SECONDS:-60}
work=$PWD/build/fuzz
mkdir -p "$work/objects" "$work/findings"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
missing=()
for package in clang-14 libclang-rt-14-dev; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$work/apt.log"
fi

compiler=(clang++-14)
if command -v ccache >/dev/null; then
  compiler=(ccache clang++-14)
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=time_macros
fi
flags=(-std=c++20 -g -O1 -fno-omit-frame-pointer '-fsanitize=address,undefined' -fno-sanitize-recover=all -Ihost -Isdk/include -Itests/fuzz)

said() { sed -n "s|^// $2: ||p" "tests/fuzz/$1_fuzz.cpp" | tr '\n' ' '; }

build() {
  local name=$1 source object sources libraries objects=()
  read -r -a sources <<<"$(said "$name" Sources)"
  read -r -a libraries <<<"$(said "$name" Libraries)"
  for source in "tests/fuzz/${name}_fuzz.cpp" "${sources[@]}"; do
    object=$work/objects/${source//\//-}.o
    "${compiler[@]}" "${flags[@]}" -fsanitize=fuzzer-no-link -c "$source" -o "$object" || return 1
    objects+=("$object")
  done
  clang++-14 -fsanitize=fuzzer,address,undefined "${objects[@]}" "${libraries[@]}" -o "$work/$name"
}

# Seeds that are better made than kept.
make_seeds() {
  local manifest
  case $1 in
    env_file) cp config/.env.example "$2/example" ;;
    yaml_file) cp config/dispatch.yaml "$2/example" ;;
    elf_image)
      printf 'int answer = 42;\n__attribute__((visibility("default"))) const void* dispatch_plugin_query_v1(void) { return &answer; }\n' >"$work/seed.c"
      clang-14 -shared -fPIC -fvisibility=hidden -Wl,-z,now,-z,relro,--build-id "$work/seed.c" -o "$2/plain.so"
      clang-14 -shared -fPIC -nostdlib -s -Wl,-z,max-page-size=4096 "$work/seed.c" -o "$2/bare.so"
      printf 'template <class T> struct S { static T value; };\ntemplate <class T> T S<T>::value = 1;\nint f() { return S<int>::value++; }\n' >"$work/seed.cpp"
      clang++-14 -shared -fPIC "$work/seed.cpp" -o "$2/unique.so" -Wl,-rpath,/nowhere,-z,execstack,-z,lazy
      ;;
    minisign)
      # Secret keys, encrypted and not; the k says so to the target.
      for kind in 'EdScB2' 'Ed\0\0B2'; do
        { printf 'kuntrusted comment: a secret key\n'; { printf '%b' "$kind"; head -c 152 /dev/zero; } | base64 -w 0; echo; } >"$2/secret-${#kind}"
      done
      ;;
    plugin_manifest)
      for manifest in plugins/*/plugin.json auth-providers/*/plugin.json secret-providers/*/plugin.json; do
        jq -c '. + {library: "libx.so", files: {"libx.so": ("0" * 64)}}' "$manifest" >"$2/$(basename "$(dirname "$manifest")")"
      done
      ;;
  esac
}

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for target in tests/fuzz/*_fuzz.cpp; do names+=("$(basename "$target" _fuzz.cpp)"); done
fi
failed=()
for name in "${names[@]}"; do
  printf '\n-- %s\n' "$name"
  [ -f "tests/fuzz/${name}_fuzz.cpp" ] || { echo "there is no tests/fuzz/${name}_fuzz.cpp" >&2; exit 2; }
  build "$name" || { failed+=("$name (does not build)"); continue; }
  corpus=$work/corpus/$name
  seeds=$work/seeds/$name
  mkdir -p "$corpus" "$seeds"
  if [ -d "tests/fuzz/seeds/$name" ]; then cp tests/fuzz/seeds/"$name"/* "$seeds/"; fi
  make_seeds "$name" "$seeds"
  read -r -a options <<<"$(said "$name" Options)"
  if ! "$work/$name" -max_len=4096 "${options[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$work/findings/$name-" "$corpus" "$seeds" >"$work/$name.log" 2>&1; then
    tail -n 40 "$work/$name.log"
    failed+=("$name")
    continue
  fi
  grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$work/$name.log" | sed 's/^stat::/  /'
done
if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfindings in: %s\nTo see one again: %s/NAME FILE, with a file of %s/findings\n' "${failed[*]}" "$work" "$work"
  exit 1
fi
printf '\n%d targets, no finding\n' "${#names[@]}"

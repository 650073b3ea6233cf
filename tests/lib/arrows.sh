#!/usr/bin/env bash
# The shape that docs/architecture.md promises: a room includes another room only by its door, and only rooms below it;
# nothing outside host/ includes a header of it; sdk/ depends on nothing of ours.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rooms=(base http config store wire worker plugin kit integrations webhook source auth flow incident api cli)
declare -A rank
for i in "${!rooms[@]}"; do rank[${rooms[$i]}]=$i; done
bad=0
complain() { echo "arrows: $*"; bad=1; }

while IFS=: read -r file _ include; do
  target=$(sed -n 's/.*#include "\([^"]*\)".*/\1/p' <<<"$include")
  room=${file#host/}; room=${room%%/*}
  other=${target%%/*}
  [[ -n ${rank[$other]:-} && $target == */* ]] || continue
  [ "$other" = "$room" ] && continue
  if [ "${rank[$other]}" -gt "${rank[$room]}" ]; then complain "$file includes $target, which is above it"; fi
  # base is the common ground: its headers may be taken one by one. Test helpers have a door of their own.
  case $target in base/* | "$other/$other.hpp" | */testing/*) ;; *) complain "$file includes $target instead of the door $other/$other.hpp" ;; esac
done < <(grep -rn '#include "' host --include='*.cpp' --include='*.hpp')

while IFS=: read -r file _ include; do
  complain "$file reaches into the host: $include"
done < <(grep -rnE '#include "(base|http|config|store|wire|worker|plugin|kit|integrations|webhook|source|auth|flow|incident|api|cli)/' sdk plugins secret-providers auth-providers --include='*.cpp' --include='*.hpp' --include='*.h' --include='*.c' || true)

[ "$bad" = 0 ] && echo "arrows: all point down"
exit "$bad"

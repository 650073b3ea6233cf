#!/usr/bin/env bash
# Issues on Debian's Redmine, on SQLite and PostgreSQL: tests/full/redmine.sh BUILD_DIR [DIALECT…]. Installs Redmine the first time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
# shellcheck source=tests/lib/stages.sh
. tests/lib/stages.sh
mkdir -p build/tests
install_packages config/packages/full.txt
PYTHONPATH=$here/../lib PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/redmine/redmine.py" "$@"

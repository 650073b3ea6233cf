#!/usr/bin/env bash
# One incident through everything: Alertmanager, Redmine, XMPP, WebDAV, LDAP, calendars, Jitsi, mail: tests/full/everything.sh BUILD_DIR [DIALECT…]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
# shellcheck source=tests/lib/stages.sh
. tests/lib/stages.sh
mkdir -p build/tests
install_packages config/packages/full.txt
servers=$here/redmine
for name in webdav ldap xmpp oncall webhooks; do servers+=:$PWD/tests/integration/$name; done
PYTHONPATH=$here/../lib:$servers PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/everything/everything.py" "$@"

# shellcheck shell=bash
# Recorded HTTP, for run.sh: a case is recorded against a real server, replayed when that is gone, broken in every way, and refused
# when the plugin asks for something else. Uses $work, $root, run, refused and says of run.sh, and the project acme-jira.

: "${root:?}" "${work:?}"
tracker=
marker=MARKER-6f1c-token
start_service() {
  python3 "$root/tests/integration/kit/service.py" "$work/port" "$marker" &
  tracker=$!
  until [ -s "$work/port" ]; do kill -0 "$tracker" || exit 1; sleep 0.05; done
  service=http://127.0.0.1:$(cat "$work/port")
}
stop_service() {
  [ -z "$tracker" ] || kill "$tracker"
  wait "$tracker" 2>/dev/null || true
  tracker=
}

# The section of docs/plugin-authors.md: its commands, as they stand there.
documented() {
  sed -n '/^### Recorded HTTP/,/^## /p' "$root/docs/plugin-authors.md" |
    awk '$0 == "```sh" {inside = 1; next} /^```/ {inside = 0} inside'
}

# No secret, in whatever form, in what was recorded.
no_secret_in() {
  python3 - "$marker" "$@" <<'PY'
import base64, json, sys
marker, session = sys.argv[1], "session-" + sys.argv[1][::-1]
for name in sys.argv[2:]:
    text = open(name).read()
    for secret in (marker, session):
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert form not in text, f"{name} holds the secret as {form}"
    log = json.loads(text)["log"]
    assert log["version"] == "1.2" and log["creator"]["name"] == "dispatch-plugin" and len(log["entries"]) == 1, log
    entry = log["entries"][0]
    assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry), entry
    headers = {header["name"]: header["value"] for header in entry["request"]["headers"]}
    assert headers["Authorization"] in ("Bearer [secret]", "[secret]"), headers
    answered = {header["name"].lower(): header["value"] for header in entry["response"]["headers"]}
    assert answered["set-cookie"] == "sid=[secret]" and answered["x-echo"] == "[secret]", answered
    assert "[secret]" in json.dumps(log["_dispatch"]["configuration"]), log["_dispatch"]
PY
}

# edited FILE PYTHON: the recording with its `log` changed, as edited.har.
edited() {
  python3 - "$1" "$2" <<'PY'
import json, sys
har = json.load(open(sys.argv[1]))
log = har["log"]
exec(sys.argv[2])
json.dump(har, open("edited.har", "w"))
PY
}

recorded_http() {
  local package=acme-jira/build/lib/dispatch/plugins/acme-jira
  start_service
  # The project's first recording, and the documentation's example with it.
  printf '{"url": "%s", "token": "%s"}' "$service" "$marker" >acme-jira/settings.json
  documented >"$work/recorded.sh"
  grep -q 'dispatch-plugin record' "$work/recorded.sh" || { echo "FAILED: docs/plugin-authors.md has lost its example of a recording"; exit 1; }
  (cd acme-jira && run bash -euo pipefail "$work/recorded.sh")
  # Every sample of the documentation, its tests run against the plugin that it makes.
  python3 "$root/tests/integration/kit/samples.py" "$root/docs/plugin-authors.md" acme-jira/samples.cpp acme-jira/documented_test.cpp >samples
  for name in LaterTicket KeyedTicket AcmeAlarms AcmeFeed Snapshots SecretContact; do
    grep -qx "$name" samples || { echo "FAILED: docs/plugin-authors.md has lost its sample $name"; exit 1; }
  done
  grep -q 'host.replay(DISPATCH_RECORDINGS' acme-jira/documented_test.cpp || { echo "FAILED: docs/plugin-authors.md has lost its recorded unit test"; exit 1; }
  sed -i 's/TESTS acme_jira_test.cpp/& documented_test.cpp samples.cpp/' acme-jira/CMakeLists.txt
  run cmake --build acme-jira/build -j 2
  run ctest --test-dir acme-jira/build --no-tests=error --output-on-failure -R 'Recorded.AFailedTracker'
  run ctest --test-dir acme-jira/build --no-tests=error --output-on-failure -R 'Scripted.ABusyTracker'
  echo "the samples of the documentation compile, and its tests pass: $(tr '\n' ' ' <samples)"
  # The plugin of this repository, against the same server.
  printf '{"api_url": "%s/runs", "auth_header": "Bearer %s"}' "$service" "$marker" >engine.json
  local engine=$work/prefix/lib/dispatch/plugins/generic-workflow mine=$root/plugins/generic-workflow/tests/recordings
  local input='{"workflow_id": "restart", "params": {"service": "checkout"}, "incident": {"id": 1, "name": "dispatch-1", "title": "t"}}'
  refused dispatch-plugin record "$engine" run "$input" --config engine.json --to engine/run.har --allow-private
  says "engine/run.har cannot be written: there is no directory engine."
  mkdir engine
  run dispatch-plugin record "$engine" run "$input" --config engine.json --to engine/run.har --allow-private
  refused dispatch-plugin record "$engine" nosuch --config engine.json --to engine/none.har --allow-private
  says "Nothing was recorded: nosuch ended as UNSUPPORTED before any HTTP exchange"
  refused dispatch-plugin record "$engine" run '{}' --config engine.json --to engine/none.har --allow-private --json
  says '"status": "INVALID"'
  [ ! -e engine/none.har ] || { echo "FAILED: a call that reached nobody left a recording"; exit 1; }
  printf '{"api_url": "%s/nosuch", "auth_header": "Bearer %s"}' "$service" "$marker" >lost.json
  run dispatch-plugin record "$engine" run "$input" --config lost.json --to lost.har --allow-private
  says "The call failed, and that is what the recording holds"
  run dispatch-plugin record "$engine" get_instance '{"workflow_id": "restart", "tags": ["dispatch-1"]}' --config engine.json \
    --to engine/get_instance.har --allow-private
  refused dispatch-plugin record "$engine" run "$input" --config engine.json --to engine/run.har --allow-private
  says "engine/run.har is there already. Nothing was called."
  refused dispatch-plugin record "$engine" run "$input" --config engine.json --to engine/run.har --allow-private --replace --home both
  no_secret_in acme-jira/tests/recordings/real.har engine/*.har
  grep -rlF "$marker" "$work/log" && { echo "FAILED: the secret was printed"; exit 1; }
  stop_service
  if python3 -c "import socket; socket.create_connection(('127.0.0.1', int(open('$work/port').read())), 1)" 2>/dev/null; then
    echo "FAILED: the server is still there"; exit 1
  fi
  echo "recorded against a real server, with no secret in the files"

  run dispatch-plugin test "$package" acme-jira/tests/recordings --json replay.json --junit replay.xml --sarif replay.sarif
  says "The plugin does with its peer what is recorded."
  python3 - <<'PY'
import json, xml.etree.ElementTree as tree
report, sarif = json.load(open("replay.json")), json.load(open("replay.sarif"))
names = {(finding["check"], finding["home"]): finding for finding in report["findings"]}
for home in ("worker", "process"):
    for case in ("create", "real"):
        assert names[case, home]["state"] == "ok", names[case, home]
        for fault in ("refused", "timeout", "429", "500", "cut-short", "not-json"):
            assert names[f"{case}/1/{fault}", home]["state"] == "ok", names[f"{case}/1/{fault}", home]
assert report["ok"] and len(sarif["runs"][0]["results"]) == len(names) == int(tree.parse("replay.xml").getroot().get("tests"))
PY
  run dispatch-plugin test "$engine" engine
  run dispatch-plugin test "$engine" "$mine"
  says "0 failed"
  echo "replayed with the server gone, in both homes, with every exchange broken in six ways"

  # What the plugin asks for is no longer what was recorded.
  edited acme-jira/tests/recordings/real.har 'log["_dispatch"]["input"]["incident"]["title"] = "Something else"'
  refused dispatch-plugin test "$package" edited.har --no-faults
  says 'which edited.har has not. The nearest there is number 1, POST http://127.0.0.1:'
  says 'in the body title is "Something else", recorded is "Checkout answers 503". Mend the plugin, or record the case again.'
  edited acme-jira/tests/recordings/real.har 'log["entries"][0]["request"]["headers"].append({"name": "X-Tenant", "value": "a"})'
  refused dispatch-plugin test "$package" edited.har --no-faults --home worker
  says 'the header x-tenant is missing, recorded is "a"'
  edited acme-jira/tests/recordings/real.har 'log["entries"].append(json.loads(json.dumps(log["entries"][0]).replace("/tickets", "/labels")))'
  run dispatch-plugin test "$package" edited.har --no-faults --home worker
  says 'Recorded and not asked for: number 2, POST http://127.0.0.1:'
  edited acme-jira/tests/recordings/real.har 'log["_dispatch"]["expected"]["answer"]["resource_id"] = "T-2"'
  refused dispatch-plugin test "$package" edited.har --no-faults --home process
  says 'resource_id is "T-1", recorded is "T-2"'
  edited acme-jira/tests/recordings/real.har 'del log["_dispatch"]'
  refused dispatch-plugin test "$package" edited.har --no-faults
  says "edited.har has exchanges alone. Say in log._dispatch which call makes them"
  echo "a changed request, answer or file is refused, with what differs"

  # A plugin that asks again for ever when nobody is there, crashes on a 429, and takes any other failure for a ticket.
  python3 - acme-jira/acme_jira.cpp <<'PY'
import sys
text = open(sys.argv[1]).read()
before = "  Ticket create(const Call& call, const dispatch::TicketCreate& request) {\n"
assert before in text
open(sys.argv[1], "w").write(text.replace(before, before + """    for (;;) try {
        return createOnce(call, request);
      } catch (const Failure& failure) {
        if (failure.message().find("429") != std::string::npos) __builtin_trap();
        if (failure.message().find("refused") == std::string::npos) return {"T-0", "", ""};
      }
  }
  Ticket createOnce(const Call& call, const dispatch::TicketCreate& request) {
""", 1))
PY
  run cmake --build acme-jira/build --target acme_jira_package
  refused dispatch-plugin test "$package" acme-jira/tests/recordings --only create --home process --limit 3
  says "process  As recorded, with 1 exchange."
  says "create/1/refused    process  The plugin did not end within 3000 ms and was killed"
  says "create/1/429        process  The plugin crashed by signal"
  says 'create/1/500        process  It answers {"resource_id":"T-0"'
  refused dispatch-plugin test "$package" acme-jira/tests/recordings --only create --home worker --limit 3 --junit bad.xml
  says "its worker crashed in create"
  grep -q '<testcase classname="acme-jira.worker" name="create/1/500"' bad.xml || { echo "FAILED: bad.xml lacks the case"; exit 1; }
  echo "a plugin that hangs, crashes or makes up an answer is found"
}

# as_documented TYPE: what the documentation says that `new` makes is what it makes.
as_documented() {
  local id made
  id=$(sed -n "s/.*\`dispatch-plugin new $1 \([a-z-]*\)\` makes.*/\1/p" "$root/docs/plugin-authors.md")
  run dispatch-plugin new "$1" "$id" --dir "documented-$1"
  made=$(awk '/^class /, /^};/' "documented-$1/${id//-/_}.cpp")
  python3 - "$root/docs/plugin-authors.md" "$made" <<'PY'
import sys
assert sys.argv[2] in open(sys.argv[1], encoding="utf-8").read(), f"docs/plugin-authors.md shows another class than is made:\n{sys.argv[2]}"
PY
}

# The other templates that use HTTP, built and tested with their recording.
templates() {
  local type
  for type in contact email workflow auth-provider; do
    run dispatch-plugin new "$type" "kit-http-$type"
    make_package "kit-http-$type"
    run dispatch-plugin test "kit-http-$type/build/lib/dispatch/plugins/kit-http-$type" "kit-http-$type/tests/recordings"
    says "0 failed"
  done
  echo "the templates that use HTTP bring a recording that their plugin passes"
  for type in source webhook; do
    run dispatch-plugin new "$type" "kit-$type"
    as_documented "$type"
    make_package "kit-$type"
    run dispatch-plugin check "kit-$type/build/lib/dispatch/plugins/kit-$type"
    says "0 failed"
  done
  echo "what sees the outside, told or asked, is built, tested and checked as it comes"
}

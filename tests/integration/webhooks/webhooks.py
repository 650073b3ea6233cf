"""Webhooks under the real, installed server, with Debian's Alertmanager as the sender: webhooks.py BUILD_DIR [DIALECT…]

What must hold: one incident for each group of alerts, Stable when they are resolved; nothing lost and nothing doubled when the server
is killed; who does not know the bearer token is refused; the same delivery once more changes nothing; an address that is unknown
tells nothing.
"""
import datetime
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

from dispatch_server import Server, free_port, run_checks, until

API = "/api/v1/default"
TOKEN = "the-token-of-the-alertmanager"


def instant(offset=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset)).isoformat().replace("+00:00", "Z")


class Alertmanager:
    """Debian's program, on loopback, without its service."""

    def __init__(self, server, path):
        self.port = free_port()
        self.directory = os.path.join(server.directory, "alertmanager")
        os.makedirs(self.directory, exist_ok=True)
        config = os.path.join(self.directory, "alertmanager.yml")
        with open(config, "w") as file:
            file.write(f"""
route: {{receiver: dispatch, group_by: [alertname], group_wait: 100ms, group_interval: 500ms, repeat_interval: 2s}}
receivers:
  - name: dispatch
    webhook_configs:
      - url: http://127.0.0.1:{server.port}{path}
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {TOKEN}}}}}
""")
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert program, "prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager (config/packages/test.txt)"
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen([program, f"--config.file={config}", f"--storage.path={self.directory}/data",
                                         f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        until("Alertmanager", lambda: self.curl("GET", "/-/ready") is not None)

    def curl(self, method, path, body=None):
        words = ["curl", "-sS", "--fail", "-X", method, f"http://127.0.0.1:{self.port}{path}"]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "--data", json.dumps(body)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return done.stdout

    def alert(self, name, resource="db1", severity="critical", ends=None):
        self.curl("POST", "/api/v2/alerts", [
            {"labels": {"alertname": name, "instance": resource, "severity": severity},
             "annotations": {"summary": f"{name} on {resource}"}, "endsAt": ends or instant(600)}])

    def close(self):
        self.process.terminate()
        self.process.wait(20)


def rows(server, statement):
    """What the database holds, whatever it is."""
    if server.dialect == "postgresql":
        text = server.sql(statement)
    else:
        import sqlite3
        path = os.path.join(server.prefix, "var", "lib", "dispatch", "dispatch.db")
        if not os.path.exists(path):
            path = next(os.path.join(where, name) for where, _, names in os.walk(server.directory) for name in names if name == "dispatch.db")
        with sqlite3.connect(path, timeout=10) as database:
            text = "\n".join("|".join("" if cell is None else str(cell) for cell in row) for row in database.execute(statement))
    return [line.split("|") for line in text.splitlines() if line]


def incidents(server):
    return server.request("GET", f"{API}/incidents?itemsPerPage=-1", token=server.token).json["items"]


def titled(server, name):
    return [one for one in incidents(server) if one["title"].startswith(name + ":")]


def events(server, incident):
    return server.request("GET", f"{API}/incidents/{incident['id']}", token=server.token).json["events"]


def show(server):
    return json.loads(server.cli("plugins", "show", "alertmanager", "--json").stdout)["instances"][0]


def path_of(server):
    url = show(server)["webhook_url"]
    return "/" + url.split("/", 3)[3]


def payload(group, status="firing", fingerprint="f1", starts="2026-03-01T10:00:00Z"):
    return {"version": "4", "groupKey": group, "truncatedAlerts": 0, "status": status, "receiver": "dispatch", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {}, "externalURL": "",
            "alerts": [{"status": status, "labels": {"alertname": group, "severity": "critical"}, "annotations": {"summary": "sent by hand"},
                        "startsAt": starts, "endsAt": "2026-03-01T11:00:00Z", "generatorURL": "", "fingerprint": fingerprint}]}


def send(server, body, bearer=TOKEN, path=None, method="POST", **more):
    return server.request(method, path or server.path, body, token=bearer, **more)


def deliveries(server):
    return json.loads(server.cli("plugins", "deliveries", "alertmanager", "--json").stdout)


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    server.cli("plugins", "configure", "alertmanager", "priorities=critical=High", "--secret", "bearer_token", "--enable", stdin=TOKEN + "\n")
    server.path = path_of(server)
    assert server.path.startswith("/api/v1/default/events/alertmanager/") and len(server.path.rsplit("/", 1)[1]) == 43, server.path
    permissions = json.loads(server.cli("plugins", "show", "alertmanager", "--json").stdout)["permissions"]
    assert permissions == {"webhook": True, "events": ["incident.report", "incident.update", "timeline.note"]}, permissions
    server.alertmanager = Alertmanager(server, server.path)


def check_one_incident_for_a_group_of_alerts(server):
    server.alertmanager.alert("DiskFull", "db1")
    found = until("the incident", lambda: titled(server, "DiskFull"))
    assert found[0]["incident_priority"]["name"] == "High", found[0]["incident_priority"]
    server.alertmanager.alert("DiskFull", "db2")
    until("the note of the second alert", lambda: any("instance db2" in one["description"] for one in events(server, found[0])))
    assert len(titled(server, "DiskFull")) == 1
    notes = [one for one in events(server, found[0]) if " is firing" in one["description"]]
    assert len(notes) == 2 and {one["source"] for one in notes} == {"Prometheus Alertmanager"}, notes


def check_repeated_notifications_change_nothing(server):
    before = rows(server, "SELECT count(*) FROM event")[0][0]
    until("a repetition by Alertmanager", lambda: any(one["state"] == "duplicate" for one in deliveries(server)), 30)
    assert rows(server, "SELECT count(*) FROM event")[0][0] == before


def check_resolved_is_stable_and_firing_again_active(server):
    for resource in ("db1", "db2"):
        server.alertmanager.alert("DiskFull", resource, ends=instant(-1))
    until("Stable", lambda: titled(server, "DiskFull")[0]["status"] == "Stable", 30)
    time.sleep(1)
    server.alertmanager.alert("DiskFull", "db1")
    until("Active again", lambda: titled(server, "DiskFull")[0]["status"] == "Active", 30)
    assert len(titled(server, "DiskFull")) == 1


def check_less_severe_alerts_are_not_reported(server):
    server.alertmanager.alert("DiskBusy", severity="info")
    until("its delivery", lambda: any(one["state"] == "done" for one in deliveries(server)[:3]))
    time.sleep(1)
    assert titled(server, "DiskBusy") == []


def check_a_wrong_bearer_is_401_and_stores_no_credential(server):
    before = len(incidents(server))
    for bearer in (None, "another-token", TOKEN + "x", TOKEN[:-1]):
        answer = send(server, payload("forged"), bearer)
        assert answer.status == 401, (bearer, answer.status, answer.text)
    assert len(incidents(server)) == before
    refused = [one for one in deliveries(server) if one["state"] == "refused"]
    assert len(refused) == 4 and refused[0]["response_status"] == 401, refused
    assert send(server, payload("forged")).status == 204, "a forged one must not take the id of the right one"
    assert len(titled(server, "forged")) == 1


def check_the_same_delivery_once_more_changes_nothing(server):
    assert send(server, payload("replayed")).status == 204
    [incident] = titled(server, "replayed")
    # Its own flow, which runs on by itself, and Alertmanager, which goes on sending, change rows too.
    until("the end of its flow", lambda: not rows(server, f"SELECT id FROM flow WHERE subject_id = {incident['id']} AND finished_at IS NULL"))
    places = {"event": "incident_id", "plugin_event": "incident_id", "flow": "subject_id"}
    counts = lambda: [rows(server, f"SELECT count(*) FROM {table} WHERE {column} = {incident['id']}") for table, column in places.items()]
    before = counts()
    assert all(int(count) > 0 for [[count]] in before), before
    for _ in range(3):
        assert send(server, payload("replayed")).status == 204
    assert counts() == before
    assert len(titled(server, "replayed")) == 1
    assert len([one for one in deliveries(server)[:10] if one["state"] == "duplicate"]) >= 3


def check_an_unknown_address_tells_nothing(server):
    nothing = server.request("POST", "/api/v1/default/no/such/path/here", {})
    for path in (server.path[:-1] + ("A" if server.path[-1] != "A" else "B"), f"{API}/events/alertmanager/short", f"{API}/events/other/" + "x" * 43,
                 server.path.replace("/alertmanager/", "/smtp-email/"), server.path.replace("/default/", "/nowhere/")):
        answer = send(server, payload("x"), path=path)
        assert (answer.status, answer.text) == (404, nothing.text), (path, answer.status, answer.text)


def check_the_plugin_sees_method_and_path_and_the_body_has_a_limit(server):
    assert send(server, None, method="GET").status == 405
    assert send(server, payload("below"), path=server.path + "/and/below/?a=b").status == 204
    assert send(server, "not json").status == 400
    assert send(server, b"x" * (1 << 20) + b"x").status == 413


def check_a_request_that_is_cut_off_never_arrives(server):
    """Larger than what is read ahead, so that it breaks under the handler's hands. (Alertmanager goes on sending, less at a time.)"""
    whole = json.dumps({**payload("cut"), "padding": "x" * 400_000}).encode()
    for sent in (1, 100_000, 300_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
            line.sendall((f"POST {server.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
                          f"Content-Length: {len(whole)}\r\n\r\n").encode() + whole[:sent])
    time.sleep(1)
    arrived = [one["body_bytes"] for one in deliveries(server) if one["body_bytes"] < 10 or one["body_bytes"] > 50_000]
    assert not [size for size in arrived if size in (1, 100_000, 300_000) or 50_000 < size < len(whole)], arrived
    assert send(server, whole.decode()).status == 204
    assert len(titled(server, "cut")) == 1


def check_the_log_tells_no_address(server):
    token = server.path.rsplit("/", 1)[1]
    logs = server.output()
    for where, _, names in os.walk(os.path.join(server.prefix, "var")):
        for name in names:
            if name.endswith(".log"):
                with open(os.path.join(where, name), errors="replace") as file:
                    logs += file.read()
    assert token not in logs and TOKEN not in logs


def check_only_admins_see_the_address(server):
    number = show(server)["instance"]
    one = f"{API}/plugins/instances/{number}"
    member = server.register("member@example.com")
    assert server.request("GET", one, token=server.token).json["webhook"]["url"].endswith(server.path)
    for method, path in (("GET", one), ("GET", one + "/deliveries"), ("POST", one + "/webhook/rotate"), ("POST", one + "/deliveries/1/retry")):
        assert server.request(method, path, {} if method == "POST" else None, token=member).status == 403, path
    listed = server.request("GET", f"{API}/plugins/instances?itemsPerPage=-1", token=member).text
    assert server.path.rsplit("/", 1)[1] not in listed
    items = server.request("GET", one + "/deliveries", token=server.token).json["items"]
    assert items and {"id", "state", "reason", "attempt"} <= set(items[0]), items[:1]
    assert server.request("POST", f"{one}/deliveries/{items[0]['id']}/retry", {}, token=server.token).status == 409


def check_nothing_acknowledged_is_lost_when_the_server_is_killed(server):
    """By hand: every delivery that got a 2xx is an incident afterwards, once; the others are sent again, as senders do."""
    acknowledged, unanswered = set(), set()
    gate = threading.Semaphore(4)

    def deliver(number):
        with gate:
            try:
                answer = send(server, payload(f"kill-{number:03}"), timeout=10)
                (acknowledged if answer.status < 300 else unanswered).add(number)
            except OSError:
                unanswered.add(number)

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(80)]
    for thread in threads:
        thread.start()
    until("some of them", lambda: len(acknowledged) >= 15)
    server.kill()
    for thread in threads:
        thread.join()
    assert unanswered, "the kill came after everything"
    server.start()

    def titles():
        return sorted(one["title"].split(":")[0] for one in incidents(server) if one["title"].startswith("kill-"))
    try:
        until("every acknowledged one", lambda: {f"kill-{number:03}" for number in acknowledged} <= set(titles()), 60)
    except AssertionError as error:
        left = rows(server, "SELECT id, state, attempt, next_try_at, reason FROM webhook_delivery WHERE state <> 'done' ORDER BY id DESC LIMIT 20")
        missing = sorted({f"kill-{number:03}" for number in acknowledged} - set(titles()))
        raise AssertionError(f"{error}; missing {missing}; not done: {left}") from error
    for number in unanswered:
        until("the delivery", lambda: send(server, payload(f"kill-{number:03}")).status < 300, 30)
    until("all of them", lambda: len(set(titles())) == 80, 60)
    assert len(titles()) == 80, "some incident is there twice"
    print(f"        {len(acknowledged)} acknowledged before the kill, {len(unanswered)} sent again")


def check_alertmanagers_alerts_survive_a_kill(server):
    for number in range(20):
        server.alertmanager.alert(f"Storm{number:02}")
    until("the first ones", lambda: len([one for one in incidents(server) if one["title"].startswith("Storm")]) >= 3)
    server.kill()
    time.sleep(1)
    server.start()
    until("all", lambda: len({one["title"] for one in incidents(server) if one["title"].startswith("Storm")}) == 20, 90)
    time.sleep(3)
    assert len([one for one in incidents(server) if one["title"].startswith("Storm")]) == 20


def check_no_delivery_is_left_in_hand(server):
    until("the end of all", lambda: not rows(server, "SELECT id FROM webhook_delivery WHERE state IN ('running', 'waiting')"), 60)
    assert not rows(server, "SELECT id FROM webhook_delivery WHERE state = 'failed'")


def check_the_log_tells_no_address_while_the_database_is_away(server):
    if server.dialect != "postgresql":
        return  # an open SQLite file does not go away
    server.sql(f"ALTER DATABASE {server.database} ALLOW_CONNECTIONS false", "")
    try:
        def away():
            server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{server.database}'", "")
            return send(server, payload("away")).status == 503
        until("a refusal", away)
        assert "/events/alertmanager/…: " in server.output(), "the log does not tell the operator"
        check_the_log_tells_no_address(server)
    finally:
        server.sql(f"ALTER DATABASE {server.database} ALLOW_CONNECTIONS true", "")
    until("the database again", lambda: send(server, payload("away")).status in (202, 204), 60)


def check_the_address_can_be_changed(server):
    refused = server.cli("plugins", "rotate-webhook", "alertmanager", check=False, stdin="")
    assert refused.returncode == 1 and "--yes" in refused.stderr, refused.stderr
    assert send(server, payload("replayed")).status == 204
    changed = json.loads(server.cli("plugins", "rotate-webhook", "alertmanager", "--yes", "--json").stdout)["webhook_url"]
    assert send(server, payload("replayed")).status == 404
    assert send(server, payload("replayed"), path="/" + changed.split("/", 3)[3]).status == 204
    server.cli("plugins", "disable", "alertmanager")
    assert send(server, payload("replayed"), path="/" + changed.split("/", 3)[3]).status == 404
    server.alertmanager.close()


CHECKS = [check_set_up, check_one_incident_for_a_group_of_alerts, check_repeated_notifications_change_nothing,
          check_resolved_is_stable_and_firing_again_active, check_less_severe_alerts_are_not_reported,
          check_a_wrong_bearer_is_401_and_stores_no_credential, check_the_same_delivery_once_more_changes_nothing,
          check_an_unknown_address_tells_nothing, check_the_plugin_sees_method_and_path_and_the_body_has_a_limit,
          check_a_request_that_is_cut_off_never_arrives, check_only_admins_see_the_address, check_nothing_acknowledged_is_lost_when_the_server_is_killed,
          check_alertmanagers_alerts_survive_a_kill, check_no_delivery_is_left_in_hand,
          check_the_log_tells_no_address, check_the_log_tells_no_address_while_the_database_is_away, check_the_address_can_be_changed]


def main(build, dialects):
    passed = failed = 0
    for dialect in dialects or ["sqlite", "postgresql"]:
        made = []

        def make(build, dialect):
            # In a worker on one of the two: the same plugin in both homes.
            yaml = 'isolation: {alertmanager: worker}\n' if dialect == "postgresql" else ""
            made.append(Server(build, dialect, {"LOG_LEVEL": "DEBUG"}, yaml))
            return made[0]
        try:
            good, bad = run_checks(CHECKS, build, dialect, make)
        finally:
            if made and getattr(made[0], "alertmanager", None) and made[0].alertmanager.process.poll() is None:
                made[0].alertmanager.close()
        passed, failed = passed + good, failed + bad
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)

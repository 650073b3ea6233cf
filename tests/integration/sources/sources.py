"""Sources under the real, installed server: sources.py BUILD_DIR [DIALECT…]

The plugin is what `dispatch-plugin new source` makes, with one line more for each of the services exec and audit. What must hold: each
alarm of the service is one incident, whatever is killed; a failure is told and mended by itself; only the operator's command runs;
Prometheus reads what is counted.
"""
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse

from dispatch_server import Server, free_port, run_checks, until

API = "/api/v1/default"
TOKEN = "the-token-of-the-service"
PAGE = 5


class Service:
    """What the plugin asks: alarms, a page at a time."""

    def __init__(self):
        self.alarms, self.status, self.delay, self.asked, self.since = [], 200, 0.0, 0, []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked += 1
                status, body = service.status, {}
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    status = 401
                if status == 200:
                    since = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query, keep_blank_values=True).get("since", [""])[0]
                    service.since.append(since)
                    page = service.alarms[int(since or 0):int(since or 0) + PAGE]
                    body = {"alarms": page, "next": str(int(since or 0) + len(page))}
                    time.sleep(service.delay if page else 0)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    pass  # the server was killed

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def raise_alarms(self, word, count):
        for _ in range(count):
            number = len(self.alarms)
            self.alarms.append({"id": f"alarm-{number}", "title": f"{word} {number:03}", "text": "from the service"})


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


def make_server(build, dialect):
    server = Server(build, dialect, settings={"DISPATCH_METRICS_TOKEN": "monitoring"})
    server.pages = os.path.join(server.directory, "pages")
    os.chmod(server.directory, 0o755)
    server.service = Service()
    with open(os.path.join(server.etc, "dispatch.yaml"), "w") as file:
        file.write(f"""
unsigned: [acme-feed]
allow:
  - {{plugin: acme-feed, host: 127.0.0.1}}
commands:
  - {{plugin: acme-feed, name: page, run: [/bin/sh, -c, "cat >>'{server.pages}'; echo >>'{server.pages}'"], timeout: 10}}
""")
    # The author's way: made, changed, built against the installed SDK, its own tests passed.
    run(os.path.join(server.prefix, "bin", "dispatch-plugin"), "new", "source", "acme-feed", cwd=server.directory)
    project = os.path.join(server.directory, "acme-feed")
    source, manifest = os.path.join(project, "acme_feed.cpp"), os.path.join(project, "plugin.json")
    with open(source) as file:
        text = file.read()
    line = '      metrics().count("alarms_total");\n'
    assert line in text, text
    text = text.replace(line, line + '      if (commands().run(call, "page", alarm.text("title")).exitCode != 0)\n'
                        '        throw dispatch::Failure::unavailable("The command failed.");\n'
                        '      audit().record(call, "alarm.seen", alarm.text("id"), {{"title", alarm.text("title")}});\n')
    with open(source, "w") as file:
        file.write(text)
    with open(manifest) as file:
        described = json.load(file)
    described["permissions"]["commands"] = ["page"]
    with open(manifest, "w") as file:
        json.dump(described, file)
    run("cmake", "-G", "Ninja", "-S", project, "-B", project + "/build", f"-DCMAKE_PREFIX_PATH={server.prefix}", "-DBUILD_TESTING=OFF")
    run("cmake", "--build", project + "/build", "--target", "acme_feed_package")
    shutil.copytree(project + "/build/lib/dispatch/plugins/acme-feed", os.path.join(server.prefix, "lib/dispatch/plugins/acme-feed"))
    return server


def incidents(server, word):
    items = server.request("GET", f"{API}/incidents?itemsPerPage=-1", token=server.token).json["items"]
    return sorted(one["title"] for one in items if one["title"].startswith(word))


def show(server):
    return json.loads(server.cli("plugins", "show", "acme-feed", "--json").stdout)["instances"][0]


def poll(server, *more):
    return json.loads(server.cli("plugins", "poll", "acme-feed", "--json", *more).stdout)


def configure(server, *words, token=TOKEN):
    server.cli("plugins", "configure", "acme-feed", f"url={server.service.url}", "every_seconds=1", *words, "--secret", "token", stdin=token + "\n")


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    server.service.raise_alarms("first", 12)
    configure(server)
    server.cli("plugins", "enable", "acme-feed")
    assert show(server)["running"]["home"] == "worker"


def check_each_alarm_is_one_incident(server):
    until("twelve incidents", lambda: len(incidents(server, "first")) == 12)
    now = until("the last, empty page", lambda: (lambda source: source["events"] == 12 and source["polls"] >= 4 and source)(show(server)["source"]))
    assert now["failures"] == 0 and now["last_error"] is None, now
    assert len(set(incidents(server, "first"))) == 12


def check_only_the_operators_command_ran(server):
    with open(server.pages) as file:
        assert sorted(file.read().split("\n")[:-1]) == incidents(server, "first")
    assert any(one["method"] == "EXEC" and one["path"] == "page" and one["status"] == 0 for one in show(server)["running"]["outbound"])


def check_the_audit_has_what_the_plugin_recorded(server):
    if server.dialect == "postgresql":
        found = server.sql("SELECT subject FROM audit WHERE action = 'plugin.acme-feed.alarm.seen' AND actor = 'plugin:acme-feed' ORDER BY id").split()
    else:
        import sqlite3
        path = next(os.path.join(where, name) for where, _, names in os.walk(server.prefix) for name in names if name == "dispatch.db")
        with sqlite3.connect(path, timeout=10) as database:
            found = [row[0] for row in database.execute("SELECT subject FROM audit WHERE action = 'plugin.acme-feed.alarm.seen' AND actor = 'plugin:acme-feed' ORDER BY id")]
    assert found == [f"alarm-{number}" for number in range(12)], found


def check_it_is_asked_when_somebody_wants_it(server):
    configure(server, "every_seconds=3600")
    before = poll(server)["polls"]
    server.service.raise_alarms("wanted", 1)
    assert poll(server)["polls"] > before
    until("the incident", lambda: incidents(server, "wanted"))


def check_starting_over_tells_nothing_twice(server):
    events, before = show(server)["source"]["events"], len(server.service.since)
    poll(server, "--start-over")
    until("a whole round", lambda: server.service.since[before:][:1] == [""] and server.service.since[-1] == str(len(server.service.alarms)))
    until("its end", lambda: not show(server)["source"]["polling"])
    assert show(server)["source"]["events"] == events
    assert len(incidents(server, "first")) == 12 and len(incidents(server, "wanted")) == 1


def check_a_failure_is_told_and_mended_by_itself(server):
    server.service.status = 500
    configure(server)
    poll(server)
    now = until("a failure", lambda: (lambda source: source["failures"] and source)(show(server)["source"]))
    assert now["last_error"].endswith("The service answered 500.") and now["next_poll_at"] > now["last_polled_at"], now
    server.service.raise_alarms("after the failure", 1)
    server.service.status = 200
    poll(server)
    until("the incident", lambda: incidents(server, "after the failure"))
    assert show(server)["source"]["failures"] == 0
    configure(server, token="another")
    poll(server)
    until("a refused token", lambda: "refuses the token" in (show(server)["source"]["last_error"] or ""))
    configure(server)
    poll(server)
    until("the right one", lambda: show(server)["source"]["last_error"] is None)


def check_nothing_is_lost_or_doubled_when_the_server_is_killed(server):
    for round_ in range(3):
        server.service.delay = 0.2
        server.service.raise_alarms(f"kill {round_}", 20)
        until("some of them", lambda: len(incidents(server, f"kill {round_}")) >= 3 + round_)
        server.kill()
        server.service.delay = 0.0
        server.start()
        # On PostgreSQL the killed server's lease has to end first: half a minute.
        until("all of them", lambda: len(set(incidents(server, f"kill {round_}"))) == 20, 60)
        assert len(incidents(server, f"kill {round_}")) == 20, "some incident is there twice"


def check_one_that_is_disabled_is_not_asked(server):
    server.cli("plugins", "disable", "acme-feed")
    time.sleep(0.3)
    asked = server.service.asked
    time.sleep(2.5)
    assert server.service.asked == asked
    refused = server.cli("plugins", "poll", "acme-feed", check=False)
    assert refused.returncode == 1 and "disabled" in refused.stderr, refused.stderr
    server.cli("plugins", "enable", "acme-feed")
    until("a question", lambda: server.service.asked > asked)


def check_only_admins_ask(server):
    number = show(server)["instance"]
    one = f"{API}/plugins/instances/{number}"
    member = server.register("member@example.com")
    assert server.request("POST", one + "/poll", {}, token=member).status == 403
    answer = server.request("POST", one + "/poll", {"start_over": False}, token=server.token)
    assert answer.status == 200 and answer.json["source"]["polls"] > 0, answer.text
    other = next(one["id"] for one in server.request("GET", f"{API}/plugins/instances?itemsPerPage=-1", token=server.token).json["items"] if one["id"] != number)
    assert server.request("POST", f"{API}/plugins/instances/{other}/poll", {}, token=server.token).status in (404, 409)


def metrics(server, token="monitoring", headers=None):
    return server.request("GET", "/metrics", token=token, headers=headers)


def check_metrics_are_for_who_knows_the_token(server):
    assert metrics(server).status == 200
    assert metrics(server, token=None).status == 401 and metrics(server, token="another").status == 401
    answer = metrics(server)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers["Content-Type"]
    checked = subprocess.run(["promtool", "check", "metrics"], input=answer.text, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stdout + checked.stderr
    assert TOKEN not in answer.text


def check_prometheus_reads_them(server):
    """Debian's program, on loopback, without its service."""
    directory, port = os.path.join(server.directory, "prometheus"), free_port()
    os.makedirs(directory)
    with open(os.path.join(directory, "prometheus.yml"), "w") as file:
        file.write(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: dispatch
    authorization: {{credentials: monitoring}}
    static_configs: [{{targets: ["127.0.0.1:{server.port}"]}}]
""")
    with open(os.path.join(directory, "log"), "wb") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
                                    f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT)
    try:
        def query(expression):
            found = json.loads(run("curl", "-sS", "--fail", "-G", f"http://127.0.0.1:{port}/api/v1/query", "--data-urlencode", f"query={expression}").stdout)
            return found["data"]["result"]

        def asked(expression):
            try:
                return query(expression)
            except AssertionError:
                return None  # it is starting
        until("a scrape", lambda: [one for one in (asked('up{job="dispatch"}') or []) if one["value"][1] == "1"], 30)
        server.service.raise_alarms("counted", 1)
        counted = until("the plugin's own", lambda: asked('plugin_acme_feed_alarms_total{project="default"} > 0'))
        assert counted[0]["metric"]["organization"] == "default" and "exported_instance" not in counted[0]["metric"], counted
        calls = query('dispatch_plugin_calls_total{plugin="acme-feed"}')
        assert int(calls[0]["value"][1]) > 0, calls
        assert query('sum(dispatch_http_responses_total{class="2xx"}) > 0')
    finally:
        process.terminate()
        process.wait(20)


def check_without_a_token_metrics_are_for_this_machine(server):
    server.stop()
    del server.settings["DISPATCH_METRICS_TOKEN"]
    server.write_settings()
    server.start()
    assert metrics(server, token=None).status == 200
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        answer = metrics(server, token=None, headers={name: "for=203.0.113.9"})
        assert answer.status == 403 and "DISPATCH_METRICS_TOKEN" in answer.text, answer.text


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for kind in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(everything, sys.argv[1], kind, make_server)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

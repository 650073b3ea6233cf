"""Who is on call, and where to meet, under the real, installed server: oncall.py BUILD_DIR [DIALECT…]

Debian's nginx serves the calendars, with ETags and behind an Authorization header, and what a Jitsi Meet server serves: config.js, and
one page for every room. What must hold: an incident whose role names a service has who is on call for it as commander; a calendar that
has not changed is not sent again; one that cannot be had serves from memory; what is wrong is told in a sentence; each incident has a
room of its own. The recurrence rules are held against python3-dateutil.
"""
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import sys
import urllib.request

import vectors
from dispatch_server import Server, free_port, run_checks, until

API = "/api/v1/default"
FEED_TOKEN = "Bearer the-token-of-the-feeds"
ROOM_SECRET = "the secret of the rooms"
BERLIN = "\r\n".join(vectors.timezone("Europe/Berlin"))


class Nginx:
    """Debian's program, on loopback, without its service."""

    def __init__(self, directory):
        self.directory, self.port = os.path.join(directory, "nginx"), free_port()
        os.makedirs(os.path.join(self.directory, "root", "calendars"))
        self.url = f"http://127.0.0.1:{self.port}"
        temporary = "\n".join(f"{name}_temp_path {self.directory}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(self.directory, "nginx.conf"), "w") as file:
            file.write(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; master_process off; pid {self.directory}/pid; error_log {self.directory}/error.log;
events {{}}
http {{
  log_format plain '$status $request_uri'; access_log {self.directory}/access.log plain;
  {temporary}
  types {{ text/calendar ics; application/javascript js; text/html html; }}
  server {{
    listen 127.0.0.1:{self.port}; root {self.directory}/root;
    location /calendars/ {{ if ($http_authorization != "{FEED_TOKEN}") {{ return 401; }} }}
    location ~ ^/([^/?&:'"]+)$ {{ try_files $uri /index.html; }}
  }}
}}
""")
        self.write("config.js", "var config = { hosts: { domain: 'meet.example.com', muc: 'conference.meet.example.com' } };\n")
        self.write("index.html", "<html>Jitsi Meet</html>\n")
        self.process = None
        self.start()

    def start(self):
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        assert os.path.exists(program), "nginx is not installed: apt-get install nginx-light (config/packages/test.txt)"
        with open(os.path.join(self.directory, "out"), "ab") as out:
            self.process = subprocess.Popen([program, "-c", os.path.join(self.directory, "nginx.conf"), "-e", os.path.join(self.directory, "error.log")],
                                            stdout=out, stderr=subprocess.STDOUT)
        until("nginx", lambda: self.get("/config.js"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def write(self, name, text):
        path = os.path.join(self.directory, "root", name)
        with open(path + ".new", "w", newline="") as file:
            file.write(text)
        os.replace(path + ".new", path)

    def asked(self):
        """(status, path) of every request so far."""
        with open(os.path.join(self.directory, "access.log")) as file:
            return [tuple(line.split()) for line in file]


def calendar(*events):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//on call//EN", BERLIN, *events, "END:VCALENDAR", ""])


def rotation(person, first_week, of=2, more=""):
    """Weeks from Monday, nine o'clock in Berlin, counted from the one of now."""
    now = datetime.datetime.now()
    monday = (now - datetime.timedelta(days=now.weekday() + 7 * 52)).replace(hour=9, minute=0, second=0)
    start = monday + datetime.timedelta(days=7 * first_week)
    end = start + datetime.timedelta(days=7)
    stamp = "%Y%m%dT%H%M%S"
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{person}-{first_week}@example.com", "DTSTAMP:20260101T000000Z",
                        f"DTSTART;TZID=Europe/Berlin:{start.strftime(stamp)}", f"DTEND;TZID=Europe/Berlin:{end.strftime(stamp)}",
                        f"RRULE:FREQ=WEEKLY;INTERVAL={of}{more}", "SUMMARY:On call",
                        f"ATTENDEE;CN={person.title()}:mailto:{person}@example.com", "END:VEVENT"])


def now_on(person, hours=12):
    """An exception: somebody stands in, from an hour ago."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    stamp = "%Y%m%dT%H%M%SZ"
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{person}-now@example.com", f"DTSTART:{(now - datetime.timedelta(hours=1)).strftime(stamp)}",
                        f"DTEND:{(now + datetime.timedelta(hours=hours)).strftime(stamp)}", f"SUMMARY:{person.title()} <{person}@example.com>", "END:VEVENT"])


def make_server(build, dialect):
    server = Server(build, dialect)
    os.chmod(server.directory, 0o755)
    with open(os.path.join(server.etc, "dispatch.yaml"), "a") as file:
        file.write("allow:\n  - {plugin: ical, host: 127.0.0.1}\n  - {plugin: jitsi, host: 127.0.0.1}\n")
    server.nginx = Nginx(server.directory)
    server.build = build
    close = server.close

    def close_both():
        if server.nginx.process.poll() is None:
            server.nginx.stop()
        close()
    server.close = close_both
    return server


def post(server, path, body, method="POST"):
    answer = server.request(method, API + path, body, token=server.token)
    assert answer.status in (200, 201), f"{method} {path}: {answer.status} {answer.text}"
    return answer.json


def report(server, title):
    return post(server, "/incidents", {"title": title, "description": "It does not answer.", "project": {"name": "default"}})


def read(server, incident):
    return server.request("GET", f"{API}/incidents/{incident['id']}", token=server.token).json


def commander(server, incident):
    return ((read(server, incident).get("commander") or {}).get("individual") or {}).get("email")


def people(server, incident):
    return {one["individual"]["email"] for one in read(server, incident)["participants"]}


def steps(server, incident):
    flows = server.request("GET", f"{API}/incidents/{incident['id']}/steps", token=server.token).json["flows"]
    return [step for flow in flows for step in flow["steps"]]


def plugin_test(server, plugin, *words):
    done = server.cli("plugins", "test", plugin, *words, check=False)
    return done.returncode, done.stdout + done.stderr


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    server.nginx.write("calendars/checkout.ics", calendar(rotation("grace", -1), rotation("grace", 0), rotation("ada", 80, 1)))
    server.cli("plugins", "configure", "ical", f"url={server.nginx.url}/calendars/{{service}}.ics", "--secret", "auth_header", "--enable", stdin=FEED_TOKEN + "\n")
    server.cli("plugins", "configure", "jitsi", f"url={server.nginx.url}", "challenge=ask the desk", "--secret", "room_secret", "--enable", stdin=ROOM_SECRET + "\n")
    service = post(server, "/services", {"name": "Checkout", "external_id": "checkout", "type": "ical", "project": {"name": "default"}})
    types = server.request("GET", f"{API}/incident_types?itemsPerPage=-1", token=server.token).json["items"]
    priorities = server.request("GET", f"{API}/incident_priorities?itemsPerPage=-1", token=server.token).json["items"]
    post(server, "/incident_roles/Incident%20Commander?projectName=default",
         {"policies": [{"enabled": True, "order": 1, "service": service, "incident_types": types, "incident_priorities": priorities,
                        "engage_next_oncall": True}]}, "PUT")


def check_the_test_buttons(server):
    code, text = plugin_test(server, "ical")
    assert code == 0 and "grace@example.com" in text, text
    code, text = plugin_test(server, "ical", "service=nobody")
    assert code == 1 and "HTTP 404" in text and "external id" in text, text
    code, text = plugin_test(server, "jitsi")
    assert code == 0 and "Jitsi Meet server" in text, text


def check_who_is_on_call_commands(server):
    server.first = report(server, "Checkout answers 503")
    until("the commander", lambda: commander(server, server.first) == "grace@example.com")
    # The role policy wants the next one to watch, too.
    until("the next", lambda: "ada@example.com" in people(server, server.first))


def check_an_incident_has_a_room(server):
    room = until("the room", lambda: read(server, server.first).get("conference"))
    name = server.first["name"]
    assert re.fullmatch(re.escape(f"{server.nginx.url}/{name}-") + "[a-z2-7]{20}", room["weblink"]), room
    assert room["conference_challenge"] == "ask the desk", room
    assert "Jitsi Meet" in server.nginx.get(room["weblink"][len(server.nginx.url):])
    assert not [path for _, path in server.nginx.asked()[:-1] if name in path], "the room was visited"
    server.room = room["weblink"]


def check_another_has_another(server):
    second = report(server, "Search answers 503")
    room = until("the room", lambda: read(server, second).get("conference"))
    assert room["weblink"].rsplit("-", 1)[1] != server.room.rsplit("-", 1)[1]


def check_a_calendar_that_has_not_changed_is_not_sent_again(server):
    before = len(server.nginx.asked())
    incident = report(server, "Not changed")
    until("the commander", lambda: commander(server, incident) == "grace@example.com")
    statuses = {status for status, path in server.nginx.asked()[before:] if path == "/calendars/checkout.ics"}
    assert statuses == {"304"}, statuses


def check_one_that_has_changed_counts_at_once(server):
    server.nginx.write("calendars/checkout.ics", calendar(rotation("grace", -1), rotation("grace", 0), now_on("alan")))
    incident = report(server, "Changed")
    until("the commander", lambda: commander(server, incident) == "alan@example.com")
    # Whose turn it is once the exception is over.
    until("the next", lambda: "grace@example.com" in people(server, incident))


def check_the_last_copy_serves_when_the_calendar_cannot_be_had(server):
    server.nginx.stop()
    try:
        incident = report(server, "No calendar")
        until("the commander", lambda: commander(server, incident) == "alan@example.com")
        code, text = plugin_test(server, "ical", "service=checkout")
        assert code == 1 and "refused" in text, text
    finally:
        server.nginx.start()


def check_nobody_on_call_is_told(server):
    server.nginx.write("calendars/checkout.ics", calendar(rotation("grace", -100, 1, ";COUNT=2")))
    incident = report(server, "Nobody")
    until("the failure", lambda: any("Nobody is on call at" in json.dumps(step) for step in steps(server, incident)))
    assert commander(server, incident) == "root@example.com"


def check_a_rule_that_cannot_be_followed_is_named(server):
    text = calendar(rotation("grace", -1)).replace("FREQ=WEEKLY;INTERVAL=2", "FREQ=HOURLY;INTERVAL=12")
    server.nginx.write("calendars/checkout.ics", text)
    code, text = plugin_test(server, "ical")
    assert code == 1 and "RRULE:FREQ=HOURLY;INTERVAL=12 cannot be followed" in text, text


def check_a_wrong_token_is_told(server):
    server.cli("plugins", "configure", "ical", "--secret", "auth_header", stdin="Bearer another\n")
    code, text = plugin_test(server, "ical", "service=checkout")
    assert code == 1 and "HTTP 401" in text and "Authorization header" in text and "another" not in text, text


def check_no_member_leads_the_token_elsewhere(server):
    for address in (f"{server.nginx.url}/index.html", f"{server.nginx.url}/calendars/../config.js", "http://127.0.0.1:1/calendars/x.ics"):
        before = len(server.nginx.asked())
        code, text = plugin_test(server, "ical", f"service={address}")
        assert code == 1 and "should begin with" in text, text
        assert len(server.nginx.asked()) == before


def check_rules_are_followed_as_dateutil_follows_them(server):
    seed = random.randrange(1_000_000)
    path = os.path.join(server.directory, "vectors.json")
    with open(path, "w") as file:
        json.dump(vectors.vectors(seed, 400), file)
    program = os.path.join(server.build, "bin", "plugin_ical_tests")
    done = subprocess.run([program, "--gtest_filter=Vectors.*"], capture_output=True, text=True, env={**os.environ, "ICAL_VECTORS": path}, timeout=300)
    assert done.returncode == 0 and "2 tests." in done.stdout.split("PASSED")[-1], f"seed {seed}: {done.stdout[:3000]}"


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for kind in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(everything, sys.argv[1], kind, make_server)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

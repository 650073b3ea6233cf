"""kill -9 at random moments while incidents are being reported: kills.py BUILD_DIR [sqlite|postgresql]

A real server with a real mail plugin, and a mail server that counts every message it ever took, also those whose taking the
server never learned of. What must hold in the end:
  - a report that was answered 200 is there, with its name, reporter and ticket
  - a report that was repeated with its Idempotency-Key is there at most once
  - every step has ended: none is stuck
  - no mail came twice; one came for each step that is done, and for no other but an uncertain one
"""
import collections
import http.client
import json
import os
import random
import re
import socketserver
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from dispatch_server import Server, until  # noqa: E402

KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("KILLS_SEED", str(random.randrange(2**32))))
REPORTERS = 3
ENDED = ("done", "skipped", "failed", "uncertain")


class MailSink(socketserver.ThreadingTCPServer):
    """Takes every mail; counts at the final dot, before it answers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.counts = collections.Counter()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Conversation)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that was killed


class Conversation(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        self.say("220 sink")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.say("354 go on")
                message = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    message += line
                if not line:
                    return
                found = re.search(rb"^Message-ID:\s*(\S+)", message, re.M | re.I)
                with self.server.lock:
                    self.server.counts[found.group(1).decode() if found else "none"] += 1
                time.sleep(random.random() * 0.02)  # the moment in which a crash leaves the sender in doubt
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")


class Reporter(threading.Thread):
    """Reports one incident after the other; repeats with the same key what was not answered."""

    def __init__(self, server, token, number, random_):
        super().__init__(daemon=True)
        self.server, self.token, self.number, self.random = server, token, number, random_
        self.acknowledged = {}
        self.given_up = []
        self.stopping = threading.Event()

    def run(self):
        count = 0
        while not self.stopping.is_set():
            count += 1
            title = f"kill-{self.number}-{count:05d}"
            self.report(title)
            time.sleep(self.random.random() * 0.15)

    def report(self, title):
        for _ in range(200):
            try:
                answer = self.server.request("POST", "/api/v1/default/incidents", {"title": title, "description": "while servers die"}, self.token,
                                             {"Idempotency-Key": title}, timeout=5)
                if answer.status == 200:
                    self.acknowledged[title] = answer.json["id"]
                    return
                if answer.status == 409:  # the first try is in doubt; it may be there once, and is looked for in the end
                    self.given_up.append(title)
                    return
                if answer.status not in (429, 503):
                    raise SystemExit(f"a report was answered {answer.status}: {answer.text}")
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                pass
            time.sleep(0.05)
            if self.stopping.is_set():
                self.given_up.append(title)
                return


def run(build, dialect):
    choose = random.Random(SEED)
    sink = MailSink()
    port = sink.server_address[1]
    yaml = f"""
plugins:
  - plugin: smtp-email
    configuration: {{host: 127.0.0.1, port: {port}, security: plain, from_address: dispatch@example.com}}
allow:
  - {{plugin: smtp-email, host: 127.0.0.1, port: {port}}}
"""
    server = Server(build, dialect, {"LOG_LEVEL": "WARNING"}, yaml)
    try:
        server.start()
        token = server.register("reporter@example.com")
        reporters = [Reporter(server, token, n, random.Random(SEED + n)) for n in range(REPORTERS)]
        for reporter in reporters:
            reporter.start()
        began = time.monotonic()
        for kill in range(KILLS):
            # Most let it become ready and work a while; some hit the start itself.
            time.sleep(choose.random() * (0.3 if choose.random() < 0.2 else 1.2))
            if server.process.poll() is not None:
                raise AssertionError(f"the server ended by itself with {server.process.returncode}: {server.output()[-2000:]}")
            server.kill()
            server.start(wait=False)
        print(f"  [{dialect}] {KILLS} kills in {time.monotonic() - began:.0f} s, seed {SEED}", flush=True)
        until("the server", server.is_ready, 60)
        for reporter in reporters:
            reporter.stopping.set()
        for reporter in reporters:
            reporter.join(60)
        judge(server, dialect, token, reporters, sink)
    except AssertionError:
        print(server.output()[-3000:])
        raise
    finally:
        server.close()
        sink.shutdown()


def judge(server, dialect, token, reporters, sink):
    def get(path):
        answer = server.request("GET", f"/api/v1/default/{path}", token=token)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json

    there = collections.defaultdict(list)
    for incident in get("incidents?itemsPerPage=-1&include[]=id&include[]=title&include[]=name")["items"]:
        there[incident["title"]].append(incident)
    acknowledged = {title: id_ for reporter in reporters for title, id_ in reporter.acknowledged.items()}
    doubtful = [title for reporter in reporters for title in reporter.given_up]
    lost = [title for title, id_ in acknowledged.items() if [incident["id"] for incident in there[title]] != [id_]]
    assert not lost, f"acknowledged and not there exactly once: {lost[:5]} of {len(lost)}"
    doubled = [title for title, found in there.items() if len(found) > 1]
    assert not doubled, f"reported once, there more often: {doubled[:5]}"
    assert len(acknowledged) >= KILLS // 2, f"only {len(acknowledged)} reports got through: this was no load"

    states = collections.Counter()
    mails = collections.Counter()
    everyone = [incident for found in there.values() for incident in found]

    def steps_of(incident):
        flows = get(f"incidents/{incident['id']}/steps")["flows"]
        return flows, [step for flow in flows for step in flow["steps"]]

    def ended(incident):
        flows, steps = steps_of(incident)
        waits = any(step["state"] in ("failed", "uncertain") for step in steps)
        return flows and all(step["state"] in ENDED or (step["state"] == "waiting" and waits) for step in steps) and steps

    for incident in everyone:
        steps = until(f"the end of the steps of {incident['title']}", lambda i=incident: ended(i), 120, 0.2)
        for step in steps:
            states[step["state"]] += 1
            if step["method"] == "send":
                mails[step["state"]] += 1
        full = get(f"incidents/{incident['id']}")
        assert full["name"] and full["reporter"] and full["ticket"], f"{incident['title']} has no name, reporter or ticket"
    assert not states["failed"], f"steps failed, with everything in order: {dict(states)}"
    twice = {name: count for name, count in sink.counts.items() if count > 1}
    assert not twice, f"mails that came more than once: {twice}"
    taken = sum(sink.counts.values())
    assert mails["done"] > 0, "no mail was sent at all: this shows nothing"
    assert mails["done"] <= taken <= mails["done"] + mails["uncertain"], f"{taken} mails came, steps say {dict(mails)}"
    print(f"  [{dialect}] {len(acknowledged)} reports acknowledged, {len(doubtful)} in doubt, none lost or doubled; steps {dict(states)};"
          f" {taken} mails, {mails['uncertain']} uncertain", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[2:] or ("sqlite", "postgresql"):
        run(sys.argv[1], chosen)

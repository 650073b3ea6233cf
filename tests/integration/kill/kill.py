"""kill -9 at every boundary of every step of a new incident: kill.py BUILD_DIR [sqlite|postgresql]

The real server with its real plugins is killed by a fail-point, started again, and must finish what it had begun. A mail server
and a workflow engine outside of it count raw deliveries. What is expected depends on the step's effect:
  - read, idempotent, or done by the host: it ends "done"; an idempotent call may come twice, then with the same key
  - at-most-once, killed while an attempt was under way: "uncertain", with one delivery if the call had been made and none if not;
    nothing is sent again until a person says so
  - everything else of the incident: once
An incident whose report was committed has name, ticket, reporter and commander; one that was not has left nothing.
"""
import collections
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import time

from dispatch_server import Server, until

PLUGIN_STEPS = ("contact.reporter", "ticket.create", "participants.resolve", "ticket.update", "mail.welcome/1", "mail.notification/1", "workflow.run/1")
HOST_STEPS = ("commander.announce", "mail.welcome", "mail.notification", "workflow.run")
EXPANDING = ("participants.resolve", "mail.welcome", "mail.notification", "workflow.run")
EVERYWHERE = ("flow.before_claim", "flow.after_claim", "flow.before_call", "flow.before_commit", "flow.after_commit")
ENDED = ("done", "skipped", "failed", "uncertain")
API = "/api/v1/default"


def places():
    for key in PLUGIN_STEPS + HOST_STEPS:
        for point in EVERYWHERE:
            yield point, key
    for key in PLUGIN_STEPS:
        yield "flow.after_call", key
    for key in EXPANDING:
        yield "flow.after_expand", key


class Mails(socketserver.ThreadingTCPServer):
    """Takes every mail and counts it at its final dot."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        self.taken = []
        super().__init__(("127.0.0.1", 0), Conversation)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # a client that was killed

    def of(self, name, recipient):
        return sum(1 for to, message in self.taken if to == recipient and name in message)


class Conversation(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self):
        self.say("220 sink")
        recipient = ""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                recipient = re.search(rb"<([^>]*)>", line).group(1).decode()
                self.say("250 fine")
            elif verb == b"DATA":
                self.say("354 go on")
                message = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    message += line
                if not line:
                    return
                self.server.taken.append((recipient, message.decode("utf-8", "replace")))
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")


class Engine(http.server.ThreadingHTTPServer):
    """A workflow engine that counts every start, whatever its key."""

    daemon_threads = True

    def __init__(self):
        self.started = []
        super().__init__(("127.0.0.1", 0), EngineHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def keys_of(self, name):
        return [key for started, key in self.started if started == name]


class EngineHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.started.append((body["incident_name"], self.headers.get("Idempotency-Key")))
        answer = json.dumps({"status": "Running", "weblink": "https://workflows.example.com/1"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Room:
    """One installation with an Admin, a notification and a workflow, and the two sinks."""

    def __init__(self, build, dialect):
        self.mails, self.engine = Mails(), Engine()
        # One worker, so that a kill hits one step and no other is in doubt.
        self.server = Server(build, dialect, {"LOG_LEVEL": "WARNING", "DISPATCH_FLOW_WORKERS": "1"}, self.yaml(False))
        self.server.start()
        self.token = self.server.register("ada@example.com")
        self.server.cli("user", "update", "--role", "Admin", "--organization", "default", "ada@example.com")
        instances = self.get("plugins/instances?itemsPerPage=-1")["items"]
        workflow = next(item for item in instances if item["plugin"]["slug"] == "generic-workflow")
        self.post("notifications", {"name": "Everybody", "type": "email", "target": "all@example.com", "project": {"name": "default"}})
        self.post("workflows", {"name": "Diagnose", "resource_id": "diagnose", "trigger": "incident.create", "enabled": True, "parameters": [],
                                "project": {"name": "default"}, "plugin_instance": workflow})
        self.server.stop()

    def yaml(self, keyed):
        mail, engine = self.mails.server_address[1], self.engine.server_address[1]
        key = ", idempotency_key_header: Idempotency-Key" if keyed else ""
        return f"""
plugins:
  - plugin: smtp-email
    configuration: {{host: 127.0.0.1, port: {mail}, security: plain, from_address: dispatch@example.com}}
  - plugin: generic-workflow
    configuration: {{api_url: "http://127.0.0.1:{engine}/run"{key}}}
allow:
  - {{plugin: smtp-email, host: 127.0.0.1, port: {mail}}}
  - {{plugin: generic-workflow, host: 127.0.0.1, port: {engine}}}
"""

    def key_on_the_wire(self, keyed):
        with open(os.path.join(self.server.etc, "dispatch.yaml"), "w") as file:
            file.write(self.yaml(keyed))

    def get(self, path):
        answer = self.server.request("GET", f"{API}/{path}", token=self.token)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json

    def post(self, path, body=None):
        answer = self.server.request("POST", f"{API}/{path}", body if body is not None else {}, self.token)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json

    def killed_at(self, fail_point, title):
        """Reports an incident to a server that dies at the fail-point."""
        self.server.start({"DISPATCH_FAIL_POINT": fail_point})
        try:
            self.server.request("POST", f"{API}/incidents", {"title": title, "description": "while the server dies"}, self.token, timeout=20)
        except OSError:
            pass  # it died before it could answer
        except Exception as error:  # half an answer
            if "http.client" not in repr(type(error)):
                raise
        self.server.process.wait(20)
        assert self.server.process.returncode == -9, f"the place was not reached: the server ended with {self.server.process.returncode}"

    def incidents(self, title):
        return [one for one in self.get(f"incidents?itemsPerPage=-1&q={title}&include[]=id&include[]=title")["items"] if one["title"] == title]

    def steps(self, id_):
        return {step["key"]: step for step in self.get(f"incidents/{id_}/steps")["flows"][-1]["steps"]}

    def ended(self, id_):
        steps = self.steps(id_)
        return all(step["state"] in ENDED for step in steps.values()) and steps

    def check(self, point, key, keyed=False):
        title = re.sub(r"[^a-z0-9]", "-", f"{point}-{key}{'-keyed' if keyed else ''}")
        self.killed_at(f"{point}@{key}", title)
        self.server.start()
        found = self.incidents(title)
        assert len(found) == 1, f"committed once, there {len(found)} times"
        id_ = found[0]["id"]
        steps = until("the end of its steps", lambda: self.ended(id_), 30)
        incident = self.get(f"incidents/{id_}")
        name = incident["name"]
        assert name == f"dispatch-default-default-{id_}" and incident["ticket"]["resource_id"], incident
        assert incident["reporter"] and incident["commander"], incident

        calling = point in ("flow.before_call", "flow.after_call", "flow.before_commit")
        once_only = {"mail.welcome/1", "mail.notification/1"} | (set() if keyed else {"workflow.run/1"})
        doubtful = key in once_only and calling
        for other, step in steps.items():
            expected = ("uncertain",) if doubtful and other == key else ("done", "skipped")
            assert step["state"] in expected, f"{other} is {step['state']}: {step['reason']}"
        # The reporter is the commander; and nobody has enabled a plugin of these types here.
        absent = {"oncall", "participant-group", "storage", "document", "conference", "conversation"}
        skipped = [other for other, step in steps.items() if step["state"] == "skipped" and step["plugin_type"] not in absent]
        assert skipped == ["contact.commander", "contact.people"], skipped  # the reporter is the commander, and nobody else takes part
        assert all(step["state"] == "skipped" for step in steps.values() if step["plugin_type"] in absent)

        def counts():
            return {"mail.welcome/1": self.mails.of(name, "ada@example.com"), "mail.notification/1": self.mails.of(name, "all@example.com"),
                    "workflow.run/1": len(self.engine.keys_of(name))}

        for effect, count in counts().items():
            expected = 0 if doubtful and effect == key and point == "flow.before_call" else 1
            twice = keyed and effect == key and point in ("flow.after_call", "flow.before_commit")
            assert count == (2 if twice else expected), f"{effect} was delivered {count} times"
        if keyed:
            assert len(set(self.engine.keys_of(name))) == 1 and None not in self.engine.keys_of(name), self.engine.keys_of(name)
        if doubtful:
            self.decide(id_, key, steps[key], counts)
        self.server.stop()

    def decide(self, id_, key, step, counts):
        """A person looks: what never left is sent again, what did is confirmed. In the end it was delivered once."""
        assert {"retry", "confirm"} <= set(step["actions"]), step
        self.post(f"incidents/{id_}/steps/{step['id']}/{'retry' if counts()[key] == 0 else 'confirm'}")
        until("the decided step", lambda: self.steps(id_)[key]["state"] == "done")
        assert counts()[key] == 1, f"delivered {counts()[key]} times in the end"

    def check_uncommitted(self):
        self.killed_at("incident.before_commit@create", "never-committed")
        self.server.start()
        assert not self.incidents("never-committed"), "there is an incident whose transaction never committed"
        self.server.stop()

    def check_dumped(self):
        """Another program looks into the database while several sessions of the server are at work; then the server dies."""
        def at_once(count, title):
            threads = [threading.Thread(target=self.post, args=("incidents", {"title": title, "description": "d"})) for _ in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        self.server.start()
        at_once(8, "before")
        dump = os.path.join(self.server.directory, "backup")
        self.server.cli("database", "dump", "--dump-file", dump)
        at_once(8, "after")
        assert (len(self.incidents("before")), len(self.incidents("after"))) == (8, 8)
        self.server.kill()
        self.server.start()
        assert (len(self.incidents("before")), len(self.incidents("after"))) == (8, 8), "the dump took away what came after it"
        self.server.stop()

    def close(self):
        self.server.close()
        self.mails.shutdown()
        self.engine.shutdown()


def run(build, dialect):
    room = Room(build, dialect)
    passed = failed = 0
    began = time.monotonic()
    checks = [("incident.before_commit", "create", room.check_uncommitted)]
    for point, key in places():
        checks.append((point, key, lambda point=point, key=key: room.check(point, key)))
    for point in EVERYWHERE + ("flow.after_call",):
        checks.append((point, "workflow.run/1 with a key", lambda point=point: room.check(point, "workflow.run/1", True)))
    checks.append(("a dump", "work", room.check_dumped))  # last: its incidents are still at work when it ends
    tally = collections.Counter()
    try:
        for point, key, check in checks:
            room.key_on_the_wire(key.endswith("with a key"))
            try:
                check()
                passed += 1
                tally[point] += 1
            except Exception as error:  # a check may fail in any way; each is counted
                failed += 1
                print(f"  FAIL  [{dialect}] {point} at {key}: {error!r}\n{room.server.output()[-1500:]}", flush=True)
                if room.server.process and room.server.process.poll() is None:
                    room.server.kill()
        for point, count in tally.items():
            print(f"  ok    [{dialect}] killed at {point}: {count} places", flush=True)
        print(f"  [{dialect}] {passed} passed, {failed} failed, {time.monotonic() - began:.0f} s", flush=True)
    finally:
        room.close()
    return failed


if __name__ == "__main__":
    sys.exit(1 if sum(run(sys.argv[1], dialect) for dialect in (sys.argv[2:] or ("sqlite", "postgresql"))) else 0)

"""Incidents in rooms of a real XMPP server: xmpp.py BUILD_DIR [DIALECT…]

Debian's Prosody runs on loopback; root, grace and alan are at clients of their own (slixmpp) and go where they are invited. What must
hold: an incident has one room, whose participants read topic, links and messages in it; the room of a restricted incident is hidden and
closed to others; nobody writes in the room of a closed incident; what is wrong with the settings stands in a sentence.
"""
import json
import os
import sys

from dispatch_server import Server, run_checks, until
from prosody import HOST, PASSWORD, ROOMS, Person, Prosody

API = "/api/v1/default"
KIND = "xmpp-conversation"


class XmppServer(Server):
    def close(self):
        for person in self.people.values():
            person.close()
        self.prosody.close()
        super().close()


def make_server(build, dialect):
    server = XmppServer(build, dialect)
    server.prosody = Prosody("SHA-256" if dialect == "sqlite" else "SHA-1")
    server.people = {}
    for name in ("dispatch", "root", "grace", "alan"):
        server.prosody.register(name)
    server.prosody.start()
    for name in ("root", "grace", "alan"):
        server.people[name] = Person(server.prosody, name)
    with open(os.path.join(server.etc, "dispatch.yaml"), "w") as file:
        file.write("allow:\n" + "".join(f"  - {{plugin: {KIND}, host: {HOST}, port: {port}, ca_file: '{server.prosody.ca}'}}\n"
                                        for port in (server.prosody.port, server.prosody.tls_port)))
    return server


def configure(server, *words, password=PASSWORD):
    usual = {"account": f"dispatch@{HOST}", "host": HOST, "port": server.prosody.port, "room_domain": ROOMS, "security": "starttls", "auth": "auto",
             "address_pattern": "{local}@" + HOST, "use_archive": "true"}
    usual.update(word.split("=", 1) for word in words)
    server.cli("plugins", "configure", KIND, *(f"{name}={value}" for name, value in usual.items()), "--secret", "password", stdin=password + "\n")


def tried(server):
    """What the Test button shows: whether all is well, and all of it as text."""
    report = json.loads(server.cli("plugins", "test", KIND, "--json", check=False).stdout)
    return report["ok"], json.dumps(report)


def report(server, title, **more):
    answer = server.request("POST", f"{API}/incidents", {"title": title, "description": "from the test", **more}, token=server.token)
    assert answer.status == 200, answer.text
    return answer.json


def update(server, incident, **more):
    """The incident's page, saved with changes."""
    now = server.request("GET", f"{API}/incidents/{incident['id']}", token=server.token).json
    kept = ("title", "description", "status", "visibility", "incident_type", "incident_priority", "incident_severity", "tags")
    answer = server.request("PUT", f"{API}/incidents/{incident['id']}", {**{name: now[name] for name in kept}, **more}, token=server.token)
    assert answer.status == 200, answer.text


def room_of(incident):
    return f"{incident['name']}@{ROOMS}"


def looked(server, who, incident):
    """What the room says about itself to somebody, now."""
    person = server.people[who]
    before = len(person.found(what="info"))
    person.do("look", room=room_of(incident))
    return until("an answer", lambda: person.found(what="info")[before:])[-1]


def texts(server, who, incident):
    return [one["text"] for one in server.people[who].found(what="message", room=room_of(incident))]


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    configure(server)
    server.cli("plugins", "enable", KIND)


def check_the_test_button_tries_each_way_in(server):
    scram = "SCRAM-SHA-256" if server.dialect == "sqlite" else "SCRAM-SHA-1"
    for words, found in (((), scram), (("auth=plain",), "PLAIN, inside of TLS"), (("security=tls", f"port={server.prosody.tls_port}"), "TLS from the first byte")):
        configure(server, *words)
        well, text = tried(server)
        assert well and found in text, (words, text)
    assert PASSWORD not in text


def check_what_is_wrong_stands_in_a_sentence(server):
    for words, password, found in (((), "wrong", "did not accept dispatch@localhost"),
                                   ((f"room_domain={HOST}",), PASSWORD, "is no multi-user chat service"),
                                   (("account=dispatch@example.org",), PASSWORD, "is none of this server's"),
                                   ((f"room_domain=nothing.{HOST}",), PASSWORD, "Check setting \\\"room_domain\\\"")):
        configure(server, *words, password=password)
        well, text = tried(server)
        assert not well and found in text, (words, text)
    configure(server)


def check_an_incident_gets_a_room_with_its_people_in_it(server):
    server.incident = incident = report(server, "Checkout answers 503")
    root = server.people["root"]
    assert root.wait(60, what="invited", room=room_of(incident))["by"] == f"dispatch@{HOST}"
    root.wait(what="presence", room=room_of(incident), nick="root")
    topic = until("a topic", lambda: [one["text"] for one in root.found(what="subject", room=room_of(incident)) if one["text"]], 60)[-1]
    assert "Active" in topic, topic
    until("a welcome", lambda: [one for one in root.found(what="direct") if incident["name"] in one["text"] or "Checkout" in one["text"]], 60)
    about = looked(server, "grace", incident)
    assert {"muc_persistent", "muc_public", "muc_open"} <= set(about["features"]) and incident["name"] in about["name"], about
    assert "Ticket: http" in about["description"], about


def check_who_joins_is_invited_and_who_leaves_is_out(server):
    incident, grace = server.incident, server.people["grace"]
    one = f"{API}/incidents/{incident['id']}"
    assert server.request("POST", f"{one}/add/grace@example.com", {}, token=server.token).status == 200
    grace.wait(60, what="invited", room=room_of(incident))
    grace.wait(what="presence", room=room_of(incident), nick="grace", type="available")
    assert server.request("DELETE", f"{one}/remove/grace@example.com", token=server.token).status == 200
    grace.wait(60, what="presence", room=room_of(incident), nick="grace", type="unavailable")
    assert server.request("POST", f"{one}/add/grace@example.com", {}, token=server.token).status == 200
    until("a second invitation", lambda: len(grace.found(what="invited", room=room_of(incident))) == 2, 60)


def check_somebody_without_an_account_stops_nobody(server):
    incident = server.incident
    assert server.request("POST", f"{API}/incidents/{incident['id']}/add/nobody@example.com", {}, token=server.token).status == 200
    update(server, incident, title="Checkout answers 503 to everybody", status="Stable")
    until("news in the room", lambda: texts(server, "root", incident), 60)
    said = texts(server, "root", incident)
    assert len(said) == len(set(said)), f"something was said twice: {said}"


def check_a_restricted_incident_has_a_hidden_room(server):
    incident = report(server, "Salaries leaked", visibility="Restricted")
    server.people["root"].wait(60, what="invited", room=room_of(incident))
    about = looked(server, "root", incident)
    assert {"muc_persistent", "muc_hidden", "muc_membersonly"} <= set(about["features"]), about
    alan = server.people["alan"]
    alan.do("join", room=room_of(incident))
    assert alan.wait(what="refused", room=room_of(incident))["condition"] == "registration-required"


def check_nobody_writes_about_a_closed_incident(server):
    incident, root = server.incident, server.people["root"]
    update(server, incident, status="Closed")
    until("the mark", lambda: looked(server, "root", incident)["name"].startswith("[archived] "), 60)
    until("silence", lambda: root.found(what="presence", room=room_of(incident), nick="root", role="visitor"), 60)
    root.do("say", room=room_of(incident), text="may I?")
    assert root.wait(what="refused", room=room_of(incident))["condition"] == "forbidden"
    update(server, incident, status="Active")
    until("no mark", lambda: not looked(server, "root", incident)["name"].startswith("[archived] "), 60)
    until("a voice", lambda: root.found(what="presence", room=room_of(incident), nick="root")[-1]["role"] == "participant", 60)
    root.do("say", room=room_of(incident), text="now I may")
    until("it", lambda: "now I may" in texts(server, "grace", incident))


def check_the_password_is_nowhere(server):
    assert PASSWORD not in server.output()
    assert PASSWORD not in "".join(answer.text for _, _, answer in server.answered)


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for kind in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(everything, sys.argv[1], kind, make_server)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

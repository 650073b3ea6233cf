"""One incident through everything: everything.py BUILD_DIR [DIALECT…]

Alertmanager fires. The incident that follows has an issue in Redmine, a room on Prosody, a folder and a document on Apache, a
conference room, a commander who is on call by a calendar, people from slapd, and mails. It is Stable when the alert is resolved; it is
closed, and everything knows. All plugins in the server's process on one database, all in workers on the other; on that one the server
is killed in the middle.
"""
import email
import email.policy
import json
import os
import subprocess
import sys
import time

from aiosmtpd.controller import Controller
from apache import PASSWORD as DAV_PASSWORD, WRITER, Apache
from dispatch_server import Server, free_port, run_checks, until
from oncall import FEED_TOKEN, ROOM_SECRET, Nginx, calendar, now_on
from prosody import HOST, PASSWORD as XMPP_PASSWORD, ROOMS, Person, Prosody
from redmine_server import Redmine
from slapd import BASE, PASSWORD as LDAP_PASSWORD, READER, Slapd
from webhooks import TOKEN, Alertmanager, path_of

API = "/api/v1/default"
PLUGINS = ("redmine", "xmpp-conversation", "webdav-storage", "webdav-document", "ical", "jitsi", "ldap-contact", "ldap-participant", "smtp-email")
PEOPLE = ("grace", "ada", "alan", "edsger", "barbara")
TEMPLATE = "# {{title}}\n\n{{name}}, {{status}}; commander: {{commander_fullname}}; ticket: {{ticket_weblink}}; room: {{conference_weblink}}\n"


class Mailbox(Controller):
    """aiosmtpd: keeps what it accepts."""

    def __init__(self):
        self.mails = []
        super().__init__(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 kept"

    def to(self, person):
        return [mail for recipients, mail in self.mails if f"{person}@example.com" in recipients]


class World(Server):
    def __init__(self, build, dialect):
        super().__init__(build, dialect, {"LOG_LEVEL": "INFO"})
        os.chmod(self.directory, 0o755)
        self.everything = []
        self.redmine = self.keep(Redmine().start())
        self.apache = self.keep(Apache().start())
        self.prosody = self.keep(Prosody())
        for name in ("dispatch", *PEOPLE):
            self.prosody.register(name)
        self.prosody.start()
        self.people = {name: self.keep(Person(self.prosody, name)) for name in ("grace", "ada")}
        self.slapd = self.keep(Slapd(os.path.join(self.directory, "slapd")), "stop")
        self.nginx = self.keep(Nginx(self.directory), "stop")
        self.mailbox = self.keep(Mailbox(), "stop")
        self.mailbox.start()
        home = "process" if dialect == "sqlite" else "worker"
        allowed = {"xmpp-conversation": (HOST, self.prosody.ca), **{kind: ("127.0.0.1", self.slapd.certificate) for kind in ("ldap-contact", "ldap-participant")}}
        with open(os.path.join(self.etc, "dispatch.yaml"), "w") as file:
            file.write(f'isolation: {{"*": {home}}}\nallow:\n')
            for plugin in PLUGINS:
                host, ca = allowed.get(plugin, ("127.0.0.1", ""))
                file.write(f"  - {{plugin: {plugin}, host: {host}{f', ca_file: {ca!r}' if ca else ''}}}\n")

    def keep(self, one, end="close"):
        self.everything.append(getattr(one, end))
        return one

    def close(self):
        for end in reversed(self.everything):
            try:
                end()
            except (OSError, subprocess.TimeoutExpired):
                pass
        super().close()


def configure(server, plugin, *settings, secret, value):
    server.cli("plugins", "configure", plugin, *settings, "--enable", "--secret", secret, stdin=value + "\n")


def call(server, method, path, body=None):
    answer = server.request(method, f"{API}/{path}", body, token=server.token)
    assert answer.status in (200, 201, 202, 204), (method, path, answer.status, answer.text)
    return answer.json if answer.text else None


def read(server):
    return call(server, "GET", f"incidents/{server.incident['id']}")


def steps(server):
    return [step for flow in call(server, "GET", f"incidents/{server.incident['id']}/steps")["flows"] for step in flow["steps"]]


def ended(server, seconds=90):
    def all_ended():
        found = steps(server)
        open_ones = [(step["key"], step["state"], step["reason"]) for step in found if step["state"] not in ("done", "skipped")]
        assert found and not open_ones, open_ones
        return found
    return until("the end of the flows", all_ended, seconds)


def room(server):
    return f"{server.incident['name']}@{ROOMS}"


def folder(server):
    return f"/Incidents/{server.incident['name']}"


def document(server):
    return server.apache.read(f"{folder(server)}/{server.incident['name']} - Incident Document.md")


def check_everything_is_set_up_and_every_test_button_is_green(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    for builtin in ("dispatch-ticket", "dispatch-contact", "dispatch-participant-resolver"):
        server.cli("plugins", "disable", builtin)
    server.nginx.write("calendars/checkout.ics", calendar(now_on("grace")))
    server.apache.write("/Templates/incident.md", TEMPLATE)
    configure(server, "redmine", f"url={server.redmine.url}", "project=ops", "status_active=In Progress", "status_stable=Resolved", "status_closed=Closed",
              secret="api_key", value=server.redmine.keys["dispatch"])
    configure(server, "xmpp-conversation", f"account=dispatch@{HOST}", f"host={HOST}", f"port={server.prosody.port}", f"room_domain={ROOMS}",
              "address_pattern={local}@" + HOST, secret="password", value=XMPP_PASSWORD)
    for plugin, more in (("webdav-storage", ["root_path=/Incidents"]), ("webdav-document", [])):
        configure(server, plugin, f"base_url={server.apache.url}", f"username={WRITER}", *more, secret="password", value=DAV_PASSWORD)
    for plugin, where, more in (("ldap-contact", "people", []), ("ldap-participant", "groups", [f"people_base_dn=ou=people,{BASE}"])):
        configure(server, plugin, "host=127.0.0.1", f"port={server.slapd.port}", "security=starttls", f"bind_dn={READER}",
                  f"base_dn=ou={where},{BASE}", *more, secret="password", value=LDAP_PASSWORD)
    configure(server, "ical", f"url={server.nginx.url}/calendars/{{service}}.ics", secret="auth_header", value=FEED_TOKEN)
    configure(server, "jitsi", f"url={server.nginx.url}", secret="room_secret", value=ROOM_SECRET)
    server.cli("plugins", "configure", "smtp-email", "host=127.0.0.1", f"port={server.mailbox.port}", "security=plain", "from_address=dispatch@example.com", "--enable")
    configure(server, "alertmanager", "priorities=critical=High", secret="bearer_token", value=TOKEN)

    service = call(server, "POST", "services", {"name": "Checkout", "external_id": "checkout", "type": "ical", "project": {"name": "default"}})
    types = call(server, "GET", "incident_types?itemsPerPage=-1")["items"]
    priorities = call(server, "GET", "incident_priorities?itemsPerPage=-1")["items"]
    call(server, "PUT", "incident_roles/Incident%20Commander?projectName=default",
         {"policies": [{"enabled": True, "order": 1, "service": service, "incident_types": types, "incident_priorities": priorities, "engage_next_oncall": False}]})
    template = call(server, "POST", "documents", {"name": "Incident", "resource_id": "/Templates/incident.md", "weblink": f"{server.apache.url}/Templates/incident.md",
                                                  "project": {"name": "default"}})
    [usual] = [one for one in types if one["default"]]
    call(server, "PUT", f"incident_types/{usual['id']}", {"incident_template_document": {"id": template["id"]}})
    for plugin in PLUGINS:
        result = json.loads(server.cli("plugins", "test", plugin, "--json", check=False).stdout)
        assert result["ok"], (plugin, result)
    home = "process" if server.dialect == "sqlite" else "worker"
    homes = {one["id"]: one.get("home") for one in (json.loads(server.cli("plugins", "show", plugin, "--json").stdout) for plugin in PLUGINS)}
    assert set(homes.values()) == {home}, homes


def check_an_alert_becomes_an_incident_with_all_there_is(server):
    server.alertmanager = server.keep(Alertmanager(server, path_of(server)))
    server.alertmanager.alert("CheckoutDown")
    server.incident = until("the incident", lambda: [one for one in call(server, "GET", "incidents?itemsPerPage=-1")["items"] if one["title"].startswith("CheckoutDown")], 30)[0]
    if server.dialect == "postgresql":
        until("the first steps", lambda: [step for step in steps(server) if step["state"] == "done"], 30)
        server.kill()
        server.start()
    found = ended(server)
    assert {step["plugin_type"] for step in found if step["state"] == "skipped" and "enabled" in (step["reason"] or "")} <= {"participant-group", "workflow"}, \
        [(step["key"], step["reason"]) for step in found if step["state"] == "skipped"]
    done = {step["key"] for step in found if step["state"] == "done"}
    assert {"ticket.create", "ticket.update", "storage.folder", "document.update", "conversation.create"} <= done, sorted(done)


def check_everybody_and_everything_that_was_named_is_there(server):
    incident = read(server)
    issue = server.redmine.issue(incident["ticket"]["resource_id"])
    assert issue["subject"] == incident["title"] and issue["status"]["name"] == "In Progress" and issue["priority"]["name"] == "High", issue
    for link in (incident["conference"]["weblink"], incident["storage"]["weblink"]):
        assert link and link in issue["description"], (link, issue["description"])
    assert len([one for one in server.redmine.issues() if one["subject"] == incident["title"]]) == 1
    assert incident["commander"]["individual"]["email"] == "grace@example.com" and incident["commander"]["individual"]["name"] == "Grace Hopper", incident["commander"]
    people = {one["individual"]["email"].split("@")[0] for one in incident["participants"]}
    assert people >= set(PEOPLE), people
    text = document(server)
    assert "commander: Grace Hopper" in text and incident["ticket"]["weblink"] in text and incident["conference"]["weblink"] in text, text
    for name, person in server.people.items():
        person.wait(60, what="invited", room=room(server))
        until(f"a welcome to {name}", lambda person=person: person.found(what="direct"), 60)
    subjects = [str(mail["Subject"]) for mail in server.mailbox.to("grace")]
    assert any(incident["name"] in subject for subject in subjects), subjects
    for name in PEOPLE:
        assert server.mailbox.to(name), (name, [recipients for recipients, _ in server.mailbox.mails])


def check_the_alert_is_resolved_and_the_incident_is_stable(server):
    server.alertmanager.alert("CheckoutDown", ends=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1)))
    until("Stable", lambda: read(server)["status"] == "Stable", 60)
    ended(server)
    assert server.redmine.issue(read(server)["ticket"]["resource_id"])["status"]["name"] == "Resolved"


def check_it_is_closed_and_everything_knows(server):
    now = read(server)
    kept = ("title", "description", "visibility", "incident_type", "incident_priority", "incident_severity", "tags")
    call(server, "PUT", f"incidents/{now['id']}", {**{name: now[name] for name in kept}, "status": "Closed", "resolution": "Turned it off and on again"})
    ended(server)
    assert server.redmine.issue(now["ticket"]["resource_id"])["status"]["name"] == "Closed"
    grace = server.people["grace"]
    until("silence in the room", lambda: grace.found(what="presence", room=room(server), nick="grace", role="visitor"), 60)
    told = " ".join(event["description"] for event in read(server)["events"])
    for word in ("Ticket", "conversation", "onference"):
        assert word.lower() in told.lower(), (word, told)


def check_no_secret_is_in_the_log(server):
    text = server.output()
    for secret in (server.redmine.keys["dispatch"], XMPP_PASSWORD, DAV_PASSWORD, LDAP_PASSWORD, FEED_TOKEN, ROOM_SECRET, TOKEN):
        assert secret not in text, secret


if __name__ == "__main__":
    checks = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for kind in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(checks, sys.argv[1], kind, World)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"\n{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

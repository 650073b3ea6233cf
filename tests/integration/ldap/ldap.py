"""The LDAP plugins under the real, installed server, with Debian's slapd as the directory: ldap.py BUILD_DIR [DIALECT…]

What must hold: people get the details that the directory has, and strangers what their address tells; the members of the groups that
an incident's type and priority name take part in it, nested ones too; TLS, with a certificate that the operator named, or nothing; what
the server refuses is said with its own words and the setting to change; and the bytes are those that another encoder makes.
"""
import json
import os
import subprocess
import sys

import slapd
from dispatch_server import Server, run_checks, until
from slapd import BASE, LIMITED, PASSWORD, READER, Slapd
from wire import Wire, again, is_paged

API = "/api/v1/default"
KINDS = ("ldap-contact", "ldap-participant")


def make_server(build, dialect):
    server = Server(build, dialect)
    server.slapd = Slapd(os.path.join(server.directory, "slapd"))
    server.wire = Wire(server.slapd.port)
    with open(os.path.join(server.etc, "dispatch.yaml"), "w") as file:
        file.write("allow:\n" + "".join(f"  - {{plugin: {kind}, host: 127.0.0.1, ca_file: '{server.slapd.certificate}'}}\n" for kind in KINDS))
    closed = server.close

    def close():
        server.wire.close()
        server.slapd.stop()
        closed()
    server.close = close
    return server


def configure(server, kind, password=PASSWORD, **settings):
    usual = {"host": "127.0.0.1", "port": server.slapd.port, "security": "starttls", "bind_dn": READER}
    usual["base_dn"] = f"ou=people,{BASE}" if kind == "ldap-contact" else f"ou=groups,{BASE}"
    words = [f"{name}={value}" for name, value in {**usual, **settings}.items()]
    if settings.get("bind_dn", READER):
        server.cli("plugins", "configure", kind, *words, "--secret", "password", stdin=password + "\n")
    else:
        server.cli("plugins", "configure", kind, *words, "password=")


def tried(server, kind, **asked):
    """What the Test button shows: whether all is well, and the summary."""
    done = server.cli("plugins", "test", kind, "--json", *(f"{name}={value}" for name, value in asked.items()), check=False)
    report = json.loads(done.stdout)
    return report["ok"], report["summary"], report


def report_incident(server, title, reporter=None, **more):
    body = {"title": title, "description": "from the test", **more}
    if reporter:
        body["reporter"] = {"individual": {"email": reporter}}
    answer = server.request("POST", f"{API}/incidents", body, token=server.token)
    assert answer.status == 200, answer.text
    return answer.json["id"]


def people(server, number):
    found = server.request("GET", f"{API}/incidents/{number}", token=server.token).json["participants"]
    return {one["individual"]["email"]: one for one in found}


def steps(server, number):
    flows = server.request("GET", f"{API}/incidents/{number}/steps", token=server.token).json["flows"]
    return [step for flow in flows for step in flow["steps"]]


def quiet(server):
    """Everybody in every incident is looked up: nobody but the test asks the directory from now on."""
    incidents = server.request("GET", f"{API}/incidents?itemsPerPage=-1", token=server.token).json["items"]
    for one in incidents:
        until(f"the end of what follows from {one['title']}", lambda one=one: all(step["state"] in ("done", "skipped", "failed") for step in steps(server, one["id"])), 60)


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    for kind, other in zip(KINDS, ("dispatch-contact", "dispatch-participant-resolver")):
        server.cli("plugins", "disable", other)
        configure(server, kind, **({"person_filter": "(!(employeeType=left))", "people_base_dn": f"ou=people,{BASE}"} if kind == KINDS[1] else {}))
        server.cli("plugins", "enable", kind)


def check_the_test_button_finds_who_ldapsearch_finds(server):
    found = server.slapd.search("(mail=grace@example.com)", "cn", "title", "ou")
    assert "cn: Grace Hopper" in found and "title: Rear admiral" in found, found
    ok, summary, report = tried(server, "ldap-contact", email="grace@example.com")
    assert ok and "Grace Hopper, title Rear admiral, team Compilers, department Engineering, location Arlington" in summary, report
    assert [one["name"] for one in report["checks"]] == ["Connection", "Encryption", "Login", "Base DN", "Search"], report
    ok, summary, _ = tried(server, "ldap-contact", email="nobody@example.com")
    assert ok and "Nobody is found by (&(objectClass=inetOrgPerson)(mail=nobody@example.com))" in summary, summary


def check_a_value_is_never_a_pattern(server):
    ok, summary, _ = tried(server, "ldap-contact", email="star*(x)@example.com")
    assert ok and "Star (*) Name" in summary, summary
    ok, summary, _ = tried(server, "ldap-contact", email="*@example.com")
    assert ok and "Nobody is found by (&(objectClass=inetOrgPerson)(mail=\\2a@example.com))" in summary, summary


def check_an_incident_knows_its_people(server):
    number = report_incident(server, "Who is who", reporter="grace@example.com")
    grace = until("the details of the reporter", lambda: (lambda one: one.get("department") == "Engineering" and one)(people(server, number)["grace@example.com"]))
    assert grace["individual"]["name"] == "Grace Hopper" and grace["team"] == "Compilers" and grace["location"] == "Arlington", grace
    server.slapd.modify(f"dn: {slapd.dn('barbara')}\nchangetype: modify\nreplace: title\ntitle: Architect\n")
    number = report_incident(server, "A stranger", reporter="new.colleague@example.com")
    stranger = until("the stranger", lambda: (lambda one: one.get("department") and one)(people(server, number)["new.colleague@example.com"]))
    assert stranger["individual"]["name"] == "New Colleague" and stranger["department"] == "Unknown", stranger


def check_the_members_of_the_incidents_groups_take_part(server):
    number = report_incident(server, "By type", incident_priority={"name": "Low"})
    until("the members of the type's group, and of those in it", lambda: {"ada@example.com", "alan@example.com", "edsger@example.com"} <= set(people(server, number)))
    assert not {"left@example.com", "barbara@example.com"} & set(people(server, number))
    assert "uid=gone" in server.output() and "uid=silent" in server.output()
    number = report_incident(server, "By priority", incident_priority={"name": "High"})
    until("the member that a posixGroup names", lambda: "barbara@example.com" in people(server, number))
    assert "uid=nobody" in server.output()
    assert people(server, number)["barbara@example.com"]["individual"]["name"] == "Barbara Example"
    quiet(server)
    edsger = people(server, number - 1)["edsger@example.com"]
    assert edsger["individual"]["name"] == "Edsger Example" and edsger["department"], edsger


def check_the_test_of_an_incident_tells_whom_it_would_bring_in(server):
    ok, summary, report = tried(server, "ldap-participant", type="Default", priority="High")
    assert ok and summary == "Such an incident would bring in 4 people from 2 groups.", report
    configure(server, "ldap-participant", nesting_depth=1)
    ok, summary, report = tried(server, "ldap-participant", type="Default")
    assert ok and summary == "Such an incident would bring in 2 people from 1 group." and "cn=innermost" in json.dumps(report), report
    configure(server, "ldap-participant", nesting_depth=3)


def check_groups_come_in_pages_and_have_a_limit(server):
    filter_ = "(&(objectClass=groupOfNames)(description={type}))"
    configure(server, "ldap-participant", group_filter=filter_)
    ok, summary, report = tried(server, "ldap-participant", type="all")
    assert ok and summary == "Such an incident would bring in 1 person from 95 groups.", report
    configure(server, "ldap-participant", group_filter="(cn=*{type}*)")
    ok, summary, report = tried(server, "ldap-participant", type="many-")
    assert not ok and "More than 100 groups match (cn=*many-*)" in summary, report
    configure(server, "ldap-participant", group_filter=filter_, bind_dn=LIMITED)
    ok, summary, report = tried(server, "ldap-participant", type="all")
    assert not ok and "sizeLimitExceeded (4)" in summary, report
    configure(server, "ldap-participant", group_filter="(|(cn=dispatch-type-{type})(cn=dispatch-priority-{priority}))")


def check_tls_from_the_first_byte(server):
    for kind in KINDS:
        configure(server, kind, security="tls", port=server.slapd.tls_port)
        ok, summary, report = tried(server, kind)
        assert ok and report["checks"][1]["detail"] == "TLS from the first byte.", report
    configure(server, "ldap-contact", security="starttls", port=server.slapd.tls_port)
    ok, summary, report = tried(server, "ldap-contact")
    assert not ok, report
    configure(server, "ldap-contact", security="tls", port=server.slapd.port)
    ok, summary, report = tried(server, "ldap-contact")
    assert not ok and "Could not connect" in summary, report


def check_refusals_say_what_to_change(server):
    def refused(*texts, kind="ldap-contact", **settings):
        configure(server, kind, **settings)
        ok, summary, report = tried(server, kind)
        assert not ok and all(text in summary for text in texts), report
    refused("did not accept the login", "invalidCredentials (49)", "Check \"bind_dn\"", password="another")
    refused("invalidDNSyntax (34)", "\"bind_dn\" should be a DN", bind_dn="dispatch")
    refused("noSuchObject (32)", f"The nearest entry that is there is {BASE}", "Change \"base_dn\"", base_dn=f"ou=poeple,{BASE}")
    refused("noSuchObject (32)", base_dn=f"ou=private,{BASE}", bind_dn=LIMITED)
    refused("referral (10)", "ldap://other.example.com/ou=elsewhere,dc=example,dc=com", "referrals are not followed", base_dn=f"ou=elsewhere,{BASE}")
    refused("confidentialityRequired (13)", "set \"security\" to starttls", security="plain", allow_auth_without_tls="true")
    server.slapd.stop()
    refused("Could not connect")
    server.slapd.start()
    configure(server, "ldap-contact", base_dn=BASE)
    ok, summary, report = tried(server, "ldap-contact")
    assert ok and "There may be more at ldap://other.example.com/" in report["checks"][-1]["detail"], report


def check_a_certificate_that_nobody_named_is_refused(server):
    path = os.path.join(server.etc, "dispatch.yaml")
    with open(path) as file:
        named = file.read()
    with open(path, "w") as file:
        file.write(named.replace(f", ca_file: '{server.slapd.certificate}'", ""))
    server.stop()
    server.start()
    configure(server, "ldap-contact")
    ok, summary, report = tried(server, "ldap-contact")
    assert not ok and report["checks"][-1]["name"] == "Encryption" and "ca_file" in summary, report
    with open(path, "w") as file:
        file.write(named)
    server.stop()
    server.start()
    ok, _, report = tried(server, "ldap-contact")
    assert ok, report


def check_incidents_wait_for_a_directory_that_is_away(server):
    configure(server, "ldap-contact")
    server.slapd.stop()
    number = report_incident(server, "While it is away", reporter="late@example.com")
    step = until("a failed attempt", lambda: next((one for one in steps(server, number) if one["key"] == "contact.reporter" and "Could not connect" in json.dumps(one)), None))
    assert step["state"] not in ("done", "failed") and "late@example.com" in people(server, number), step
    server.slapd.start()
    server.slapd.client("ldapadd", stdin=slapd.person("late", "Late Riser", mail="late@example.com"))
    until("the details", lambda: people(server, number)["late@example.com"]["individual"]["name"] == "Late Riser", 120)


def check_requests_are_the_bytes_of_another_encoder(server):
    quiet(server)
    plain = {"port": server.wire.port, "security": "plain", "bind_dn": ""}
    configure(server, "ldap-contact", **plain)
    assert tried(server, "ldap-contact", email="grace@example.com")[0]
    configure(server, "ldap-contact", port=server.wire.port, security="plain", allow_auth_without_tls="true")
    assert not tried(server, "ldap-contact")[0]
    configure(server, "ldap-contact", port=server.wire.port)
    assert tried(server, "ldap-contact")[0]
    starttls = server.wire.sent.pop()
    configure(server, "ldap-participant", group_filter="(&(objectClass=groupOfNames)(|(description={type})(cn=many-*{type})))", **plain)
    assert tried(server, "ldap-participant", type="all")[0]
    filters = ["(objectClass=*)", "(&(objectClass=inetOrgPerson)(mail=grace@example.com))", "(&(objectClass=groupOfNames)(|(description=all)(cn=many-*all)))",
               "(|(!(employeeType=left))(objectClass=groupofnames)(objectClass=groupofuniquenames)(objectClass=posixgroup)(objectClass=group))"]
    messages, seen = server.wire.messages(), set()
    for decoded, sent in messages:
        made = again(decoded, filters)
        assert sent in made, f"{decoded.prettyPrint()}: {sent.hex()}"
        seen.add((decoded["protocolOp"].getName(), made.index(sent)))
    assert {("bindRequest", 0), ("unbindRequest", 0), *(("searchRequest", number) for number in range(len(filters)))} <= seen, seen
    bind = next(decoded for decoded, _ in messages if decoded["protocolOp"].getName() == "bindRequest")["protocolOp"]["bindRequest"]
    assert bytes(bind["name"]).decode() == READER and bytes(bind["authentication"]["simple"]).decode() == PASSWORD
    assert sum(is_paged(decoded) for decoded, _ in messages) >= 3, "the contact's, and two pages of groups"
    assert starttls.startswith(bytes.fromhex("301d02010177188016312e332e362e312e342e312e313436362e3230303337")), starttls[:40].hex()
    assert PASSWORD.encode() not in starttls


def check_the_password_stands_nowhere(server):
    assert PASSWORD not in server.output()
    assert PASSWORD not in server.cli("plugins", "show", "ldap-contact", "--json").stdout
    found = subprocess.run(["grep", "-rlF", PASSWORD, os.path.join(server.prefix, "var")], capture_output=True, text=True)
    assert found.returncode == 1, found.stdout


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for dialect in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(everything, sys.argv[1], dialect, make_server)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

"""Tickets of the real, installed server on Debian's Redmine: redmine.py BUILD_DIR [DIALECT…]

What must hold: each incident has one issue, whatever is killed or away; status, priority and links follow the incident, and what
people write into the issue stays; what Redmine refuses is told in its own words, and Retry works once it is mended; the Test button
creates nothing.
"""
import json
import sys
import threading
import time

from dispatch_server import Server, run_checks, until
from redmine_server import Redmine

API = "/api/v1/default"


def configure(server, *settings, key=None):
    key = server.redmine.keys["dispatch"] if key is None else key
    server.cli("plugins", "configure", "redmine", f"url={server.redmine.url}", "project=ops", *settings, "--enable", "--secret", "api_key",
               stdin=key + "\n")


def configured(server):
    configure(server, "status_active=In Progress", "status_stable=Resolved", "status_closed=Closed")


def test(server):
    return json.loads(server.cli("plugins", "test", "redmine", "--json", check=False).stdout)


def call(server, method, path, body=None, expect=(200, 202, 204)):
    answer = server.request(method, f"{API}/{path}", body, token=server.token)
    assert answer.status in expect, (method, path, answer.status, answer.text)
    return answer.json if answer.text else None


def report(server, title, **more):
    return call(server, "POST", "incidents", {"title": title, "description": "Since 14:02 one request in three fails.", **more})


def steps(server, incident):
    return [step for flow in call(server, "GET", f"incidents/{incident['id']}/steps")["flows"] for step in flow["steps"]]


def ended(server, incident, seconds=60):
    def all_ended():
        found = steps(server, incident)
        open_ones = [(step["key"], step["state"], step["reason"]) for step in found if step["state"] not in ("done", "skipped")]
        assert found and not open_ones, open_ones
        return found
    return until(f"the end of the flows of {incident['name']}", all_ended, seconds)


def in_state(server, incident, key, state, reason, seconds=30):
    return until(f"{key} {state}", lambda: [step for step in steps(server, incident) if step["key"] == key and step["state"] == state and
                                            reason in (step["reason"] or "")], seconds)[0]


def ticket_of(server, incident):
    return server.redmine.issue(call(server, "GET", f"incidents/{incident['id']}")["ticket"]["resource_id"])


def change(server, incident, **members):
    return call(server, "PUT", f"incidents/{incident['id']}", {**call(server, "GET", f"incidents/{incident['id']}"), **members})


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    server.cli("plugins", "disable", "dispatch-ticket")
    configured(server)


def check_the_test_proves_the_settings_and_creates_nothing(server):
    before = server.redmine.issues()
    result = test(server)
    assert result["ok"] and [check["name"] for check in result["checks"]] == ["Login", "Project", "Tracker", "Statuses"], result
    for settings, more, expected in (([], {"key": "0" * 40}, 'Check "API key"'), (["project=nosuch"], {}, 'Check "Project"'),
                                     (["tracker=Epic"], {}, "it has Bug, Feature, Support"), (["status_closed=Done"], {}, "has no issue status")):
        configure(server, *settings, **more)
        result = test(server)
        assert not result["ok"] and expected in result["summary"], (expected, result)
        server.cli("plugins", "configure", "redmine", "--unset", "tracker", "--unset", "status_closed")
    assert server.redmine.issues() == before
    configured(server)


def check_an_incident_gets_its_issue(server):
    server.incident = incident = report(server, "Checkout <b>answers</b> 503", incident_priority={"name": "High"})
    ended(server, incident)
    issue = ticket_of(server, incident)
    assert issue["subject"] == "Checkout <b>answers</b> 503" and issue["project"]["name"] == "Operations", issue
    assert issue["priority"]["name"] == "High" and issue["status"]["name"] == "In Progress" and not issue["is_private"], issue
    assert f"-- Incident {incident['name']}, kept up to date by Dispatch --" in issue["description"], issue
    assert f"/default/incidents/{incident['name']}" in issue["description"], issue["description"]
    seen = call(server, "GET", f"incidents/{incident['id']}")["ticket"]
    assert seen["weblink"] == f"{server.redmine.url}/issues/{issue['id']}", seen


def check_what_people_write_stays_while_the_rest_follows(server):
    redmine, incident = server.redmine, server.incident
    issue = ticket_of(server, incident)
    redmine.ask("PUT", f"/issues/{issue['id']}.json", {"issue": {"description": "Mine before.\r\n" + issue["description"] + "\r\n\r\nMine behind."}})
    change(server, incident, title="Checkout answers 503", status="Stable", description="Mended; we watch it")
    ended(server, incident)
    issue = ticket_of(server, incident)
    assert issue["subject"] == "Checkout answers 503" and issue["status"]["name"] == "Resolved", issue
    text = issue["description"].replace("\r\n", "\n")
    assert text.startswith("Mine before.\n-- Incident") and text.endswith("kept by Dispatch --\n\nMine behind."), text
    assert "Mended; we watch it" in text and "one request in three" not in text and "* Status: Stable" in text, text
    change(server, incident, status="Closed")
    ended(server, incident)
    assert ticket_of(server, incident)["status"]["name"] == "Closed"


def check_a_restricted_incident_is_a_private_issue_without_its_title(server):
    incident = report(server, "Nobody may read this", visibility="Restricted")
    ended(server, incident)
    issue = ticket_of(server, incident)
    assert issue["is_private"] and "Nobody" not in issue["subject"] and "14:02" not in issue["description"], issue
    assert server.redmine.ask("GET", f"/issues/{issue['id']}.json", key="onlooker")[0] == 403


def check_an_incident_type_has_its_own_project_tracker_and_fields(server):
    kind = call(server, "POST", "incident_types", {"name": "Payment outage", "project": {"name": "default"}, "enabled": True, "plugin_metadata": [
        {"slug": "redmine", "metadata": [{"key": "project", "value": "payments"}, {"key": "tracker", "value": "Outage"}]}]})
    incident = report(server, "Cards are declined", incident_type={"name": "Payment outage"})
    step = in_state(server, incident, "ticket.create", "failed", "Impact cannot be blank")
    assert "cf_7 is the custom field" in step["reason"], step
    call(server, "PUT", f"incident_types/{kind['id']}", {"plugin_metadata": [{"slug": "redmine", "metadata": [
        {"key": "project", "value": "payments"}, {"key": "tracker", "value": "Outage"}, {"key": f"cf_{server.redmine.field}", "value": "All cards"}]}]})
    call(server, "POST", f"incidents/{incident['id']}/steps/{step['id']}/retry")
    ended(server, incident)
    issue = ticket_of(server, incident)
    assert issue["project"]["name"] == "Payments" and issue["tracker"]["name"] == "Outage", issue
    assert issue["custom_fields"][0]["value"] == "All cards", issue


def check_a_key_that_is_revoked_is_said_and_retry_works_after_the_repair(server):
    configure(server, key=server.redmine.keys["onlooker"])
    incident = report(server, "While the key is wrong")
    step = in_state(server, incident, "ticket.create", "failed", "may not add issues")
    configured(server)
    call(server, "POST", f"incidents/{incident['id']}/steps/{step['id']}/retry")
    ended(server, incident)
    assert ticket_of(server, incident)["subject"] == "While the key is wrong"


def check_a_server_that_is_away_is_waited_for(server):
    server.redmine.stop()
    incident = report(server, "While Redmine is away")
    in_state(server, incident, "ticket.create", "waiting", "")
    server.redmine.start()
    ended(server, incident, 120)
    assert ticket_of(server, incident)["subject"] == "While Redmine is away"


def check_killed_in_the_middle_there_is_one_of_each(server):
    made = []

    def reporting():
        try:
            for number in range(12):
                made.append(report(server, f"Killed {number:02}"))
        except (OSError, AssertionError):
            pass  # the server was killed

    thread = threading.Thread(target=reporting)
    thread.start()
    until("the first issues", lambda: len([one for one in server.redmine.issues() if one["subject"].startswith("Killed")]) >= 2, 60)
    server.kill()
    thread.join()
    server.start()
    for incident in made:
        ended(server, incident, 120)
    subjects = sorted(one["subject"] for one in server.redmine.issues() if one["subject"].startswith("Killed"))
    assert subjects[: len(made)] == sorted(set(subjects))[: len(made)] and len(subjects) == len(set(subjects)) >= len(made), subjects


def check_a_deleted_incident_takes_its_issue_along(server):
    number = ticket_of(server, server.incident)["id"]
    call(server, "DELETE", f"incidents/{server.incident['id']}")
    until("its end", lambda: server.redmine.get(f"/issues/{number}.json", ok=False) == 404, 60)


def check_no_key_is_in_any_log(server):
    time.sleep(0.2)
    assert server.redmine.keys["dispatch"] not in server.output()


CHECKS = [check_set_up, check_the_test_proves_the_settings_and_creates_nothing, check_an_incident_gets_its_issue,
          check_what_people_write_stays_while_the_rest_follows, check_a_restricted_incident_is_a_private_issue_without_its_title,
          check_an_incident_type_has_its_own_project_tracker_and_fields,
          check_a_key_that_is_revoked_is_said_and_retry_works_after_the_repair, check_a_server_that_is_away_is_waited_for,
          check_killed_in_the_middle_there_is_one_of_each, check_a_deleted_incident_takes_its_issue_along, check_no_key_is_in_any_log]


def main(build, dialects):
    passed = failed = 0
    for dialect in dialects or ["sqlite", "postgresql"]:
        redmine = Redmine().start()

        def make(build, dialect):
            # In the host's process on one of the two, in a worker on the other.
            home = "process" if dialect == "sqlite" else "worker"
            server = Server(build, dialect, {"LOG_LEVEL": "DEBUG"},
                            f"isolation: {{redmine: {home}}}\nallow:\n  - {{plugin: redmine, host: 127.0.0.1}}\n")
            server.redmine = redmine
            return server
        try:
            good, bad = run_checks(CHECKS, build, dialect, make)
        finally:
            redmine.close()
        passed, failed = passed + good, failed + bad
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)

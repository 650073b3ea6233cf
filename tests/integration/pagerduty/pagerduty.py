"""Who is on call and pages, under the real, installed server: pagerduty.py BUILD_DIR [DIALECT…]

The fake was understood by PagerDuty's own client first. What must hold: the one on call commands and is paged, once, also when the
answer to the page is lost; a service without a schedule works; a rate limit is waited for; a revoked key is said, and Retry pages.
"""
import json
import os
import subprocess
import sys

from dispatch_server import Server, run_checks, until
from fake import KEY, PagerDuty

API = "/api/v1/default"


def make_server(build, dialect):
    home = "process" if dialect == "sqlite" else "worker"
    server = Server(build, dialect, yaml=f"isolation: {{pagerduty: {home}}}\nallow:\n  - {{plugin: pagerduty, host: 127.0.0.1}}\n")
    server.fake = PagerDuty()
    closed = server.close

    def close():
        server.fake.close()
        closed()
    server.close = close
    return server


def configure(server, key=KEY, *settings):
    server.cli("plugins", "configure", "pagerduty", f"api_url={server.fake.url}", "from_email=bot@example.com", *settings, "--enable",
               "--secret", "api_key", stdin=key + "\n")


def call(server, method, path, body=None):
    answer = server.request(method, f"{API}/{path}", body, token=server.token)
    assert answer.status in (200, 201, 202, 204), (method, path, answer.status, answer.text)
    return answer.json if answer.text else None


def report(server, title):
    return call(server, "POST", "incidents", {"title": title, "description": "It does not answer.", "incident_priority": {"name": "High"}})


def steps(server, incident):
    return [step for flow in call(server, "GET", f"incidents/{incident['id']}/steps")["flows"] for step in flow["steps"]]


def step_of(server, incident, key, state, reason="", seconds=40):
    return until(f"{key} {state}", lambda: [step for step in steps(server, incident) if step["key"].startswith(key) and step["state"] == state and
                                            reason in (step["reason"] or "")], seconds)[0]


def commander(server, incident):
    return ((call(server, "GET", f"incidents/{incident['id']}").get("commander") or {}).get("individual") or {}).get("email")


def serve(server, external_id):
    service = call(server, "POST", "services", {"name": f"Service {external_id}", "external_id": external_id, "type": "pagerduty", "project": {"name": "default"}})
    types = call(server, "GET", "incident_types?itemsPerPage=-1")["items"]
    priorities = call(server, "GET", "incident_priorities?itemsPerPage=-1")["items"]
    call(server, "PUT", "incident_roles/Incident%20Commander?projectName=default",
         {"policies": [{"enabled": True, "order": 1, "service": service, "incident_types": types, "incident_priorities": priorities, "engage_next_oncall": True}]})


def check_the_vendors_client_understands_the_fake(server):
    done = subprocess.run(["node", os.environ["PAGERDUTY_CLIENT"], server.fake.url, KEY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    understood = json.loads(done.stdout.splitlines()[-1])
    assert understood == {"policy": "PPOL", "oncalls": ["alan@example.com", "grace@example.com"], "pages": 2,
                          "made": [201, "https://acme.pagerduty.com/incidents/Q1"], "refused": [401, "Unauthorized"]}, understood
    server.fake.incidents.clear()


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    [high] = [one for one in call(server, "GET", "incident_priorities?itemsPerPage=-1")["items"] if one["name"] == "High"]
    call(server, "PUT", f"incident_priorities/{high['id']}", {"page_commander": True})
    configure(server)
    serve(server, "PSVC")
    result = json.loads(server.cli("plugins", "test", "pagerduty", "--json").stdout)
    assert result["ok"] and "grace@example.com is on call until" in result["checks"][1]["detail"], result
    assert not server.fake.incidents, "the test button pages nobody"


def check_who_is_on_call_commands_and_is_paged(server):
    incident = report(server, "Checkout answers 503")
    step_of(server, incident, "oncall.page", "done")
    assert commander(server, incident) == "grace@example.com"
    people = {one["individual"]["email"] for one in call(server, "GET", f"incidents/{incident['id']}")["participants"]}
    assert "ada@example.com" in people, people
    [paged] = server.fake.incidents
    assert paged["incident_key"] == f"dispatch/{incident['name']}" and paged["assignments"][0]["assignee"]["id"] == "PGRACE", paged


def check_a_rate_limit_is_waited_for(server):
    server.fake.refuse = PagerDuty.error(429, "Too Many Requests", code=2020, **{"ratelimit-reset": "1"})
    incident = report(server, "While PagerDuty is busy")
    step_of(server, incident, "oncall.roles", "waiting", "HTTP 429")
    server.fake.refuse = None
    step_of(server, incident, "oncall.page", "done")
    assert commander(server, incident) == "grace@example.com"


def check_a_revoked_key_is_said_and_retry_pages(server):
    configure(server, "revoked")
    incident = report(server, "While the key is revoked")
    failed = [step_of(server, incident, key, "failed", 'Check "API key"') for key in ("oncall.roles", "oncall.page")]
    configure(server)
    for step in failed:
        call(server, "POST", f"incidents/{incident['id']}/steps/{step['id']}/retry")
        step_of(server, incident, step["key"].split("/")[0], "done")


def check_a_service_without_a_schedule_works(server):
    serve(server, "PSVD")
    incident = report(server, "Search finds nothing")
    step_of(server, incident, "oncall.page", "done")
    assert commander(server, incident) == "alan@example.com"


def check_each_incident_paged_once(server):
    keys = [one["incident_key"] for one in server.fake.incidents]
    assert len(keys) == len(set(keys)) == 4, keys


def check_the_key_is_nowhere(server):
    assert KEY not in server.output()


if __name__ == "__main__":
    everything = [value for name, value in list(globals().items()) if name.startswith("check_")]
    total = [0, 0]
    for kind in sys.argv[2:] or ["sqlite", "postgresql"]:
        result = run_checks(everything, sys.argv[1], kind, make_server)
        total = [total[0] + result[0], total[1] + result[1]]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)

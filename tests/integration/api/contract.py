"""The contract of the original's API, and where we go beyond it, against the real server on both databases."""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import sys
import threading
import time
import urllib.parse

import jsonschema

from dispatch_server import free_port, run_checks, until

BASE = "/api/v1/default"
people = {}


def token_of(server, email):
    if email not in people:
        people[email] = server.register(email)
    return people[email]


def admin(server):
    token = token_of(server, "admin@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "admin@example.com")
    return token


def member(server):
    return token_of(server, "member@example.com")


def detail(answer):
    items = answer.json["detail"]
    assert isinstance(items, list) and items and all("msg" in item for item in items), answer.text
    return items


def report(server, token, **more):
    answer = server.request("POST", f"{BASE}/incidents", {"title": "Disk full", "description": "on db-1", **more}, token)
    assert answer.status == 200, answer.text
    return answer.json


def listed(server, token, path, **query):
    words = []
    for name, value in query.items():
        if isinstance(value, list) and name != "filter":
            words += [(f"{name}[]", item) for item in value]
        else:
            words.append((name, json.dumps(value) if name == "filter" else value))
    answer = server.request("GET", f"{BASE}/{path}?{urllib.parse.urlencode(words)}", token=token)
    assert answer.status == 200, answer.text
    return answer.json


def check_health_answers_without_a_login(server):
    assert server.request("GET", "/api/v1/healthcheck").json == {"status": "ok"}
    assert server.request("GET", "/livez").status == 200
    assert server.request("GET", "/readyz").json["database"] == "ok"


def check_security_headers_are_on_everything(server):
    for path in ("/", "/api/v1/healthcheck", "/api/v1/nowhere/incidents", "/api/v1/docs"):
        headers = server.request("GET", path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe-inline" not in policy and "frame-ancestors 'none'" in policy and "object-src 'none'" in policy, policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"]
        assert "max-age=31536000" in headers["Strict-Transport-Security"]


def check_the_description_is_the_one_that_the_web_ui_is_made_from(server):
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../host/web/openapi.json")
    with open(here) as file:
        kept = json.load(file)
    now = server.request("GET", "/api/v1/docs/openapi.json").json
    assert now == kept, ("the API's description changed: curl -s SERVER/api/v1/docs/openapi.json | jq -S --indent 1 . > host/web/openapi.json; differing: "
                         + ", ".join(sorted(name for name in now["components"]["schemas"].keys() | kept["components"]["schemas"].keys()
                                            if now["components"]["schemas"].get(name) != kept["components"]["schemas"].get(name))))


def check_unknown_organizations_and_paths_are_404(server):
    for path in ("/api/v1/nowhere/incidents", "/api/v1/nowhere/auth/login"):
        answer = server.request("GET" if "incidents" in path else "POST", path, None if "incidents" in path else {})
        assert answer.status == 404, (path, answer.status)
    assert server.request("GET", f"{BASE}/nothing").json == {"detail": "Not Found"}
    assert server.request("PATCH", f"{BASE}/projects").status == 405
    moved = server.request("GET", f"{BASE}/incidents/")
    assert moved.status == 307 and moved.headers["Location"] == f"{BASE}/incidents"


def check_registration_makes_a_member_whatever_role_the_body_names(server):
    answer = server.request("POST", f"{BASE}/auth/register", {"email": "sly@example.com", "password": "a long enough passphrase", "role": "Owner", "organizations": [{"role": "Owner"}]})
    assert answer.status == 200
    token = answer.json["token"]
    assert server.request("GET", f"{BASE}/auth/myrole", token=token).json == "Member"
    assert server.request("GET", f"{BASE}/auth/me", token=token).json["role"] is None
    again = server.request("POST", f"{BASE}/auth/register", {"email": "SLY@example.com", "password": "a long enough passphrase"})
    assert again.status == 422 and "email" in detail(again)[0]["loc"], again.text


def check_wrong_logins_do_not_tell_which_part_was_wrong(server):
    token_of(server, "member@example.com")
    answers = [server.request("POST", f"{BASE}/auth/login", {"email": email, "password": "wrong wrong wrong wrong"}) for email in ("member@example.com", "ghost@example.com")]
    assert [answer.status for answer in answers] == [422, 422], [answer.text for answer in answers]
    assert answers[0].json == answers[1].json
    assert [item["loc"][-1] for item in detail(answers[0])] == ["username", "password"]


def check_a_login_link_lets_one_person_in_once(server):
    member(server)
    link = json.loads(server.cli("--json", "user", "login-link", "member@example.com").stdout)
    address, token = link["url"].split("#")
    assert address.endswith("/default/auth/link"), link
    answer = server.request("POST", f"{BASE}/auth/link", {"token": token})
    assert answer.status == 200 and server.request("GET", f"{BASE}/auth/me", token=answer.json["token"]).json["email"] == "member@example.com"
    again = server.request("POST", f"{BASE}/auth/link", {"token": token})
    assert again.status == 401 and "login-link" in again.text, again.text
    ghost = server.cli("user", "login-link", "ghost@example.com", check=False)
    assert ghost.returncode != 0 and "user register" in ghost.stderr, ghost.stderr


def check_bearer_tokens_are_verified_strictly(server):
    member(server)
    url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def made(head, claims, secret=server.jwt_secret, digest=hashlib.sha256):
        text = f"{url(json.dumps(head).encode())}.{url(json.dumps(claims).encode())}"
        return f"{text}.{url(hmac.new(secret.encode(), text.encode(), digest).digest())}"

    later = time.time() + 600
    claims = {"email": "member@example.com", "exp": later}
    me = f"{BASE}/auth/me"
    bad = {"none": made({"alg": "none"}, claims).rsplit(".", 1)[0] + ".", "other secret": made({"alg": "HS256"}, claims, "x" * 48),
           "HS512": made({"alg": "HS512"}, claims, digest=hashlib.sha512), "expired": made({"alg": "HS256"}, {**claims, "exp": time.time() - 5}),
           "no exp": made({"alg": "HS256"}, {"email": "member@example.com"}), "no email": made({"alg": "HS256"}, {"exp": later}),
           "unknown": made({"alg": "HS256"}, {**claims, "email": "ghost@example.com"}), "garbage": "a.b.c", "empty": "x"}
    for name, token in bad.items():
        answer = server.request("GET", me, token=token)
        assert answer.status == 401, (name, answer.status, answer.text)
        detail(answer)
    assert server.request("GET", me).status == 401
    assert server.request("GET", me, headers={"Authorization": "Basic eA=="}).status == 401


def check_browser_sessions_need_the_csrf_token(server):
    answer = server.request("POST", f"{BASE}/auth/login", {"email": "member@example.com", "password": "a long enough passphrase"}, headers={"Sec-Fetch-Site": "same-origin"})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-") and all(flag in cookie for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/")), cookie
    kept = {"Cookie": cookie.split(";")[0]}
    session = server.request("GET", f"{BASE}/auth/session", headers=kept)
    assert session.status == 200, session.text
    body = {"title": "Disk full", "description": "by cookie"}
    for headers in (kept, {**kept, "X-CSRF-Token": "wrong"}, {**kept, "X-CSRF-Token": session.json["csrf_token"], "Sec-Fetch-Site": "cross-site"}):
        assert server.request("POST", f"{BASE}/incidents", body, headers=headers).status == 403
    assert server.request("POST", f"{BASE}/incidents", body, headers={**kept, "X-CSRF-Token": session.json["csrf_token"]}).status == 200
    assert server.request("POST", f"{BASE}/auth/logout", {}, headers=kept).status == 200
    assert server.request("GET", f"{BASE}/auth/session", headers=kept).status == 401


def check_a_changed_password_ends_all_sessions_and_tokens_but_the_one_that_changed_it(server):
    token = token_of(server, "changing@example.com")
    credentials = {"email": "changing@example.com", "password": "a long enough passphrase"}
    sessions = []
    for _ in range(2):
        answer = server.request("POST", f"{BASE}/auth/login", credentials, headers={"Sec-Fetch-Site": "same-origin"})
        kept = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
        sessions.append({**kept, "X-CSRF-Token": server.request("GET", f"{BASE}/auth/session", headers=kept).json["csrf_token"]})
    mine, other = sessions
    change = {"current_password": credentials["password"], "new_password": "quite another passphrase"}
    assert server.request("POST", f"{BASE}/auth/change-password", change, headers=mine).status == 200
    assert server.request("GET", f"{BASE}/auth/session", headers=mine).json["email"] == "changing@example.com"
    assert server.request("GET", f"{BASE}/auth/session", headers=other).status == 401
    assert server.request("GET", f"{BASE}/auth/me", token=token).status == 401
    assert server.request("POST", f"{BASE}/auth/login", credentials).status == 422
    assert server.request("POST", f"{BASE}/auth/login", {**credentials, "password": change["new_password"]}).status == 200


def check_garbled_bodies_are_refused_with_where(server):
    token = member(server)
    for body in ("{", '{"title": 1, "title": 2}', "[" * 200):
        answer = server.request("POST", f"{BASE}/incidents", body, token)
        assert answer.status == 422 and detail(answer)[0]["type"] in ("json_invalid", "value_error"), answer.text
    answer = server.request("POST", f"{BASE}/incidents", {"title": "  ", "incident_type": {"name": "Nope"}}, token)
    places = {item["loc"][1] for item in detail(answer)}
    assert answer.status == 422 and "title" in places, answer.text
    answer = server.request("POST", f"{BASE}/incidents", {"title": "T", "description": "D", "incident_type": {"name": "Nope"}}, token)
    assert answer.status == 422 and "Default" in answer.text, answer.text


def check_a_report_is_refused_once_with_everything_that_is_wrong(server):
    answer = server.request("POST", f"{BASE}/incidents", {"status": "Odd", "commander_email": "nobody"}, member(server))
    assert answer.status == 422, answer.text
    assert {item["loc"][1] for item in detail(answer)} == {"title", "description", "status", "commander_email"}, answer.text
    garbled = server.request("POST", f"{BASE}/incidents", "{", member(server))
    assert garbled.status == 422 and "json.exception" not in garbled.text and "line 1" in garbled.text, garbled.text


def check_a_body_of_100_MB_is_refused_unread(server):
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(f"POST {BASE}/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 104857600\r\nContent-Type: application/json\r\n\r\n{{".encode())
        answer = connection.recv(4096)
        assert b" 413 " in answer and b'"type"' in answer, answer


def check_an_incident_has_its_name_at_once_and_every_member_of_the_shape(server):
    incident = report(server, member(server), tags=[])
    assert incident["name"] == f"dispatch-default-default-{incident['id']}"
    assert incident["status"] == "Active" and incident["reporter"]["individual"]["email"] == "member@example.com"
    assert incident["commander"]["individual"]["email"] == "member@example.com"
    assert len(incident["reported_at"]) == 27 and incident["reported_at"].endswith("Z")
    for key in ("cases", "closed_at", "conference", "conversation", "documents", "duplicates", "events", "incident_costs", "incident_priority", "incident_severity", "incident_type",
                "last_executive_report", "last_tactical_report", "participants", "project", "resolution", "stable_at", "storage", "summary", "tags", "tasks", "terms", "ticket",
                "total_cost", "visibility", "workflow_instances"):
        assert key in incident, key
    assert any(event["description"] == "Incident created" for event in incident["events"])


def check_lists_page_search_sort_and_filter(server):
    token = member(server)
    for n in range(7):
        report(server, token, title=f"Listed {n}", description="needle" if n == 3 else "hay")
    page = listed(server, token, "incidents", page=2, itemsPerPage=3, sortBy=["title"], descending=["false"], q="Listed")
    assert (page["total"], page["page"], page["itemsPerPage"]) == (7, 2, 3)
    assert [item["title"] for item in page["items"]] == ["Listed 3", "Listed 4", "Listed 5"], page
    assert [item["title"] for item in listed(server, token, "incidents", q="needle")["items"]] == ["Listed 3"]
    everything = listed(server, token, "incidents", itemsPerPage=-1)
    assert everything["itemsPerPage"] == everything["total"] == len(everything["items"])
    client = {"and": [{"or": [{"model": "Project", "field": "name", "op": "==", "value": "default"}]}, {"or": [{"model": "Incident", "field": "title", "op": "like", "value": "Listed%"}]},
                      {"and": [{"model": "Incident", "field": "reported_at", "op": ">=", "value": "2024-01-01"}]}]}
    assert listed(server, token, "incidents", filter=client)["total"] == 7
    assert listed(server, token, "incidents", filter=[{"and": [{"model": "Incident", "field": "title", "op": "==", "value": "Listed 5"}]}])["total"] == 1
    assert listed(server, token, "incident_types", filter={"field": "default", "op": "==", "value": True})["total"] == 1
    assert listed(server, token, "incidents", filter=[{"model": "Participant", "field": "email", "op": "==", "value": "member@example.com"}])["total"] >= 7
    assert set(listed(server, token, "incidents", include=["title", "project.name"], itemsPerPage=1)["items"][0]) == {"title", "project"}
    for bad in ('{"field":"nope","op":"==","value":1}', '{"field":"title","op":"drop","value":1}', "{", '{"model":"Secret","field":"x","op":"==","value":1}',
                '{"field":"title); DROP TABLE incident;--","op":"==","value":1}'):
        answer = server.request("GET", f"{BASE}/incidents?filter={urllib.parse.quote(bad)}", token=token)
        assert answer.status == 422, (bad, answer.status, answer.text)
    assert server.request("GET", f"{BASE}/incidents?page=0", token=token).status == 422


def check_the_same_idempotency_key_reports_once(server):
    token = member(server)
    body = {"title": "Once", "description": "only"}
    first, second = (server.request("POST", f"{BASE}/incidents", body, token, {"Idempotency-Key": "k-1"}) for _ in range(2))
    assert first.status == second.status == 200 and first.json["id"] == second.json["id"]
    assert server.request("POST", f"{BASE}/incidents", {**body, "title": "Other"}, token, {"Idempotency-Key": "k-1"}).status == 409


def check_a_stale_edit_is_refused_and_a_fresh_one_is_on_the_timeline(server):
    token = member(server)
    incident = report(server, token, title="Edited")
    path = f"{BASE}/incidents/{incident['id']}"
    etag = server.request("GET", path, token=token).headers["ETag"]
    body = {key: incident[key] for key in ("description", "status", "visibility", "incident_type", "incident_priority", "incident_severity", "tags")}
    fresh = server.request("PUT", path, {**body, "title": "Edited once"}, token, {"If-Match": etag})
    assert fresh.status == 200 and fresh.json["title"] == "Edited once", fresh.text
    stale = server.request("PUT", path, {**body, "title": "Edited twice"}, token, {"If-Match": etag})
    assert stale.status == 409 and detail(stale), stale.text
    assert any("title" in event["description"] for event in server.request("GET", path, token=token).json["events"])
    wrong = server.request("PUT", path, {**body, "title": "Edited", "status": "Gone"}, token)
    assert wrong.status == 422 and "Stable" in wrong.text, wrong.text


def check_restricted_incidents_are_hidden_from_outsiders(server):
    token = admin(server)
    hidden = report(server, token, title="Hidden from others", visibility="Restricted")
    outsider = member(server)
    assert server.request("GET", f"{BASE}/incidents/{hidden['id']}", token=outsider).status == 403
    assert server.request("GET", f"{BASE}/incidents/999999", token=outsider).status == 403
    assert listed(server, outsider, "incidents", q="Hidden")["total"] == 0
    assert listed(server, token, "incidents", q="Hidden")["total"] == 1
    answer = server.request("POST", f"{BASE}/incidents/{hidden['id']}/add/member@example.com", {}, token)
    assert answer.status == 200, answer.text
    assert server.request("GET", f"{BASE}/incidents/{hidden['id']}", token=outsider).status == 200


def check_settings_need_an_admin_and_names_are_unique(server):
    body = {"name": "Denial of Service", "description": "d", "project": {"name": "default"}}
    assert server.request("POST", f"{BASE}/incident_types", body, member(server)).status == 403
    token = admin(server)
    made = server.request("POST", f"{BASE}/incident_types", {**body, "default": True}, token)
    assert made.status == 200 and made.json["default"] is True, made.text
    assert listed(server, token, "incident_types", filter={"field": "default", "op": "==", "value": True})["total"] == 1
    twice = server.request("POST", f"{BASE}/incident_types", body, token)
    assert twice.status in (409, 422) and "already exists" in twice.text, twice.text
    assert server.request("POST", f"{BASE}/incident_types", {**body, "name": "ab"}, token).status == 422
    changed = server.request("PUT", f"{BASE}/incident_types/{made.json['id']}", {"description": "other"}, token)
    assert changed.json["description"] == "other" and changed.json["name"] == "Denial of Service"
    assert server.request("GET", f"{BASE}/incident_types/{2**31}", token=token).status == 422


def check_an_email_notification_needs_an_address(server):
    token = admin(server)
    body = {"name": "Told by mail", "type": "email", "target": "not a mail", "project": {"name": "default"}}
    answer = server.request("POST", f"{BASE}/notifications", body, token)
    assert answer.status == 422 and detail(answer)[0]["loc"] == ["body", "target"] and "e-mail address" in answer.text, answer.text
    made = server.request("POST", f"{BASE}/notifications", {**body, "type": "conversation", "target": "#incidents"}, token)
    assert made.status == 200, made.text
    changed = server.request("PUT", f"{BASE}/notifications/{made.json['id']}", {"type": "email"}, token)
    assert changed.status == 422 and detail(changed)[0]["loc"] == ["body", "target"], changed.text
    assert server.request("DELETE", f"{BASE}/notifications/{made.json['id']}", token=token).status == 200


def check_a_project_keeps_a_default_that_can_be_used(server):
    token = admin(server)
    for path in ("incident_types", "incident_priorities", "incident_severities"):
        usual = next(one for one in listed(server, token, path, itemsPerPage=-1)["items"] if one["default"])
        for change, field in (({"enabled": False}, "enabled"), ({"default": False}, "default")):
            answer = server.request("PUT", f"{BASE}/{path}/{usual['id']}", {"name": usual["name"], **change}, token)
            assert answer.status == 409 and detail(answer)[0]["loc"] == ["body", field] and "default" in answer.text, (path, answer.text)
    assert report(server, token, title="Still reported")["status"] == "Active"


def check_policies_say_who_fills_a_role(server):
    token = admin(server)
    path = f"{BASE}/incident_roles/Liaison?projectName=default"
    types, priorities = (listed(server, token, what, itemsPerPage=-1)["items"] for what in ("incident_types", "incident_priorities"))
    person = server.request("POST", f"{BASE}/individuals", {"email": "liaison@example.com", "name": "Lia", "project": {"name": "default"}}, token).json
    policy = {"individual": {"id": person["id"]}, "incident_types": types, "incident_priorities": priorities, "order": 1}
    made = server.request("PUT", path, {"policies": [policy]}, token)
    assert made.status == 200 and made.json["policies"][0]["individual"]["email"] == "liaison@example.com", made.text
    assert [one["role"] for one in made.json["policies"]] == ["Liaison"]
    incident = report(server, token, title="Somebody speaks for us")
    assert any(role["role"] == "Liaison" for one in incident["participants"] for role in one["participant_roles"]), incident["participants"]
    kept = {**made.json["policies"][0], "enabled": False}
    assert server.request("PUT", path, {"policies": [kept]}, token).json["policies"][0]["id"] == kept["id"]
    for wrong, field in (({**policy, "service": {"id": 1}}, "service"), ({**policy, "incident_types": []}, "incident_types"), ({**policy, "id": 999}, "id")):
        answer = server.request("PUT", path, {"policies": [wrong]}, token)
        assert answer.status == 422 and detail(answer)[0]["loc"] == ["body", "policies", "0", field], answer.text
    assert server.request("GET", path, token=token).json["policies"][0]["id"] == kept["id"], "a refusal changes nothing"
    assert server.request("PUT", path, {"policies": []}, token).json == {"policies": []}
    assert server.request("PUT", path, {"policies": []}, member(server)).status == 403
    assert server.request("GET", f"{BASE}/incident_roles/King?projectName=default", token=token).status == 422


def check_types_name_their_templates(server):
    token = admin(server)
    made = server.request("POST", f"{BASE}/documents", {"name": "Our template", "resource_id": "/Templates/incident.md", "project": {"name": "default"}}, token)
    assert made.status == 200, made.text
    kind = listed(server, token, "incident_types", itemsPerPage=-1)["items"][0]
    changed = server.request("PUT", f"{BASE}/incident_types/{kind['id']}", {"name": kind["name"], "incident_template_document": {"id": made.json["id"]}}, token)
    assert changed.json["incident_template_document"]["resource_id"] == "/Templates/incident.md", changed.text
    cleared = server.request("PUT", f"{BASE}/incident_types/{kind['id']}", {"name": kind["name"], "incident_template_document": None}, token)
    assert cleared.json["incident_template_document"] is None, cleared.text
    incident = report(server, token, title="Nothing outside")
    assert all(incident[name] is None for name in ("conversation", "conference", "storage", "incident_document", "tactical_group")) and incident["documents"] == []


def check_settings_behind_a_secret_are_settings(server):
    done = server.cli("plugins", "configure", "alertmanager", "--secret", "bearer_token", "priorities=critical=High,warning=Medium", stdin="0123456789abcdef0\n", check=False)
    assert done.returncode == 0, done.stderr
    shown = server.cli("plugins", "show", "alertmanager", "--json").stdout
    assert "critical=High" in shown and "0123456789abcdef0" not in shown, shown
    done = server.cli("plugins", "configure", "alertmanager", "--unset", "priorities", "severities=critical=High", check=False)
    shown = server.cli("plugins", "show", "alertmanager", "--json").stdout
    assert done.returncode == 0 and "warning=Medium" not in shown and "critical=High" in shown, (done.stderr, shown)


def check_incident_names_sort_by_their_number(server):
    token = member(server)
    made = [report(server, token, title="Counted") for _ in range(11)]
    items = listed(server, token, "incidents", itemsPerPage=-1, q="Counted", sortBy=["name"], descending=["false"])["items"]
    assert [item["name"] for item in items] == [item["name"] for item in made], items


def check_severities_sort_by_their_scale(server):
    token = member(server)
    scale = [one["name"] for one in listed(server, token, "incident_severities", itemsPerPage=-1, sortBy=["view_order"], descending=["false"])["items"]]
    assert scale != sorted(scale) and len(scale) > 2, scale
    for name in sorted(scale):
        report(server, token, title="Scaled", incident_severity={"name": name})
    items = listed(server, token, "incidents", itemsPerPage=-1, q="Scaled", sortBy=["incident_severity.name"], descending=["false"])["items"]
    assert [item["incident_severity"]["name"] for item in items] == scale


def check_the_last_who_administers_cannot_demote_themselves(server):
    token = admin(server)
    mine = next(user["id"] for user in listed(server, token, "users", itemsPerPage=-1)["items"] if user["email"] == "admin@example.com")
    answer = server.request("PUT", f"{BASE}/users/{mine}", {"id": mine, "role": "Member"}, token)
    assert answer.status == 409 and "Admin first" in answer.text, answer.text
    assert server.request("GET", f"{BASE}/auth/myrole", token=token).json == "Admin"


def check_roles_are_given_by_those_who_hold_as_much(server):
    token = admin(server)
    other = member(server)
    users = {user["email"]: user for user in listed(server, token, "users", itemsPerPage=-1)["items"]}
    mine, theirs = users["admin@example.com"]["id"], users["member@example.com"]["id"]
    assert server.request("PUT", f"{BASE}/users/{theirs}", {"id": theirs, "role": "Admin"}, other).status == 403
    assert server.request("PUT", f"{BASE}/users/{mine}", {"id": mine, "role": "Owner"}, token).status == 403
    assert server.request("POST", f"{BASE}/users/{mine}/reset-password", {"new_password": "another long passphrase"}, other).status == 403
    kept = server.request("PUT", f"{BASE}/users/{theirs}", {"id": theirs, "experimental_features": True}, other)
    assert kept.status == 200 and kept.json["role"] == "Member", kept.text


def check_organizations_do_not_see_each_other(server):
    owner = token_of(server, "owner@example.com")
    assert server.request("POST", "/api/v1/organizations", {"name": "Other Company"}, member(server)).status == 403
    server.cli("user", "update", "--role", "Owner", "--organization", "default", "owner@example.com")
    made = server.request("POST", "/api/v1/organizations", {"name": "Other Company"}, owner)
    assert made.status == 200 and made.json["slug"] == "other_company", made.text
    outsider = admin(server)
    hidden = server.request("POST", "/api/v1/other_company/incidents", {"title": "Theirs", "description": "d"}, owner)
    assert hidden.status == 200, hidden.text
    for route in server.request("GET", "/api/v1/docs/openapi.json").json["paths"].items():
        path, methods = route
        if "{organization}" not in path or "/auth/" in path:
            continue
        where = path.replace("{organization}", "other_company").replace("{incident_id}", str(hidden.json["id"]))
        where = "/".join("1" if part.startswith("{") else part for part in where.split("/"))
        for method in methods:
            status = server.request(method.upper(), where, None if method == "get" else {}, outsider).status
            assert status in (401, 403, 404), f"{method} {where} answers {status} to a stranger"
    assert listed(server, outsider, "incidents", q="Theirs")["total"] == 0
    assert server.request("GET", f"{BASE}/incidents/{hidden.json['id']}", token=owner).status in (403, 404)
    assert [entry["slug"] for entry in server.request("GET", "/api/v1/organizations", token=outsider).json["items"]] == ["default"]


def check_plugins_are_listed_and_secrets_are_not(server):
    token = admin(server)
    plugins = {plugin["slug"]: plugin for plugin in listed(server, token, "plugins", itemsPerPage=-1)["items"]}
    assert {"dispatch-ticket", "dispatch-contact", "dispatch-participant-resolver", "smtp-email", "generic-workflow"} <= set(plugins)
    instances = {item["plugin"]["slug"]: item for item in listed(server, token, "plugins/instances", itemsPerPage=-1)["items"]}
    assert instances["dispatch-ticket"]["enabled"] and instances["dispatch-ticket"]["state"] == "healthy", instances["dispatch-ticket"]
    path = f"{BASE}/plugins/instances/{instances['smtp-email']['id']}"
    assert server.request("GET", path, token=member(server)).status == 403
    settings = {"host": "127.0.0.1", "port": 2525, "security": "starttls", "username": "u", "password": "hunter2-hunter2", "from_address": "d@example.com"}
    saved = server.request("PUT", path, {"enabled": False, "configuration": settings}, token)
    assert saved.status == 200 and saved.json["configuration"]["password"] == "**********", saved.text
    kept = server.request("PUT", path, {"configuration": {**settings, "port": 2526, "password": "**********"}}, token)
    assert kept.status == 200 and kept.json["configuration"]["port"] == 2526
    wrong = server.request("PUT", path, {"configuration": {**settings, "port": "many"}}, token)
    assert wrong.status == 422 and "port" in wrong.text and "hunter2" not in wrong.text, wrong.text
    assert "hunter2" not in server.request("GET", path, token=token).text


def check_what_a_manifest_asks_for_stands_beside_what_is_granted(server):
    token = admin(server)
    instances = {item["plugin"]["slug"]: item for item in listed(server, token, "plugins/instances", itemsPerPage=-1)["items"]}
    path = f"{BASE}/plugins/instances/{instances['smtp-email']['id']}"

    def granted():
        rows = server.request("GET", path, token=token).json["granted"]
        assert json.loads(server.cli("plugins", "show", "smtp-email", "--json").stdout)["instances"][0]["granted"] == rows
        return {row["kind"]: row for row in rows}

    settings = {"host": "mail.example.com", "port": 2525, "security": "starttls", "from_address": "d@example.com"}
    server.request("PUT", path, {"configuration": settings}, token)
    rows = granted()
    assert rows["stream"] == {"kind": "stream", "asked": "setting host, port of port", "granted": "mail.example.com:2525", "note": ""}, rows
    assert rows["private network"]["granted"] is None and "allow: in dispatch.yaml" in rows["private network"]["note"], rows
    assert "dispatch.stream/1" in rows["service"]["granted"] and "dispatch.http/1" not in rows["service"]["granted"], rows
    server.request("PUT", path, {"configuration": {**settings, "host": "relay.example.org", "port": 587}}, token)
    assert granted()["stream"]["granted"] == "relay.example.org:587"
    text = server.cli("plugins", "show", "smtp-email").stdout
    assert re.search(r"stream +setting host, port of port +relay.example.org:587\n", text), text
    provider = json.loads(server.cli("plugins", "show", "dispatch-auth-provider-basic", "--json").stdout)["instances"][0]
    assert any("dispatch.credential/1" in (row["granted"] or "") for row in provider["granted"]), provider


def check_commands_tell_what_was_probably_meant(server):
    def refused(code, *words):
        done = server.cli(*words, check=False)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stderr

    assert "no project" in refused(1, "plugins", "list", "-p", "nosuch")
    # Nobody is asked about what cannot be done.
    said = refused(1, "plugins", "rotate-webhook", "smtp-email")
    assert "smtp-email takes no requests of other systems" in said and "--yes" not in said, said
    assert "did you mean recipient?" in refused(1, "plugins", "test", "smtp-email", "recipent=x@example.com")
    assert "did you mean port?" in refused(1, "plugins", "configure", "smtp-email", "prot=25")
    for port in ("abc", "99999"):
        said = refused(2, "server", "start", "--port", port)
        assert f'must be a whole number from 0 to 65535, found "{port}"' in said and "did you mean" not in said, said
    assert "did you mean --port?" in refused(2, "server", "start", "--prot", "1")
    assert json.loads(server.cli("--version", "--json").stdout)["name"] == "dispatch"


class Second:
    """Another server of the same installation, on SQLite, with directories and a dispatch.yaml of its own."""

    def __init__(self, server):
        self.server, self.etc = server, os.path.join(server.directory, "second")
        self.port = free_port()
        self.packages = os.path.join(self.etc, "packages")
        os.makedirs(self.packages)
        self.settings = {name: server.settings[name] for name in ("DISPATCH_ENCRYPTION_KEY", "DISPATCH_JWT_SECRET")}
        self.settings.update(DISPATCH_PORT=str(self.port), DISPATCH_DATA_DIR="data", DISPATCH_RUN_DIR="run", DISPATCH_LOG_DIR="log",
                             DISPATCH_PLUGIN_DIRS=f"{server.prefix}/lib/dispatch/plugins,packages", DISPATCH_PLUGIN_SODIUM_KEY=server.cli("secret", "keygen").stdout.strip())

    def cli(self, *words, check=True, stdin=None):
        with open(os.path.join(self.etc, ".env"), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in self.settings.items())
        os.chmod(os.path.join(self.etc, ".env"), 0o600)
        return self.server.cli("--config", self.etc, *words, check=check, stdin=stdin)

    def yaml(self, text):
        with open(os.path.join(self.etc, "dispatch.yaml"), "w") as file:
            file.write(text)

    def log(self):
        with open(os.path.join(self.etc, "log", "dispatch.log"), errors="replace") as file:
            return file.read()

    def close(self):
        self.cli("server", "stop", check=False)
        shutil.rmtree(self.etc)


def second_server(check):
    def run(server):
        second = Second(server)
        try:
            check(second)
        finally:
            second.close()
    run.__name__ = check.__name__
    return run


@second_server
def check_a_plugin_that_is_not_installed_is_answered_with_those_that_are(second):
    for copy in ("one", "two"):
        shutil.copytree(os.path.join(second.server.prefix, "lib/dispatch/plugins/smtp-email"), os.path.join(second.packages, copy))
    said = second.cli("plugins", "show", "nosuch", check=False).stderr
    assert said.count("smtp-email") == 1 and "dispatch-ticket, " in said, said


@second_server
def check_a_server_that_cannot_start_says_why(second):
    def refused(*words):
        done = second.cli("server", "start", "--background", *words, check=False)
        assert done.returncode == 78, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    taken = second.server.port
    said = refused("--port", str(taken))
    assert f"Port {taken} on 127.0.0.1 is in use" in said, said
    assert "203.0.113.1" in refused("--host", "203.0.113.1")
    second.yaml("plugins:\n  - plugin: smtp-email\n    configuration:\n      host: mail.example.com\n      from_address: d@example.com\n      port: abc\n      hots: x\n")
    said = refused()
    assert "dispatch.yaml line 6: plugin smtp-email: port must be a whole number" in said, said
    assert "dispatch.yaml line 7: plugin smtp-email: hots is not known here" in said and "did you mean host?" in said, said
    second.yaml("")
    second.settings["DISPATCH_JWT_EXP"] = '"never ends'
    assert "closing" in refused()


@second_server
def check_a_plugin_secret_that_cannot_be_read_is_told_everywhere(second):
    line = second.cli("secret", "encrypt", "DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD", stdin="hunter2-hunter2\n").stdout.strip()
    second.settings.update(DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD=line.split("=", 1)[1], DISPATCH_PLUGIN_SMTP_EMAIL_HOTS="x")
    os.makedirs(os.path.join(second.packages, "garbled"))
    with open(os.path.join(second.packages, "garbled", "plugin.json"), "w") as file:
        file.write("{")
    second.cli("database", "init")
    second.cli("plugins", "configure", "smtp-email", "host=127.0.0.1", "port=2525", "security=starttls", "username=u", "from_address=d@example.com", "--enable")
    findings = {one["name"]: one for one in json.loads(second.cli("secret", "doctor", "--json").stdout)}
    assert findings["DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD"]["state"] == "ok", findings
    second.settings["DISPATCH_PLUGIN_SODIUM_KEY"] = second.server.cli("secret", "keygen").stdout.strip()
    doctor = second.cli("secret", "doctor", "--json", check=False)
    findings = {one["name"]: one for one in json.loads(doctor.stdout)}
    assert doctor.returncode == 1 and findings["DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD"]["state"] == "unreadable", findings
    second.cli("server", "start", "--background")
    plugins = {one["id"]: one for one in json.loads(second.cli("plugins", "list", "--json").stdout)}
    assert plugins["smtp-email"]["state"] == "degraded", plugins["smtp-email"]
    told = [line for line in second.log().splitlines() if "ERROR" in line.upper() and "DISPATCH_PLUGIN_SMTP_EMAIL_PASSWORD" in line and "sodium" in line]
    assert told and "hunter2" not in second.log(), second.log()[-2000:]
    assert "did you mean DISPATCH_PLUGIN_SMTP_EMAIL_HOST?" in second.log()
    server, second.server.port = second.server, second.port
    token = server.request("POST", f"{BASE}/auth/register", {"email": "second@example.com", "password": "a long enough passphrase"}).json["token"]
    made = report(server, token, title="Waits for its mail")

    def waits():
        steps = [step for flow in server.request("GET", f"{BASE}/incidents/{made['id']}/steps", token=token).json["flows"] for step in flow["steps"]]
        assert steps, "no steps yet"
        waiting = [step for step in steps if "mail" in step["key"] and step["state"] == "waiting" and "cannot be decrypted" in (step["reason"] or "")]
        assert waiting, [(step["key"], step["state"], step["reason"]) for step in steps]
        return waiting

    try:
        until("a mail that waits", waits, 20)
        listed_here = {plugin["slug"]: plugin for plugin in listed(server, token, "plugins", itemsPerPage=-1)["items"]}
        assert listed_here["garbled"]["state"] == "broken" and listed_here["garbled"]["reason"], listed_here["garbled"]
    finally:
        server.port = int(server.settings["DISPATCH_PORT"])


def check_a_database_that_is_away_is_no_secret_and_no_obstacle(server):
    if server.dialect != "postgresql":
        return  # an open SQLite file does not go away
    server.sql(f"ALTER DATABASE {server.database} ALLOW_CONNECTIONS false", "")
    try:
        def away():
            server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{server.database}'", "")
            return server.request("GET", "/readyz").status == 503
        until("the database's absence", away)
        for method, path, body in (("GET", "auth/providers", None), ("POST", "auth/login", {"email": "member@example.com", "password": "a long enough passphrase"})):
            answer = server.request(method, f"{BASE}/{path}", body)
            assert answer.status == 503 and answer.headers["Retry-After"], (path, answer.status, answer.text)
            for internal in (server.database, "PostgreSQL", "FATAL", "libpq", server.settings["DATABASE_HOSTNAME"]):
                assert internal not in answer.text, answer.text
        assert server.database in server.output(), "the log does not tell the operator"
        status = json.loads(server.cli("server", "status", "--json").stdout)
        assert status["running"] and status["database_state"].startswith("unavailable"), status
        reaper = threading.Thread(target=server.process.wait)  # as init would: a zombie looks alive
        reaper.start()
        server.cli("server", "stop")
        reaper.join(30)
        assert server.process.returncode == 0
    finally:
        server.sql(f"ALTER DATABASE {server.database} ALLOW_CONNECTIONS true", "")
    server.start()


def check_steps_of_a_report_end_and_can_be_asked_for(server):
    incident = report(server, member(server), title="Stepped")
    path = f"{BASE}/incidents/{incident['id']}/steps"

    def ended():
        steps = server.request("GET", path, token=member(server)).json["flows"][0]["steps"]
        return all(step["state"] in ("done", "skipped") for step in steps) and steps

    steps = {step["key"]: step for step in until("the flow", ended)}
    assert steps["ticket.create"]["state"] == "done"
    assert all(step["reason"] for step in steps.values() if step["state"] == "skipped")
    ticket = server.request("GET", f"{BASE}/incidents/{incident['id']}", token=member(server)).json["ticket"]
    assert ticket["resource_id"] and ticket["weblink"]


def check_the_event_stream_tells_of_changes(server):
    token = member(server)
    got = []

    def listen():
        with socket.create_connection(("127.0.0.1", server.port), 15) as connection:
            connection.sendall(f"GET {BASE}/event-stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            connection.settimeout(8)
            try:
                while piece := connection.recv(4096):
                    got.append(piece.decode())
            except TimeoutError:
                pass

    thread = threading.Thread(target=listen)
    thread.start()
    until("the stream", lambda: "event: ready" in "".join(got))
    incident = report(server, token, title="Streamed")
    until("the event", lambda: f'"id":{incident["id"]}' in "".join(got) and '"subject":"incident"' in "".join(got))
    assert "text/event-stream" in "".join(got) and "X-Accel-Buffering: no" in "".join(got)
    thread.join()


def check_the_description_of_the_api_is_whole(server):
    document = server.request("GET", "/api/v1/docs/openapi.json").json
    assert document["openapi"].startswith("3.1")
    names = set(document["components"]["schemas"])
    used = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert used <= names, used - names
    assert "<table" in server.request("GET", "/api/v1/docs").text


def check_every_answer_so_far_is_what_the_description_says(server):
    document = server.request("GET", "/api/v1/docs/openapi.json").json
    operations = []
    for path, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")) + "$")
        operations += [(method.upper(), pattern, path.count("{"), operation) for method, operation in methods.items()]
    operations.sort(key=lambda operation: operation[2])  # as the router does: literal segments first
    validators, seen, wrong = {}, set(), {}
    for method, path, answer in server.answered:
        if not path.startswith("/api/v1/") or not answer.headers.get("Content-Type", "").startswith("application/json"):
            continue
        operation = next((operation for one, pattern, _, operation in operations if one == method and pattern.match(path.split("?")[0])), None)
        if operation is None or "include" in path or (answer.status != 200 and not isinstance(answer.json, dict)):
            continue
        name = operation["operationId"]
        kind = next(kind for kind in (str(answer.status), f"{answer.status // 100}XX", "default") if kind in operation["responses"])
        if "content" not in operation["responses"][kind]:
            continue  # a plugin's own words
        if (name, kind) not in validators:
            schema = operation["responses"][kind]["content"]["application/json"]["schema"]
            validators[name, kind] = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
        seen.add((name, kind))
        for error in validators[name, kind].iter_errors(answer.json):
            wrong.setdefault(f"{method} {name} {kind} {'/'.join(str(part) for part in error.absolute_path if not isinstance(part, int))}: {error.message[-160:]}", path)
    assert not wrong, "\n" + "\n".join(sorted(wrong))
    assert len(seen) > 40, f"only {len(seen)} kinds of answers were looked at"


if __name__ == "__main__":
    checks = [value for name, value in list(globals().items()) if name.startswith("check_")]
    totals = [0, 0]
    for dialect in ("sqlite", "postgresql"):
        people.clear()
        for i, count in enumerate(run_checks(checks, sys.argv[1], dialect)):
            totals[i] += count
    print(f"\n{totals[0]} passed, {totals[1]} failed")
    sys.exit(1 if totals[1] else 0)

"""Storage and documents under the real, installed server, with Debian's Apache as the WebDAV server: webdav.py BUILD_DIR [DIALECT…]

What must hold: each incident has one folder with what belongs in it, whatever is killed or away; its document is a copy of the
template with the placeholders replaced, and what people write is kept; who reports can put no markup into it; a deleted incident
takes its folder along and nothing else; the Test button changes nothing.
"""
import json
import os
import sys
import threading
import time

from apache import PASSWORD, READER, WRITER, Apache
from dispatch_server import Server, run_checks, until

API = "/api/v1/default"
TEMPLATE = """# {{title}}

{{name}} is {{status}}, {{priority}}; folder: {{storage_weblink}}

{{description}} {{nobody_knows}}
"""


def configure(server, plugin, *settings, user=WRITER, password=PASSWORD, url=None):
    server.cli("plugins", "configure", plugin, f"base_url={url or server.apache.url}", f"username={user}", *settings, "--enable",
               "--secret", "password", stdin=password + "\n")


def configured(server, **more):
    configure(server, "webdav-storage", "root_path=/Incidents", **more)
    configure(server, "webdav-document", **more)


def test(server, plugin, *words):
    return json.loads(server.cli("plugins", "test", plugin, *words, "--json", check=False).stdout)


def call(server, method, path, body=None):
    answer = server.request(method, f"{API}/{path}", body, token=server.token)
    assert answer.status in (200, 202, 204), (method, path, answer.status, answer.text)
    return answer.json if answer.text else None


def report(server, title, description="Since 14:02 one request in three fails."):
    return call(server, "POST", "incidents", {"title": title, "description": description})


def steps(server, incident):
    return [step for flow in call(server, "GET", f"incidents/{incident['id']}/steps")["flows"] for step in flow["steps"]]


def ended(server, incident, seconds=60):
    def all_ended():
        found = steps(server, incident)
        open_ones = [(step["key"], step["state"], step["reason"]) for step in found if step["state"] not in ("done", "skipped")]
        assert found and not open_ones, open_ones
        return found
    return until(f"the end of the flows of {incident['name']}", all_ended, seconds)


def folder_of(incident):
    return f"/Incidents/{incident['name']}"


def document_of(incident, extension=".md"):
    return f"{folder_of(incident)}/{incident['name']} - Incident Document{extension}"


def contents(incident, extension=".md"):
    return sorted(["Logs/", "Screengrabs/", f"{incident['name']} - Incident Document{extension}"])


def change(server, incident, **members):
    return call(server, "PUT", f"incidents/{incident['id']}", {**call(server, "GET", f"incidents/{incident['id']}"), **members})


def use_template(server, name, path):
    document = call(server, "POST", "documents", {"name": name, "resource_id": path, "weblink": server.apache.url + path,
                                                  "project": {"name": "default"}})
    [kind] = [one for one in call(server, "GET", "incident_types?itemsPerPage=-1")["items"] if one["default"]]
    call(server, "PUT", f"incident_types/{kind['id']}", {"incident_template_document": {"id": document["id"]}})


def check_set_up(server):
    server.register("root@example.com")
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "root@example.com")
    server.token = server.request("POST", f"{API}/auth/login", {"email": "root@example.com", "password": "a long enough passphrase"}).json["token"]
    server.apache.write("/Templates/incident.md", TEMPLATE)
    server.apache.write("/Templates/incident.html", "<h1 title=\"{{title}}\">{{title}}</h1>\n")
    configured(server)


def check_the_test_proves_the_settings_and_changes_nothing(server):
    before = server.apache.tree()
    for plugin in ("webdav-storage", "webdav-document"):
        result = test(server, plugin)
        assert result["ok"], result
    result = test(server, "webdav-document", "document=/Templates/incident.md")
    assert result["ok"] and "is text with 7 placeholders" in result["checks"][-1]["detail"], result
    assert not test(server, "webdav-document", "document=/Templates/gone.md")["ok"]
    assert server.apache.tree() == before


def check_the_test_says_what_is_wrong(server):
    before = server.apache.tree()
    for settings, more, expected in (([], {"password": "wrong"}, 'Check "User name" and "Password"'),
                                     ([], {"user": READER}, "and that they may read and write there"),
                                     (["root_path=/Nowhere"], {}, 'correct "Folder for incidents"'),
                                     ([], {"url": f"http://127.0.0.1:{server.apache.port}/elsewhere"}, "WebDAV")):
        configure(server, "webdav-storage", *(settings or ["root_path=/Incidents"]), **more)
        result = test(server, "webdav-storage")
        assert not result["ok"] and expected in result["summary"], (expected, result)
    assert server.apache.tree() == before
    configured(server)


def check_a_certificate_that_nobody_vouches_for_is_refused(server):
    configure(server, "webdav-storage", "root_path=/Incidents", url=server.apache.tls_url)
    result = test(server, "webdav-storage")
    assert not result["ok"] and "certificate" in result["summary"], result
    configured(server)


def check_an_incident_has_its_folder_and_an_empty_document(server):
    incident = report(server, "No template yet")
    ended(server, incident)
    assert server.apache.tree(folder_of(incident)) == contents(incident), server.apache.tree(folder_of(incident))
    assert server.apache.read(document_of(incident)) == f"# {incident['name']} - Incident Document\n"
    seen = call(server, "GET", f"incidents/{incident['id']}")
    assert seen["storage"]["resource_id"] == folder_of(incident) + "/", seen["storage"]
    assert seen["incident_document"]["resource_id"] == document_of(incident), seen["incident_document"]
    # People open what the links say.
    assert server.apache.ask("GET", seen["incident_document"]["weblink"], user=READER) == server.apache.read(document_of(incident))
    assert server.apache.ask("PROPFIND", seen["storage"]["weblink"], ok=False, headers={"Depth": "0"}) == 207


def check_the_document_is_the_template_filled_in(server):
    use_template(server, "Incident template", "/Templates/incident.md")
    server.incident = incident = report(server, "Checkout <b>answers</b> 503", "![spy](http://tracker.example.com/p.png) {{title}}")
    ended(server, incident)
    text = server.apache.read(document_of(incident))
    assert f"{incident['name']} is Active," in text and f"folder: {server.apache.url}{folder_of(incident)}/" in text, text
    assert "# Checkout &lt;b>answers&lt;/b> 503\n" in text, text
    assert "{{nobody_knows}}" in text, "what is not known stays"
    assert "![" not in text and "!\\[spy]" in text and "{\\{title}}" in text, text
    assert server.apache.read("/Templates/incident.md") == TEMPLATE
    updated = [step for step in steps(server, incident) if step["key"] == "document.update"]
    assert updated and updated[0]["state"] == "done" and updated[0]["attempt"] <= 1, updated


def check_what_people_write_is_kept(server):
    path = document_of(server.incident)
    text = server.apache.read(path) + "\nWritten by a person. Resolution: {{resolution}}\n"
    assert server.apache.ask("PUT", path.replace(" ", "%20"), text.encode(), ok=False) in (200, 201, 204)
    change(server, server.incident, status="Stable", resolution="Turned it off and on again")
    ended(server, server.incident)
    now = server.apache.read(path)
    assert now == text.replace("{{resolution}}", "Turned it off and on again"), now
    stamp = os.stat(server.apache.files + path).st_mtime_ns
    change(server, server.incident, title="Another title")
    ended(server, server.incident)
    assert os.stat(server.apache.files + path).st_mtime_ns == stamp, "nothing was left to replace, so nothing is written"


def check_html_is_escaped(server):
    use_template(server, "Incident page", "/Templates/incident.html")
    incident = report(server, "\"><script>alert('x')</script>")
    ended(server, incident)
    text = server.apache.read(document_of(incident, ".html"))
    escaped = "&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
    assert text == f"<h1 title=\"{escaped}\">{escaped}</h1>\n", text
    use_template(server, "Incident template again", "/Templates/incident.md")


def check_two_incidents_of_one_title_have_two_folders(server):
    project = [one for one in call(server, "GET", "projects?itemsPerPage=-1")["items"] if one["name"] == "default"][0]
    call(server, "PUT", f"projects/{project['id']}", {"storage_use_title": True})
    try:
        both = [report(server, "../Same: title?") for _ in range(2)]
        for incident in both:
            ended(server, incident)
            folder = f"/Incidents/-Same- title- ({incident['name']})"
            assert server.apache.tree(folder) == contents(incident), server.apache.tree("/Incidents")
    finally:
        call(server, "PUT", f"projects/{project['id']}", {"storage_use_title": False})
    assert sorted(os.listdir(server.apache.files)) == ["Incidents", "Templates"]


def check_what_is_locked_waits(server):
    path = document_of(server.incident).replace(" ", "%20")
    current = server.apache.ask("GET", path)
    server.apache.ask("PUT", path, (current + "{{status}}\n").encode())
    lock = ('<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype>'
            "<owner>somebody</owner></lockinfo>")
    answer = server.apache.ask("LOCK", path, lock.encode(), headers={"Timeout": "Second-600", "Content-Type": "application/xml"})
    token = answer.split("opaquelocktoken:")[1].split("<")[0]
    change(server, server.incident, title="While it is locked")
    until("a step that waits", lambda: [step for step in steps(server, server.incident) if step["key"] == "document.update" and
                                        step["state"] == "waiting" and "Somebody has locked it" in (step["reason"] or "")], 30)
    assert server.apache.ask("UNLOCK", path, ok=False, headers={"Lock-Token": f"<opaquelocktoken:{token}>"}) == 204
    until("the update", lambda: server.apache.ask("GET", path).endswith("Stable\n"), 90)
    ended(server, server.incident)


def check_a_server_that_is_away_is_waited_for(server):
    server.apache.stop()
    incident = report(server, "While the files are away")
    until("a step that waits", lambda: [step for step in steps(server, incident) if step["key"] == "storage.folder" and
                                        step["state"] == "waiting" and step["reason"]], 30)
    server.apache.start()
    ended(server, incident, 120)
    assert server.apache.tree(folder_of(incident)) == contents(incident)
    assert f"{incident['name']} is Active," in server.apache.read(document_of(incident))


def check_killed_in_the_middle_there_is_one_of_each(server):
    made = []

    def reporting():
        try:
            for number in range(20):
                made.append(report(server, f"Killed {number:02}"))
        except (OSError, AssertionError):
            pass  # the server was killed

    thread = threading.Thread(target=reporting)
    thread.start()
    until("the first folders", lambda: len(made) >= 5 and any(os.path.isdir(server.apache.files + folder_of(one)) for one in made), 60)
    time.sleep(0.3)
    server.kill()
    thread.join()
    server.start()
    for incident in made:
        ended(server, incident, 120)
        assert server.apache.tree(folder_of(incident)) == contents(incident), server.apache.tree(folder_of(incident))
        assert f"{incident['name']} is Active," in server.apache.read(document_of(incident))


def check_a_deleted_incident_takes_only_its_folder_along(server):
    before = server.apache.tree()
    gone = folder_of(server.incident)[1:]
    assert any(one.startswith(gone + "/") for one in before)
    call(server, "DELETE", f"incidents/{server.incident['id']}")
    until("its end", lambda: not os.path.exists(server.apache.files + "/" + gone), 60)
    assert server.apache.tree() == [one for one in before if not one.startswith(gone + "/")]


def check_no_password_is_in_any_log(server):
    logs = server.output()
    for where, _, names in os.walk(os.path.join(server.prefix, "var")):
        for name in names:
            if name.endswith(".log"):
                with open(os.path.join(where, name), errors="replace") as file:
                    logs += file.read()
    assert PASSWORD not in logs


CHECKS = [check_set_up, check_the_test_proves_the_settings_and_changes_nothing, check_the_test_says_what_is_wrong,
          check_a_certificate_that_nobody_vouches_for_is_refused, check_an_incident_has_its_folder_and_an_empty_document,
          check_the_document_is_the_template_filled_in, check_what_people_write_is_kept, check_html_is_escaped,
          check_two_incidents_of_one_title_have_two_folders, check_what_is_locked_waits, check_a_server_that_is_away_is_waited_for,
          check_killed_in_the_middle_there_is_one_of_each, check_a_deleted_incident_takes_only_its_folder_along,
          check_no_password_is_in_any_log]


def main(build, dialects):
    passed = failed = 0
    for dialect in dialects or ["sqlite", "postgresql"]:
        apache = Apache().start()

        def make(build, dialect):
            # In the host's process on one of the two, in workers on the other.
            home = "process" if dialect == "sqlite" else "worker"
            yaml = (f"isolation: {{webdav-storage: {home}, webdav-document: {home}}}\n"
                    "allow:\n  - {plugin: webdav-storage, host: 127.0.0.1}\n  - {plugin: webdav-document, host: 127.0.0.1}\n")
            server = Server(build, dialect, {"LOG_LEVEL": "DEBUG"}, yaml)
            server.apache = apache
            return server
        try:
            good, bad = run_checks(CHECKS, build, dialect, make)
        finally:
            apache.close()
        passed, failed = passed + good, failed + bad
    print(f"\n{passed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], sys.argv[2:]) else 0)

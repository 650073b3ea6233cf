"""Holds the documentation to the program: settings table, examples of docs/api.md, names of tests in docs/security.md, links.

docs.py BUILD_DIR [--write]   --write puts the settings table into docs/operators.md instead of comparing it
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from dispatch_server import Server  # noqa: E402

BEGIN, END = "<!-- settings: made by tests/full/docs.sh --write from `dispatch server config` -->\n", "<!-- end of settings -->\n"


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def settings_table(server):
    """The table as an installation without any settings describes itself."""
    for name in (".env", "dispatch.yaml"):
        os.remove(os.path.join(server.etc, name))
    lines = ["| setting | default | |", "|---|---|---|"]
    for setting in json.loads(server.cli("server", "config", "--json").stdout):
        assert setting["origin"] == "default", f"{setting['name']} comes from {setting['origin']} in an installation without settings"
        value = setting["value"].replace(server.prefix, "PREFIX")
        lines.append(f"| `{setting['name']}` | {f'`{value}`' if value else ''} | {setting['description']} |")
    return "\n".join(lines) + "\n"


def check_settings_are_documented_as_they_are(server, write):
    text = read("docs/operators.md")
    before, rest = text.split(BEGIN)
    written, after = rest.split(END)
    try:
        table = settings_table(server)
    finally:
        server.write_settings()
    if write:
        with open(os.path.join(ROOT, "docs/operators.md"), "w", encoding="utf-8") as file:
            file.write(before + BEGIN + table + END + after)
    else:
        assert written == table, "docs/operators.md: the settings table is not the program's; run tests/full/docs.sh BUILD_DIR --write"
    for name in set(re.findall(r"`((?:DISPATCH|DATABASE)_[A-Z_]+|SECRET_PROVIDER|LOG_LEVEL)\b[`=]", before + after)):
        assert name.startswith("DISPATCH_PLUGIN_") or f"`{name}`" in table, f"docs/operators.md speaks of {name}, which is no setting"


def check_commands_in_the_documentation_exist(server):
    for page in ("README.md", "docs/operators.md", "docs/api.md", "docs/security.md", "docs/plugin-trust.md"):
        for words in set(re.findall(r"dispatch ((?:server|database|user|plugins|secret|scheduler|flow|demo) [a-z-]+)", read(page))):
            done = server.cli(*words.split(), "--help", check=False)
            assert done.returncode == 0, f"{page} speaks of dispatch {words}, which there is not: {done.stderr}"


def check_the_examples_of_the_api_run(server):
    blocks = re.findall(r"^```sh\n(.*?)^```", read("docs/api.md"), re.M | re.S)
    assert len(blocks) >= 8, "docs/api.md has lost its examples"
    script = "set -euo pipefail\n" + "\n".join(blocks).replace("http://127.0.0.1:8000", f"http://127.0.0.1:{server.port}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, env=server.environment())
    assert done.returncode == 0, f"an example of docs/api.md failed:\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"


def check_the_refusals_of_filters_name_their_place(server):
    token = server.register("docs@example.com")
    answer = server.request("GET", "/api/v1/default/incidents?filter=%7B%22field%22%3A%22nope%22%7D", token=token)
    assert answer.status == 422 and "field" in answer.json["detail"][0]["loc"], answer.text


def test_names():
    """Suite.Name of every unit test, check names of the integration tests, and scripts."""
    names = set()
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for path in files:
        if path.endswith(("_test.cpp", ".c", ".mjs", ".py", ".sh")) or "/testing/" in path:
            text = read(path)
            names |= {f"{suite}.{name}" for suite, name in re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)", text, re.M)}
            names |= set(re.findall(r"^def (check_\w+)", text, re.M))
            names.add(path)
    return names


def check_every_test_that_security_names_exists():
    known = test_names()
    named = re.findall(r"`([A-Z]\w+\.[A-Z]\w+|check_\w+|tests/[\w/.]+)`", read("docs/security.md"))
    assert len(named) > 40, "docs/security.md names hardly any test"
    missing = sorted(name for name in set(named) - known if not os.path.exists(os.path.join(ROOT, name)))
    assert not missing, f"docs/security.md names tests that are not there: {', '.join(missing)}"


def check_links_lead_somewhere():
    pages = ["README.md"] + [f"docs/{name}" for name in os.listdir(os.path.join(ROOT, "docs")) if name.endswith(".md")]
    for page in pages:
        # A link has a text; "[](" begins a lambda.
        for target in re.findall(r"(?<!\[)\]\(([^)#\s]+)[^)]*\)", read(page)):
            if not target.startswith("http"):
                path = os.path.normpath(os.path.join(ROOT, os.path.dirname(page), target))
                assert os.path.exists(path), f"{page} links to {target}, which is not there"


def main():
    build, write = sys.argv[1], "--write" in sys.argv[2:]
    server = Server(build, "sqlite")
    failed = 0
    try:
        steps = [lambda: check_settings_are_documented_as_they_are(server, write), lambda: check_commands_in_the_documentation_exist(server),
                 check_every_test_that_security_names_exists, check_links_lead_somewhere, server.start,
                 lambda: check_the_examples_of_the_api_run(server), lambda: check_the_refusals_of_filters_name_their_place(server)]
        for step in steps:
            try:
                step()
            except Exception as error:  # each page counts for itself
                failed += 1
                print(f"  FAIL  {error}", flush=True)
    finally:
        server.close()
    print(f"{len(steps) - 1} checks of the documentation, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

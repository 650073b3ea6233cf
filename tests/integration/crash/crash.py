"""A plugin that crashes in the process of the real, installed server: crash.py BUILD_DIR

What must hold: the start after it says which plugin, version, method and signal it was and what to do, at once and once; commands
without a server leave the record where it is; the third time in a row is said to be a loop; the plugin's page and list show it.
"""
import json
import os
import shutil
import sys

from dispatch_server import Server

API = "/api/v1/default"
ID = "corpus-segfaults"
PASSWORD = "a long enough pass phrase"


def make(build):
    server = Server(build, "sqlite", yaml=f"isolation: {{{ID}: process}}\n")
    shutil.copytree(os.path.join(build, "corpus", "segfaults"), os.path.join(server.prefix, "lib/dispatch/plugins", ID))
    return server


def show(server):
    return json.loads(server.cli("plugins", "show", ID, "--json").stdout)


def crash(server):
    """Reports an incident, whose ticket is the plugin's to make; the server ends."""
    answer = server.request("POST", f"{API}/auth/login", {"email": "ada@example.com", "password": PASSWORD})
    assert answer.status == 200, answer.text
    try:
        server.request("POST", f"{API}/incidents", {"title": "A crash", "description": "of all"}, answer.json["token"])
    except OSError:
        pass  # it may be gone before it has answered
    assert server.process.wait(20) == -11, server.process.returncode


def told(server, since):
    return [line for line in server.output()[since:].splitlines() if "ended by signal 11 (Segmentation fault)" in line]


def check_the_next_start_says_whose_crash_it_was(server):
    server.register("ada@example.com", PASSWORD)
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "ada@example.com")
    server.cli("plugins", "disable", "dispatch-ticket")
    server.cli("plugins", "enable", ID)
    assert show(server)["crashed"] is None
    crash(server)
    # Commands that look at the plugins without a server take nothing away.
    for _ in range(2):
        shown = show(server)
        assert f"plugin {ID} 1.0.0 in create (request " in shown["crashed"] and "signal 11" in shown["crashed"], shown["crashed"]
    before = len(server.output())
    server.start()
    lines = told(server, before)
    assert len(lines) == 1, server.output()[before:]
    line = lines[0]
    for part in (f"plugin {ID} 1.0.0 in create (request ", " s after it began", ", at 20", f"isolation: {{{ID}: worker}}",
                 f"dispatch plugins disable {ID}", "DISPATCH_SAFE_MODE=true"):
        assert part in line, f"{part!r} is not in {line!r}"
    output = server.output()[before:]
    assert output.index(line) < output.index("Database: "), "it is said before anything can crash again"
    entry = next(one for one in json.loads(server.cli("plugins", "list", "--json").stdout) if one["id"] == ID)
    assert "took a process of Dispatch down at 20" in entry["reason"], entry
    assert "in create" in show(server)["crashed"]


def check_it_is_told_once(server):
    server.stop()
    before = len(server.output())
    server.start()
    assert not told(server, before), server.output()[before:]


def check_a_loop_is_called_a_loop(server):
    for _ in range(2):
        crash(server)
        before = len(server.output())
        server.start()
    output = server.output()
    assert output.count("starting the server again, by itself, will not help") == 1, output[-3000:]
    assert f"Plugin {ID} was at work in 3 crashes within 10 minutes" in output[before:], output[before:]


def check_safe_mode_leaves_it_out(server):
    crash(server)
    before = len(server.output())
    server.start({"DISPATCH_SAFE_MODE": "true"})
    assert "Safe mode leaves it out now." in told(server, before)[0], server.output()[before:]
    assert "safe mode" in show(server)["reason"], show(server)
    server.cli("plugins", "disable", ID)


def check_a_kill_accuses_nobody(server):
    server.stop()
    server.start()
    server.kill()
    before = len(server.output())
    server.start()
    assert ID not in "".join(line for line in server.output()[before:].splitlines() if "A process of Dispatch" in line)


def main(build):
    server = make(build)
    checks = [check_the_next_start_says_whose_crash_it_was, check_it_is_told_once, check_a_loop_is_called_a_loop,
              check_safe_mode_leaves_it_out, check_a_kill_accuses_nobody]
    failed = 0
    try:
        server.start()
        for check in checks:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            try:
                check(server)
                print(f"  ok    {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"  FAIL  {name}: {error!r}\n{server.output()[-2500:]}", flush=True)
    finally:
        server.close()
    print(f"\n{len(checks) - failed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1]) else 0)

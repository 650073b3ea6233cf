"""Plugins in workers under the real, installed server: workers.py BUILD_DIR [RELOADS]

The auth provider lives in a worker by itself; the others are put there by dispatch.yaml. What must hold: people log in and
incidents run as ever; a worker that is killed is a hiccup; RELOADS reloads (100) of the auth provider under login load fail no
login and leave no memory behind; no worker outlives a host that is killed.
"""
import json
import os
import signal
import sys
import threading
import time

from dispatch_server import Server, until

AUTH = "dispatch-auth-provider-basic"
API = "/api/v1/default"
PASSWORD = "a long enough pass phrase"


def workers(server):
    """Process ids of the server's workers by the plugin that lives there."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                parent = int(file.read().rsplit(") ", 1)[1].split()[1])
            with open(f"/proc/{entry}/cmdline") as file:
                words = file.read().split("\0")
        except (OSError, IndexError):
            continue
        if parent == server.process.pid and words[0].endswith("dispatch-worker"):
            found.setdefault(words[1], []).append(int(entry))
    return found


def memory_kilobytes(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def settled_kilobytes(process):
    """The least of two seconds: a password that is just being checked takes 19 MiB of its own."""
    least = memory_kilobytes(process)
    for _ in range(10):
        time.sleep(0.2)
        least = min(least, memory_kilobytes(process))
    return least


def command(server, *words):
    return json.loads(server.cli(*words, "--json").stdout)


def login(server):
    answer = server.request("POST", f"{API}/auth/login", {"email": "ada@example.com", "password": PASSWORD})
    return answer.status


def check_everything_runs_in_workers(server):
    token = server.register("ada@example.com", PASSWORD)
    server.cli("user", "update", "--role", "Admin", "--organization", "default", "ada@example.com")
    homes = workers(server)
    for plugin in (AUTH, "dispatch-ticket", "dispatch-contact", "dispatch-participant-resolver"):
        assert homes.get(plugin), f"{plugin} lives in no worker: {homes}"
    answer = server.request("POST", f"{API}/incidents", {"title": "In workers", "description": "all of it"}, token)
    assert answer.status == 200, answer.text
    ended = lambda: all(step["state"] in ("done", "skipped") for step in
                        server.request("GET", f"{API}/incidents/{answer.json['id']}/steps", token=token).json["flows"][0]["steps"])
    until("the end of the flow", ended, 20)
    shown = command(server, "plugins", "show", AUTH)
    running = shown["instances"][0]["running"]
    assert running["home"] == "worker" and "seccomp, two stages" in running["sandbox"], running
    assert running["process"] in homes[AUTH] and running["calls"] > 0, running
    kilobytes = memory_kilobytes(running["process"])
    print(f"        a worker takes {kilobytes} kB resident", flush=True)


def check_a_killed_worker_is_a_hiccup(server):
    assert login(server) == 200
    before = workers(server)[AUTH][0]
    os.kill(before, signal.SIGKILL)

    def running():
        return command(server, "plugins", "show", AUTH)["instances"][0]["running"]
    until("the end that is noticed", lambda: running()["last_crash"] == "crashed between calls by signal 9 (Killed)", 5)
    # Nobody was asking it anything: the next who logs in notices nothing.
    assert login(server) == 200
    assert workers(server)[AUTH] != [before] and running()["restarts"] == 1, running()
    assert "crashed between calls by signal 9 (Killed)" in server.output()


def check_reloads_under_load_fail_no_login(server, reloads):
    stop = threading.Event()
    answers, wrong = [0], []

    def load():
        while not stop.is_set():
            status = login(server)
            answers[0] += 1
            if status != 200:
                wrong.append(status)

    def run_load():
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        return threads

    # What the load itself takes is there before the measurement begins: each thread of the server keeps the 19 MiB of its
    # first password check for the next. Rounds of load, until two in a row have added nothing.
    grown, quiet = [settled_kilobytes(server.process.pid)], 0
    while quiet < 2 and len(grown) < 12:
        threads = run_load()
        time.sleep(3)
        stop.set()
        for thread in threads:
            thread.join()
        stop.clear()
        command(server, "plugins", "reload", AUTH)
        grown.append(settled_kilobytes(server.process.pid))
        quiet = quiet + 1 if grown[-1] < grown[-2] + 1_000 else 0
    assert quiet == 2, f"the server grows under load alone: {grown} kB"
    first = grown[-1]
    answers[0] = 0
    threads = run_load()
    started = time.monotonic()
    try:
        slowest = 0
        for _ in range(reloads):
            began = time.monotonic()
            result = command(server, "plugins", "reload", AUTH)
            slowest = max(slowest, time.monotonic() - began)
            assert result["instances"] and not result["instances"][0]["reason"], result
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    took = time.monotonic() - started
    last = settled_kilobytes(server.process.pid)
    assert not wrong, f"{len(wrong)} of {answers[0]} logins failed: {set(wrong)}"
    assert last < first + 20_000, f"the server grew from {first} to {last} kB"
    until("one worker", lambda: len(workers(server)[AUTH]) == 1, 15)
    print(f"        {reloads} reloads in {took:.0f} s (slowest {slowest * 1000:.0f} ms), {answers[0]} logins, none failed; "
          f"the server went from {first} to {last} kB", flush=True)


def check_a_version_is_tried_beside_the_one_that_serves(server):
    refused = server.cli("plugins", "reload", AUTH, "--canary", "10", check=False)
    assert refused.returncode != 0 and "login" in refused.stderr, refused.stderr
    refused = server.cli("plugins", "reload", "dispatch-ticket", "--for", "5s", check=False)
    assert refused.returncode != 0 and "--canary" in refused.stderr, refused.stderr

    def instance():
        return command(server, "plugins", "show", "dispatch-ticket")["instances"][0]
    command(server, "plugins", "reload", "dispatch-ticket", "--canary", "99", "--shadow", "--for", "6s")
    trial = instance()["trial"]
    assert trial["kind"] == "canary and shadow" and trial["share"] == 99 and trial["calls"] == 0, trial
    again = server.cli("plugins", "reload", "dispatch-ticket", check=False)
    assert again.returncode != 0 and "dispatch plugins promote dispatch-ticket" in again.stderr, again.stderr
    token = server.request("POST", f"{API}/auth/login", {"email": "ada@example.com", "password": PASSWORD}).json["token"]
    for number in range(3):
        assert server.request("POST", f"{API}/incidents", {"title": f"On trial {number}", "description": "all of it"}, token).status == 200
    ended = until("its end", lambda: instance().get("last_trial"), 20)
    assert ended["result"] == "took over" and ended["failures"] == 0 and ended["calls"] > 0, ended
    command(server, "plugins", "reload", "dispatch-ticket", "--shadow", "--for", "10m")
    command(server, "plugins", "rollback", "dispatch-ticket")
    ended = instance()["last_trial"]
    assert ended["result"] == "rolled back" and ended["kind"] == "shadow", ended
    command(server, "plugins", "reload", "dispatch-ticket", "--canary", "1", "--for", "10m")
    command(server, "plugins", "promote", "dispatch-ticket")
    assert instance()["last_trial"]["result"] == "took over"
    none = server.cli("plugins", "promote", "dispatch-ticket", check=False)
    assert none.returncode != 0 and "No trial" in none.stderr, none.stderr
    until("one worker of it", lambda: len(workers(server).get("dispatch-ticket", [])) == 1)


def check_a_reload_of_what_is_not_there_changes_nothing(server):
    answer = server.cli("plugins", "reload", "no-such-plugin", check=False)
    assert answer.returncode != 0 and "no-such-plugin is not installed" in answer.stderr, answer.stderr
    assert login(server) == 200


def check_no_worker_outlives_its_host(server):
    pids = [pid for each in workers(server).values() for pid in each]
    assert pids
    server.kill()
    until("the end of every worker", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 5)


def main(build, reloads):
    server = Server(build, "sqlite", {"LOG_LEVEL": "INFO"}, 'isolation: {"*": worker}\n')
    checks = [check_everything_runs_in_workers, check_a_killed_worker_is_a_hiccup,
              lambda server: check_reloads_under_load_fail_no_login(server, reloads),
              check_a_version_is_tried_beside_the_one_that_serves, check_a_reload_of_what_is_not_there_changes_nothing, check_no_worker_outlives_its_host]
    names = ["everything runs in workers", "a killed worker is a hiccup", "reloads under load fail no login",
             "a version is tried beside the one that serves", "a reload of what is not there changes nothing", "no worker outlives its host"]
    failed = 0
    try:
        server.start()
        for name, check in zip(names, checks):
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
    sys.exit(1 if main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100) else 0)

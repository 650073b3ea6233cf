"""A third-party plugin's way into a server, and out of it: verify, trust, install, pin, revoke, remove.

trust.py BUILD_DIR
"""
import json
import os
import shutil
import subprocess
import sys

from dispatch_server import Server, until

ID = "generic-workflow"


class Author:
    """Somebody with Debian's minisign and a package: one of ours, taken out of the installation."""

    def __init__(self, server):
        self.server = server
        self.package = os.path.join(server.directory, "acme")
        shutil.move(os.path.join(server.prefix, "lib/dispatch/plugins", ID), self.package)
        with open(os.path.join(self.package, "plugin.json")) as file:
            self.version = json.load(file)["version"]
        self.public, self.secret = os.path.join(server.directory, "acme.pub"), os.path.join(server.directory, "acme.key")
        self.minisign("-G", "-W", "-f", "-p", self.public, "-s", self.secret)

    def minisign(self, *words):
        done = subprocess.run(["minisign", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        assert done.returncode == 0, f"minisign {' '.join(words)}: {done.stdout}{done.stderr}"

    def sign(self, comment=None):
        self.minisign("-S", "-s", self.secret, "-t", comment or f"dispatch-plugin:{ID}@{self.version}", "-m",
                      os.path.join(self.package, "plugin.json"))

    def unsign(self):
        os.remove(os.path.join(self.package, "plugin.json.minisig"))


def verify(server, path, code=0):
    done = server.cli("plugins", "verify", path, "--json", check=False)
    assert done.returncode == code, f"expected exit code {code}: {done.stdout}{done.stderr}"
    report = json.loads(done.stdout)
    assert report["ok"] == (code == 0)
    failed = [check for check in report["checks"] if check["state"] == "FAILED"]
    return failed[0] if failed else report


def refused(server, *words):
    done = server.cli(*words, check=False)
    assert done.returncode == 1, f"dispatch {' '.join(words)} was not refused: {done.stdout}"
    return done.stderr


def listed(server):
    return [entry for entry in json.loads(server.cli("plugins", "list", "--json").stdout) if entry["id"] == ID]


def restart(server):
    server.stop()
    server.start()


def check_what_the_build_signed_is_trusted(server, author):
    report = verify(server, author.package)
    assert report["id"] == ID and "This build of Dispatch" in report["trust"], report
    keys = json.loads(server.cli("plugins", "trust", "list", "--json").stdout)
    assert [key["origin"] for key in keys] == ["this installation"], keys
    text = server.cli("plugins", "verify", author.package).stdout
    assert "It may run here" in text and "signature" in text, text


def check_each_refusal_says_what_to_do(server, author):
    author.unsign()
    failed = verify(server, author.package, 1)
    assert failed["name"] == "signed" and "unsigned:" in failed["detail"], failed
    author.sign()
    failed = verify(server, author.package, 1)
    assert failed["name"] == "known-key" and "dispatch plugins trust add" in failed["detail"], failed
    assert "Nothing was installed" in refused(server, "plugins", "install", author.package)
    assert not os.path.exists(os.path.join(server.prefix, "var/lib/dispatch/packages", f"{ID}@{author.version}"))
    assert "id pattern" in refused(server, "plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "Acme*")
    server.cli("plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "acme-*")
    failed = verify(server, author.package, 1)
    assert failed["name"] == "key-ids" and "acme-*" in failed["detail"], failed
    server.cli("plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "acme-*,generic-*", "--not-after", "2020-01-01")
    failed = verify(server, author.package, 1)
    assert failed["name"] == "key-valid" and "2020-01-01" in failed["detail"], failed
    server.cli("plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "acme-*,generic-*", "--not-after", "2100-01-01")
    author.sign("dispatch-plugin:other@1.0.0")
    failed = verify(server, author.package, 1)
    assert failed["name"] == "signed-name", failed
    author.sign()
    assert "Acme" in verify(server, author.package)["trust"]


def check_a_signed_package_is_installed_and_runs(server, author):
    server.start(extra={"DISPATCH_RELOAD_PLUGINS": "automatic"})
    assert not listed(server)
    answer = json.loads(server.cli("plugins", "install", author.package, "--json").stdout)
    assert answer["directory"].endswith(f"/packages/{ID}@{author.version}"), answer
    assert any("plugins enable" in step for step in answer["next"]), answer
    assert "is installed already" in refused(server, "plugins", "install", author.package)
    until("the package was taken into use by itself", lambda: f"{ID}: version {author.version} is in use" in server.output())
    server.cli("plugins", "configure", ID, "api_url=https://workflows.example.com/", "--enable")
    entry = listed(server)[0]
    assert 'signed by "Acme"' in entry["trust"], entry
    shown = json.loads(server.cli("plugins", "show", ID, "--json").stdout)
    assert shown["usable"] and 'signed by "Acme"' in shown["trust"] and shown["directory"] == answer["directory"], shown


def check_a_package_in_use_is_not_taken_away(server, author):
    assert "is enabled in default/default" in refused(server, "plugins", "remove", ID)
    assert "there is" in refused(server, "plugins", "remove", ID, "--version", "9.9.9")
    assert "has none" in refused(server, "plugins", "remove", "smtp-email")


def check_an_older_version_needs_the_operator(server, author):
    server.stop()
    ledger = os.path.join(server.prefix, "var/lib/dispatch/plugins/ledger.json")
    with open(ledger) as file:
        content = json.load(file)
    assert "dispatch-ticket" in content["served"], content
    content["served"][ID] = "99.0.0"
    with open(ledger, "w") as file:
        json.dump(content, file)
    assert verify(server, author.package, 1)["name"] == "rollback"
    server.start()
    entry = listed(server)[0]
    assert entry["state"] == "broken" and f"dispatch plugins pin {ID} {author.version}" in entry["reason"], entry
    answer = json.loads(server.cli("plugins", "pin", ID, author.version, "--json").stdout)
    assert answer["downgrade_from"] == "99.0.0", answer
    restart(server)
    shown = json.loads(server.cli("plugins", "show", ID, "--json").stdout)
    assert shown["usable"], shown
    assert f"pinned to version {author.version} by command line" in server.output() and "lower than 99.0.0" in server.output(), server.output()
    server.stop()
    server.cli("plugins", "unpin", ID)
    assert verify(server, author.package, 1)["name"] == "rollback"
    assert "is not pinned" in refused(server, "plugins", "unpin", ID)
    content["served"][ID] = author.version
    with open(ledger, "w") as file:
        json.dump(content, file)
    server.start()


def running(server):
    """The worker's process id of the one instance; 0 or None where it has none."""
    instances = json.loads(server.cli("plugins", "show", ID, "--json").stdout)["instances"]
    return [entry["running"]["process"] for entry in instances if "running" in entry]


def check_a_key_counts_without_a_restart(server, author):
    """Revoked and trusted again while the server runs, whatever way leads to code being started."""
    before = running(server)
    assert before and before[0], before
    revoked = server.cli("plugins", "trust", "revoke", "Acme", "--reason", "the laptop was lost")
    assert "counts at once" in revoked.stdout, revoked.stdout
    assert verify(server, author.package, 1)["name"] == "key-revoked"
    entry = listed(server)[0]
    assert entry["state"] == "degraded" and "runs on" in entry["reason"] and "the laptop was lost" in entry["reason"], entry
    shown = json.loads(server.cli("plugins", "show", ID, "--json").stdout)
    assert not shown["usable"] and "the laptop was lost" in shown["reason"], shown
    ready = server.request("GET", "/readyz").json
    assert {"id": ID, "state": "degraded"} in ready["plugins"], ready
    for words in (["reload", ID], ["configure", ID, "api_url=https://other.example.com/"]):
        assert "the laptop was lost" in refused(server, "plugins", *words), words
    assert running(server) == before, "what runs goes on"
    server.cli("plugins", "disable", ID)
    until("its worker ended", lambda: not os.path.exists(f"/proc/{before[0]}"))
    assert "the laptop was lost" in refused(server, "plugins", "enable", ID)
    assert not running(server)
    trusted = os.path.join(server.etc, "trust.d")
    for name in os.listdir(trusted):
        with open(os.path.join(trusted, name)) as file:
            content = json.load(file)
        for key in content["keys"]:
            key.pop("revoked", None)
        with open(os.path.join(trusted, name), "w") as file:
            json.dump(content, file)
    server.cli("plugins", "enable", ID)
    assert listed(server)[0]["state"] == "healthy", listed(server)
    assert running(server)


def check_a_new_key_counts_without_a_restart(server, author):
    """In the order of the documentation, and with the mistake of a reload before the key is trusted."""
    server.cli("plugins", "disable", ID)
    server.cli("plugins", "remove", ID)
    server.cli("plugins", "trust", "remove", "Acme")
    server.stop()
    server.start()
    assert "is not installed" in refused(server, "plugins", "reload", ID)
    server.cli("plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "generic-*")
    server.cli("plugins", "install", author.package)
    server.cli("plugins", "trust", "remove", "Acme")
    assert "is not trusted here" in refused(server, "plugins", "reload", ID)
    assert "is not trusted here" in listed(server)[0]["reason"], listed(server)
    assert "is not trusted here" in json.loads(server.cli("plugins", "show", ID, "--json").stdout)["reason"]
    server.cli("plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "generic-*")
    assert json.loads(server.cli("plugins", "reload", ID, "--json").stdout)["version"] == author.version
    server.cli("plugins", "configure", ID, "api_url=https://workflows.example.com/", "--enable")
    assert listed(server)[0]["state"] == "healthy" and running(server), listed(server)


def check_a_revoked_key_is_worth_nothing(server, author):
    server.cli("plugins", "trust", "revoke", "Acme", "--reason", "the laptop was lost")
    restart(server)
    entry = listed(server)[0]
    assert entry["state"] == "broken" and "the laptop was lost" in entry["reason"], entry
    assert "was revoked" in refused(server, "plugins", "trust", "add", author.public, "--name", "Acme", "--ids", "generic-*")


def check_an_unsigned_package_runs_only_by_name_and_says_so(server, author):
    installed = os.path.join(server.prefix, "var/lib/dispatch/packages", f"{ID}@{author.version}")
    os.remove(os.path.join(installed, "plugin.json.minisig"))
    restart(server)
    assert "is not signed" in listed(server)[0]["reason"]
    with open(os.path.join(server.etc, "dispatch.yaml"), "w") as file:
        file.write(f"unsigned:\n  - {ID}\n")
    restart(server)
    shown = json.loads(server.cli("plugins", "show", ID, "--json").stdout)
    assert shown["usable"] and shown["trust"] == "unsigned, allowed by dispatch.yaml line 2", shown


def check_a_broken_trust_store_stops_the_start_with_its_name(server, author):
    server.stop()
    path = os.path.join(server.etc, "trust.d", "typing.json")
    with open(path, "w") as file:
        file.write('{"keys": [{"name": "Typo", "public_key": "RWx", "ids": ["a"]}]}')
    done = server.cli("server", "start", check=False)
    assert done.returncode == 78 and "typing.json" in done.stderr + done.stdout and "Typo" in done.stderr + done.stdout, done
    os.remove(path)
    server.start()


def check_a_disabled_package_goes(server, author):
    server.cli("plugins", "disable", ID)
    server.cli("plugins", "remove", ID)
    restart(server)
    assert not os.listdir(os.path.join(server.prefix, "var/lib/dispatch/packages"))
    assert not [entry for entry in listed(server) if entry["state"] not in ("broken", "disabled")]


def check_quarantined_packages_are_listed_and_released(server, author):
    assert json.loads(server.cli("plugins", "quarantine", "list", "--json").stdout) == []
    assert "is in quarantine" in refused(server, "plugins", "quarantine", "release", "0" * 64)


def check_a_plugin_that_nobody_has_is_warned_of(server, author):
    with open(os.path.join(server.etc, "dispatch.yaml"), "w") as file:
        file.write("isolation:\n  smtp-emial: worker\nunsigned: [smtp-email]\nallow: [{plugin: generic-workflwo, host: localhost}]\n")
    before = len(server.output())
    restart(server)
    for text in (server.output()[before:], server.cli("server", "config").stderr):
        assert "dispatch.yaml line 2: `isolation:` names smtp-emial, which is not installed - did you mean smtp-email?" in text, text
        assert "line 4: `allow:` names generic-workflwo" in text and "`unsigned:`" not in text, text


def main():
    server = Server(sys.argv[1], "sqlite")
    try:
        author = Author(server)
        checks = [value for name, value in globals().items() if name.startswith("check_")]
        for check in checks:
            check(server, author)
            print(f"  ok  {check.__name__[6:].replace('_', ' ')}", flush=True)
        print(f"{len(checks)} checks of trust")
    except Exception:
        print(server.output()[-3000:] if server.process else "")
        raise
    finally:
        server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Debian's Prosody on loopback, and people with slixmpp, for the XMPP test (standard library only)."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from dispatch_server import free_port, until

# The host is called as the domain: with TLS from the first byte Prosody knows no other name (server_name).
HOST, ROOMS = "localhost", "rooms.localhost"
PASSWORD = "a password, with=signs"


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


class Prosody:
    """One instance in a directory of its own. `hash_`: which SCRAM it offers; "" offers PLAIN alone."""

    def __init__(self, hash_="SHA-256", archive=True):
        self.directory = tempfile.mkdtemp(prefix="dispatch-xmpp-")
        self.port, self.tls_port = free_port(), free_port()
        self.ca = os.path.join(self.directory, "certificate.pem")
        key = os.path.join(self.directory, "key.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},DNS:{ROOMS}",
            "-keyout", key, "-out", self.ca)
        self.config = os.path.join(self.directory, "prosody.cfg.lua")
        data = os.path.join(self.directory, "data")
        os.makedirs(data)
        authentication = f'authentication = "internal_hashed"\npassword_hash = "{hash_}"' if hash_ else 'authentication = "internal_plain"\ndisable_sasl_mechanisms = { "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS" }'
        with open(self.config, "w") as file:
            file.write(f"""
run_as_root = true
pidfile = "{self.directory}/prosody.pid"
data_path = "{data}"
log = {{ {{ levels = {{ min = "debug" }}, to = "file", filename = "{self.directory}/prosody.log" }} }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{ {self.tls_port} }}
c2s_require_encryption = true
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "ping", "offline", "carbons" }}
modules_disabled = {{ "s2s" }}
{authentication}
ssl = {{ certificate = "{self.ca}", key = "{key}" }}
VirtualHost "{HOST}"
Component "{ROOMS}" "muc"
  name = "Rooms"
  {'modules_enabled = { "muc_mam" }' if archive else ''}
  muc_log_all_rooms = {'true' if archive else 'false'}
""")
        self.process = None

    def register(self, user, password=PASSWORD):
        run("prosodyctl", "--config", self.config, "register", user, HOST, password)

    def start(self):
        with open(os.path.join(self.directory, "out"), "ab") as out:
            self.process = subprocess.Popen(["prosody", "--config", self.config, "-F"], stdout=out, stderr=subprocess.STDOUT)
        until("Prosody", self.is_listening, 60)
        return self

    def is_listening(self):
        assert self.process.poll() is None, self.log()
        with socket.create_connection(("127.0.0.1", self.port), 1):
            return True

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def log(self):
        text = ""
        for name in ("out", "prosody.log"):
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text += file.read()[-4000:]
        return text

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Person:
    """Somebody at a client (slixmpp, in a process of its own): what they see is in `seen`, one dictionary each."""

    def __init__(self, prosody, user):
        self.user, self.seen = user, []
        client = os.path.join(os.path.dirname(os.path.abspath(__file__)), "person.py")
        self.errors = open(os.path.join(prosody.directory, f"{user}.err"), "w+")
        self.process = subprocess.Popen(["/usr/bin/python3", client, f"{user}@{HOST}", PASSWORD, str(prosody.port), prosody.ca],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        self.wait(what="online")

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.seen.append(json.loads(line))
            else:
                self.errors.write(f"printed: {line}")

    def found(self, **wanted):
        return [one for one in list(self.seen) if all(one.get(name) == value for name, value in wanted.items())]

    def wait(self, seconds=30, **wanted):
        try:
            return until(f"{self.user} sees {wanted}", lambda: self.found(**wanted), seconds)[-1]
        except AssertionError as error:
            self.errors.seek(0)
            raise AssertionError(f"{error}; last seen: {self.seen[-5:]}; {self.errors.read()[-1000:]}") from None

    def do(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()


if __name__ == "__main__":  # a server to try things on: prosody.py SHA-1
    server = Prosody(*sys.argv[1:])
    for name in ("dispatch", "grace", "alan", "ada"):
        server.register(name)
    server.start()
    print(json.dumps({"port": server.port, "tls_port": server.tls_port, "ca": server.ca, "log": server.directory + "/prosody.log"}), flush=True)
    try:
        sys.stdin.read()
    finally:
        server.close()

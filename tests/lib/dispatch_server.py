"""Starts the real, installed server for integration tests, on SQLite or PostgreSQL, and speaks HTTP to it (standard library only)."""
import http.client
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, check, seconds=20.0, every=0.05):
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = check()
            if last:
                return last
        except (OSError, AssertionError, http.client.HTTPException) as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s (last: {last!r})")


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.text = response.status, response.headers, body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.text)


class Server:
    """One installation in a directory of its own."""

    def __init__(self, build, dialect, settings=None, yaml=""):
        self.directory = tempfile.mkdtemp(prefix="dispatch-test-")
        self.prefix = os.path.join(self.directory, "prefix")
        subprocess.run(["cmake", "--install", build, "--prefix", self.prefix], check=True, stdout=subprocess.DEVNULL)
        self.program = os.path.join(self.prefix, "bin", "dispatch")
        self.port = free_port()
        self.dialect = dialect
        self.etc = os.path.join(self.prefix, "etc", "dispatch")
        os.makedirs(self.etc, exist_ok=True)
        self.jwt_secret = secrets.token_urlsafe(36)
        self.settings = {"DISPATCH_ENCRYPTION_KEY": secrets.token_urlsafe(36), "DISPATCH_JWT_SECRET": self.jwt_secret,
                         "DISPATCH_PORT": str(self.port), "LOG_LEVEL": "INFO", **(settings or {})}
        self.database = None
        if dialect == "postgresql":
            parts = dict(word.split("=", 1) for word in shlex.split(os.environ["DISPATCH_TEST_POSTGRESQL"]))
            self.database = f"it_{os.getpid()}_{secrets.token_hex(4)}"
            self.sql(f"CREATE DATABASE {self.database}", "")
            self.settings.update(DATABASE_HOSTNAME=parts["host"], DATABASE_PORT=parts.get("port", "5432"), DATABASE_NAME=self.database,
                                 DATABASE_CREDENTIALS=f"{parts['user']}:{parts.get('password', 'unused')}")
        self.write_settings()
        with open(os.path.join(self.etc, "dispatch.yaml"), "w") as file:
            file.write(yaml)
        self.process = None
        self.answered = []  # (method, path, answer) of every request so far

    def sql(self, statement, database=None):
        connection = os.environ["DISPATCH_TEST_POSTGRESQL"]
        name = self.database if database is None else database
        if name:
            connection += f" dbname={name}"
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-c", statement, connection], check=True, capture_output=True, text=True).stdout.strip()

    def write_settings(self):
        with open(os.path.join(self.etc, ".env"), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in self.settings.items())
        os.chmod(os.path.join(self.etc, ".env"), 0o600)

    def environment(self, extra=None):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DISPATCH_", "DATABASE_"))}
        return {**kept, **(extra or {})}

    def cli(self, *words, check=True, stdin=None, extra=None):
        done = subprocess.run([self.program, *words], capture_output=True, text=True, input=stdin, env=self.environment(extra), timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"dispatch {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def start(self, extra=None, wait=True):
        self.log = open(os.path.join(self.directory, "server.out"), "ab")
        self.process = subprocess.Popen([self.program, "server", "start"], stdout=self.log, stderr=subprocess.STDOUT, env=self.environment(extra))
        if wait:
            until("the server", self.is_ready, 30)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}: {self.output()[-2000:]}")
        return self.request("GET", "/readyz", token=None).status == 200

    def output(self):
        with open(os.path.join(self.directory, "server.out"), errors="replace") as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.database:
            self.sql(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)", "")
        shutil.rmtree(self.directory, ignore_errors=True)

    def request(self, method, path, body=None, token=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            answer = Answer(response, response.read())
            self.answered.append((method, path, answer))
            return answer
        finally:
            connection.close()

    def register(self, email, password="a long enough passphrase", organization="default"):
        answer = self.request("POST", f"/api/v1/{organization}/auth/register", {"email": email, "password": password})
        assert answer.status == 200, answer.text
        return answer.json["token"]


def run_checks(checks, build, dialect, make=None):
    """Runs functions check_…(server) in order against one server; prints a line each and the count; the exit status."""
    server = (make or Server)(build, dialect)
    passed = failed = 0
    try:
        server.start()
        for check in checks:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            began = time.monotonic()
            try:
                check(server)
                passed += 1
                print(f"  ok    [{dialect}] {name} ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)
            except Exception as error:  # a check may fail in any way; each is counted
                failed += 1
                print(f"  FAIL  [{dialect}] {name}: {error!r}", flush=True)
        if failed:
            print(server.output()[-3000:])
    finally:
        server.close()
    return passed, failed

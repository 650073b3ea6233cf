"""Measures our HTTP layer beside Poco's HTTPServer, Boost.Beast and FastAPI, and prints what it found. "poco" has a thread for every
connection; "poco-stock" is as it comes, with sixteen.

The server has core 0, the load core 1. Rounds are interleaved, so that a busy moment of the machine meets all servers;
the best and the median of the rounds are given, ratios are of the best.
"""
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.environ["BENCH_BIN"]
QUICK = os.environ.get("BENCH_QUICK") == "1"

SERVERS = {
    "dispatch": [os.path.join(BIN, "bench_http_dispatch")],
    "poco": [os.path.join(BIN, "bench_http_poco")],
    "poco-stock": [os.path.join(BIN, "bench_http_poco"), "--stock"],
    "beast": [os.path.join(BIN, "bench_http_beast")],
    "fastapi": ["/usr/bin/python3", os.path.join(HERE, "fastapi_server.py")],
}
# Poco as it comes serves sixteen connections and no others: there is no rate at the rest to compare.
FULL_RATE = [name for name in SERVERS if name != "poco-stock"]
CONNECTIONS = [16, 64, 256, 1000]
ROUNDS = 1 if QUICK else 3
SECONDS = 1 if QUICK else 3
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[1] if len(CORES) > 1 else CORES[0]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process on the server's core; ends when its standard input does."""

    def __init__(self, name, prefix=()):
        self.name, self.port = name, free_port()
        self.process = subprocess.Popen([*prefix, "taskset", "-c", str(SERVER_CORE), *SERVERS[name], str(self.port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit(f"the {name} server did not start")
        with contextlib.suppress(OSError):
            self._await_port()

    def _await_port(self):
        for _ in range(100):
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
        raise OSError

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as line:
            user, kernel = line.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(kernel)) / os.sysconf("SC_CLK_TCK")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def on_load_core(*command, **options):
    return subprocess.run(["taskset", "-c", str(LOAD_CORE), *command], capture_output=True, text=True, check=False,
                          **options)


UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def wrk(server, connections, seconds):
    """Requests per second, p99 in ms, and what wrk says went wrong."""
    out = on_load_core("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
                       server.url).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", out)
    errors = re.search(r"(Socket errors:.*|Non-2xx.*)", out)
    return (float(rate.group(1)) if rate else 0.0,
            float(late.group(1)) * UNITS[late.group(2)] if late else float("nan"),
            errors.group(1) if errors else "")


def throughput():
    found = {(name, count): [] for name in FULL_RATE for count in CONNECTIONS}
    costs = {(name, count): [] for name in FULL_RATE for count in CONNECTIONS}
    troubles = set()
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(Server(name)) for name in FULL_RATE}
        for server in running.values():  # Poco makes its thousand threads here
            wrk(server, CONNECTIONS[-1], 1 if QUICK else 3)
        for _ in range(ROUNDS):
            for count in CONNECTIONS:
                for name, server in running.items():
                    before = server.cpu_seconds()
                    rate, _, trouble = wrk(server, count, SECONDS)
                    if rate > 0:
                        costs[name, count].append((server.cpu_seconds() - before) / (rate * SECONDS) * 1e6)
                    found[name, count].append(rate)
                    if trouble:
                        troubles.add(f"  {name} at {count}: {trouble}")
    print(f"\nhello JSON, keep-alive, one server core: requests/s, best (median) of {ROUNDS} round(s) of {SECONDS} s")
    heads = " ".join(f"{name:>17}" for name in FULL_RATE)
    print(f"{'connections':>12} {heads}   ours/poco  ours/beast  ours/fastapi")
    for count in CONNECTIONS:
        best = {name: max(found[name, count]) for name in FULL_RATE}
        cells = " ".join(f"{best[name]:8.0f} ({statistics.median(found[name, count]):6.0f})" for name in FULL_RATE)
        poco, beast, fastapi = (best["dispatch"] / best[other] if best[other] else float("nan")
                                for other in ("poco", "beast", "fastapi"))
        print(f"{count:>12} {cells}   {poco:8.2f}x  {beast:9.2f}x  {fastapi:11.1f}x")
    print("processor time per request in us, least of the rounds: says more than the rate when others use the machine")
    for count in CONNECTIONS:
        print(f"{count:>12} " + " ".join(f"{min(costs[name, count], default=float('nan')):17.1f}" for name in FULL_RATE))
    for trouble in sorted(troubles):
        print(trouble)
    return min(max(found["poco", 1000]), max(found["dispatch", 1000]))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def offered(server, clients, per_client, seconds):
    """Latencies in ms at a fixed rate, how many good answers came per second, and how many others."""
    with tempfile.NamedTemporaryFile("r", suffix=".log") as log:
        out = on_load_core("h2load", "--h1", "-c", str(clients), "--rps", str(per_client), "-D", str(seconds),
                           "--warm-up-time", "1", "--log-file", log.name, server.url)
        lines = [line.split("\t") for line in log]
    if not lines:
        raise SystemExit(f"h2load measured nothing of {server.name}: {out.stdout}{out.stderr}")
    good = [(int(start), int(took) / 1000) for start, status, took in lines if status == "200"]
    return [took for _, took in good], len(good) / seconds, len(lines) - len(good)


def equal_rate(saturation):
    # Below what the weakest of the two can do: beyond that latency measures only the length of the test.
    per_client = max(1, int(saturation * 0.5 / 1000))
    seconds = 2 if QUICK else 8
    print(f"\n1,000 connections, {per_client * 1000} requests/s offered to each (half of the weaker's saturation),"
          f" {seconds} s")
    p99 = {}
    for name in ("dispatch", "poco", "poco-stock", "beast"):
        with Server(name) as server:
            took, rate, failed = offered(server, 1000, per_client, seconds)
        # What was offered and never answered took at least as long as the test.
        took += [seconds * 1000.0] * max(0, per_client * 1000 * seconds - len(took) - failed)
        p99[name] = percentile(took, 0.99)
        print(f"{name:>12} {rate:8.0f}/s answered  p50 {percentile(took, 0.5):8.2f} ms  p99 {p99[name]:8.2f} ms"
              f"  max {max(took, default=float('nan')):8.2f} ms" + (f"  {failed} failed" if failed else ""))
    for name in ("poco", "poco-stock"):
        print(f"{'':>12} p99 ours/{name} 1/{p99[name] / p99['dispatch']:.1f}")


def event_streams():
    count = 5000
    with Server("dispatch") as server:
        request = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
        wrk(server, 64, 1)
        before, threads = server.status("VmRSS"), server.status("Threads")
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port))
            client.sendall(request)
            clients.append(client)
        for client in clients:
            seen = b""
            while b"retry: " not in seen:
                seen += client.recv(4096)
        time.sleep(1)
        after, threads_after = server.status("VmRSS"), server.status("Threads")
        with socket.create_connection(("127.0.0.1", server.port)) as publisher:
            start = time.monotonic()
            publisher.sendall(b"GET /publish HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for client in clients:
                while b"incident" not in client.recv(4096):
                    pass
            took = time.monotonic() - start
        rate, p99, _ = wrk(server, 64, 1 if QUICK else 3)
        for client in clients:
            client.close()
    print(f"\n{count} idle event streams: {(after - before) / 1024:.1f} MB more"
          f" ({before / 1024:.1f} -> {after / 1024:.1f} MB), {threads} -> {threads_after} threads")
    print(f"             one event reached all of them in {took * 1000:.0f} ms;"
          f" beside them 64 connections made {rate:.0f} requests/s, p99 {p99:.2f} ms")


SLOW_HEADS = """
import socket, sys, time
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(60)]
for client in clients: client.sendall(b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\nX-Slow: ")
print("ready", flush=True)
while True:
    time.sleep(0.1)
    for client in clients:
        try:
            client.sendall(b"a")
        except OSError:
            pass
"""


def slow_heads():
    seconds = 1 if QUICK else 5
    quiet, disturbed = [], []
    with Server("dispatch") as server:
        wrk(server, 64, 1)
        for _ in range(1 if QUICK else 3):
            quiet.append(offered(server, 64, 100, seconds)[0])
            slow = subprocess.Popen(["taskset", "-c", str(LOAD_CORE), "/usr/bin/python3", "-c", SLOW_HEADS,
                                     str(server.port)], stdout=subprocess.PIPE, text=True)
            slow.stdout.readline()
            disturbed.append(offered(server, 64, 100, seconds)[0])
            slow.terminate()
            slow.wait()
    p99 = [statistics.median(percentile(run, 0.99) for run in runs) for runs in (quiet, disturbed)]
    print(f"\n64 connections at 6,400 requests/s: p99 {p99[0]:.2f} ms alone, {p99[1]:.2f} ms beside 60 clients that send"
          " their heads byte by byte")


def system_calls():
    """Counted, not timed: the same on a busy machine."""
    if not shutil.which("strace"):
        return print("\nsystem calls per request: strace is not installed")
    print("\nsystem calls per request (64 connections, strace -c)")
    for name in ("dispatch", "poco", "beast"):
        with tempfile.NamedTemporaryFile("r", suffix=".strace") as counts:
            with Server(name, ("strace", "-f", "-c", "-S", "calls", "-o", counts.name)) as server:
                out = on_load_core("h2load", "--h1", "-c", "64", "-n", "10000" if QUICK else "40000", server.url).stdout
            done = re.search(r"(\d+) succeeded", out)
            calls = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", counts.read(), re.M)
        requests = int(done.group(1)) if done else 0
        if not requests:
            print(f"{name:>12} no figures: {out.strip().splitlines()[-1:]}")
            continue
        per = [(int(count) / requests, call) for count, call in calls if call != "total"]
        listed = ", ".join(f"{call} {share:.2f}" for share, call in per if share >= 0.01)
        print(f"{name:>12} {sum(share for share, _ in per):5.2f}: {listed}")


def main():
    if len(CORES) < 2:
        print("only one core: server and load share it, and no figure below says much")
    saturation = throughput()
    equal_rate(saturation)
    event_streams()
    slow_heads()
    system_calls()
    return 0


if __name__ == "__main__":
    sys.exit(main())

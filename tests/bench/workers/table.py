"""The lines of run.sh as tables with ratios."""
import json
import sys

lines = [json.loads(line) for line in sys.stdin]
for line in lines:
    if line["what"] == "sandbox" and line["pinned"] == "yes":
        print("sandbox of the worker:", line["level"])


def find(**wanted):
    return next((line for line in lines if all(line.get(key) == value for key, value in wanted.items())), None)


for pinned in ("yes", "no"):
    print(f"\nCalls, {'everything on one core' if pinned == 'yes' else 'all cores'}; µs")
    print(f"{'bytes':>8} {'callers':>7}   {'process p50':>11} {'p99':>9}   {'worker p50':>10} {'p99':>9} {'calls/s':>9}   {'go-plugin p50':>13} {'p99':>9} {'calls/s':>9}   p50 ratio")
    for size in (64, 1024, 65536, 1048576):
        for callers in (1, 8):
            process, worker, peer = (find(what="call", home=home, bytes=size, callers=callers, pinned=pinned) for home in ("process", "worker", "go-plugin"))
            print(f"{size:8} {callers:7}   {process['p50_us']:11.2f} {process['p99_us']:9.2f}   {worker['p50_us']:10.1f} {worker['p99_us']:9.1f} {worker['per_second']:9.0f}"
                  f"   {peer['p50_us']:13.1f} {peer['p99_us']:9.1f} {peer['per_second']:9.0f}   {peer['p50_us'] / worker['p50_us']:.1f}x")
    ours, theirs = (find(what="start", home=home, pinned=pinned) for home in ("worker", "go-plugin"))
    print(f"start to first answer: worker {ours['p50_us'] / 1000:.2f} ms (p99 {ours['p99_us'] / 1000:.2f}), go-plugin {theirs['p50_us'] / 1000:.2f} ms (p99 {theirs['p99_us'] / 1000:.2f}): {theirs['p50_us'] / ours['p50_us']:.1f}x"
          f"; memory {ours['memory_bytes'] / 2**20:.1f} MiB and {theirs['memory_bytes'] / 2**20:.1f} MiB: {theirs['memory_bytes'] / ours['memory_bytes']:.1f}x")
    for what in ("kill to replacement", "verify and load"):
        line = find(what=what, pinned=pinned)
        print(f"{what}: {line['p50_us'] / 1000:.2f} ms, p99 {line['p99_us'] / 1000:.2f} ms ({line['n']} times)")
    for home in ("process", "worker"):
        for plugins in (1, 20):
            line = find(what="cold to ready", home=home, plugins=plugins, pinned=pinned)
            goal = " (goal: below 250 ms)" if plugins == 20 else ""
            print(f"verify, load, create and start {plugins} in {'workers' if home == 'worker' else 'the process'}: {line['p50_us'] / 1000:.1f} ms, p99 {line['p99_us'] / 1000:.1f} ms{goal} ({line['n']} times)")

#!/usr/bin/env python3
"""Half a machine's load with random faults, for long: nothing is lost, and memory and descriptors stay flat.

    tests/fault/soak.py --program build/ci/troupe [--minutes 30] [--seed N] [--json]
                        [--results docs/fault-results.md]

The cluster of kills.py behind proxies. From the seed, a fault each five seconds: the second broker, router or prompt
is killed and started again, any node is frozen for a moment or taken for dead, a link is cut or reset, clients hang
up. Memory and open descriptors of every process are sampled; the slope of those that were never killed is printed,
and fails the test when it would add up to more than an eighth of the process (or 6 MiB), or to a quarter of its
descriptors (or 16), over the run. The same seed chooses the same faults. --results writes row 45 of the fault matrix
into the table of brokers.py. Exit code 0: all was well.
"""
import argparse
import json
import os
import pathlib
import random
import resource
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]
import isolation  # noqa: E402
from broker_cluster import BROKERS  # noqa: E402
from busy_cluster import PACE, TWINS, BusyCluster  # noqa: E402
from fault_results import write_results  # noqa: E402
from fault_row import Row, self_test  # noqa: E402
from probes import Probes  # noqa: E402
from stream_flow import StreamFlow  # noqa: E402
from troupe_process import Failed  # noqa: E402

TOKENS = 50                   # 10 s a stream
AT_ONCE, EVERY = 13, 0.5      # so 260 streams run: about half of two cores, the clients' share included
SAMPLE_SECONDS = 2.0
FAULT_SECONDS = 5.0
SPOKEN_SECONDS = 60.0         # after which it says how far it is
WARM = 0.3                    # of the run: what a process takes until it has seen everything once
KILLED = ("broker_b", "router2", "prompt2")
GROWTH_KIB, GROWTH_FILES = 6 << 10, 16
NEAR = 8.0                    # seconds around a fault in which what it touches may fail


def slope(samples):
    """Least squares of (second, value): how much more a second."""
    count = len(samples)
    mean_at, mean = sum(at for at, _ in samples) / count, sum(value for _, value in samples) / count
    spread = sum((at - mean_at) ** 2 for at, _ in samples)
    return sum((at - mean_at) * (value - mean) for at, value in samples) / spread if spread else 0.0


class Faults:
    """One fault after the other, chosen by the seed; each is over before the next."""

    def __init__(self, cluster, flow, seed):
        self.cluster, self.flow, self.chance, self.done = cluster, flow, random.Random(seed), []

    def one(self):
        # All is drawn before anything is looked at, so that the seed replays it.
        kind = self.chance.choice((self.kill, self.freeze, self.cut, self.reset, self.hang_up))
        pick, seconds = self.chance.random(), self.chance.uniform(0.3, 4.0)
        began = time.monotonic()
        what = kind(pick, seconds)
        self.done.append((began, time.monotonic(), f"{kind.__name__} {what}"))

    @staticmethod
    def _pick(pick, among):
        return among[int(pick * len(among))]

    def kill(self, pick, seconds):
        name = self._pick(pick, KILLED)
        self.cluster.until(lambda: self.cluster.can_spare(name), 20, f"{name} cannot be spared")
        self.cluster.nodes[name].kill()
        time.sleep(min(seconds, 1.5))
        self.cluster.nodes[name].start()
        return name

    def freeze(self, pick, seconds):
        name = self._pick(pick, tuple(sorted(TWINS)))
        self.cluster.nodes[name].signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.cluster.nodes[name].signal(signal.SIGCONT)
        return name

    def cut(self, pick, seconds):
        name = self._pick(pick, self.cluster.members)
        proxy = self.cluster.proxies[BROKERS[int(pick * 1000) % 2]]
        proxy.cut(name)
        time.sleep(seconds)
        proxy.heal(name)
        return name

    def reset(self, pick, _):
        self.cluster.proxies[self._pick(pick, BROKERS)].reset()
        return self._pick(pick, BROKERS)

    def hang_up(self, pick, _):
        running = [s for s in self.flow.all[-200:] if s.end is None and s.answer]
        for each in running[:int(20 * pick) + 1]:
            self.cluster.streams.hang_up(each)
            self.flow.hung_up.add(each.name)
        return f"{len(running[:int(20 * pick) + 1])} clients"

    def near(self, begin, end):
        return any(at - 0.5 < end and begin < until + NEAR for at, until, _ in self.done)


class Samples:
    """Memory and descriptors of each process from its start to its end."""

    def __init__(self, cluster):
        self.cluster, self.began, self.by = cluster, time.monotonic(), {}

    def take(self):
        at = time.monotonic() - self.began
        for name, (pid, rss, files) in self.cluster.usage().items():
            self.by.setdefault((name, pid), []).append((at, rss, files))

    def judge(self, row, seconds):
        """Slopes of those that lived through all of it."""
        out = {}
        for (name, _), samples in sorted(self.by.items()):
            warm = [each for each in samples if each[0] > WARM * seconds]
            if name in KILLED or len(warm) < 5:
                continue
            rss = slope([(at, value) for at, value, _ in warm]) * seconds
            files = slope([(at, value) for at, _, value in warm]) * seconds
            out[name] = {"rss_kib": warm[-1][1], "rss_kib_a_run": round(rss), "files": warm[-1][2],
                         "files_a_run": round(files, 1)}
            row.expect(rss < max(GROWTH_KIB, warm[0][1] / 8), f"{name} grows by {rss:.0f} KiB a run: {out[name]}")
            # Streams have descriptors, and how many streams a prompt has changes as its twin comes and goes.
            row.expect(files < max(GROWTH_FILES, warm[0][2] / 4),
                       f"{name} takes {files:.0f} more descriptors over the run: {out[name]}")
        return out


def weigh_test():
    """A scale that finds nothing would let the program pass as well."""
    row, samples = Row("", ""), Samples(None)
    samples.by = {("leaky", 1): [(at, 30_000 + 200 * at, 20 + at) for at in range(100)],
                  ("flat", 2): [(at, 30_000 + at % 7 * 100, 20 + at % 5) for at in range(100)]}
    samples.judge(row, 100)
    if [each.split(" ")[0] for each in row.problems] != ["leaky", "leaky"]:
        raise Failed(f"slopes are judged wrongly: {row.problems}")


def settle(row, cluster, flow, probes, faults):
    """What became of streams and requests: nothing lost, nothing twice, and no failure far from a fault."""
    streams = [s for s in flow.all if s.name not in flow.hung_up]
    row.take_streams(cluster, streams, may_fail=True)
    far = [s for s in streams if s.end != "done" and not faults.near(s.began, s.ended or time.monotonic())]
    row.expect(not far, f"{len(far)} streams failed and no fault was near: {[(s.name, s.end, s.why) for s in far[:2]]}")
    row.take_probes(cluster, probes, may_fail=[(at - 0.5, until + NEAR, at) for at, until, _ in faults.done], most=12.0)
    row.end_round(cluster)


def share_used(since):
    """Of the machine's cores, by this program and all that it started and has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(each.ru_utime + each.ru_stime for each in used) / (time.monotonic() - since) / os.cpu_count(), 2)


def run(cluster, row, minutes, seed):
    seconds, samples = minutes * 60, Samples(cluster)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.25) as probes, \
            StreamFlow(cluster.streams, lambda: cluster.edge_urls, AT_ONCE, TOKENS, EVERY, is_mixed=True) as flow:
        flow.hung_up = set()
        faults = Faults(cluster, flow, seed)
        next_fault, next_word = samples.began + FAULT_SECONDS, samples.began + SPOKEN_SECONDS
        while time.monotonic() < samples.began + seconds:
            samples.take()
            if time.monotonic() >= next_fault:
                faults.one()
                next_fault = time.monotonic() + FAULT_SECONDS
            if time.monotonic() >= next_word:
                next_word += SPOKEN_SECONDS
                print(f"soak: {(time.monotonic() - samples.began) / 60:.0f} of {minutes:g} minutes, "
                      f"{len(faults.done)} faults, {len(flow.all)} streams", file=sys.stderr, flush=True)
            time.sleep(SAMPLE_SECONDS)
        cluster.wait_linked()
        time.sleep(3)
    cluster.streams.wait(flow.all, TOKENS * PACE + 20)
    settle(row, cluster, flow, probes, faults)
    kinds = [what.split(" ")[0] for _, _, what in faults.done]
    return {"minutes": minutes, "faults": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
            "streams": len(flow.all), "streams_failed": row.failed, "tokens_lost": row.lost,
            "tokens_doubled": row.doubled, "requests": len(probes.all), "requests_failed": len(probes.failures()),
            "processes": samples.judge(row, seconds)}


def note(row, figures):
    """The figures as those of a row."""
    row.extra["share of the machine, clients included"] = figures["share_of_the_machine"]
    row.extra |= {f"faults, {kind.replace('_', ' ')}": count for kind, count in figures.get("faults", {}).items()}
    if "streams" in figures:
        row.extra["streams"] = figures["streams"]
    for name, of in figures.get("processes", {}).items():
        row.extra[f"{name}, which lived through all of it"] = (
            f"{of['rss_kib']} KiB, slope {of['rss_kib_a_run']:+} KiB a run; {of['files']} descriptors, "
            f"slope {of['files_a_run']:+} a run")


def main():
    isolation.enter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/ci/troupe")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    self_test()
    weigh_test()
    row = Row("45", f"{options.minutes:g} minutes of random faults (soak)", options.seed)
    figures, began = {}, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="troupe-fault-") as folder:
        cluster = BusyCluster(options.program, pathlib.Path(folder) / "data", is_proxied=True, seed=options.seed)
        try:
            cluster.start()
            figures = run(cluster, row, options.minutes, options.seed)
            cluster.close(bool(row.problems))
        except Failed as reason:
            row.expect(False, str(reason))
            cluster.close(True)
    figures["share_of_the_machine"] = share_used(began)
    if options.results:
        note(row, figures)
        row.extra["seed"] = options.seed
        write_results(options.results, [row], os.cpu_count())
    if options.json:
        print(json.dumps({"test": "soak", "seed": options.seed, "passed": not row.problems, "problems": row.problems}
                         | figures))
        return 1 if row.problems else 0
    processes = figures.pop("processes", {})
    print("".join(f"{what.replace('_', ' '):24} {value}\n" for what, value in figures.items()), end="")
    print("".join(f"{name:24} {value}\n" for name, value in processes.items()), end="")
    print("".join(f"FAIL {each}\n" for each in row.problems), end="")
    print(f"{int(not row.problems)} passed, {int(bool(row.problems))} failed (seed {options.seed})")
    return 1 if row.problems else 0


if __name__ == "__main__":
    sys.exit(main())

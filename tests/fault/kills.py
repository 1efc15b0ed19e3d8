#!/usr/bin/env python3
"""kill -9 of brokers and workers, again and again, under 200 running streams and a flow of requests.

    tests/fault/kills.py --program build/ci/troupe [--kills 20] [--seed N] [--json]
                         [--results docs/fault-results.md]

Two brokers, two routers, two prompts (each with a provider of its own), two edges, auth and log. A victim is chosen
from the seed: a broker, a prompt or a router, which is started again after a moment; never while its twin is away.
A stream whose prompt lived has all its tokens, once and in order; one whose prompt died ends with an error that says
so, and how far it came. No chat runs twice, no request goes without an answer, and none fails but where a kill is
near. --kills 1000 is the long form; the same seed chooses the same victims. --results writes a row of its own beside
that of brokers.py. Exit code 0: so it was.
"""
import argparse
import collections
import json
import os
import pathlib
import random
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
from token_streams import DONE, ERROR, REFUSED  # noqa: E402
from troupe_process import Failed  # noqa: E402

VICTIMS = (*sorted(TWINS), *BROKERS)  # brokers twice as often: what they cost is the question
SHORT = 20                    # kills
TOKENS = 20                   # 4 s a stream
AT_ONCE, EVERY = 25, 0.5      # so 200 streams run at any time
SPOKEN = 50                   # kills after which it says how far it is
NOTICED = 1.5                 # seconds after a kill in which a request may still run into it
TOLD, TOLD_LATEST = 1.0, 3.5  # seconds until most broken streams, and until all have their error
ROLES = {"broker_a": "broker", "broker_b": "broker", "prompt": "prompt", "prompt2": "prompt", "router": "router",
         "router2": "router"}


class Killer:
    """Kills one after the other; each is started again when its time has come."""

    def __init__(self, cluster, seed):
        self.cluster, self.chance = cluster, random.Random(seed)
        self.done, self.due = [], []  # (when, name)

    def restart_due(self, is_all=False):
        now = time.monotonic()
        for each in [each for each in self.due if is_all or each[0] <= now]:
            self.due.remove(each)
            self.cluster.nodes[each[1]].start()

    def wait(self, seconds, condition=lambda: True, patience=20.0):
        begun = time.monotonic()
        while time.monotonic() < begun + seconds or not condition():
            if time.monotonic() > begun + seconds + patience:
                raise Failed(f"after {patience} s the cluster cannot spare another node")
            self.restart_due()
            time.sleep(0.02)

    def kill_one(self):
        # All that is chosen is chosen here, whatever the cluster does: so the seed replays it.
        name, pause, away = self.chance.choice(VICTIMS), self.chance.uniform(0, 0.8), self.chance.uniform(0.05, 1.5)
        self.wait(pause, lambda: self.cluster.can_spare(name))
        self.done.append((time.monotonic(), name))
        self.cluster.nodes[name].kill()
        self.due.append((time.monotonic() + away, name))

    def heal(self):
        self.restart_due(is_all=True)
        self.cluster.wait_linked()

    def hit(self, begin, end, names=VICTIMS):
        return any(begin <= at <= end for at, name in self.done if name in names)


def judge_streams(row, killer, streams, workers):
    """Those whose worker lived are whole; those whose worker died, or that met no worker, failed honestly."""
    for stream in streams:
        if stream.end == DONE:
            continue
        worker, ended = workers.get(stream.name), stream.ended or time.monotonic()
        if worker and not killer.hit(stream.began - 0.1, ended, (worker,)):
            # Its router may have died with it in hand, before the provider's first word was on its way back.
            is_young = not stream.seen and killer.hit(stream.began - NOTICED, ended)
            row.expect(is_young, f"{stream.name} ended as {stream.end} ({stream.why}, {len(stream.seen)} tokens) "
                                 f"though {worker} lived")
        elif not worker:
            row.expect(killer.hit(stream.began - NOTICED, ended),
                       f"{stream.name} was not begun ({stream.why}) and no kill was near")
        row.expect(stream.end in (ERROR, REFUSED), f"{stream.name} ended as {stream.end}: {stream.why}")


def judge_requests(row, killer, probes):
    bad = [p for p in probes.failures() if not killer.hit(p.began - NOTICED, p.began + (p.took or 0))]
    row.expect(not bad, f"{len(bad)} requests failed and no kill was near, as {bad and bad[0]}")
    row.most("slowest request, s", round(max(p.took for p in probes.all), 2))


def error_delays(killer, streams, workers):
    """Seconds from the death of its worker to the end of each stream that it broke, in order."""
    return sorted(min(ends) for ends in
                  ([s.ended - at for at, name in killer.done if name == workers[s.name] and s.began <= at <= s.ended]
                   for s in streams) if ends)


def judge_errors(row, half, longest):
    """In ms. Where the broker died with the worker, others are asked for 2.5 s whether they know it."""
    row.detected(longest / 1000, TOLD_LATEST)
    row.expect_by(half <= 1000 * TOLD, f"half of the broken streams got their error only after {half} ms")


def table(killer, streams, probes, workers):
    """What was killed, and what that cost."""
    kills = collections.Counter(ROLES[name] for _, name in killer.done)
    broken = [s for s in streams if s.end == ERROR and s.name in workers]
    delays = error_delays(killer, broken, workers)
    return {
        "kills": dict(kills), "streams": len(streams), "streams_whole": sum(s.end == DONE for s in streams),
        "streams_with_error": len(broken), "streams_refused": sum(s.end == REFUSED for s in streams),
        "tokens": sum(len(s.seen) for s in streams), "tokens_lost": sum(s.lost for s in streams),
        "tokens_doubled": sum(s.doubled for s in streams),
        "error_after_ms": [round(1000 * delays[at]) for at in (len(delays) // 2, -1)] if delays else [],
        "longest_pause_ms": round(1000 * max((s.gap_around(s.began) for s in streams if s.end == DONE), default=0)
                                  - 1000 * PACE + 50),
        "requests": len(probes.all), "requests_failed": len(probes.failures()),
        "chats_failed": sum(p.kind == "chat" for p in probes.failures()),
        "idempotent_failed": sum(p.kind == "models" for p in probes.failures()),
    }


def run(cluster, row, kills, seed):
    killer = Killer(cluster, seed)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.25) as probes:
        with StreamFlow(cluster.streams, lambda: cluster.edge_urls, AT_ONCE, TOKENS, EVERY, is_mixed=True) as flow:
            time.sleep(TOKENS * PACE)  # until as many run as will
            for number in range(1, kills + 1):
                killer.kill_one()
                if number % SPOKEN == 0:
                    print(f"kills: {number} of {kills}, {len(flow.all)} streams", file=sys.stderr, flush=True)
            killer.heal()
            time.sleep(NOTICED)
        cluster.streams.wait(flow.all, TOKENS * PACE + 15)
    workers = cluster.workers()
    row.take_streams(cluster, flow.all, may_fail=True)
    judge_streams(row, killer, flow.all, workers)
    row.take_probes(cluster, probes, may_fail=[(0, float("inf"), time.monotonic())])
    judge_requests(row, killer, probes)
    row.end_round(cluster)
    figures = table(killer, flow.all, probes, workers)
    if figures["error_after_ms"]:
        judge_errors(row, *figures["error_after_ms"])
    row.recovered(figures["longest_pause_ms"] / 1000)
    return figures


def note(row, figures):
    """The figures as those of a row."""
    for what in ("streams_whole", "streams_with_error", "streams_refused", "tokens", "chats_failed",
                 "idempotent_failed"):
        row.sum(what.replace("_", " "), figures[what])
    for role, count in sorted(figures["kills"].items()):
        row.sum(f"kills of a {role}", count)
    if figures["error_after_ms"]:
        row.most("half of the errors came so many ms after the kill", figures["error_after_ms"][0])


def random_kills(cluster, row, rounds):
    """As a row of brokers.py."""
    note(row, run(cluster, row, SHORT * rounds, row.seed))


ROWS = {"kills": (f"{SHORT} kills of brokers, routers and prompts by chance, a round", random_kills)}


def main():
    isolation.enter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/ci/troupe")
    parser.add_argument("--kills", type=int, default=SHORT)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    self_test()
    row = Row("kills long", f"{options.kills} kills of brokers, routers and prompts by chance", options.seed)
    figures = {}
    with tempfile.TemporaryDirectory(prefix="troupe-fault-") as folder:
        cluster = BusyCluster(options.program, pathlib.Path(folder) / "data", seed=options.seed)
        try:
            cluster.start()
            figures = run(cluster, row, options.kills, options.seed)
            row.out = cluster.output() if row.problems else ""
            cluster.close(bool(row.problems))
        except Failed as reason:
            row.expect(False, str(reason))
            cluster.close(True)
    if options.json:
        print(json.dumps({"test": "kills", "seed": options.seed, "passed": not row.problems,
                          "problems": row.problems} | figures))
    else:
        lines = (f"{what.replace('_', ' '):24} {value}\n" for what, value in (figures | row.extra).items())
        print("".join(lines), end="")
        print("".join(f"FAIL {each}\n" for each in row.problems), end="")
        print(f"{int(not row.problems)} passed, {int(bool(row.problems))} failed (seed {options.seed})")
    if options.results:
        if figures:
            note(row, figures)
        row.extra["seed"] = options.seed
        write_results(options.results, [row], os.cpu_count())
    return 1 if row.problems else 0


if __name__ == "__main__":
    sys.exit(main())

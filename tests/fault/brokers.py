#!/usr/bin/env python3
"""A cluster with two brokers under the faults of its processes and links: what is lost, and for how long.

    tests/fault/brokers.py --program build/ci/troupe [--only ROW,...] [--rounds N] [--every-row] [--json]
                           [--results docs/fault-results.md] [--seed N]

Two brokers, two edges, a router, a prompt with a simulated provider, auth and log, all on loopback.
Chats stream numbered tokens while a process is killed or frozen or a link is cut, and every token is
accounted for: none lost, none twice, none out of order, no chat run twice, no request without an answer,
nothing held afterwards. A row in which nothing was wrong but a time is run once more, since the machine
may have been busy with something else, and says so. Rows are named by their number in the fault matrix;
--rounds 1 is the short form, which leaves out a few rows and shortens rows 10, 13, 34b and 34c, unless told
otherwise by --every-row. --results writes the rows that ran into a table, in which others stay. Exit code 0:
every row passed.
"""
import argparse
import functools
import json
import os
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE)]
from broker_cluster import BrokerCluster  # noqa: E402
from busy_cluster import BusyCluster  # noqa: E402
from fault_results import write_results  # noqa: E402
from fault_row import Row, self_test  # noqa: E402
from isolation import Absent  # noqa: E402
from troupe_process import Failed  # noqa: E402
import clocks  # noqa: E402
import dns_faults  # noqa: E402
import entities  # noqa: E402
import handed_on  # noqa: E402
import heavy_caller  # noqa: E402
import herd  # noqa: E402
import hung_actors  # noqa: E402
import hung_up  # noqa: E402
import isolation  # noqa: E402
import kernel_links  # noqa: E402
import kills  # noqa: E402
import lost_processes  # noqa: E402
import memory_limits  # noqa: E402
import repeats  # noqa: E402
import rolling  # noqa: E402
import scarce  # noqa: E402
import sick_links  # noqa: E402
import slow_sides  # noqa: E402
import spikes  # noqa: E402
import strange_peers  # noqa: E402
import strangers  # noqa: E402
import without_brokers  # noqa: E402

# Rows, and the cluster that they run on.
SUITES = ((lost_processes.ROWS | without_brokers.ROWS | hung_up.ROWS | handed_on.ROWS | herd.ROWS
           | slow_sides.ROWS | strange_peers.ROWS | repeats.ROWS | scarce.ROWS | heavy_caller.ROWS,
           BrokerCluster),
          (sick_links.ROWS | spikes.ROWS, functools.partial(BrokerCluster, is_proxied=True)),
          (strangers.ROWS, functools.partial(BrokerCluster, is_proxied=True, is_encrypted=True)),
          (handed_on.TWO_PROMPTS_ROWS | hung_actors.ROWS, handed_on.TwoPromptsCluster),
          (rolling.ROWS, rolling.RollingCluster), (rolling.SHARED_ROWS, rolling.SharedAccountsCluster),
          (entities.COUNTING_ROWS, entities.CountingCluster),
          (rolling.PROMPT_ROWS | entities.TALKING_ROWS, entities.SharedFolderCluster),
          (kernel_links.ROWS, kernel_links.AddressedCluster),
          (dns_faults.ROWS, dns_faults.NamedCluster),
          (clocks.ROWS, clocks.ClockedCluster),
          (memory_limits.ROWS, memory_limits.LimitedCluster),
          (kills.ROWS, BusyCluster))
# Left out of the short form.
LONG = {"26c", "36a", "36b"}


class Stage:
    """The cluster of the moment: kept from row to row as long as it is well."""

    def __init__(self, program, seed, is_long):
        self.program, self.seed, self.is_long = program, seed, is_long
        self.cluster = self.folder = None

    def take(self, shape):
        if not self.cluster:
            self.folder = tempfile.TemporaryDirectory(prefix="troupe-fault-")
            self.cluster = shape(self.program, pathlib.Path(self.folder.name) / "data", seed=self.seed)
            self.cluster.start()
        return self.cluster

    def close(self, is_failed):
        cluster, self.cluster = self.cluster, None
        if cluster:
            try:
                cluster.close(is_failed)
            finally:
                self.folder.cleanup()

    def end(self):
        """What was wrong with the end of a cluster that was well until then."""
        try:
            self.close(False)
        except Failed as reason:
            return [f"the cluster did not end well: {reason}"]
        return []


def run_row(stage, number, fault, function, shape, rounds):
    row = Row(number, fault, stage.seed, stage.is_long)
    try:
        cluster = stage.take(shape)
        try:
            function(cluster, row, rounds)
        except Absent as reason:
            row.absent = str(reason)
        except Failed as reason:
            row.expect(False, str(reason))
        except Exception as reason:  # a mistake of the test, or an answer that nobody expects
            row.expect(False, f"{function.__name__}: {reason!r}")
        if row.problems:
            row.out = row.out or cluster.output()
            stage.close(True)
    except Absent as reason:
        row.absent = str(reason)
    except (Failed, OSError, RuntimeError) as reason:
        row.expect(False, f"the cluster does not start: {reason}")
        stage.close(True)
    return row


def run_twice_if_late(stage, *what):
    row = run_row(stage, *what)
    if not row.is_only_late:
        return row
    again = run_row(stage, *what)
    again.second_try = row.late
    return again


def show(row):
    figures = row.figures()
    notes = figures["notes"]
    for key in ("problems", "notes", "passed", "fault"):
        figures.pop(key)
    print(f"{'FAIL' if row.problems else 'skip' if row.absent else 'ok  '} {row.fault}: "
          + ", ".join(f"{key} {value}" for key, value in figures.items()))
    for each in row.problems:
        print(f"       {each}")
    for each in notes:
        print(f"       ({each})")
    if row.out:
        print(row.out)
    sys.stdout.flush()


def main():
    isolation.enter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/ci/troupe")
    parser.add_argument("--only", default="", help="rows, with commas between them")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--every-row", action="store_true",
                        help="also those that the short form leaves out, and each as long as the matrix has it")
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    only = [each for each in options.only.split(",") if each]
    known = [number for rows, *_ in SUITES for number in rows]
    if set(only) - set(known):
        parser.error(f"rows are {', '.join(known)}")
    self_test()
    is_long = options.rounds > 1 or options.every_row
    stage, done, ends = Stage(options.program, options.seed, is_long), [], []
    for rows, shape in SUITES:
        for number, (fault, function) in rows.items():
            is_left_out = number in LONG and not is_long
            if number not in only if only else is_left_out:
                continue
            done.append(run_twice_if_late(stage, number, fault, function, shape, options.rounds))
            if not options.json:
                show(done[-1])
        ends += stage.end()
    passed = not ends and all(not row.problems for row in done)
    if options.results:
        write_results(options.results, done, os.cpu_count())
    if options.json:
        print(json.dumps({"test": "brokers", "seed": options.seed, "passed": passed, "problems": ends,
                          "rows": [row.figures() for row in done]}))
    else:
        print("".join(f"FAIL {each}\n" for each in ends), end="")
        failed = sum(bool(row.problems) for row in done) + len(ends)
        print(f"{sum(not row.problems and not row.absent for row in done)} passed, {failed} failed "
              f"(seed {options.seed})")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

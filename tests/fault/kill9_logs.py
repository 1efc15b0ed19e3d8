#!/usr/bin/env python3
"""Acknowledged is on disk: kill -9 of the one process at a random moment while eight writers post logs.

    tests/fault/kill9_logs.py --program build/ci/troupe [--rounds 3] [--json] [--seed N]

Each round starts the program on the same data folder, lets eight writers post single records and
batches, kills it after 0.3 to 1.5 s, starts it again and reads everything back: every record whose
201 was seen must be there, once. A record without an answer may be there or not, but not twice, and
a batch is there whole or not at all. Exit code 0: so it was.
"""
import argparse
import collections
import json
import pathlib
import random
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Failed, Troupe, call  # noqa: E402

WRITERS = 8
BATCH = 5
SERVICE = "kill9"


class Writer(threading.Thread):
    """Posts until the program is gone; remembers what was acknowledged."""

    def __init__(self, troupe, key, name):
        super().__init__(daemon=True)
        self.troupe, self.key, self.prefix = troupe, key, name
        self.acknowledged, self.unknown, self.refused = [], [], []

    def run(self):
        for n in range(1_000_000):
            names = [f"{self.prefix}-{n}-{i}" for i in range(BATCH if n % 3 == 2 else 1)]
            records = [{"level": "info", "service": SERVICE, "message": name} for name in names]
            status, _ = call(self.troupe.url, "POST", "/v1/logs",
                             records if len(records) > 1 else records[0], self.key, timeout=5)
            if status == 201:
                self.acknowledged.append(names)
            elif status == 0:
                self.unknown.append(names)
                return
            else:
                self.refused.append((names, status))


def read_all(troupe, key):
    """How often each message is in the log."""
    found = collections.Counter()
    cursor = ""
    while True:
        status, page = call(troupe.url, path=f"/v1/logs?service={SERVICE}&limit=1000{cursor}", key=key)
        if status != 200:
            raise Failed(f"reading the log back: {status} {page}\n{troupe.output()}")
        found.update(record["message"] for record in page["data"])
        if not page["has_more"]:
            return found
        cursor = "&cursor=" + urllib.parse.quote(page["next_cursor"])


def one_round(program, data, number, chance):
    troupe = Troupe(program, "one", data).start()
    try:
        key = troupe.api_key
        writers = [Writer(troupe, key, f"{number}-{i}") for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        wait = chance.uniform(0.3, 1.5)
        time.sleep(wait)
        troupe.nodes["all"].kill()
        for writer in writers:
            writer.join()
        begun = time.monotonic()
        troupe.start()
        recovery = time.monotonic() - begun
        found = read_all(troupe, key)
        troupe.stop()
    finally:
        troupe.kill()
    acknowledged = [names for writer in writers for names in writer.acknowledged]
    unknown = [names for writer in writers for names in writer.unknown]
    refused = [each for writer in writers for each in writer.refused]
    return {
        "round": number, "killed_after_s": round(wait, 3), "recovery_ms": round(recovery * 1000),
        "acknowledged": sum(map(len, acknowledged)),
        "lost": sum(found[name] == 0 for names in acknowledged for name in names),
        "duplicated": sum(count > 1 for count in found.values()),
        "torn_batches": sum(0 < sum(found[n] > 0 for n in names) < len(names) for names in acknowledged + unknown),
        "refused": len(refused),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/ci/troupe")
    parser.add_argument("--rounds", type=int, default=3, help="3 is the short form, 10 the long one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    rounds, problem = [], None
    with tempfile.TemporaryDirectory(prefix="troupe-fault-") as folder:
        try:
            for number in range(options.rounds):
                rounds.append(one_round(options.program, pathlib.Path(folder) / "data", number, chance))
                if not options.json:
                    print("  ".join(f"{k} {v}" for k, v in rounds[-1].items()), flush=True)
        except Failed as reason:
            problem = str(reason)
    good = problem is None and all(r["acknowledged"] and not (r["lost"] or r["duplicated"] or r["torn_batches"]
                                                              or r["refused"]) for r in rounds)
    if options.json:
        print(json.dumps({"test": "kill9_logs", "seed": options.seed, "passed": good, "problem": problem,
                          "rounds": rounds}))
    else:
        print(problem or "", f"{'passed' if good else 'FAILED'} (seed {options.seed})", sep="\n" if problem else "")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

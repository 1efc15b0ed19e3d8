#!/usr/bin/env python3
"""What the loss of Redis and of the accounts' server costs: 503s, no sign-in, no memory.

    tests/fault/outages.py --program build/ci/troupe [--seconds 90] [--json] [--only NAME]

    redis     Redis is paused (SIGSTOP) for --seconds, then goes on
    mariadb   MariaDB is killed (SIGKILL), stays away for a third of them, and is started again
Both with three auth nodes, two edges and clients that never stop: with a key that has limits, with one
that has none, with an access token, and with sign-ins. No request may be answered 401; what the client
sees is 200 or 503 (429 where a limit is reached); all auth nodes together grow by at most 24 MiB; and every
kind of request is 200 again within 3 s of the store's return. Exit code 0: so it was.
"""
import argparse
import collections
import json
import pathlib
import re
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402
from helper_server import HelperServer  # noqa: E402
from troupe_process import Failed, call  # noqa: E402

ADA = {"email": "ada@example.org", "password": "long enough"}
GROWTH_KIB = 24 * 1024
RECOVERY_SECONDS = 3


def expect(condition, what):
    if not condition:
        raise Failed(what)


class Client(threading.Thread):
    """Asks the same again and again, of both edges in turn; counts what it was answered."""

    def __init__(self, cluster, stop, method, path, body=None, key=None):
        super().__init__(daemon=True)
        self.cluster, self.stop, self.request = cluster, stop, (method, path, body, key)
        self.seen, self.bodies = collections.Counter(), {}

    def run(self):
        turn = 0
        while not self.stop.is_set():
            turn += 1
            url = self.cluster.edge_urls[turn % 2]
            status, body = call(url, *self.request, timeout=30)
            self.seen[status] += 1
            self.bodies.setdefault(status, body)
            time.sleep(0.005)

    def is_well(self):
        return call(self.cluster.url, *self.request, timeout=5)[0] == 200


def rss_kib(cluster):
    total = 0
    for name, node in cluster.nodes.items():
        if name.startswith("auth"):
            status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
    return total


def outage(program, folder, away, back, seconds, servers):
    """Runs the clients around an outage; returns the figures."""
    environment = {"DATABASE_URL": servers["sql"].url, "REDIS_URL": servers["redis"].url,
                   "TROUPE_AUTH_SIGNUP": "open"}
    with Cluster(program, folder, auths=3, edges=2, environment=environment) as cluster:
        admin = cluster.api_key
        _, session = call(cluster.url, "POST", "/v1/auth/register", ADA)
        _, limited = call(cluster.url, "POST", "/v1/auth/keys", {"name": "limited"}, admin)
        call(cluster.url, "PUT", f"/v1/admin/caps/key:{limited['id']}", {"requests_per_minute": 1_000_000}, admin)
        stop = threading.Event()
        clients = {
            "limited": Client(cluster, stop, "GET", "/v1/models", key=limited["key"]),
            "unlimited": Client(cluster, stop, "GET", "/v1/auth/me", key=admin),
            "token": Client(cluster, stop, "GET", "/v1/auth/me", key=session["access_token"]),
            "login": Client(cluster, stop, "POST", "/v1/auth/login", ADA),
        }
        for each in clients.values():
            each.start()
        time.sleep(3)
        before = rss_kib(cluster)
        away()
        highest, until = before, time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.5)
            highest = max(highest, rss_kib(cluster))
        began = time.monotonic()
        back()
        returned = time.monotonic()
        while not all(each.is_well() for each in clients.values()):
            expect(time.monotonic() - returned < 30, "it did not heal within 30 s")
        healed = time.monotonic() - returned
        stop.set()
        for each in clients.values():
            each.join()
        seen = {name: dict(each.seen) for name, each in clients.items()}
        figures = {"away_s": round(began - until + seconds, 1), "healed_s": round(healed, 2), "rss_before_kib": before,
                   "rss_highest_kib": highest, "answers": seen}
        for name, each in clients.items():
            expect(set(each.seen) <= {200, 503}, f"{name} was answered {each.seen}: {each.bodies}")
            expect(each.seen[200] > 0, f"{name} never passed")
        expect(clients["limited"].seen[503] + clients["login"].seen[503] > 0, "the outage was not felt")
        expect(highest - before <= GROWTH_KIB, f"memory grew from {before} to {highest} KiB")
        expect(healed <= RECOVERY_SECONDS, f"it healed only after {healed:.1f} s")
        return figures


def redis(program, folder, seconds, servers):
    return outage(program, folder, lambda: servers["redis"].say("pause"), lambda: servers["redis"].say("resume"),
                  seconds, servers)


def mariadb(program, folder, seconds, servers):
    return outage(program, folder, lambda: servers["sql"].say("kill"), lambda: servers["sql"].say("start"),
                  seconds / 3, servers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    results, failed = {}, 0
    for case in (redis, mariadb):
        if options.only not in case.__name__:
            continue
        servers = {}
        try:
            servers["sql"] = HelperServer("sql_server.py", "mariadb")
            servers["redis"] = HelperServer("redis_server.py", "plain")
            with tempfile.TemporaryDirectory(prefix="troupe-fault-") as folder:
                results[case.__name__] = case(options.program, pathlib.Path(folder) / "data", options.seconds, servers)
            verdict = "ok  "
        except unittest.SkipTest as reason:
            results[case.__name__], verdict = str(reason), "skip"
        except Failed as reason:
            results[case.__name__], verdict = str(reason), "FAIL"
            failed += 1
        finally:
            for server in servers.values():
                server.close()
        if not options.json:
            print(f"{verdict} {case.__name__}: {results[case.__name__]}", flush=True)
    if options.json:
        print(json.dumps(results))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

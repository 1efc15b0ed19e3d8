"""Row 42 of the fault matrix: the wall clock of a running node jumps by an hour, and nothing happens: no deadline and
no link hangs on it.

What a token says of its own end is wall-clock time, and only auth looks at it. So one that auth made while its clock
was an hour behind has been over for three quarters of an hour when the clock is right again, and is refused then; of
tokens, nothing else is.

The nodes run under libfaketime, which lets a test set each one's wall clock; the monotonic clock stays as it is.
Each function runs one row on a cluster that is well, and leaves it well.
"""
import base64
import glob
import json
import pathlib
import time

from broker_cluster import BROKERS, NODES, BrokerCluster
from isolation import Absent
from lost_processes import running_streams
from probes import Probes
from troupe_process import call

HOUR = 3600
LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
ADA = {"email": "ada@example.org", "password": "long enough"}


class ClockedCluster(BrokerCluster):
    """Every process has a wall clock of its own."""

    def __init__(self, program, data, seed=0):
        found = glob.glob(LIBRARY)
        if not found:
            raise Absent("libfaketime is not installed (Debian: faketime)")
        self.library = found[0]
        super().__init__(program, data, seed=seed)

    def _settings(self, name):
        self._clock(name).parent.mkdir(exist_ok=True)
        self.set_clock(name, 0)
        return self.environment | {"LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": str(self._clock(name)),
                                   "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _clock(self, name):
        return pathlib.Path(f"{self.data}-clocks") / name

    def set_clock(self, name, seconds):
        new = self._clock(name).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._clock(name))

    def links_lost(self):
        """How often nodes lost a broker. (Their logs have their own time.)"""
        return sum(" bus.link_lost" in line for name in NODES for line in self.nodes[name].lines)


def expect_well(cluster, row, session, key, what):
    """The key is good, and the session: it can be refreshed, and its new token is good."""
    status, _ = call(cluster.url, path="/v1/auth/me", key=key)
    row.expect(status == 200, f"with {what}, a key is answered {status}")
    status, new = call(cluster.url, "POST", "/v1/auth/refresh", {"refresh_token": session["refresh_token"]})
    if row.expect(status == 200, f"with {what}, a refresh is answered {status} {new}"):
        session.update(new)
    status, answer = call(cluster.url, path="/v1/auth/me", key=session["access_token"])
    row.expect(status == 200, f"with {what}, a new token is answered {status} {answer}")


def end_of(token):
    """When it is over, as it says itself, in seconds from now."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"] - time.time()


def jump(cluster, row, name, session, key):
    """An hour ahead, an hour behind, and right again. A token of before stays good, but for one that is over by what
    the clock of auth says now."""
    for seconds in (HOUR, -HOUR, 0):
        cluster.set_clock(name, seconds)
        time.sleep(0.15)
        what = f"{name} {'right again' if not seconds else f'{seconds:+d} s'}"
        old = session["access_token"]
        expect_well(cluster, row, session, key, what)
        status, answer = call(cluster.url, path="/v1/auth/me", key=old)
        is_over = end_of(old) <= (seconds if name == "auth" else 0)
        if status != 200:
            row.sum("tokens refused that by the clock of auth were over", 1)
            row.expect(status == 401 and is_over,
                       f"with {what}, a token that ends in {end_of(old):.0f} s is answered {status} {answer}")


def clock_jumps(cluster, row, rounds):
    """42: each node's clock, one after the other; with streams, requests and a session that go on."""
    for number in range(rounds):
        who = ADA | {"email": f"ada{number}@example.org"}
        status, session = call(cluster.url, "POST", "/v1/auth/register", who)
        row.expect(status == 201, f"register: {status} {session}")
        _, made = call(cluster.url, "POST", "/v1/auth/keys", {"name": "k"}, session["access_token"])
        lost = {name: cluster.metric(name, "troupe_broker_peers_lost_total") for name in BROKERS}
        streams = running_streams(cluster, row, 20, 160)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            for name in (*NODES, *BROKERS):
                jump(cluster, row, name, session, made["key"])
            cluster.streams.wait(streams, 30)
        row.expect(not cluster.links_lost(), "a node gave a link up")
        now = {name: cluster.metric(name, "troupe_broker_peers_lost_total") for name in BROKERS}
        row.expect(now == lost, f"a broker took a node for dead: {lost}, {now}")
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes)
        row.end_round(cluster)


ROWS = {"42": ("the wall clock of each node jumps by an hour, both ways", clock_jumps)}

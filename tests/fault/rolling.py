"""Rows of the fault matrix in which nodes are told to end, and started again, while everybody works.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import time
import unittest

from balancer import BalancedProbes, Balancer
from broker_cluster import BROKERS, EDGES, NODES, BrokerCluster
from helper_server import HelperServer
from isolation import Absent
from lost_processes import chats_work, running_streams
from probes import KINDS, Probes
from stream_flow import StreamFlow
from token_streams import ERROR

ROUTERS = ("router", "router2")
SINGLE = ("prompt", "auth", "log")  # one process while their stores are embedded
NOTICED = 0.4    # seconds until a balancer has seen for certain that an edge is gone
PATIENCE = 25.0  # drain.timeout, and what comes behind it
# Of what prompts do besides, and of what only one process serves.
OF_PROMPTS = KINDS | {"embeddings": lambda name: ("POST", "/v1/embeddings", {"model": "local", "input": name})}
OF_SINGLE = OF_PROMPTS | {
    "vector stores": lambda _: ("GET", "/v1/vector_stores?limit=1", None),
    "log": lambda name: ("POST", "/v1/logs", {"level": "info", "service": "probe", "message": name}),
}


class RollingCluster(BrokerCluster):
    """With a second router. Its edges wait for the balancer to notice that they go."""

    members = (*NODES, "router2")

    def _settings(self, name):
        return super()._settings(name) | ({"TROUPE_DRAIN_DELAY": "1s"} if name in EDGES else {})


class SharedAccountsCluster(BrokerCluster):
    """With two auth nodes on one MariaDB, each with a data folder of its own."""

    members = (*NODES, "auth2")

    def __init__(self, program, data, seed=0):
        try:
            self.database = HelperServer("sql_server.py", "mariadb")
        except unittest.SkipTest as reason:
            raise Absent(str(reason)) from reason
        super().__init__(program, data, seed=seed)

    def _data(self, name):
        return f"{self.data}-2" if name == "auth2" else self.data

    def _settings(self, _):
        return self.environment | {"DATABASE_URL": self.database.url}

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            self.database.close()


def roll(cluster, row, name, pause=0.0):
    """SIGTERM, the end, the start. Returns (from, to, from) of the time without it."""
    node = cluster.nodes[name]
    told = time.monotonic()
    node.signal()
    row.expect(node.wait(PATIENCE) == 0, f"{name} ended with {node.process.returncode}")
    ended = time.monotonic()
    row.most(f"{name} ended after, s", round(ended - told, 1))
    time.sleep(pause)
    started = time.monotonic()
    node.start()
    cluster.wait_linked()
    row.recovered(time.monotonic() - started, 3.0)
    return told, time.monotonic() + 0.5, told


def roll_all(cluster, row, names, kinds=None):
    """One after the other: nobody notices."""
    steps = []
    with Balancer(cluster.loop, cluster.edge_urls) as balancer:
        with BalancedProbes(cluster.loop, balancer, cluster.api_key, kinds=kinds) as probes, \
                StreamFlow(cluster.streams, balancer.urls, 10, 40, else_at=cluster.edge_urls) as flow:
            time.sleep(1)
            for name in names:
                steps.append((name, *roll(cluster, row, name, NOTICED)))
                time.sleep(0.3)
        cluster.streams.wait(flow.all, 10)
    for p in probes.failures():
        name, told = next(((name, told) for name, told, *_ in reversed(steps) if told <= p.began + p.took), ("", 0))
        row.expect(False, f"begun {p.began - told:.3f} s after SIGTERM for {name}: {p}")
    row.take_streams(cluster, flow.all)
    row.take_probes(cluster, probes)
    row.end_round(cluster)


def roll_doubled(cluster, row, rounds):
    """26: those of which there are two."""
    for _ in range(rounds):
        roll_all(cluster, row, (*BROKERS, *ROUTERS, *EDGES))


def roll_auth(cluster, row, rounds):
    """26: two auth nodes that share the accounts."""
    for _ in range(rounds):
        roll_all(cluster, row, ("auth", "auth2"))


def roll_prompts(cluster, row, rounds):
    """26: two prompts, and the log, which only records here. Files and vector stores, which one of the prompts has,
    and /v1/logs are not asked for: each has one process that answers, so row 26b has them."""
    for _ in range(rounds):
        roll_all(cluster, row, ("prompt", "prompt2", "log"), OF_PROMPTS)


def roll_single(cluster, row, rounds):
    """26: roles of which there is one: what they work on is finished, and what comes meanwhile waits."""
    for _ in range(rounds):
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, kinds=OF_SINGLE) as probes, \
                StreamFlow(cluster.streams, lambda: cluster.edge_urls, 10, 40) as flow:
            time.sleep(1)
            for name in SINGLE:
                roll(cluster, row, name)
                cluster.until(lambda: chats_work(cluster), 10, f"no chat after the restart of {name}")
                time.sleep(0.3)
        cluster.streams.wait(flow.all, 10)
        row.take_streams(cluster, flow.all)
        row.take_probes(cluster, probes)
        row.most("longest answer, s", round(max(p.took for p in probes.all), 1))
        row.end_round(cluster)


def with_patience(cluster, name, seconds):
    """Starts the node anew with another drain.timeout."""
    node = cluster.nodes[name]
    node.environment = cluster.environment | ({"TROUPE_DRAIN_TIMEOUT": f"{seconds}s"} if seconds else {})
    node.signal()
    node.wait(PATIENCE)
    node.start()
    cluster.wait_linked()


def too_long(cluster, row, rounds):
    """27: streams that last longer than drain.timeout end with an error event that says why and where to go on,
    before the process does; asked of an edge and of the worker."""
    patience = 1
    for _ in range(rounds):
        for name in ("edge1", "prompt"):
            with_patience(cluster, name, patience)
            streams = running_streams(cluster, row, 20, 400, cluster.edge_urls[:1], is_mixed=True)
            told = time.monotonic()
            cluster.nodes[name].signal()
            row.expect(cluster.nodes[name].wait(patience + 5) == 0, f"{name} did not end well")
            ended = time.monotonic()
            cluster.streams.wait(streams, 3)
            row.most(f"{name} ended after, s", round(ended - told, 1))
            row.detected(max(s.ended or told + 9 for s in streams) - told, patience + 1.0)
            row.take_streams(cluster, streams, may_fail=True)
            bad = [s for s in streams if s.end != ERROR or s.code != "draining" or s.ended > ended + 0.1
                   or s.ended < told + patience - 0.2]
            row.expect(not bad, f"{name}: {len(bad)} streams did not end with `draining`: "
                                f"{[(s.end, s.code, s.why) for s in bad[:2]]}")
            cluster.nodes[name].environment = cluster.environment
            cluster.nodes[name].start()
            cluster.wait_linked()
            cluster.until(lambda: chats_work(cluster), 10, f"no chat after the restart of {name}")
        row.end_round(cluster)


ROWS = {
    "26a": ("brokers, routers and edges restarted one by one", roll_doubled),
    "26b": ("prompt, auth and log, of each of which there is one, restarted one by one: requests wait for who follows",
            roll_single),
    "27": ("SIGTERM while streams last longer than drain.timeout", too_long),
}
SHARED_ROWS = {"26c": ("two auth nodes on one MariaDB restarted one by one", roll_auth)}
PROMPT_ROWS = {"26d": ("two prompts on one data folder, and the log, restarted one by one under chats and embeddings",
                       roll_prompts)}

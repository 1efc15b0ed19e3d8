"""Rows of the fault matrix in which a process may have few descriptors, or little memory.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import contextlib
import resource
import socket
import time

from cgroups import cpu_seconds
from lost_processes import chats_work, running_streams
from probes import Probes
from zmtp_peer import Peers, as_documented

FILES = 128
CROWD = 2000
BROKER, EDGE = "broker_a", "edge1"


def allow_files(count):
    """For this process, which has both ends of much."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


@contextlib.contextmanager
def few_files(node):
    """The process, which runs already, gets FILES descriptors (more only if it has more)."""
    before = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (FILES, before[1]))
    try:
        yield
    finally:
        if node.running:
            resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def callers(port, count):
    """So many connections to an edge that say nothing; some are refused, or never taken."""
    made = []
    try:
        for _ in range(count):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
            made.append(each)
        yield
    finally:
        for each in made:
            each.close()


def crowd_at(cluster, row, name, crowd, meanwhile):
    """What runs goes on while nobody new can be taken; afterwards all is well again."""
    node, other = cluster.nodes[name], cluster.edge_urls[1:]
    # What was there before: streams at the edge without descriptors, or through the broker.
    streams = running_streams(cluster, row, 10, 110, cluster.edge_urls[:1])
    with Probes(cluster.loop, other, cluster.api_key) as probes:
        with few_files(node), crowd:
            began, used = time.monotonic(), cpu_seconds(node.process.pid)
            hit = meanwhile()
            time.sleep(max(0.0, began + 3.5 - time.monotonic()))  # longer than a node may be silent
            row.expect(node.running, f"{name} ended with {node.process.poll()}")
            share = (cpu_seconds(node.process.pid) - used) / (time.monotonic() - began)
            row.most(f"share of a core that {name} used meanwhile", round(share, 2))
        left = time.monotonic()
        cluster.until(lambda: chats_work(cluster), 10, f"{name} does not serve after the crowd left")
        cluster.wait_linked()
        row.recovered(time.monotonic() - left, 5.0)
        cluster.streams.wait(streams, 20)
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, may_fail=hit)


def few_descriptors(cluster, row, rounds):
    """35: 2,000 peers at a broker, then 2,000 connections at an edge, that have 128 descriptors. The edge loses a
    broker meanwhile, and may have no descriptor for the link when that is back."""
    allow_files(2 * CROWD + 1000)

    def broker_restarts():
        time.sleep(0.5)
        killed = time.monotonic()
        cluster.nodes["broker_b"].kill()
        cluster.nodes["broker_b"].start()
        return [(killed - 0.5, killed + 1, killed)]
    for _ in range(rounds):
        peers = Peers(cluster.loop, cluster.broker_ports[BROKER], CROWD, as_documented, row.seed)
        crowd_at(cluster, row, BROKER, peers, lambda: ())
        crowd_at(cluster, row, EDGE, callers(cluster.http_ports[EDGE], CROWD), broker_restarts)
        row.end_round(cluster)


ROWS = {
    "35": (f"{CROWD} peers at a broker, then connections at an edge, with {FILES} descriptors", few_descriptors),
}

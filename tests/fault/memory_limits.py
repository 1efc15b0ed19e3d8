"""Row 36 of the fault matrix: a process may have so much memory and no more.

Every node runs in a cgroup of its own. Each function runs one row on a cluster that is well, and leaves it well.
"""
import collections
import contextlib
import socket
import threading
import time

from broker_cluster import BROKERS, NODES, BrokerCluster
from cgroups import MemoryGroup
from lost_processes import chats_work, noticed_by_nodes, running_streams
from probes import Probes
from token_streams import ERROR
from troupe_process import Failed

LIMIT = 512 << 20
LARGE = 8 << 20
HELD = 256 << 20  # `http.held_bytes`
CROWD = 80
UNLIMITED = 1 << 40
JOIN_GROUP = 'echo $$ > "$0" && exec "$@"'


class LimitedCluster(BrokerCluster):
    def __init__(self, program, data, seed=0):
        self.groups = {name: MemoryGroup(name) for name in (*BROKERS, *NODES)}
        super().__init__(program, data, seed=seed)

    def _nodes(self):
        nodes = super()._nodes()
        for name, node in nodes.items():
            node.command = ["sh", "-c", JOIN_GROUP, str(self.groups[name].folder / "cgroup.procs"), *node.command]
        return nodes

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            for each in self.groups.values():
                each.close()


class LargeChats:
    """Chats with a text of 8 MiB that the provider does not answer. A context manager; they hang up at its end."""

    def __init__(self, cluster, edge, count):
        text = b'{"model":"sim-silent","messages":[{"role":"user","content":"' + b"x" * LARGE + b'"}]}'
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {cluster.api_key}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n")
        self.request, self.statuses, self.is_over = head.encode() + text, collections.Counter(), False
        self.sockets = [socket.create_connection(("127.0.0.1", cluster.http_ports[edge])) for _ in range(count)]
        self.threads = [threading.Thread(target=self._ask, args=(each,), daemon=True) for each in self.sockets]

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def _ask(self, to):
        with contextlib.suppress(OSError):
            to.sendall(self.request)
            answer = to.recv(1000)
            if not self.is_over:
                self.statuses[int(answer.split(b" ")[1]) if answer else 0] += 1

    def __exit__(self, *_):
        self.is_over = True
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for each in self.threads:
            each.join(5)
        for each in self.sockets:
            each.close()


def sheds(cluster, row, rounds):
    """36: before memory is short, what is too much is refused."""
    for _ in range(rounds):
        kills = {name: group.kills for name, group in cluster.groups.items()}
        for group in cluster.groups.values():
            group.limit(LIMIT)
        with LargeChats(cluster, "edge1", CROWD) as chats:
            until, killed = time.monotonic() + 8, []
            while time.monotonic() < until and not killed:
                killed = [name for name, group in cluster.groups.items() if group.kills > kills[name]]
                time.sleep(0.1)
        for name, group in cluster.groups.items():
            row.most(f"MiB of {name} at its highest", group.highest >> 20)
        row.expect(not killed, f"with {LIMIT >> 20} MiB each, {CROWD} chats of {LARGE >> 20} MiB killed {killed}")
        row.expect(cluster.groups["edge1"].highest <= HELD * 1.5, "the edge kept more than it counts")
        row.sum("chats that were refused", sum(chats.statuses.values()))
        row.expect(killed or set(chats.statuses) <= {413, 429, 503}, f"they were answered {dict(chats.statuses)}")
        for name in killed:
            cluster.nodes[name].kill()
            cluster.nodes[name].start()
        cluster.wait_linked()
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat behind the large ones"), 5.0)
        row.end_round(cluster)


def out_of_memory(cluster, name):
    """Gives the process hardly more memory than it has, and work, until the kernel has killed it; returns when, by
    both clocks."""
    group = cluster.groups[name]
    group.limit(group.used + (1 << 20))
    before, until = group.kills, time.monotonic() + 10
    try:
        while time.monotonic() < until:
            with LargeChats(cluster, "edge2", 4), contextlib.suppress(Failed):
                cluster.until(lambda: group.kills > before, 1, f"{name} is not killed")
                return time.monotonic(), time.time()
    finally:
        group.limit(UNLIMITED)
    raise Failed(f"{name} is not killed after 10 s")


def broker_dies(cluster, row):
    streams = running_streams(cluster, row, 20, 120)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
        began = time.monotonic()
        killed, wall = out_of_memory(cluster, "broker_a")
        time.sleep(1.5)
        row.detected(noticed_by_nodes(cluster, wall - 0.2))
        row.recovered(max(s.gap_around(began) for s in streams), 1.5)
        cluster.nodes["broker_a"].kill()
        cluster.nodes["broker_a"].start()
        cluster.wait_linked()
        cluster.streams.wait(streams, 20)
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, may_fail=[(began, killed + 1, killed)])


def worker_dies(cluster, row):
    streams = running_streams(cluster, row, 20, 400)
    killed, _ = out_of_memory(cluster, "prompt")
    cluster.streams.wait(streams, 5)
    row.detected(max(s.ended or killed + 9 for s in streams) - killed, 1.0)
    row.take_streams(cluster, streams, may_fail=True)
    other = [s for s in streams if s.end != ERROR or "gone" not in s.why or s.started == "no"]
    row.expect(not other, f"a stream ended as {[(s.end, s.why, s.started) for s in other[:1]]}")
    cluster.nodes["prompt"].kill()
    cluster.nodes["prompt"].start()
    row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat after the restart"), 3.0)
    cluster.wait_linked()


def killed_for_memory(cluster, row, rounds):
    """36: a broker that the kernel kills costs what row 8 costs, a worker what row 2 does."""
    for _ in range(rounds):
        broker_dies(cluster, row)
        worker_dies(cluster, row)
        row.end_round(cluster)


ROWS = {
    "36a": (f"{CROWD} chats of {LARGE >> 20} MiB, {LIMIT >> 20} MiB of memory for each process", sheds),
    "36b": ("the kernel kills a broker, then the worker, for lack of memory", killed_for_memory),
}

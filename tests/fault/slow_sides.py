"""Rows of the fault matrix in which a worker has hardly any CPU, or a client hardly reads.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import contextlib
import json
import socket
import time
import urllib.parse

from broker_cluster import BROKERS
from cgroups import cpu_seconds, cpu_share
from duty_cycle import duty_cycle
from isolation import Absent
from lost_processes import chats_work, noticed_by_nodes, running_streams
from probes import Probes
from strange_peers import memory_kib
from token_streams import INTERVAL

READERS = 5
FLOOD = {"model": "sim-flood", "stream": True, "max_tokens": 100_000}  # 100 MiB and more
SENT_MOST = 16 << 20    # what sockets' buffers on the way and credit may hold of one answer
FILLED = 2.0            # seconds after which the provider cannot send more
SAMPLE, LONG_SAMPLE = 6.0, 20.0  # seconds of others' tokens that are compared
MOVES = 1.1             # what the others' p99 may be beside slow readers, of what it was
FILLING_MS = 250        # what it may be as long as the provider fills the buffers, as fast as it can
GROWTH_KIB = 32 << 10   # of a process that five such answers pass; what its allocator keeps between rounds is in it


@contextlib.contextmanager
def on_a_share(row, pid, share):
    """By a quota, or where none can be set by stops."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(cpu_share(pid, share))
        except Absent:
            row.extra["stopped and continued instead of a quota"] = 1
            stack.enter_context(duty_cycle(pid, share))
        yield


def starved(cluster, row, rounds):
    """7: the worker gets a tenth of a CPU. It is slow, says so by its heartbeats, and nobody takes it for dead."""
    for _ in range(rounds):
        wall, pid = time.time(), cluster.nodes["prompt"].process.pid
        lost = {name: cluster.metric(name, "troupe_broker_peers_lost_total") for name in BROKERS}
        streams = running_streams(cluster, row, 90, 80)
        with on_a_share(row, pid, 0.1):
            began, used = time.monotonic(), cpu_seconds(pid)
            with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.25) as probes:
                row.expect(cluster.streams.wait(streams, 60), "the streams did not end")
            took = time.monotonic() - began
            row.most("share of a CPU that the worker used", round((cpu_seconds(pid) - used) / took, 3))
            row.most("seconds for 4 s of tokens", round(took, 1))
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat with a whole CPU"), 3.0)
        row.expect(not noticed_by_nodes(cluster, wall), "a node took a broker for dead")
        counted = {name: cluster.metric(name, "troupe_broker_peers_lost_total") for name in BROKERS}
        row.expect(counted == lost, f"a broker took a node for dead: {lost}, {counted}")
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, most=12.0)
        row.end_round(cluster)


class SlowReader:
    """A client that has asked for a long answer and takes a byte of it when told."""

    def __init__(self, url, key, name):
        where = urllib.parse.urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect((where.hostname, where.port))
        body = json.dumps(FLOOD | {"messages": [{"role": "user", "content": name}]})
        self.socket.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nhost: {where.netloc}\r\nauthorization: Bearer "
                            f"{key}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
                            .encode())
        self.name, self.read = name, 0

    def take(self):
        self.read += len(self.socket.recv(1))


def p99_gap_ms(streams, since, until):
    """Of the time between two tokens."""
    gaps = sorted(later - sooner for each in streams for sooner, later in zip(each.times, each.times[1:])
                  if since < later < until)
    return 1000 * gaps[int(len(gaps) * 0.99)]


def read_slowly(readers, seconds):
    """Takes a byte a second of each, and leaves all others alone."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for each in readers:
            each.take()
        time.sleep(min(1.0, max(0.0, until - time.monotonic())))


def sent_to(cluster, readers):
    """How much the provider has sent of each answer."""
    names = {each.name for each in readers}
    return {c["text"]: c["sent"] for c in cluster.provider_calls() if c["text"] in names}


def check_pace(row, others, before, fill, then):
    """How the others fare in these spans: before, while the buffers on the way fill, and then. In none of them does
    the test ask the simulator or a node: that is work on cores which the others need, and while the simulator
    tells of 5,000 calls its tokens wait for 24 ms."""
    usual, filling, beside = (p99_gap_ms(others, *span) for span in (before, fill, then))
    row.most("p99 of the time between two tokens of the others before, ms", round(usual, 1))
    row.most("p99 of it beside the slow readers, ms", round(beside, 1))
    row.most("of it at most more by, %", round(100 * (beside / usual - 1), 1))
    row.most(f"p99 of it in the first {FILLED:g} s, while buffers fill, ms", round(filling, 1))
    row.expect_by(beside <= MOVES * usual, f"the others' p99 is {beside:.1f} ms, and {usual:.1f} without slow readers")
    row.expect_by(filling <= FILLING_MS, f"the others' p99 is {filling:.0f} ms while the slow readers' buffers fill")


def slow_readers(cluster, row, rounds):
    """13: clients that read a byte a second slow down their own answers up to the provider, and nobody else's."""
    sample = LONG_SAMPLE if row.is_long else SAMPLE
    for number in range(rounds):
        watched = [cluster.nodes[name] for name in ("edge1", "prompt", *BROKERS)]
        others = running_streams(cluster, row, 20, round((2 * sample + FILLED + 3) / INTERVAL))
        before = {node.name: memory_kib(node) for node in watched}
        time.sleep(sample + 0.1)
        opened = time.monotonic()
        readers = [SlowReader(cluster.edge_urls[0], cluster.api_key, f"slow{number}-{n}") for n in range(READERS)]
        read_slowly(readers, FILLED)
        filled = time.monotonic()
        first = sent_to(cluster, readers)
        asked = time.monotonic()
        read_slowly(readers, sample)
        until = time.monotonic()
        last = sent_to(cluster, readers)
        check_pace(row, others, (opened - sample, opened), (opened, filled), (asked + INTERVAL, until))
        row.expect(all(each.read >= sample for each in readers), "a slow reader got nothing")
        row.expect(len(last) == READERS, f"the provider was asked {len(last)} times")
        row.expect(last == first, f"the provider goes on to send: {first}, {last}")
        row.most("KiB that the provider sent of an answer", round(max(last.values(), default=0) / 1024))
        row.expect(max(last.values(), default=0) < SENT_MOST, f"the provider sent {last}")
        for node in watched:
            grown = memory_kib(node) - before[node.name]
            row.most(f"{node.name} grew by, KiB", grown)
            row.expect(grown < GROWTH_KIB, f"{node.name} grew by {grown} KiB")
        for each in readers:
            each.socket.close()
        names, hung_up = {each.name for each in readers}, time.monotonic()
        closed = lambda: [c["closed"] for c in cluster.provider_calls() if c["text"] in names]
        cluster.until(lambda: None not in closed(), 5, "the provider's connections are open")
        row.detected(max(closed()) - hung_up)
        cluster.streams.wait(others, 20)
        row.take_streams(cluster, others)
        row.end_round(cluster)


ROWS = {
    "7": ("worker with a tenth of a CPU", starved),
    "13": (f"{READERS} clients that read a byte a second", slow_readers),
}

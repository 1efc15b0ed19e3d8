"""Rows of the fault matrix in which a link to broker A is cut, reset, slow, narrow or noisy.

Every link goes through a proxy. Each function runs one row on a cluster that is well, and leaves it well.
"""
import random
import time

from broker_cluster import NODES
from lost_processes import chats_work, noticed_by_nodes, running_streams
from probes import Probes
from token_streams import DONE, ERROR

STREAMS = 30
CUT_SECONDS = 5.0
HEALED_SECONDS = 2.0  # until all are linked, behind a cut
BROKER = "broker_a"


def both_sides_saw(cluster, row, broker_saw, is_deaf, nodes, wall):
    """The broker counts its peers. A node that does not hear the broker logs it; one that is only not heard
    is told by the broker, and its streams move."""
    if row.expect(broker_saw is not None, f"after {CUT_SECONDS} s the broker has not noticed"):
        row.most("the broker noticed after, s", round(broker_saw, 1))
        row.detected(broker_saw, 4.0)
    if is_deaf:
        saw = max(min(cluster.logged(name, "bus.link_lost", wall), default=99.0) for name in nodes)
        if row.expect(saw < 99, f"after {CUT_SECONDS} s a node has not noticed"):
            row.most("the node noticed after, s", round(saw, 1))
            row.detected(saw, 4.0)


def partition(cluster, row, victim, up, down):
    """Cuts the victim's link (None: all) to broker A under open streams, and heals it."""
    proxy = cluster.proxies[BROKER]
    peers = 0 if victim is None else len(NODES) - 1
    lost = cluster.metric(BROKER, "troupe_broker_peers_lost_total")
    streams = running_streams(cluster, row, STREAMS, 170)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
        time.sleep(0.5)
        cut, wall = time.monotonic(), time.time()
        proxy.cut(victim, up, down)
        broker_saw = None
        while time.monotonic() < cut + CUT_SECONDS:
            if broker_saw is None and cluster.metric(BROKER, "troupe_broker_peers") <= peers:
                broker_saw = time.monotonic() - cut
            time.sleep(0.05)
        both_sides_saw(cluster, row, broker_saw, down, [victim] if victim else NODES, wall)
        quiet = max(s.gap_around(cut) for s in streams)
        healed = time.monotonic()
        proxy.heal(victim)
        cluster.wait_linked(BROKER)
        row.recovered(time.monotonic() - healed, HEALED_SECONDS)
        cluster.streams.wait(streams, 20)
    row.most("longest pause of a stream, s", round(quiet, 1))
    row.expect(quiet <= 4.0, f"a stream paused for {quiet:.1f} s")
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, may_fail=[(cut - 0.5, cut + 4.0, cut)])
    row.expect(cluster.metric(BROKER, "troupe_broker_peers_lost_total") >= lost, "the broker was restarted")
    row.end_round(cluster)


def cut_both_ways(cluster, row, rounds):
    """14: the worker and broker A do not hear each other."""
    for number in range(rounds):
        partition(cluster, row, ("prompt", "router", "edge1")[number % 3], True, True)


def cut_to_broker(cluster, row, rounds):
    """15: broker A does not hear the worker, which hears the broker."""
    for number in range(rounds):
        partition(cluster, row, ("prompt", "router", "edge1")[number % 3], True, False)


def cut_to_node(cluster, row, rounds):
    """15: the worker does not hear broker A, which hears the worker."""
    for number in range(rounds):
        partition(cluster, row, ("prompt", "router", "edge1")[number % 3], False, True)


def cut_from_all(cluster, row, rounds):
    """16: nobody hears broker A."""
    for _ in range(rounds):
        partition(cluster, row, None, True, True)


def resets(cluster, row, rounds):
    """18: connections are reset, by RST to both sides: one node's, then all of broker A."""
    proxy = cluster.proxies[BROKER]
    for _ in range(rounds):
        streams = running_streams(cluster, row, STREAMS, 220)
        hit = []
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            for victim in ("prompt", "edge1", None, None):
                time.sleep(0.3 + row.chance.random())  # at any moment between two beats
                reset, wall = time.monotonic(), time.time()
                hit.append((reset - 0.5, reset + 1, reset))
                row.expect(proxy.reset(victim) > 0, "there was no connection to reset")
                time.sleep(1.2)
                row.detected(noticed_by_nodes(cluster, wall), 0.3)
                row.recovered(max(max(s.gap_around(reset) for s in streams), probes.healed_after(reset)), 1.5)
                cluster.wait_linked(BROKER)
            cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=hit)
        row.end_round(cluster)


def narrow(cluster, row, rounds):
    """20: the worker's link to broker A carries 1 Mbit/s, less than its streams say: they wait, nobody dies."""
    proxy, rate = cluster.proxies[BROKER], 125_000
    for _ in range(rounds):
        began, wall = time.monotonic(), time.time()
        up, _ = proxy.conditions("prompt")
        before = up.bytes
        proxy.set("prompt", rate=float(rate))
        streams = running_streams(cluster, row, 2 * STREAMS, 120, begun=1)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.5) as probes:
            row.expect(cluster.streams.wait(streams, 60), "the streams did not end")
        took = time.monotonic() - began
        row.most(f"kB/s on the narrow link, of {rate // 1000}", round((up.bytes - before) / took / 1000))
        row.most("seconds for 6 s of tokens", round(took, 1))
        row.expect(not noticed_by_nodes(cluster, wall), "a link that was slow was taken for dead")
        proxy.heal("prompt")
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat on a good link"), 3.0)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, most=12.0)
        row.end_round(cluster)


class Spoiler:
    """Flips one bit in about `every` bytes, from a seed."""

    def __init__(self, every, chance):
        self.every, self.chance, self.flipped = every, chance, 0

    def __call__(self, data):
        spoiled = bytearray(data)
        at = int(self.chance.expovariate(1 / self.every))
        while at < len(spoiled):
            spoiled[at] ^= 1 << self.chance.randrange(8)
            self.flipped += 1
            at += 1 + int(self.chance.expovariate(1 / self.every))
        return bytes(spoiled), False


class Cutter:
    """Ends a connection in the middle of what it carries, after about `every` bytes."""

    def __init__(self, every, chance):
        self.every, self.chance, self.cuts = every, chance, 0

    def __call__(self, data):
        if self.chance.random() > len(data) / self.every:
            return data, False
        self.cuts += 1
        return data[:self.chance.randrange(len(data))], True


def truncated(cluster, row, rounds):
    """22: the worker's connection to broker A ends in the middle of frames, again and again."""
    proxy = cluster.proxies[BROKER]
    for number in range(rounds):
        cutter = Cutter(60_000, random.Random(row.seed + number))
        streams = running_streams(cluster, row, STREAMS, 160)
        wall, began = time.time(), time.monotonic()
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            proxy.set("prompt", spoil=cutter)
            cluster.streams.wait(streams, 20)
            proxy.heal("prompt")
            healed = time.monotonic()
            cluster.wait_linked(BROKER)
            row.recovered(time.monotonic() - healed, 3.0)
        row.sum("connections cut in the middle of what they carry", cutter.cuts)
        row.expect(cutter.cuts > 0, "no connection was cut")
        row.take_streams(cluster, streams)
        # A chat that was on the wire when its link was cut may have begun, so it fails and is not repeated.
        row.take_probes(cluster, probes, may_fail=[(began, healed, began)])
        row.expect(noticed_by_nodes(cluster, wall), "no node noticed")
        row.end_round(cluster)


def corrupted(cluster, row, rounds):
    """22: bits flip on the link of edge 2 and broker A. What edge 2 hears there may be wrong, as long as links
    are not encrypted; nobody crashes or hangs, edge 1 does not notice, and then all is well."""
    proxy, victim = cluster.proxies[BROKER], "edge2"
    for number in range(rounds):
        spoiler = Spoiler(2_500, random.Random(row.seed + number))
        wall = time.time()
        bad = running_streams(cluster, row, STREAMS // 2, 160, cluster.edge_urls[1:])
        good = running_streams(cluster, row, STREAMS // 2, 160, cluster.edge_urls[:1])
        malformed = lambda: cluster.metric(BROKER, "troupe_broker_dropped_total", "malformed")
        before = malformed()
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            proxy.set(victim, spoil=spoiler)
            cluster.streams.wait(good, 20)
            cluster.streams.wait(bad, 20)
            proxy.heal(victim)
            proxy.reset(victim)  # a length that was spoiled may have the reader wait for more
            healed = time.monotonic()
            cluster.wait_linked(BROKER)
            row.recovered(time.monotonic() - healed, 3.0)
            time.sleep(1.0)
        unread = len(cluster.logged(victim, "bus.bad_frame", wall))
        lost = cluster.logged(victim, "bus.link_lost", wall)
        row.sum("bits flipped", spoiler.flipped)
        row.sum("messages that the broker could not read", malformed() - before)
        row.sum("messages that the edge could not read", unread)
        row.sum("times that the edge made the link anew", len(lost))
        row.expect(spoiler.flipped > 0, "no bit was flipped")
        row.expect(malformed() - before + unread + len(lost) > 0, "nobody noticed")
        silent = [s for s in bad if s.end not in (DONE, ERROR)]
        row.expect(not silent, f"{len(silent)} streams of the spoiled link hang, or break without an error: "
                               f"{[(s.end, s.why, len(s.seen)) for s in silent[:3]]}")
        row.take_streams(cluster, good)
        row.take_runs(cluster, bad)
        # A token whose text was spoiled says so; one that is not there at all, in a stream that claims to be
        # whole, does not.
        torn = [s for s in bad if s.end == DONE and s.lost > len(s.foreign)]
        row.lost += sum(s.lost - len(s.foreign) for s in torn)
        row.expect(not torn, f"{len(torn)} of {len(bad)} streams of the spoiled link end well with tokens missing")
        row.asked += len(bad)
        row.failed += sum(s.end != DONE for s in bad)
        spoiled = [p for p in probes.all if p.edge == 2 and p.began < healed]
        probes.all = [p for p in probes.all if p not in spoiled]
        row.expect(all(p.status is not None for p in spoiled), "a request of the spoiled link has no answer")
        row.take_probes(cluster, probes, may_fail=[(healed, healed + 1, healed)])
        row.end_round(cluster)


ROWS = {
    "14": ("worker and broker A do not hear each other", cut_both_ways),
    "15a": ("broker A does not hear the worker", cut_to_broker),
    "15b": ("the worker does not hear broker A", cut_to_node),
    "16": ("nobody hears broker A", cut_from_all),
    "18": ("connections to broker A are reset", resets),
    "20": ("1 Mbit/s between worker and broker A", narrow),
    "22a": ("frames cut short between worker and broker A", truncated),
    "22b": ("bits flip between edge 2 and broker A", corrupted),
}

"""The row of the fault matrix in which there is no broker at all.

It runs on a cluster that is well, and leaves it well.
"""
import math
import os
import pathlib
import time

import isolation
from broker_cluster import BROKERS, EDGES, NODES
from lost_processes import STREAMS, running_streams
from probes import Probes
from strange_peers import memory_kib
from token_streams import ERROR

AWAY, LONG_AWAY = 4.0, 30.0  # seconds
GROWTH_KIB = 1024  # of an edge that refuses what it is asked
HELD = 8           # requests that an edge may hold meanwhile: those of a moment
SURE = 5           # standard deviations


def tries_allowed(seconds, links):
    """How many connections full jitter may make in that time: the mean and SURE standard deviations more. A try
    waits 5 ms and up to 20 ms, which doubles seven times, then up to 1.5 s (docs/wire-protocol.md)."""
    growing, mean, deviation = 7, 0.005 + 1.5 / 2, 1.5 / math.sqrt(12)
    spread = deviation * math.sqrt(links * seconds / mean**3)
    return links * (growing + seconds / mean) + SURE * spread


def refused_connections():
    """Connections that found nobody, of all processes in this network, as the kernel counts."""
    lines = [line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines()]
    names, values = [line for line in lines if line[0] == "Tcp:"]
    return int(values[names.index("AttemptFails")])


def reconnects(cluster):
    return {name: cluster.metric(name, "troupe_bus_reconnects_total") for name in NODES}


def watch_edges(cluster, row, until):
    """Neither memory nor requests pile up in an edge that has nobody to ask."""
    edges = [cluster.nodes[name] for name in EDGES]
    before = {node.name: memory_kib(node) for node in edges}
    while time.monotonic() < until:
        held = max(cluster.metric(name, "troupe_bus_asked") for name in EDGES)
        row.most("requests that an edge held at most", held)
        row.expect(held <= HELD, f"an edge holds {held} requests that nobody can take")
        time.sleep(min(0.5, max(0.0, until - time.monotonic())))
    for node in edges:
        grown = memory_kib(node) - before[node.name]
        row.most(f"{node.name} grew meanwhile by, KiB", grown)
        row.expect(grown <= GROWTH_KIB, f"{node.name} grew by {grown} KiB while it refused requests")


def check_refusals(row, refused):
    """503 with a time to come again, at once."""
    row.expect(refused, "nothing was asked")
    other = [p for p in refused if p.status != 503 or int(p.headers.get("retry-after", 0)) < 1]
    row.expect(not other, f"{len(other)} requests got no 503 with Retry-After, as {other and other[0]}")
    slowest = max(refused, key=lambda p: p.took, default=None)
    row.most("slowest refusal, ms", round(slowest.took * 1000, 1) if slowest else 0)
    row.expect(slowest and slowest.took <= 0.5, f"a request waited for a broker: {slowest}")


def check_tries(row, tries, by_kernel, seconds):
    """`tries`: connections that each node made anew in these seconds; `by_kernel`: those of all that were refused."""
    most, allowed = max(tries.values()), tries_allowed(seconds, len(BROKERS))
    row.most("connections that one node made anew", most)
    row.most("of at most", round(allowed))
    row.expect(most <= allowed, f"a storm: {most} connections of one node in {seconds:.1f} s, not {allowed:.0f}")
    if isolation.MARK in os.environ:  # else others connect here, too
        row.most("refused connections of all nodes, as the kernel counts", by_kernel)
        row.expect(by_kernel <= sum(tries.values()), f"the kernel refused {by_kernel} connections, the nodes counted "
                                                     f"{sum(tries.values())}")


def all_brokers_killed(cluster, row, rounds):
    """10: without any broker requests are refused at once, with a time to come again, and nothing piles up; then
    all is well."""
    for _ in range(rounds):
        away = LONG_AWAY if row.is_long else AWAY
        streams = running_streams(cluster, row, STREAMS, 400)
        counted, refused = reconnects(cluster), refused_connections()
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            time.sleep(0.5)
            killed = time.monotonic()
            for name in BROKERS:
                cluster.nodes[name].process.kill()
            for name in BROKERS:
                cluster.nodes[name].kill()
            cluster.streams.wait(streams, 5)
            row.detected(max(s.ended or killed + 9 for s in streams) - killed, 4.0)
            watch_edges(cluster, row, killed + away)
            for name in BROKERS:
                cluster.nodes[name].start()
            back = time.monotonic()
            cluster.wait_linked()
            seconds = time.monotonic() - killed
            tries = {name: count - counted[name] for name, count in reconnects(cluster).items()}
            refused = refused_connections() - refused
            time.sleep(max(0.0, back + 3 - time.monotonic()))
            row.recovered(probes.healed_after(back), 3.0)
        row.most("seconds without any broker", round(back - killed, 1))
        row.take_streams(cluster, streams, may_fail=True)
        row.expect(all(s.end == ERROR for s in streams), "a stream without a broker did not fail")
        row.take_probes(cluster, probes, may_fail=[(killed - 0.5, back + 3, killed)])
        check_refusals(row, probes.between(killed + 1, back))
        check_tries(row, tries, refused, seconds)
        row.end_round(cluster)


ROWS = {"10": ("all brokers killed, back", all_brokers_killed)}

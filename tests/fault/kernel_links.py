"""Rows of the fault matrix in which the kernel itself loses packets: on the way to one broker, or to all.

Brokers have addresses of their own on the loopback of a network namespace. Each function runs one row on a cluster
that is well, and leaves it well.
"""
import contextlib
import time

from broker_cluster import BROKERS, NODES, BrokerCluster
from isolation import need, run
from lost_processes import noticed_by_nodes, running_streams
from probes import Probes
from token_streams import DONE

PORT = 7700
ADDRESSES = {"broker_a": "127.0.0.2", "broker_b": "127.0.0.3"}
NO_ROUTE, NO_ANSWER = "127.0.0.9", "127.0.0.8"  # in the nodes' list, and nobody is to be reached there
BLACKHOLE_SECONDS = 5.0


@contextlib.contextmanager
def blackhole(address):
    """Sends to the address vanish. (The kernel refuses new connections by itself then.)"""
    run("ip", "route", "add", "blackhole", address, "table", "local")
    try:
        yield
    finally:
        run("ip", "route", "del", "blackhole", address, "table", "local")


@contextlib.contextmanager
def dropped(*matches):
    """Packets that match vanish."""
    rules = [("INPUT", "-i", "lo", "-p", "tcp", *match, "-j", "DROP") for match in matches]
    for rule in rules:
        run("iptables", "-A", *rule)
    try:
        yield
    finally:
        for rule in rules:
            run("iptables", "-D", *rule)


def lossy(share):
    """Packets between nodes and brokers get lost by chance, both ways."""
    chance = ("-m", "statistic", "--mode", "random", "--probability", share)
    return dropped(("--dport", PORT, *chance), ("--sport", PORT, *chance))


class AddressedCluster(BrokerCluster):
    """Nodes also know two addresses where no broker is: one without a route, one without an answer."""

    def __init__(self, program, data, seed=0):
        need("ip", "iptables")
        self.holes = contextlib.ExitStack()
        self.holes.enter_context(blackhole(NO_ROUTE))
        self.holes.enter_context(dropped(("-d", NO_ANSWER)))
        super().__init__(program, data, seed=seed)

    def _join(self):
        return [f"tcp://{host}:{PORT}" for host in (NO_ROUTE, NO_ANSWER, *ADDRESSES.values())]

    def _bind(self, broker):
        return f"tcp://{ADDRESSES[broker]}:{PORT}"

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            self.holes.close()


def no_route(cluster, row, rounds):
    """17: addresses that lead nowhere are in the list all the time; then the way to broker A does so too."""
    for _ in range(rounds):
        streams = running_streams(cluster, row, 30, 160)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            time.sleep(1)
            lost, wall = time.monotonic(), time.time()
            with blackhole(ADDRESSES["broker_a"]):
                time.sleep(BLACKHOLE_SECONDS)
                row.detected(noticed_by_nodes(cluster, wall), 4.0)
                quiet = max(s.gap_around(lost) for s in streams)
            back = time.monotonic()
            cluster.wait_linked()
            row.recovered(time.monotonic() - back, 3.0)
            cluster.streams.wait(streams, 20)
        row.most("longest pause of a stream, s", round(quiet, 1))
        row.expect(quiet <= 4.0, f"a stream paused for {quiet:.1f} s")
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=[(lost - 0.5, lost + 4, lost)])
        slow = [p for p in probes.between(0, lost - 1) + probes.between(back) if p.took > 1]
        row.expect(not slow, f"{len(slow)} requests waited while all was well, as {slow and slow[0]}")
        row.end_round(cluster)


def some_lost(cluster, row, share, is_mild):
    """Streams and requests over lossy links; whether anybody was taken for dead."""
    lost = {name: cluster.metric(name, "troupe_broker_peers_lost_total") for name in BROKERS}
    began, wall = time.monotonic(), time.time()
    with lossy(share):
        streams = cluster.streams.open(cluster.edge_urls, 20, 60)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.5) as probes:
            row.expect(cluster.streams.wait(streams, 60), f"the streams did not end with {share:.0%} lost")
        took = sorted(p.took for p in probes.all)
        row.most(f"seconds for 3 s of tokens, {share:.0%} lost", round(time.monotonic() - began, 1))
        row.most(f"half of the requests took at most, {share:.0%} lost, ms", round(1000 * took[len(took) // 2]))
    deaths = len([at for name in NODES for at in cluster.logged(name, "bus.link_lost", wall)]) + sum(
        cluster.metric(name, "troupe_broker_peers_lost_total") - count for name, count in lost.items())
    row.most(f"links given up, {share:.0%} lost", deaths)
    row.expect(not (is_mild and deaths), f"with {share:.0%} lost, {deaths} links were given up")
    healed = time.monotonic()
    cluster.wait_linked()
    row.recovered(time.monotonic() - healed, 3.0)
    # A chat whose link is given up may have begun, so it fails and is not repeated. A stream that has said something
    # goes on.
    row.take_streams(cluster, streams, may_fail=not is_mild and deaths > 0)
    broken_off = [s.name for s in streams if s.end != DONE and s.seen]
    row.expect(not broken_off, f"streams failed in their middle: {broken_off}")
    row.take_probes(cluster, probes, may_fail=() if is_mild else [(began, healed, began)], most=15.0)


def packets_lost(cluster, row, rounds):
    """19: 5 % of all packets, then 20 %: slower, and nothing is lost; nobody is taken for dead at 5 %."""
    for _ in range(rounds):
        some_lost(cluster, row, 0.05, True)
        some_lost(cluster, row, 0.2, False)
        row.end_round(cluster)


ROWS = {
    "17": ("addresses that lead nowhere; then the way to broker A does", no_route),
    "19": ("5 % and 20 % of all packets are lost", packets_lost),
}

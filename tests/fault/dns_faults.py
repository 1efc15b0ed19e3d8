"""Rows of the fault matrix in which the name of the brokers cannot be looked up, or means something else now.

Nodes join by one name with an address record for each broker, in a network namespace with a name server of the
test's own. Each function runs one row on a cluster that is well, and leaves it well.
"""
import time

from broker_cluster import NODES, BrokerCluster
from lost_processes import running_streams
from probes import Probes
from stub_resolver import ANSWER, NXDOMAIN, SERVFAIL, SILENT, StubResolver

NAME, PORT = "brokers.test", 7700
PERIOD = 5.0  # of the nodes' resolver


class NamedCluster(BrokerCluster):
    """Brokers on addresses of their own that nodes know by one name."""

    def __init__(self, program, data, seed=0):
        self.names = StubResolver()
        self.addresses = {"broker_a": "127.0.0.2", "broker_b": "127.0.0.3"}
        super().__init__(program, data, seed=seed)
        self._tell()

    def _tell(self):
        self.names.records[NAME] = list(self.addresses.values())

    def _join(self):
        return [f"tcp://{NAME}:{PORT}"]

    def _bind(self, broker):
        return f"tcp://{self.addresses[broker]}:{PORT}"

    def move(self, broker, address):
        """Kills the broker and starts it on another address, which the name then has."""
        node = self.nodes[broker]
        node.kill()
        self.addresses[broker] = address
        node.command[node.command.index("--bind") + 1] = self._bind(broker)
        node.start()
        self._tell()

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            self.names.__exit__()


def broker_returns(cluster, row, mood):
    """A broker is killed while the name server is ill, comes back, and is found where it was."""
    broker = cluster.nodes["broker_b"]
    cluster.names.mood, asked = mood, cluster.names.asked
    cluster.until(lambda: cluster.names.asked > asked, PERIOD + 2, "nobody asks the name server")
    killed = time.monotonic()
    broker.kill()
    time.sleep(1)
    broker.start()
    row.recovered(cluster.wait_linked(broker.name), 3.0)
    return killed - 0.5, killed + 1, killed


def without_names(cluster, row, moods):
    streams = running_streams(cluster, row, 20, 200)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
        hit = [broker_returns(cluster, row, mood) for mood in moods]
        cluster.names.mood, answered = ANSWER, cluster.names.answered
        cluster.streams.wait(streams, 20)
        # A question that waits for its answer is asked again after 5 s, and the next one comes as long after it.
        cluster.until(lambda: cluster.names.answered >= answered + len(NODES), 4 * PERIOD,
                      "names are not looked up again")
    took = sorted(p.took for p in probes.all)
    p99 = took[int(len(took) * 0.99)]
    row.most("p99 of requests, ms", round(1000 * p99))
    row.expect(p99 < 0.5, f"while names are not answered, p99 of requests is {p99:.2f} s")
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, may_fail=hit)
    row.end_round(cluster)


def names_refused(cluster, row, rounds):
    """23: the last good list counts while the server fails, or says that there is no such name."""
    for _ in range(rounds):
        without_names(cluster, row, (SERVFAIL, NXDOMAIN))


def names_silent(cluster, row, rounds):
    """24: the resolver's thread waits, nobody else does."""
    for _ in range(rounds):
        without_names(cluster, row, (SILENT,))


def broker_moves(cluster, row, rounds):
    """25: a broker is killed and comes back at another address; the name has it, and so have the nodes soon."""
    for number in range(rounds):
        streams = running_streams(cluster, row, 20, 160)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            killed = time.monotonic()
            cluster.move("broker_a", ("127.0.0.4", "127.0.0.2")[number % 2])
            moved = time.monotonic()
            cluster.until(lambda: cluster.metric("broker_a", "troupe_broker_peers") == len(NODES), 12,
                          "the nodes do not find the broker")
            row.recovered(time.monotonic() - moved, PERIOD + 1)
            cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=[(killed - 0.5, killed + 1, killed)])
        # The other broker may go now: the new address carries all.
        other = cluster.nodes["broker_b"]
        streams = running_streams(cluster, row, 10, 60)
        other.kill()
        cluster.streams.wait(streams, 20)
        other.start()
        cluster.wait_linked()
        row.take_streams(cluster, streams)
        row.end_round(cluster)


ROWS = {
    "23": ("name server says SERVFAIL, then NXDOMAIN", names_refused),
    "24": ("name server does not answer", names_silent),
    "25": ("a broker moves to another address", broker_moves),
}

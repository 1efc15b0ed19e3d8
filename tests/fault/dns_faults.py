"""Rows of the fault matrix in which the name of the brokers cannot be looked up, or means something else now.

Nodes join by one name with an address record for each broker, in a network namespace with a name server of the
test's own. Each function runs one row on a cluster that is well, and leaves it well.
"""
import contextlib
import socket
import threading
import time

from broker_cluster import NODES, BrokerCluster
from lost_processes import running_streams
from probes import Probes
from stub_resolver import ANSWER, NXDOMAIN, SERVFAIL, SILENT, StubResolver

NAME, PORT = "brokers.test", 7700
PERIOD = 5.0  # of the nodes' resolver
# An address is forgotten when the link to it is gone, three rounds of the resolver did not have it and nobody has
# spoken of it for 30 s; the last to do so is a broker that has not noticed yet, and who forgets does it at a round.
FORGOTTEN = 30.0 + 3.0 + PERIOD
QUIET = 6.0   # four times the longest back-off: who has not tried an address for so long does not try it any more


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


class Doorbell:
    """Listens where a broker was, and counts who comes, from the beginning on. A context manager."""

    def __init__(self, address):
        self.rings = []  # when
        self.socket = socket.create_server((address, PORT), backlog=64)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self.socket.accept()
                self.rings.append(time.monotonic())
                caller.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


def expect_forgotten(row, bell, killed):
    """Nodes try the old address at first, for a name server may be wrong, and not for ever."""
    if not row.expect(len(bell.rings) >= len(NODES), f"only {len(bell.rings)} times was the old address tried"):
        return
    while time.monotonic() - killed < FORGOTTEN + QUIET and time.monotonic() - bell.rings[-1] < QUIET:
        time.sleep(0.1)
    row.sum("tries of the old address", len(bell.rings))
    row.most("the old address was tried for, s", round(bell.rings[-1] - killed, 1))
    row.expect_by(bell.rings[-1] - killed <= FORGOTTEN,
                  f"the old address is tried {bell.rings[-1] - killed:.1f} s after its end, not {FORGOTTEN:g} s")


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
    """25: a broker is killed and comes back at another address; the name has it, and so have the nodes soon. After
    a while they do not try the old one any more: its name alone does not do that, nor its silence."""
    for number in range(rounds):
        old = cluster.addresses["broker_a"]
        streams = running_streams(cluster, row, 20, 160)
        killed = time.monotonic()
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            cluster.move("broker_a", ("127.0.0.4", "127.0.0.2")[number % 2])
            moved = time.monotonic()
            bell = Doorbell(old)
            cluster.until(lambda: cluster.metric("broker_a", "troupe_broker_peers") == len(NODES), 12,
                          "the nodes do not find the broker")
            row.recovered(time.monotonic() - moved, PERIOD + 1)
            cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=[(killed - 0.5, killed + 1, killed)])
        with bell:
            new_address_carries_all(cluster, row)
            expect_forgotten(row, bell, killed)
        row.end_round(cluster)


def new_address_carries_all(cluster, row):
    """The other broker may go now."""
    other = cluster.nodes["broker_b"]
    streams = running_streams(cluster, row, 10, 60)
    other.kill()
    cluster.streams.wait(streams, 20)
    other.start()
    cluster.wait_linked()
    row.take_streams(cluster, streams)


ROWS = {
    "23": ("name server says SERVFAIL, then NXDOMAIN", names_refused),
    "24": ("name server does not answer", names_silent),
    "25": ("a broker moves to another address", broker_moves),
}

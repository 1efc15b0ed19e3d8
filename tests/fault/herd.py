"""Row 43 of the fault matrix: many nodes come back to a broker at the same moment."""
import time

from broker_cluster import NODES
from cgroups import cpu_seconds
from lost_processes import running_streams
from zmtp_peer import Peers, as_documented, impatient

PEERS = 200
AWAY_SECONDS = 1.0
BROKER = "broker_a"


def back_at_once(cluster, row, back_off, name):
    port = cluster.broker_ports[BROKER]
    streams = running_streams(cluster, row, 30, 140)
    with Peers(cluster.loop, port, PEERS, back_off, row.seed) as peers:
        cluster.until(lambda: len(peers.registered_since(0)) == PEERS, 10, "the peers are not registered")
        cluster.nodes[BROKER].kill()
        time.sleep(AWAY_SECONDS)
        cluster.nodes[BROKER].start()
        back = time.monotonic()
        cluster.until(lambda: len(peers.registered_since(back - 0.1)) == PEERS, 15, "not all peers came back")
        cluster.wait_linked(BROKER, PEERS + len(NODES))
        row.recovered(time.monotonic() - back, 5.0)
        times = peers.registered_since(back - 0.1)
        used, took = cpu_seconds(cluster.nodes[BROKER].process.pid), time.monotonic() - back
        row.most(f"{name}, half of them back after, ms", round((times[len(times) // 2] - back) * 1000))
        row.most(f"{name}, all back after, ms", round((times[-1] - back) * 1000))
        row.most(f"{name}, share of a core that the broker used until then", round(used / took, 2))
        time.sleep(3.5)  # longer than a peer may be silent
        row.expect(len(peers.registered_since(back - 0.1)) == PEERS and max(times) == peers.registered_since(0)[-1],
                   "peers were lost again")
        used = cpu_seconds(cluster.nodes[BROKER].process.pid)
        row.expect(used < 1.5, f"the broker used {used:.1f} s of a core since its start")
    cluster.streams.wait(streams, 15)
    row.take_streams(cluster, streams)
    cluster.wait_linked(BROKER)
    row.end_round(cluster)


def thundering_herd(cluster, row, rounds):
    """43: with the back-off that nodes have, then with none to speak of."""
    for _ in range(rounds):
        back_at_once(cluster, row, as_documented, "with the protocol's back-off")
        back_at_once(cluster, row, impatient, "without any")


ROWS = {"43": (f"{PEERS} nodes come back to a broker at once", thundering_herd)}

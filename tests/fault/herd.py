"""Row 43 of the fault matrix: many nodes come back to a broker at the same moment."""
import contextlib
import time

from broker_cluster import NODES
from cgroups import cpu_seconds
from lost_processes import running_streams
from zmq_peer import ZmqPeer
from zmtp_peer import WELCOME, Peers, as_documented, impatient

PEERS, ENCRYPTED = 200, 50
BACK_SECONDS, CPU_SECONDS = 5.0, 1.5
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
        row.recovered(time.monotonic() - back, BACK_SECONDS)
        times = peers.registered_since(back - 0.1)
        used, took = cpu_seconds(cluster.nodes[BROKER].process.pid), time.monotonic() - back
        row.most(f"{name}, half of them back after, ms", round((times[len(times) // 2] - back) * 1000))
        row.most(f"{name}, all back after, ms", round((times[-1] - back) * 1000))
        row.most(f"{name}, share of a core that the broker used until then", round(used / took, 2))
        time.sleep(3.5)  # longer than a peer may be silent
        row.expect(len(peers.registered_since(back - 0.1)) == PEERS and max(times) == peers.registered_since(0)[-1],
                   "peers were lost again")
        used = cpu_seconds(cluster.nodes[BROKER].process.pid)
        row.expect(used < CPU_SECONDS, f"the broker used {used:.1f} s of a core since its start")
    cluster.streams.wait(streams, 15)
    row.take_streams(cluster, streams)
    cluster.wait_linked(BROKER)
    row.end_round(cluster)


def thundering_herd(cluster, row, rounds):
    """43: with the back-off that nodes have, then with none to speak of."""
    for _ in range(rounds):
        back_at_once(cluster, row, as_documented, "with the protocol's back-off")
        back_at_once(cluster, row, impatient, "without any")


def wait_welcomed(peers, within):
    """When each of them was seen to be welcomed, of those that were."""
    until, waiting, times = time.monotonic() + within, list(peers), []
    while waiting and time.monotonic() < until:
        for each in list(waiting):
            if (each.next(0.0) or [0])[0] == WELCOME:
                waiting.remove(each)
                times.append(time.monotonic())
        time.sleep(0.005)
    return times


def encrypted_herd(cluster, row, rounds):
    """43: with keys, so that each that comes back costs a handshake: libzmq's own sockets, which connect again after
    100 ms each, all of them at once."""
    address, keys = f"tcp://127.0.0.1:{cluster.broker_ports[BROKER]}", cluster.keys
    for _ in range(rounds):
        streams = running_streams(cluster, row, 30, 160)
        with contextlib.ExitStack() as held:
            peers = [held.enter_context(ZmqPeer(address, keys.secret("edge2"), keys.broker_key))
                     for _ in range(ENCRYPTED)]
            for each in peers:
                each.hello(roles=["peer"])
            row.expect(len(wait_welcomed(peers, 10)) == ENCRYPTED, "the peers are not welcome")
            cluster.nodes[BROKER].kill()
            time.sleep(AWAY_SECONDS)
            for each in peers:
                each.hello(roles=["peer"])  # waits in the socket
            back = time.monotonic()
            cluster.nodes[BROKER].start()
            take_return(cluster, row, peers, back)
        cluster.streams.wait(streams, 15)
        row.take_streams(cluster, streams)
        cluster.wait_linked(BROKER)
        row.end_round(cluster)


def take_return(cluster, row, peers, back):
    times = wait_welcomed(peers, 15)
    if not row.expect(len(times) == ENCRYPTED, f"only {len(times)} of {ENCRYPTED} peers came back"):
        return
    cluster.wait_linked(BROKER, ENCRYPTED + len(NODES))
    row.recovered(time.monotonic() - back, BACK_SECONDS)
    used, took = cpu_seconds(cluster.nodes[BROKER].process.pid), time.monotonic() - back
    row.most("with keys, half of them back after, ms", round((times[ENCRYPTED // 2] - back) * 1000))
    row.most("with keys, all back after, ms", round((times[-1] - back) * 1000))
    row.most("with keys, share of a core that the broker used until then", round(used / took, 2))
    row.most("with keys, that is ms of a core in all", round(used * 1000))
    row.expect(used < CPU_SECONDS, f"the broker used {used:.1f} s of a core until all were back")


ROWS = {"43": (f"{PEERS} nodes come back to a broker at once", thundering_herd)}

"""Rows of the fault matrix about who may link and do what: every link of the cluster is encrypted.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import random
import socket
import time

from broker_cluster import BROKERS, NODES
from herd import encrypted_herd
from lost_processes import chats_work, running_streams
from probes import Probes
from sick_links import BROKER, STREAMS, Spoiler
from zmq_peer import ERROR, REQUEST, ZmqPeer, key_pair
from zmtp_peer import GREETING, REGISTER, WELCOME

HANDSHAKE_SECONDS = 3.0
LOOKS_SECONDS = 2.0  # a changed file is taken up at the second look, one a second


def corrupted(cluster, row, rounds):
    """22: bits flip on the encrypted link of edge 2 and broker A. The link breaks, and nothing that is wrong is
    taken: its streams go on through broker B. What libzmq lets through is a flipped flag of a ZMTP frame, which
    is outside of what CURVE seals: two messages become one, whose number of frames gives it away."""
    proxy, victim = cluster.proxies[BROKER], "edge2"
    for number in range(rounds):
        spoiler = Spoiler(2_500, random.Random(row.seed + number))
        wall = time.time()
        malformed = lambda: cluster.metric(BROKER, "troupe_broker_dropped_total", "malformed")
        before = malformed()
        streams = running_streams(cluster, row, STREAMS, 160)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            began = time.monotonic()
            proxy.set(victim, spoil=spoiler)
            cluster.streams.wait(streams, 20)
            proxy.heal(victim)
            proxy.reset(victim)  # a length that was spoiled may have the reader wait for more
            healed = time.monotonic()
            cluster.wait_linked(BROKER)
            row.recovered(time.monotonic() - healed, 3.0)
        lost = cluster.logged(victim, "bus.link_lost", wall)
        row.sum("bits flipped", spoiler.flipped)
        row.sum("times that the edge lost the link", len(lost))
        row.expect(spoiler.flipped > 0, "no bit was flipped")
        row.expect(lost, "the edge kept a link that lies")
        row.sum("messages that the broker refused", malformed() - before)
        row.sum("messages that the edge refused", len(cluster.logged(victim, "bus.bad_frame", wall)))
        row.expect(not cluster.logged(victim, "bus.bad_frame", wall, without="why=frames"),
                   "the edge opened a message that was spoiled")
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=[(began, healed + 1, began)])
        row.end_round(cluster)


def hellos(cluster):
    return cluster.metric(BROKER, "troupe_broker_frames_total", 'type="hello"')


def refused(cluster):
    return cluster.metric(BROKER, "troupe_broker_refused_total")


def knock(cluster, row, what, secret=None, broker_key=None):
    """A stranger says HELLO for a second, and nothing comes of it."""
    before = hellos(cluster)
    with ZmqPeer(f"tcp://127.0.0.1:{cluster.broker_ports[BROKER]}", secret, broker_key) as peer:
        peer.hello(roles=["router"])
        row.expect(peer.next(1.0) is None, f"{what} got an answer")
    row.expect(hellos(cluster) == before, f"{what} got a frame in")
    row.sum("strangers", 1)


def silent_connection(cluster):
    """Seconds until the broker ends a connection that greets and then says nothing."""
    with socket.create_connection(("127.0.0.1", cluster.broker_ports[BROKER]), timeout=10) as quiet:
        begun = time.monotonic()
        quiet.sendall(GREETING.replace(b"NULL\0", b"CURVE"))
        try:
            while quiet.recv(4096):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - begun


def strangers(cluster, row, rounds):
    """32: a key that is not in the list, another broker's key, and a peer without encryption get no frame in,
    and whoever does not finish the handshake is turned out."""
    for _ in range(rounds):
        wall, before = time.time(), refused(cluster)
        streams = running_streams(cluster, row, STREAMS, 120)
        other_public, other_secret = key_pair()
        knock(cluster, row, "a key that is not in the list", other_secret, cluster.keys.broker_key)
        row.expect(refused(cluster) == before + 1, "the refusal was not counted")
        lines = [line for line in cluster.nodes[BROKER].lines if "broker.refused" in line and other_public in line]
        row.expect(lines and "address=127.0.0.1" in lines[-1], f"the refusal was not logged with its address: {lines}")
        knock(cluster, row, "who takes another for the broker", cluster.keys.secret("edge1"), other_public)
        knock(cluster, row, "a peer without encryption")
        row.expect(cluster.logged(BROKER, "broker.handshake_failed", wall), "no failed handshake was logged")
        took = silent_connection(cluster)
        row.most("a silent connection is ended after, s", round(took, 1))
        row.expect(took < HANDSHAKE_SECONDS + 1, f"a silent connection lasts {took:.1f} s")
        cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.end_round(cluster)


def expect_forbidden(row, peer, what, words):
    said = peer.next(2.0)
    found = said is not None and said[0] == ERROR and b"forbidden" in said[1] and words in said[1]
    row.expect(found, f"{what} was answered {said}")


def beyond_the_list(cluster, row, rounds):
    """33: a principal that is let in serves and asks for nothing that its rule does not name, whatever role it
    says it has. Each such try is counted; the first of its kind by a key is a warning in the broker's own log, with
    the principal, the node's name and the service. That log is the audit trail: a broker asks no service to keep
    records for it."""
    address = f"tcp://127.0.0.1:{cluster.broker_ports[BROKER]}"
    for _ in range(rounds):
        forbidden = lambda: cluster.metric(BROKER, "troupe_broker_forbidden_total")
        before = forbidden()
        with ZmqPeer(address, cluster.keys.secret("edge1"), cluster.keys.broker_key) as peer:
            peer.hello(roles=["router", "auth"])
            row.expect((peer.next(2.0) or [0])[0] == WELCOME, "a key of the list was not welcomed")
            for _ in range(2):
                peer.say(REGISTER, {"capacity": 100}, "auth")
                expect_forbidden(row, peer, "an edge that registers auth", b"'edge1' may not serve 'auth'")
        with ZmqPeer(address, cluster.keys.secret("log"), cluster.keys.broker_key) as peer:
            peer.hello(roles=["log"])
            row.expect((peer.next(2.0) or [0])[0] == WELCOME, "a key of the list was not welcomed")
            peer.say(REQUEST, {}, "auth.me/v1", pr="router")
            expect_forbidden(row, peer, "the log that asks auth", b"'log' may not call 'auth'")
        row.asked += 3
        row.failed += 3
        cluster.until(lambda before=before: forbidden() == before + 3, 2, "three refusals are not counted")
        for words in ("principal=edge1 node=peer what=serve service=auth", "principal=log node=peer what=call service=auth"):
            found = sum("broker.forbidden" in line and words in line for line in cluster.nodes[BROKER].lines)
            row.expect(found == 1, f"the log has {words} {found} times, not once")
        row.expect(chats_work(cluster), "chats fail")
        row.end_round(cluster)


def revoked(cluster, row, rounds):
    """33: the key of edge 2 is taken out of the list while all runs: it is cut off and stays out, the others do
    not notice; put back, it is let in."""
    others = [name for name in NODES if name != "edge2"]
    for _ in range(rounds):
        streams = running_streams(cluster, row, STREAMS, 200, cluster.edge_urls[:1])
        with Probes(cluster.loop, cluster.edge_urls[:1], cluster.api_key) as probes:
            taken = time.monotonic()
            cluster.keys.allow(others)
            for broker in BROKERS:
                cluster.wait_linked(broker, len(others), 10)
            row.detected(time.monotonic() - taken, LOOKS_SECONDS + 1)
            time.sleep(2)  # longer than any back-off
            row.expect(all(cluster.metric(b, "troupe_broker_peers") == len(others) for b in BROKERS),
                       "who was taken out of the list is back")
            put_back = time.monotonic()
            cluster.keys.allow(NODES)
            cluster.wait_linked()
            row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat at edge 2")
                          + time.monotonic() - put_back, LOOKS_SECONDS + 3)
            cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes)
        row.end_round(cluster)


ROWS = {
    "22c": ("bits flip between edge 2 and broker A, encrypted", corrupted),
    "32": ("strangers and peers without encryption", strangers),
    "33a": ("principals that want more than their rule gives", beyond_the_list),
    "33b": ("a key is taken out of the allow-list", revoked),
    "43b": ("50 nodes come back to a broker at once, encrypted", encrypted_herd),
}

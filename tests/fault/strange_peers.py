"""Rows of the fault matrix in which a peer says what nobody understands, or what is meant to do harm.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import contextlib
import pathlib
import re
import struct
import threading
import time

from broker_cluster import BROKERS
from doomed_workers import DoomedWorkers
from lost_processes import running_streams
from probes import Probes
from raw_peer import ERROR, FINAL, REQUEST, RawPeer
from troupe_process import call
from zmtp_peer import HELLO, WELCOME, frame, pack

BROKER = "broker_a"
UNKNOWN = 99  # a frame type that no version has
CRITICAL = 1
GROWTH_KIB = 1024
WIDE_BYTES = 8 << 20
REFUSED = ("invalid_argument", "too_large", "not_found")
CALLER = {"ca": pack({"user": "poison"})}  # what a router vouches for

ONCE, MANY = "doomed.once/v1", "doomed.many/v1"
CLASSES = {ONCE: "once", MANY: "idempotent"}
FLAGS = {ONCE: 0, MANY: 2}  # of their requests
HARMLESS = {"text": "harmless"}
ATTEMPTS = 3  # of a request that may be asked again, in all
WORKERS = 8
LATER = 0.7   # more than a broker waits for a worker to come back: who gives it to another does so by then

# MessagePack that promises more than it has, or has more than anybody wants.
HOSTILE = {
    "an array of 4 billion": b"\xdd\xff\0\0\0",
    "a map of 4 billion": b"\xdf\xff\xff\xff\xff",
    "a chain of arrays of 65,535": b"\xdc\xff\xff" * 1000,
    "a text of 1 GB": b"\xdb\x40\0\0\0",
    "bytes of 1 GB in a map": b"\x81\xa5model\xc6\x40\0\0\0",
    "an extension of 1 GB": b"\xc9\x40\0\0\0\1",
    "10,000 levels": b"\x91" * 10_000 + b"\xc0",
    "10,000 levels of maps": b"\x81\xa1a" * 10_000 + b"\xc0",
    "10,000 empty arrays": b"\xdc\x27\x10" + b"\x90" * 10_000,
    "a type that there is not": b"\xc1",
}
# Bodies that are no message of any method, and some that are no chat.
POISON = {
    "text": b"\xa4text", "a number": b"\x2a", "nil": b"\xc0", "a list": b"\x93\1\2\3", "JSON": b"{\"a\": 1}",
    "half a map": b"\x82\xa5model\xa3sim", "more behind it": b"\x80\x80",
}
POISON_CHAT = {
    "a number for the model": b"\x81\xa5model\x01", "keys that are no text": b"\x82\1\2\3\4",
    "no JSON where JSON must be": b"\x82\xa5model\xa3sim\xa8messages\xa1{", "bad UTF-8": b"\x81\xa5model\xa2\xff\xfe",
}


def memory_kib(node, what="RssAnon"):
    """Resident now, without the pages of the program's own file; or in all at its highest (VmHWM)."""
    status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(what + r":\s+(\d+)", status).group(1))


@contextlib.contextmanager
def others_unharmed(cluster, row, tokens=60):
    """Streams and requests that must not notice what happens meanwhile."""
    streams = running_streams(cluster, row, 20, tokens)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
        yield
        cluster.streams.wait(streams, 20)
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes)
    row.end_round(cluster)


def say_skewed(row, peer, key):
    """What a later version might say, to a broker that has greeted the peer."""
    answer = peer.ask("router.prompt.models/v1", more=["later", {"a": [1, {"b": b"c"}]}, 7],
                      ext={"cr": key, "zz": "later", "zy": {"a": [1]}, "zx": 5, "to": 0})
    row.expect(answer and answer[0][1] == FINAL, f"a request with more fields and keys got {answer}")
    answer = peer.ask("router.prompt.models/v1", pack({"later": ["a", {"b": 1}]}), ext={"cr": key})
    row.expect(answer and answer[0][1] == FINAL, f"a request with more keys in its body got {answer}")
    peer.say(UNKNOWN, b"\xc1\xc1")
    row.expect(peer.is_served(), "after an unknown frame the peer is not served any more")
    peer.say(UNKNOWN, flags=CRITICAL)
    heard = peer.hear(lambda h: h[1] == ERROR)
    row.expect(heard and heard[1]["code"] == "version", f"an unknown critical frame got {heard}")
    row.expect(peer.is_served(), "after an unknown critical frame the peer is not served any more")
    peer.send(pack([2, REQUEST, 0, bytes(16), bytes(16)]))
    row.expect(peer.is_served(), "after a header of version 2 the peer is not served any more")
    peer.send(pack([1, UNKNOWN, 0]), b"", b"three", b"four")
    row.expect(peer.is_served(), "after a message of four frames the peer is not served any more")


def version_skew(cluster, row, rounds):
    """28: what later versions add is skipped; what cannot be skipped is refused, with the code `version`."""
    for _ in range(rounds):
        with others_unharmed(cluster, row):
            for broker in BROKERS:
                port = cluster.broker_ports[broker]
                with RawPeer(port, hello={"ver_max": 9, "later": {"a": [1]}}) as peer:
                    heard = peer.hear(lambda h: h[1] in (WELCOME, ERROR))
                    row.expect(heard and heard[0][1] == WELCOME and heard[1]["version"] == 1,
                               f"a peer of versions 1 to 9 was answered {heard}")
                    say_skewed(row, peer, cluster.api_key)
                with RawPeer(port, hello={"ver_min": 2, "ver_max": 9}) as peer:
                    heard = peer.hear(lambda h: h[1] in (WELCOME, ERROR))
                    row.expect(heard and heard[0][1] == ERROR and heard[1]["code"] == "version",
                               f"a peer of versions 2 to 9 was answered {heard}")
                    row.expect(not peer.ask("router.prompt.models/v1", within=0.5, ext={"cr": cluster.api_key}),
                               "a peer that was refused is served")


def expect_refused(row, peer, bodies, methods, ext):
    """Each body to each method: refused, with an error that says so."""
    count = 0
    for method in methods:
        for name, body in bodies.items():
            answer = peer.ask(method, body, ext=ext)
            row.expect(answer and answer[0][1] == ERROR and answer[1]["code"] in REFUSED
                       and answer[1]["started"] != "yes", f"{name} as the body of {method}: {answer}")
            count += 1
    return count


SERVED = ("prompt.chat/v1", "prompt.embeddings/v1", "auth.authenticate/v1", "auth.login/v1", "log.append/v1",
          "limits.reserve/v1", "retrieval.create_store/v1")
ASKED = ("router.prompt.chat/v1", "router.prompt.embeddings/v1", "router.log.append/v1", "router.auth.register/v1")


def say_poison(cluster, row):
    port = cluster.broker_ports[BROKER]
    with RawPeer(port) as peer:
        refused = expect_refused(row, peer, POISON, ASKED, {"cr": cluster.api_key})
        refused += expect_refused(row, peer, POISON_CHAT, ASKED[:1], {"cr": cluster.api_key})
    with RawPeer(port, roles=["router"]) as peer:
        refused += expect_refused(row, peer, POISON, SERVED, CALLER)
        refused += expect_refused(row, peer, POISON_CHAT, SERVED[:1], CALLER)
    return refused


def poison(cluster, row, rounds):
    """30: messages that cannot be read, to the router as a client's, to all services as a router's."""
    for _ in range(rounds):
        with others_unharmed(cluster, row):
            row.sum("messages refused", say_poison(cluster, row))


class GoodCalls:
    """Requests of both kinds, one after the other, to workers of which some die meanwhile: all are to be answered."""

    def __init__(self, port):
        self.answers, self.is_over, self.port = [], threading.Event(), port
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            with RawPeer(self.port, roles=["log"]) as peer:
                while not self.is_over.is_set():
                    for method, flags in FLAGS.items():
                        self.answers.append(peer.ask(method, pack(HARMLESS), flags=flags))
                    time.sleep(0.02)
        except (OSError, EOFError):
            self.answers.append(None)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(10)

    def expect_served(self, row):
        bad = [each for each in self.answers if not each or each[0][1] != FINAL]
        row.asked += len(self.answers)
        row.failed += len(bad)
        row.expect(self.answers and not bad, f"{len(bad)} of {len(self.answers)} good requests beside it failed, as "
                                             f"{bad and bad[0]}")


def expect_given_up(row, workers, peer, method, most):
    """One deadly request. It is begun `most` times at most, each time at another worker, which dies; then its
    requester is told, and nobody else gets it."""
    flags, body = FLAGS[method], {"text": f"deadly {method} {time.monotonic_ns()}"}
    living, asked = workers.alive, time.monotonic()
    answer = peer.ask(method, pack(body), flags=flags)
    took = time.monotonic() - asked
    row.asked += 1
    row.failed += 1
    said = answer[1] if answer else {}
    row.expect(answer and answer[0][1] == ERROR and said["code"] == "worker_lost" and said["started"] != "no",
               f"{method}, of which workers die, was answered {answer}")
    row.detected(took, 1.0)
    time.sleep(LATER)
    begun = workers.begun_with(body)
    row.most(f"attempts at {method}", begun)
    row.expect(1 <= begun <= most, f"{method}, of which workers die, was begun {begun} times, not {most} at most")
    row.expect(workers.alive == living - begun, f"of {living} workers {workers.alive} live after {begun} attempts")


def crashing(cluster, row, rounds):
    """30: a request of which its worker dies. One that may begin once has one attempt, one that may be asked again
    three, then there is an error; the other workers live and serve, and nobody else notices."""
    for _ in range(rounds):
        with others_unharmed(cluster, row, 100):
            for broker in BROKERS:
                port, ports = cluster.broker_ports[broker], [cluster.broker_ports[each] for each in BROKERS]
                is_deadly = lambda _, body: body["text"].startswith("deadly")
                with DoomedWorkers(WORKERS, ports, "doomed", CLASSES, is_deadly) as workers:
                    with GoodCalls(port) as good, RawPeer(port, roles=["log"]) as peer:
                        expect_given_up(row, workers, peer, ONCE, 1)
                        expect_given_up(row, workers, peer, MANY, ATTEMPTS)
                    good.expect_served(row)
                    row.most(f"of {WORKERS} workers live on", workers.alive)
                    row.expect(workers.alive >= WORKERS - 1 - ATTEMPTS, f"only {workers.alive} workers are left")
                cluster.wait_linked()  # or the next request goes to those that have just gone, three times


def crashing_for_an_edge(cluster, row, rounds):
    """30: the same by way of an edge, which has two brokers to ask and asks again by itself: in all the request is
    begun three times at most, and its client gets an error that says so. Before that the edge looks for 2.5 s whether
    the last of them is only cut off from its broker. Doomed workers take the prompt's place."""
    prompt, ports = cluster.nodes["prompt"], [cluster.broker_ports[each] for each in BROKERS]
    for _ in range(rounds):
        prompt.signal()
        row.expect(prompt.wait(30) == 0, "the prompt does not end")
        with DoomedWorkers(4 * ATTEMPTS, ports, "prompt", {}, lambda *_: True) as workers:
            asked = time.monotonic()
            status, answer = call(cluster.url, path="/v1/models", key=cluster.api_key, timeout=20)
            row.detected(time.monotonic() - asked, 3.5)
            row.asked += 1
            row.failed += 1
            row.expect(status == 502 and answer["error"]["code"] == "worker_lost", f"the client got {status} {answer}")
            time.sleep(LATER)
            row.most("attempts at a client's request", len(workers.begun))
            row.expect(len(workers.begun) <= ATTEMPTS, f"a request killed {len(workers.begun)} workers")
        prompt.start()
        cluster.wait_linked()
        row.end_round(cluster)


def hostile_headers(row, port):
    """Headers that no memory is made ready for, and a peer that is served nevertheless."""
    with RawPeer(port) as peer:
        for _ in range(5):
            for body in HOSTILE.values():
                peer.send(body[:4096], b"body")
                peer.send(b"\x9b\1\7\0" + body[:4000])
                peer.send(pack([1, REQUEST, 0])[:-1] + b"\xc4\x10" + bytes(16) + body[:4000])
                peer.send(body)
        row.expect(peer.is_served(), "a peer with headers that cannot be read is not served any more")
        whole = peer.header(REQUEST, svc="router.prompt.models/v1")
        for extra in HOSTILE.values():
            peer.send(whole[:-1] + b"\x81\xa2zz" + extra[:3000], b"\x80")
        row.expect(peer.is_served(), "a peer with an ext that cannot be read is not served any more")
    with RawPeer(port, hello=None) as peer:
        for body in HOSTILE.values():
            peer.say(HELLO, body)
        row.expect(peer.hear() is not None, "a HELLO that cannot be read is not answered")


def false_lengths(row, port):
    """Frames of ZMTP that say to be longer than any may be: the connection is closed, nothing is made ready."""
    for size in (64 << 20, 1 << 30, 1 << 62, (1 << 64) - 1):
        with RawPeer(port) as peer:
            peer.socket.sendall(struct.pack(">BQ", 2, size) + b"x" * 1000)
            row.expect(peer.is_closed(), f"a peer whose frame has {size} bytes is not closed")
    with RawPeer(port) as peer:  # within the bound, but never there
        peer.socket.sendall(frame(1, peer.header(REQUEST, svc="router.prompt.models/v1"))
                            + struct.pack(">BQ", 2, 31 << 20))


def say_hostile(cluster, row, port):
    hostile_headers(row, port)
    false_lengths(row, port)
    with RawPeer(port) as peer:
        refused = expect_refused(row, peer, HOSTILE, ASKED, {"cr": cluster.api_key})
    with RawPeer(port, roles=["router"]) as peer:
        refused += expect_refused(row, peer, HOSTILE, SERVED, CALLER)
    row.sum("bodies refused", refused)


def weigh(row, nodes, before, name):
    for node in nodes:
        grown = memory_kib(node) - before[node.name]
        row.most(f"{node.name} grew {name} by, KiB", grown)
        row.expect(grown < GROWTH_KIB, f"{node.name} grew {name} by {grown} KiB")


def hostile(cluster, row, rounds):
    """31: as header, as body, as frame; by a peer to a broker, and through it to those who must read. First beside
    others; then again, with nobody there. Before, others came, and bodies that are small and wrong to the same
    methods: what the first of anything takes is not what the row is about."""
    for _ in range(rounds):
        with others_unharmed(cluster, row):
            say_poison(cluster, row)
        watched = [cluster.nodes[name] for name in (BROKER, "router", "prompt", "auth")]
        malformed = cluster.metric(BROKER, "troupe_broker_dropped_total", "malformed")
        before = {node.name: memory_kib(node) for node in watched}
        with others_unharmed(cluster, row):
            say_hostile(cluster, row, cluster.broker_ports[BROKER])
        weigh(row, watched, before, "beside others")
        before = {node.name: memory_kib(node) for node in watched}
        say_hostile(cluster, row, cluster.broker_ports[BROKER])
        weigh(row, watched, before, "the second time")
        counted = cluster.metric(BROKER, "troupe_broker_dropped_total", "malformed") - malformed
        row.sum("messages that the broker could not read", counted)
        row.expect(counted > 0, "the broker counted nothing")


def wide(cluster, row, rounds):
    """31: a body of 8 MiB that is nothing but empty arrays does not take many times its size in whoever reads it."""
    nodes = [cluster.nodes[name] for name in (BROKER, "router")]
    body = b"\xdd" + struct.pack(">I", WIDE_BYTES) + b"\x90" * WIDE_BYTES
    for _ in range(rounds):
        peaks = {node.name: memory_kib(node, "VmHWM") for node in nodes}
        with RawPeer(cluster.broker_ports[BROKER]) as peer:
            expect_refused(row, peer, {f"{WIDE_BYTES} empty arrays": body}, ASKED[:1], {"cr": cluster.api_key})
        for node in nodes:
            grown = memory_kib(node, "VmHWM") - peaks[node.name]
            row.most(f"{node.name} took for a moment, times the body", round(grown * 1024 / WIDE_BYTES, 1))
            row.expect(grown * 1024 < 4 * WIDE_BYTES, f"{node.name} took {grown} KiB for {WIDE_BYTES >> 10} KiB")
        row.end_round(cluster)


ROWS = {
    "28": ("peers of other versions", version_skew),
    "30": ("messages that cannot be read", poison),
    "30b": ("requests of which their workers die", crashing),
    "30c": ("an edge's request of which its workers die", crashing_for_an_edge),
    "31": ("hostile MessagePack and lengths", hostile),
    "31b": ("a body of 8 MiB of empty arrays", wide),
}

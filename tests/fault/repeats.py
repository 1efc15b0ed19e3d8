"""Row 29 of the fault matrix: peers that say again, byte for byte, what they have said, at once and much later.

The functions run on a cluster that is well, and leave it well. Requests and answers of peers are made here, so
that they can be repeated; what a peer is told is counted.
"""
import collections
import contextlib
import json
import re
import struct
import time

from broker_cluster import BROKERS
from raw_peer import ERROR, FINAL, REQUEST, RawPeer
from zmtp_peer import PING, PONG, REGISTER, REGISTERED, WELCOME, pack

CREDIT, ACCEPT, START, PARTIAL, WINDOW, CANCEL = 6, 8, 9, 11, 14, 15
IDEMPOTENT, STREAMED, ON_START = 2, 4, 128
ONCE, MANY = "repeats.once/v1", "repeats.many/v1"
FLAGS = {ONCE: STREAMED, MANY: STREAMED | IDEMPOTENT}
TIMES = 2            # how often each is said again
PARTIALS = 3         # of an answer
OVERTAKEN_BY = 1100  # messages: more than a broker remembers the numbers of
RETENTION = 5.5      # for how long a worker keeps its answers, and a little more
QUIET = 0.25         # when nothing came for so long, nothing more comes
TOKENS = 40          # of a chat
RUNS = "runs of those that were asked for"


class Party(RawPeer):
    """Knows what it said, and counts what it hears of each call, by type. `repeats`: of all of them together."""

    repeats = 0

    def __init__(self, *args, **more):
        self.said, self.heard, self.errors = [], collections.Counter(), {}
        super().__init__(*args, **more)
        if super().hear(lambda h: h[1] == WELCOME) is None:
            raise EOFError("the broker does not welcome a peer")

    def send(self, *frames):
        self.said.append(frames)
        super().send(*frames)

    def repeat(self, message, over=None):
        Party.repeats += TIMES
        for _ in range(TIMES):
            RawPeer.send(over or self, *message)

    def say_often(self, kind, body=b"", **fields):
        self.say(kind, body, **fields)
        self.repeat(self.said[-1])

    def ask_for(self, method, body=b"\x80", **fields):
        """The call's id, and the message."""
        self.say(REQUEST, body, svc=method, ttl=60_000, **fields)
        return struct.pack(">QQ", self.me, self.count), self.said[-1]

    def listen(self, quiet=QUIET):
        """Takes what comes until nothing does."""
        self.say(PING)  # whoever is silent for 3 s is dead
        while (message := self.hear(lambda h: h[1] not in (PING, PONG) and any(h[4]), quiet)) is not None:
            self.take(*message)

    def take(self, header, body):
        self.heard[header[4], header[1]] += 1
        if header[1] == ERROR:
            self.errors[header[4]] = body


class Worker(Party):
    """Begins what it is given and says so; ends it when it is told to. Says everything again."""

    def __init__(self, port):
        super().__init__(port, roles=["repeats"])
        self.runs = collections.Counter()
        self.say(REGISTER, pack({"capacity": 8, "methods": {ONCE: "once", MANY: "idempotent"}}), svc="repeats")
        self.hear(lambda h: h[1] == REGISTERED)

    def take(self, header, body):
        super().take(header, body)
        cid, kind = header[4], header[1]
        if kind == REQUEST and header[2] & ON_START:
            self.say_often(ACCEPT, cid=cid, svc=header[5])
        elif kind in (REQUEST, START):
            self.runs[cid] += 1
            for seq in range(1, PARTIALS + 1):
                self.say_often(PARTIAL, pack({"text": str(seq)}), cid=cid, seq=seq)

    def finish(self, cid):
        for _ in range(self.runs[cid] - self.heard[cid, "ended"]):
            self.heard[cid, "ended"] += 1
            self.say_often(FINAL, cid=cid, seq=PARTIALS)


def rest(seconds, *peers):
    """Nothing but signs of life."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for each in peers:
            each.say(PING)
        time.sleep(0.5)


def listen_all(*peers):
    for _ in range(2):
        for each in peers:
            each.listen()


def dropped(cluster, reason):
    return sum(cluster.metric(broker, "troupe_broker_dropped_total", f'reason="{reason}"') for broker in BROKERS)


@contextlib.contextmanager
def counting(cluster, row, new=0):
    """What peers say again meanwhile, and what the brokers count: all but so many that are new to a broker."""
    before, said = {reason: dropped(cluster, reason) for reason in ("repeated", "stale")}, Party.repeats
    yield
    said, counted = Party.repeats - said, 0
    row.sum("messages said again", said)
    for reason, count in before.items():
        found = dropped(cluster, reason) - count
        row.sum(f"dropped and counted as {reason}", found)
        counted += found
    row.expect(counted == said - new, f"of {said} messages that came again the brokers counted {counted}")


def take_answers(row, asker, cid, what):
    """Of one call: each part of its answer came once."""
    for kind, wanted in ((PARTIAL, PARTIALS), (FINAL, 1)):
        got = asker.heard[cid, kind]
        row.lost += max(0, wanted - got)
        row.doubled += max(0, got - wanted)
        row.expect(got == wanted, f"{what}: {got} of {wanted} messages of type {kind} came to the requester")


def repeated_requests(row, port):
    """Both classes: said again while it runs, when it has ended, later, over a new connection, and long after."""
    with Worker(port) as one, Worker(port) as two, Party(port, roles=["log"]) as asker:
        calls = {method: asker.ask_for(method, flags=flags) for method, flags in FLAGS.items()}
        def again(over):
            for _, message in calls.values():
                asker.repeat(message, over)
            listen_all(one, two, over)
        again(asker)
        again(asker)
        for cid, _ in calls.values():
            one.finish(cid)
            two.finish(cid)
        listen_all(one, two, asker)
        again(asker)
        rest(RETENTION, one, two, asker)
        again(asker)
        with Party(port, roles=["log"], me=asker.me, count=asker.count) as back:
            again(back)
            for _ in range(OVERTAKEN_BY):
                back.say(PING)
            again(back)
        for method, (cid, _) in calls.items():
            runs = one.runs[cid] + two.runs[cid]
            row.sum(RUNS, runs)
            row.expect(runs == 1, f"{method} ran {runs} times")
            take_answers(row, asker, cid, method)
            why = back.errors.get(cid, {})
            row.expect(back.heard[cid, ERROR] == TIMES and why.get("reason") == "stale"
                       and why.get("started") == "unknown" and not back.heard[cid, FINAL],
                       f"{method}, much later: {back.heard[cid, ERROR]} errors, {why}")
            row.asked += 1


def repeated_signals(row, port):
    """WINDOW and CANCEL come to the worker once, and what a worker gives up is given up once."""
    with Worker(port) as worker, Party(port, roles=["log"]) as asker:
        cid, _ = asker.ask_for(ONCE, flags=STREAMED)
        listen_all(worker, asker)
        asker.say_often(WINDOW, pack({"acked_seq": 1, "granted_frames": 1, "granted_bytes": 100}), cid=cid)
        asker.say_often(CANCEL, cid=cid)
        listen_all(worker, asker)
        for kind, name in ((WINDOW, "WINDOW"), (CANCEL, "CANCEL")):
            row.expect(worker.heard[cid, kind] == 1, f"{name} came {worker.heard[cid, kind]} times to the worker")
        worker.say_often(CREDIT, cid=cid)
        listen_all(asker)
        row.expect(asker.heard[cid, ERROR] == 1, f"a call given up ended {asker.heard[cid, ERROR]} times")
        worker.repeat(worker.said[0])  # HELLO
        cid, _ = asker.ask_for(MANY, flags=FLAGS[MANY])
        listen_all(worker, asker)
        worker.finish(cid)
        listen_all(asker)
        take_answers(row, asker, cid, "after a second HELLO")
        row.asked += 2


def repeated(cluster, row, rounds):
    """29: through one broker, by peers on both sides."""
    for _ in range(rounds):
        with counting(cluster, row):
            for broker in BROKERS:
                repeated_requests(row, cluster.broker_ports[broker])
                repeated_signals(row, cluster.broker_ports[broker])
        row.end_round(cluster)


class Reader(Party):
    """Reads chats as docs/wire-protocol.md says: what comes twice it drops. Two links of one process share `tokens`."""

    def __init__(self, *args, tokens, **more):
        self.tokens = tokens  # call -> {seq: the tokens in it}
        super().__init__(*args, **more)

    def take(self, header, body):
        super().take(header, body)
        if header[1] == PARTIAL:
            self.tokens.setdefault(header[4], {}).setdefault(header[9], re.findall(r":(\d+)", json.dumps(body)))
        if header[1] == ACCEPT and header[9] > 0:  # it answers this way from now on
            self.say(WINDOW, pack({"acked_seq": 0, "granted_frames": 0, "granted_bytes": 0}), cid=header[4])


def ask_for_chat(cluster, over, name):
    body = {"model": "sim-count", "stream": True, "max_tokens": TOKENS, "messages": [{"role": "user", "content": name}]}
    return over.ask_for("router.prompt.chat/v1", flags=STREAMED, ext={"cr": cluster.api_key},
                        body=pack({"model": "sim-count", "stream": True, "body": json.dumps(body)}))


def take_chat(cluster, row, name, tokens):
    """All tokens, in order, and from one run."""
    row.asked += 1
    seen = [int(token) for seq in sorted(tokens) for token in tokens[seq]]
    row.lost += TOKENS - len(set(seen))
    row.doubled += len(seen) - len(set(seen))
    row.expect(seen == list(range(TOKENS)), f"{name}: the tokens are {seen}")
    runs = cluster.runs()[name]
    row.sum(RUNS, runs)
    row.expect(runs == 1, f"{name} ran {runs} times")


def elsewhere(cluster, row, rounds):
    """29: requests for chats, said again to the other broker, which never had them: of the first while it runs, of
    the second when it has ended, of the third when nobody has its answer any more."""
    for n in range(rounds):
        here, there = (cluster.broker_ports[broker] for broker in BROKERS)
        tokens = {}
        with counting(cluster, row, new=3), Reader(here, tokens=tokens) as one, \
                Reader(there, me=one.me, tokens=tokens) as two:
            two.count = 100  # one process numbers what it says over both links
            names = [f"{moment}-{n}-{time.monotonic_ns()}" for moment in ("running", "ended", "old")]
            chats = [ask_for_chat(cluster, one, name) for name in names]
            (running, first), (ended, second), (old, third) = chats
            while len(tokens.get(running, ())) < 3 and (message := one.hear(lambda h: any(h[4]))):
                one.take(*message)
            one.repeat(first, over=two)
            until = time.monotonic() + 10
            while any(one.heard[cid, FINAL] + two.heard[cid, FINAL] == 0 for cid, _ in chats) and time.monotonic() < until:
                listen_all(one, two)
            one.repeat(second, over=two)
            listen_all(one, two)
            rest(RETENTION, one, two)
            one.repeat(third, over=two)
            listen_all(one, two)
        for name, (cid, _) in zip(names, chats):
            take_chat(cluster, row, name, tokens.get(cid, {}))
        row.expect(two.heard[running, ACCEPT] == 1 and one.heard[running, FINAL] + two.heard[running, FINAL] == 1,
                   "the chat that ran did not go on through the broker that its request came by")
        row.expect(two.heard[ended, FINAL] == 1, "a chat's answer that its worker keeps did not come again")
        why = two.errors.get(old, {})
        row.expect(two.heard[old, ERROR] == 1 and (why["reason"], why["started"]) == ("repeated", "yes"),
                   f"of an old request the other broker says {why}")
        row.end_round(cluster)


ROWS = {
    "29": ("messages that come again", repeated),
    "29b": ("a request that comes again through the other broker", elsewhere),
}

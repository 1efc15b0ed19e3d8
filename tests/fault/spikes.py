"""The row of the fault matrix in which links are slow, and now and then nothing passes for some seconds.

It runs on a cluster whose links go through proxies and that is well, and leaves it well.
"""
import asyncio
import contextlib
import json
import threading
import time

from async_http import ask
from broker_cluster import BROKERS
from lost_processes import chats_work, noticed_by_nodes, running_streams
from probes import Probes
from raw_peer import ERROR, FINAL, REQUEST, RawPeer
from token_streams import ERROR as FAILED
from zmtp_peer import HEARTBEAT, pack

STREAMS = 30
DELAY, JITTER = 0.1, 0.05
SPIKE = 5.0
ENDED = 6.5          # after its beginning: noticed after up to 3.5 s, then looked for for 2.5 s; and the way back
LATE = 0.1           # seconds after its deadline in which a request must have ended
EARLY_MOST = 0.01    # and before which none may have ended: a time is sent in whole milliseconds
ON_WAY = 0.05        # from who asks to the provider, on good links
CHATS = 4            # with a deadline, at each broker
CHAT_SECONDS = 9.0   # what they may take
READY_SECONDS = 2.0  # what an edge gives /ready
EARLY = 1.0          # a deadline of a chat is so long after the beginning of a spike


class TimedPeer(threading.Thread):
    """A peer of a broker, straight, that asks for chats of a silent provider which may take CHAT_SECONDS, and lives
    until each is answered. `asked`: when, by name; `answers`: code, and seconds after the deadline."""

    def __init__(self, port, names):
        super().__init__(daemon=True)
        self.peer, self.asked, self.answers = RawPeer(port, roles=["router"]), {}, []
        calls = {}
        for name in names:
            body = {"model": "sim-silent", "messages": [{"role": "user", "content": name}]}
            self.peer.say(REQUEST, pack_chat(body), svc="prompt.chat/v1", ttl=round(CHAT_SECONDS * 1000),
                          ext={"ca": pack({"user": "timed"})})
            self.asked[name] = calls[self.peer.last_call] = time.monotonic()
        self.calls = calls
        self.start()

    def run(self):
        until, beat = time.monotonic() + CHAT_SECONDS + SPIKE, 0.0
        with self.peer, contextlib.suppress(OSError, EOFError):
            while len(self.answers) < len(self.asked) and time.monotonic() < until:
                if time.monotonic() >= beat:
                    self.peer.say(HEARTBEAT, pack({"in_flight": 0}))
                    beat = time.monotonic() + 1
                heard = self.peer.hear(lambda h: h[1] in (FINAL, ERROR), 0.5)
                if heard:
                    late = time.monotonic() - self.calls[heard[0][4]] - CHAT_SECONDS
                    self.answers.append((heard[1] and heard[1].get("code"), late))


class TimedChats:
    """Chats with a deadline at the prompt, asked by peers of the brokers: no HTTP client can say how long it waits.
    Asked while all links are good: a deadline travels as the time that is left, so that what a request was on its
    way is added to it at the worker."""

    def __init__(self, cluster, row, number):
        self.cluster, self.row = cluster, row
        self.names = [[f"timed{number}-{name}-{n}" for n in range(CHATS)] for name in BROKERS]
        self.peers = [TimedPeer(cluster.broker_ports[name], names) for name, names in zip(BROKERS, self.names)]
        self.asked = self.peers[0].asked | self.peers[1].asked
        self.deadline = min(self.asked.values()) + CHAT_SECONDS
        cluster.until(lambda: len(self.calls()) == CHATS * len(self.peers), 3, "not all timed chats began")

    def calls(self):
        names = {name for each in self.names for name in each}
        return [c for c in self.cluster.provider_calls() if c["text"] in names]

    def check(self):
        """Whoever asked is told; the worker has let go of the provider."""
        row = self.row
        for peer in self.peers:
            peer.join(10)
        answers = [each for peer in self.peers for each in peer.answers]
        row.expect([code for code, _ in answers] == ["deadline_exceeded"] * CHATS * len(self.peers),
                   f"chats with a deadline were answered {answers}")
        self._check_late("a broker answered", [late for _, late in answers])
        calls = self.calls()
        if row.expect(all(c["closed"] for c in calls), f"the worker goes on after deadlines: {calls}"):
            on_way = {c["text"]: c["start"] - self.asked[c["text"]] for c in calls}
            row.most("a chat reached the provider at most ms after it was asked", round(max(on_way.values()) * 1000))
            row.expect_by(max(on_way.values()) <= ON_WAY, f"chats on good links came to the provider after {on_way}")
            self._check_late("the worker ended", [c["closed"] - self.asked[c["text"]] - CHAT_SECONDS for c in calls])
        row.asked += len(calls)
        row.failed += len(calls)

    def _check_late(self, what, late):
        self.row.most(f"{what} what was late, at most ms after its deadline", round(max(late, default=0) * 1000))
        self.row.expect(min(late, default=0) >= -EARLY_MOST, f"{what} a chat {-min(late, default=0):.3f} s too early")
        self.row.expect_by(max(late, default=0) <= LATE, f"{what} a chat {max(late, default=0):.3f} s too late")


def pack_chat(body):
    """A `chat_request` of messages/chat.hpp. Texts are at most 255 bytes."""
    return pack({"model": body["model"], "body": json.dumps(body)})


async def ready(url):
    """How long an edge takes to say whether everybody answers it, and what it says."""
    began = time.monotonic()
    answer = await ask(url, path="/ready")
    try:
        await answer.body()
        return answer.status, time.monotonic() - began
    finally:
        answer.close()


class Readiness:
    """Asks each edge some times at the beginning of a spike; what is on its way cannot be answered in time."""

    def __init__(self, cluster):
        async def all_of_them():
            return await asyncio.gather(*[ready(url) for url in cluster.edge_urls for _ in range(4)])
        self.asked = cluster.loop.start(all_of_them())

    def check(self, row, may_answer):
        answers = self.asked.result(15)
        row.asked += len(answers)
        late = [took for status, took in answers if status != 200]
        row.failed += len(late)
        row.expect(may_answer or len(late) == len(answers), f"an edge was ready while nothing passed: {answers}")
        row.expect(all(status in (200, 503) for status, _ in answers), f"/ready was answered {answers}")
        if late:
            row.most("an edge ended what was late, at most ms after its deadline",
                     round(1000 * (max(late) - READY_SECONDS)))
            row.expect(min(late) >= READY_SECONDS - EARLY_MOST, f"an edge gave up {answers}")
            row.expect_by(max(late) <= READY_SECONDS + LATE, f"an edge took {max(late):.2f} s, not {READY_SECONDS} s")
        took = max(took for _, took in answers)
        row.expect_by(took <= READY_SECONDS + LATE, f"/ready took {took:.2f} s")


def hold(cluster, brokers, is_held):
    """What is on its way to and from these brokers waits, and none of it is lost."""
    for name in brokers:
        cluster.proxies[name].change(None, lambda c: c.cut(is_held))


def spike(cluster, row, brokers):
    """Nothing passes to and from these brokers for a while. Returns when it began and ended."""
    began = time.monotonic()
    hold(cluster, brokers, True)
    asked = Readiness(cluster)
    time.sleep(SPIKE)
    hold(cluster, brokers, False)
    ended = time.monotonic()
    asked.check(row, may_answer=len(brokers) < len(BROKERS))
    cluster.wait_linked(within=15)
    row.recovered(time.monotonic() - ended, 4.0)
    return began, ended


def slow(cluster, row):
    """Every message to and from both brokers takes 50 to 150 ms: nobody is taken for dead."""
    wall = time.time()
    streams = running_streams(cluster, row, STREAMS, 80, begun=1)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.5) as probes:
        cluster.streams.wait(streams, 20)
    took = sorted(p.took for p in probes.all if p.kind == "chat")
    row.most("half of the chats, six messages one after the other, took at most, ms",
             round(took[len(took) // 2] * 1000))
    row.expect(not noticed_by_nodes(cluster, wall), "a link that was slow was taken for dead")
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, most=3.0)


def spiky(cluster, row, brokers, timed=None):
    """Beside the delay nothing passes for 5 s: to and from one broker, whose streams go on through the other;
    or both, and then streams go on or end with an error."""
    is_all = len(brokers) == len(BROKERS)
    streams = running_streams(cluster, row, STREAMS, 220, begun=1)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key, every=0.5) as probes:
        if timed:
            row.expect(time.monotonic() < timed.deadline - EARLY, "the spike comes too late for the deadlines")
            time.sleep(max(0.0, timed.deadline - EARLY - time.monotonic()))
        began, ended = spike(cluster, row, brokers)
        if timed:
            timed.check()
        row.expect(cluster.streams.wait(streams, 30), "streams hang after a spike")
    what = "both brokers" if is_all else "one broker"
    row.most(f"longest pause of a stream, spike of {what}, s", round(max(s.gap_around(began) for s in streams), 1))
    failed = [s.ended - began for s in streams if s.end == FAILED]
    row.sum(f"streams that ended with an error, spike of {what}, of {STREAMS}", len(failed))
    if failed:
        row.most(f"these ended after, spike of {what}, s", round(max(failed), 1))
        row.expect_by(max(failed) <= ENDED, f"a stream ended only {max(failed):.1f} s after a spike began")
    row.take_streams(cluster, streams, may_fail=is_all)
    row.take_probes(cluster, probes, may_fail=[(began - 1.5, ended + 4.0, began)], most=8.0)


def latency(cluster, row, rounds):
    """21: slow links; then spikes on one broker's, then on all. Who has waited until its deadline is told so by the
    edge, or its broker, and the worker stops, each by its own clock: nothing can pass between them."""
    for number in range(rounds):
        for proxy in cluster.proxies.values():
            proxy.set(None, delay=DELAY, jitter=JITTER)
        slow(cluster, row)
        spiky(cluster, row, BROKERS[number % 2:number % 2 + 1])
        for proxy in cluster.proxies.values():
            proxy.heal()
        time.sleep(DELAY + JITTER + 0.05)  # what the proxies had read before passes at its time
        timed = TimedChats(cluster, row, number)
        for proxy in cluster.proxies.values():
            proxy.set(None, delay=DELAY, jitter=JITTER)
        spiky(cluster, row, BROKERS, timed)
        for proxy in cluster.proxies.values():
            proxy.heal()
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat on a good link"), 3.0)
        row.end_round(cluster)


ROWS = {"21": ("100 ± 50 ms on every link, and spikes of 5 s", latency)}

"""Rows of the fault matrix in which somebody else goes on with what a dead process had: another worker with
what had not begun, another edge with a stream that its client wants to continue.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import http.client
import itertools
import json
import signal
import threading
import time

import resumable_stream
from broker_cluster import NODES, BrokerCluster
from troupe_process import call

CHATS, STREAMS, TOKENS = 40, 20, 80
COUNTER = itertools.count()


class TwoPromptsCluster(BrokerCluster):
    """With a second prompt, which has a data folder of its own."""

    members = (*NODES, "prompt2")

    def _data(self, name):
        return f"{self.data}-2" if name == "prompt2" else self.data


class Chat:
    """One plain chat. `name` is what the simulator counts runs by."""

    def __init__(self, cluster, url):
        self.cluster, self.url, self.name = cluster, url, f"c{next(COUNTER)}"
        self.status = self.body = self.ended = self.started = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        body = {"model": "sim", "messages": [{"role": "user", "content": self.name}]}
        self.status, self.body = call(self.url, "POST", "/v1/chat/completions", body, self.cluster.api_key, 8)
        self.ended = time.monotonic()
        if self.status != 200 and isinstance(self.body, dict):
            self.started = self.body.get("error", {}).get("started")


def killed_before_start(cluster, row, rounds):
    """1: a worker that has requests and has not begun them is killed: another one answers them, each once."""
    for _ in range(max(2, rounds)):
        victim = cluster.nodes["prompt"]
        victim.signal(signal.SIGSTOP)  # what it is handed now it will never begin
        chats = [Chat(cluster, url) for url in cluster.edge_urls * (CHATS // 2)]
        time.sleep(0.5)
        waiting = [c for c in chats if c.ended is None]
        row.expect(waiting, "no chat was handed to the frozen worker")
        row.most("chats that it had", len(waiting))
        killed = time.monotonic()
        victim.kill()
        for c in chats:
            c.thread.join(6)
        row.asked += len(chats)
        bad = [c for c in chats if c.status != 200]
        row.failed += len(bad)
        row.expect(not bad, f"{len(bad)} chats failed: {[(c.status, c.body) for c in bad[:2]]}")
        row.take_runs(cluster, chats)
        row.recovered(max(c.ended or killed + 9 for c in chats) - killed, 1.0)
        victim.start()
        cluster.wait_linked()
        row.end_round(cluster)


class Reader:
    """A client of a resumable stream: when its connection breaks it asks at the next edge for what follows."""

    def __init__(self, cluster, urls):
        self.urls, self.key, self.name = itertools.cycle(urls), cluster.api_key, f"r{next(COUNTER)}"
        self.seen, self.times, self.breaks = [], [], 0
        self.last_id, self.end, self.started = None, None, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        until = time.monotonic() + 20
        while self.end is None and time.monotonic() < until:
            try:
                self._read(next(self.urls))
            except resumable_stream.Refused as refused:
                status, body = refused.args
                self.end = f"{status} {body[:200]}"
            except (OSError, http.client.HTTPException):
                self.breaks += 1
                time.sleep(0.05)

    def _read(self, url):
        for self.last_id, data in resumable_stream.events(url, self.key, self.name, TOKENS, self.last_id, timeout=10):
            self._take(data)
            if self.end:
                return
        raise http.client.IncompleteRead(b"")

    def _take(self, data):
        if data == "[DONE]":
            self.end = "done"
            return
        event = json.loads(data)
        if "error" in event:
            self.end = str(event["error"])
            return
        text = resumable_stream.text_of(data).strip()
        if text:
            self.seen.append(int(text.rsplit(":", 1)[1]))
            self.times.append(time.monotonic())


def resumed_elsewhere(cluster, row, rounds):
    """11: clients of a dead edge continue their resumable streams at the other one."""
    for number in range(max(2, rounds)):
        name = ("edge1", "edge2")[number % 2]
        readers = [Reader(cluster, [cluster.url_of(name), *cluster.edge_urls]) for _ in range(STREAMS)]
        time.sleep(1.0 + row.chance.random())
        killed = time.monotonic()
        cluster.nodes[name].kill()
        for r in readers:
            r.thread.join(25)
        row.asked += len(readers)
        bad = [r for r in readers if r.end != "done"]
        row.failed += len(bad)
        row.expect(not bad, f"{len(bad)} streams were not continued: {[r.end for r in bad[:2]]}")
        row.expect(all(r.breaks for r in readers), "a stream of the dead edge did not break")
        row.lost += sum(TOKENS - len(set(r.seen)) for r in readers if r.end == "done")
        row.doubled += sum(len(r.seen) - len(set(r.seen)) for r in readers)
        whole = all(r.seen == list(range(TOKENS)) for r in readers if r.end == "done")
        row.expect(whole, "a continued stream lacks tokens, or has some twice or out of order")
        row.take_runs(cluster, readers)
        row.recovered(max(b - a for r in readers for a, b in itertools.pairwise(r.times) if b > killed), 1.0)
        cluster.nodes[name].start()
        cluster.wait_linked()
        row.end_round(cluster)


ROWS = {"11b": ("edge killed, its resumable streams go on at the other", resumed_elsewhere)}
TWO_PROMPTS_ROWS = {"1": ("worker killed before START", killed_before_start)}

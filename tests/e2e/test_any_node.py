"""Goal: a resumable stream can be read on and stopped through any node, whoever else answers chats in the process
that is asked. Method: two nodes that are edge, router and prompt beside six that are one thing each; each
stream runs in the first of the two, its client hangs up and comes back to another node."""
import http.client
import json
import os
import pathlib
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402
from troupe_process import Simulator, call  # noqa: E402

TOKENS = 40
ROUNDS = 6  # the six's edge takes any of three routers


class AnyNode(unittest.TestCase):
    def setUp(self):
        if os.environ["E2E_SHAPE"] != "six":
            self.skipTest("several nodes are several processes")
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        sim = Simulator().__enter__()
        self.addCleanup(sim.__exit__)
        cluster = Cluster(os.environ["E2E_PROGRAM"], pathlib.Path(folder.name) / "data", mixed=2, provider=sim.base_url)
        self.addCleanup(cluster.kill)
        self.key = cluster.start().api_key
        self.edge, self.first, self.second = cluster.edge_urls

    def read(self, url, last_id="", upto=None):
        """The events (id, data) of a stream; after `upto` of them the client hangs up."""
        at = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=15)
        body = {"model": "sim-count", "stream": True, "resumable": True, "max_tokens": TOKENS,
                "messages": [{"role": "user", "content": "t"}]}
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        if last_id:
            headers["last-event-id"] = last_id
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer, events, event_id = connection.getresponse(), [], ""
        if answer.status != 200:
            self.fail(f"{answer.status} {answer.read()}")
        for line in answer:
            if line.startswith(b"id: "):
                event_id = line[4:].decode().strip()
            if line.startswith(b"data: "):
                events.append((event_id, line[6:].decode().strip()))
                if len(events) == upto:
                    break
        connection.close()
        return events

    @staticmethod
    def words(events):
        pieces = [json.loads(data) for _, data in events if data != "[DONE]"]
        return "".join(p["choices"][0]["delta"].get("content", "") for p in pieces if p["choices"]).split()

    def test_a_stream_goes_on_at_any_node(self):
        for url in [self.second] + [self.edge] * ROUNDS:
            before = self.read(self.first, upto=8)
            after = self.read(url, before[-1][0])
            self.assertEqual(self.words(before + after), [f"t:{n}" for n in range(TOKENS)])
            self.assertEqual(after[-1][1], "[DONE]")

    def test_who_leaves_again_can_come_back_again(self):
        seen = self.read(self.first, upto=5)
        for url in (self.second, self.edge, self.second):
            seen += self.read(url, seen[-1][0], upto=5)
        seen += self.read(self.first, seen[-1][0])
        self.assertEqual(self.words(seen), [f"t:{n}" for n in range(TOKENS)])

    def test_a_stream_is_stopped_through_any_node(self):
        for url in [self.second] + [self.edge] * ROUNDS:
            stream = self.read(self.first, upto=3)[-1][0].split(":")[0]
            status, view = call(url, "POST", f"/v1/chat/stream/{stream}/cancel", {}, self.key)
            self.assertEqual((status, view.get("status")), (200, "cancelled"), view)

    def test_a_stream_of_a_node_that_is_not_there_does_not_exist(self):
        stream = self.read(self.first, upto=3)[-1][0].split(":")[0]
        for node in ("0" * 15 + "1", "0" * 16):
            other = f"strm_{node}{stream[21:]}"
            for url in (self.first, self.edge):
                begun = time.monotonic()
                status, answer = call(url, "POST", f"/v1/chat/stream/{other}/cancel", {}, self.key)
                self.assertEqual(status, 404, answer)
                self.assertLess(time.monotonic() - begun, 2)


if __name__ == "__main__":
    unittest.main()

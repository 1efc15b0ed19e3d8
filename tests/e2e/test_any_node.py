"""Goal: a resumable stream can be read on and stopped through any node, whoever else answers chats in the process
that is asked. Method: two nodes that are edge, router and prompt beside six that are one thing each; each
stream runs in the first of the two, its client hangs up and comes back to another node."""
import contextlib
import itertools
import os
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import resumable_stream  # noqa: E402
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

    def read(self, url, last_id=None, upto=None):
        """The events (id, data) of a stream; after `upto` of them the client hangs up."""
        with contextlib.closing(resumable_stream.events(url, self.key, "t", TOKENS, last_id)) as events:
            return list(itertools.islice(events, upto))

    @staticmethod
    def words(events):
        return "".join(resumable_stream.text_of(data) for _, data in events).split()

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

"""Goal: the program starts, refuses and ends as promised. Method: each test starts processes of its
own in the shape of TROUPE_SHAPE, with the program of TROUPE_PROGRAM."""
import http.client
import json
import os
import pathlib
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Failed, Node, Simulator, Troupe, call, clean_environment, free_port  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]


def open_stream(troupe, body):
    """A streamed chat whose first bytes have come: the response to read on."""
    connection = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=20)
    connection.request("POST", "/v1/chat/completions", json.dumps(body | {"stream": True}),
                       {"content-type": "application/json", "authorization": f"Bearer {troupe.api_key}"})
    return connection.getresponse()


class Lifecycle(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "data"

    def troupe(self, **more):
        out = Troupe(PROGRAM, SHAPE, self.data, **more)
        self.addCleanup(out.kill)
        return out

    def test_idle_it_ends_within_a_second_with_code_0(self):
        troupe = self.troupe().start()
        idle = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=5)
        idle.request("GET", "/health")  # and the connection is kept
        self.assertEqual(idle.getresponse().read()[:1], b"{")
        self.assertLess(troupe.stop(), 1.0)

    def test_it_is_ready_within_half_a_second_of_its_start(self):
        troupe = self.troupe().start()
        for node in troupe.nodes.values():
            # Twice the promise: other work runs on a test machine. bench/ measures it alone.
            self.assertLess(node.ready_seconds, 1.0, node.name)
        troupe.stop()

    def test_the_admin_key_is_private_and_stays(self):
        troupe = self.troupe().start()
        first = troupe.api_key
        self.assertEqual((self.data / "admin.key").stat().st_mode & 0o777, 0o600)
        troupe.stop()
        again = self.troupe().start()
        self.assertEqual(again.api_key, first)
        self.assertEqual(call(again.url, path="/v1/models", key=first)[0], 200)
        again.stop()

    def end_of_a_stream(self, at_once, chunks, environment=None):
        """What follows on a running stream after SIGTERM, and the seconds until all had ended."""
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url, environment=environment).start()
            answer = open_stream(troupe, {"model": "sim-slow", "max_tokens": chunks,
                                          "messages": [{"role": "user", "content": "x"}]})
            self.assertEqual(answer.status, 200)
            answer.readline()
            begun = time.monotonic()
            troupe.terminate(at_once)
            rest = answer.read().decode()
            answer.close()
            troupe.wait_ended(5)
            return rest, time.monotonic() - begun

    def expect_whole(self, at_once):
        rest, _ = self.end_of_a_stream(at_once, 20)
        self.assertTrue(rest.rstrip().endswith("data: [DONE]"), rest[-300:])

    def expect_honest_end(self, at_once):
        rest, took = self.end_of_a_stream(at_once, 400, {"TROUPE_DRAIN_TIMEOUT": "1s"})
        self.assertNotIn("[DONE]", rest)
        self.assertNotIn('"finish_reason":"stop"', rest.replace(" ", ""))
        last = [line for line in rest.splitlines() if line.startswith("data:")][-1]
        self.assertIn("error", json.loads(last.removeprefix("data:")))
        self.assertLess(took, 5)

    def test_a_stream_that_ends_in_time_is_whole_after_sigterm_to_all_at_once(self):
        self.expect_whole(at_once=True)

    def test_a_stream_that_ends_in_time_is_whole_when_processes_are_ended_in_turn(self):
        self.expect_whole(at_once=False)

    def test_a_stream_that_does_not_end_gets_an_error_event_after_sigterm_to_all_at_once(self):
        self.expect_honest_end(at_once=True)

    def test_a_stream_that_does_not_end_gets_an_error_event_when_processes_are_ended_in_turn(self):
        self.expect_honest_end(at_once=False)

    def test_new_requests_are_refused_while_it_drains(self):
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url).start()
            answer = open_stream(troupe, {"model": "sim-slow", "max_tokens": 20,
                                          "messages": [{"role": "user", "content": "x"}]})
            answer.readline()
            for node in troupe.nodes.values():
                node.signal()
            time.sleep(0.2)
            self.assertIn(call(troupe.url, path="/ready")[0], (0, 503))
            answer.read()
            for node in troupe.nodes.values():
                node.wait(5)

    def expect_all_chats_in_the_log(self, at_once):
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url).start()
            key, count = troupe.api_key, 20
            body = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}
            for _ in range(count):
                self.assertEqual(call(troupe.url, "POST", "/v1/chat/completions", body, key)[0], 200)
            troupe.stop(at_once=at_once)
            again = self.troupe(provider=sim.base_url).start()
            _, page = call(again.url, path="/v1/logs?service=troupe.prompt&limit=100", key=key)
            self.assertEqual(len(page["data"]), count)
            again.stop()

    def test_chats_that_sigterm_to_all_at_once_follows_are_in_the_log(self):
        self.expect_all_chats_in_the_log(at_once=True)

    def test_chats_that_an_end_in_turn_follows_are_in_the_log(self):
        self.expect_all_chats_in_the_log(at_once=False)

    def test_the_prompt_process_alone_cuts_its_streams_honestly_and_their_records_are_in_the_log(self):
        if SHAPE != "six":
            self.skipTest("one process has no prompt process of its own")
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url, environment={"TROUPE_DRAIN_TIMEOUT": "300ms"}).start()
            answer = open_stream(troupe, {"model": "sim-slow", "max_tokens": 400,
                                          "messages": [{"role": "user", "content": "x"}]})
            answer.readline()
            troupe.nodes["prompt"].signal()
            last = [line for line in answer.read().decode().splitlines() if line.startswith("data:")][-1]
            self.assertIn("shutting down", json.loads(last.removeprefix("data:"))["error"]["message"])
            self.assertEqual(troupe.nodes["prompt"].wait(5), 0)
            _, page = call(troupe.url, path="/v1/logs?service=troupe.prompt", key=troupe.api_key)
            self.assertEqual([r["attributes"]["model"] for r in page["data"]], ["sim-slow"])
            troupe.kill()

    def test_a_second_signal_ends_it_at_once(self):
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url).start()
            answer = open_stream(troupe, {"model": "sim-slow", "max_tokens": 400,
                                          "messages": [{"role": "user", "content": "x"}]})
            answer.readline()
            for _ in range(2):
                for node in troupe.nodes.values():
                    node.signal(signal.SIGINT)
                time.sleep(0.3)
            begun = time.monotonic()
            for node in troupe.nodes.values():
                node.wait(1)
            self.assertLess(time.monotonic() - begun, 1)

    def test_what_was_stored_is_there_after_a_restart(self):
        troupe = self.troupe().start()
        key = troupe.api_key
        account = {"email": "ada@example.org", "password": "long enough"}
        self.assertEqual(call(troupe.url, "POST", "/v1/auth/register", account)[0], 201)
        self.assertEqual(call(troupe.url, "POST", "/v1/logs", {"level": "info", "service": "s", "message": "m"}, key)[0], 201)
        self.assertEqual(call(troupe.url, "POST", "/v1/vector_stores", {"name": "kept"}, key)[0], 200)
        troupe.stop()
        again = self.troupe().start()
        self.assertEqual(call(again.url, "POST", "/v1/auth/login", account)[0], 200)
        self.assertEqual(len(call(again.url, path="/v1/logs?service=s", key=key)[1]["data"]), 1)
        self.assertEqual([s["name"] for s in call(again.url, path="/v1/vector_stores", key=key)[1]["data"]], ["kept"])
        again.stop()


class RefusesToStart(unittest.TestCase):
    def expect_refusal(self, arguments, words, environment=None):
        with tempfile.TemporaryDirectory(prefix="troupe-e2e-") as folder:
            node = Node("refused", [PROGRAM, "serve", "--data", folder, *arguments],
                        clean_environment(environment))
            with self.assertRaises(Failed) as refused:
                node.start(within=5)
                node.kill()
            self.assertNotEqual(node.process.returncode, 0)
            self.assertGreater(node.process.returncode, 0, "ended by a signal")
            for word in words:
                self.assertIn(word, str(refused.exception))

    def test_a_bind_that_is_not_loopback(self):
        self.expect_refusal(["--roles", "broker", "--bind", "tcp://0.0.0.0:7700"], ["0.0.0.0"])

    def test_a_store_whose_adapter_is_not_built(self):
        self.expect_refusal(["--http", f"127.0.0.1:{free_port()}"], ["qdrant"], {"QDRANT_URL": "http://127.0.0.1:6333"})

    def test_an_unknown_role(self):
        self.expect_refusal(["--roles", "juggler"], ["juggler"])

    def test_an_address_in_use(self):
        import socket
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            address = f"127.0.0.1:{held.getsockname()[1]}"
            self.expect_refusal(["--http", address], [address.split(":")[1]])


class BadHttp(unittest.TestCase):
    """One program for all: requests that no client library would send."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.troupe = Troupe(PROGRAM, SHAPE, folder.name)
        cls.troupe.start()
        cls.addClassCleanup(cls.troupe.kill)

    def exchange(self, request, finish=True):
        import socket
        with socket.create_connection(("127.0.0.1", self.troupe.port), timeout=5) as peer:
            peer.sendall(request)
            if finish:
                peer.shutdown(socket.SHUT_WR)
            out = b""
            try:
                while block := peer.recv(65536):
                    out += block
            except OSError:
                pass
            return out

    def tearDown(self):
        self.assertEqual(call(self.troupe.url, path="/health")[0], 200, self.troupe.output())

    def test_garbage_is_a_400(self):
        for request in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
                        b"POST /v1/logs HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"):
            with self.subTest(request):
                answer = self.exchange(request)
                self.assertTrue(answer == b"" or answer.split(b" ")[1][:1] in b"45", answer[:80])

    def test_a_header_that_is_too_large_is_refused(self):
        answer = self.exchange(b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70000 + b"\r\n\r\n")
        self.assertTrue(answer == b"" or answer.split(b" ")[1] in (b"400", b"413", b"431"), answer[:80])

    def test_a_half_sent_body_holds_nobody_up(self):
        self.exchange(b"POST /v1/logs HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{")
        begun = time.monotonic()
        self.assertEqual(call(self.troupe.url, path="/health")[0], 200)
        self.assertLess(time.monotonic() - begun, 1)

    def test_pipelined_requests_are_answered_in_order(self):
        one = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
        two = b"GET /no-such-route HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        answer = self.exchange(one + two, finish=False)
        found = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
        self.assertEqual(len(found), 2, answer)
        self.assertEqual(found[0], b"200")

    def test_a_hundred_connections_at_once_are_served(self):
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(call(self.troupe.url, path="/health")[0]))
                   for _ in range(100)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual(statuses, [200] * 100)


if __name__ == "__main__":
    unittest.main()

"""Goal: what a caller may use is kept exactly, by one owner and by several auth nodes on Redis or a SQL
server, also while one of them is killed; a client is told how its limits stand; passwords cannot be
guessed at will. Method: the program over HTTP with the simulated provider."""
import collections
import http.client
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402
from helper_server import HelperServer  # noqa: E402
from troupe_process import Simulator, Troupe, call  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
ADA = {"email": "ada@example.org", "password": "long enough"}


def ask(url, path, body, key, headers=None):
    """(status, headers, body) of a POST, streamed or not."""
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"content-type": "application/json",
                                                        "authorization": f"Bearer {key}", **(headers or {})})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def chat(model="sim", stream=False, **more):
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello there"}], **more}


class OnOneNode(unittest.TestCase):
    def start(self, **environment):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        sim = Simulator().__enter__()
        self.addCleanup(sim.__exit__)
        troupe = Troupe(PROGRAM, SHAPE, pathlib.Path(folder.name) / "data", provider=sim.base_url,
                        environment=environment)
        self.addCleanup(troupe.kill)
        self.admin = troupe.start().api_key
        return troupe

    def capped_key(self, troupe, **caps):
        """A key of its own with these caps: (id, text)."""
        status, key = call(troupe.url, "POST", "/v1/auth/keys", {"name": "capped"}, self.admin)
        self.assertEqual(status, 201, key)
        status, view = call(troupe.url, "PUT", f"/v1/admin/caps/key:{key['id']}", caps, self.admin)
        self.assertEqual(status, 200, view)
        return key["key"]

    def test_requests_are_limited_and_the_client_is_told_how_it_stands(self):
        troupe = self.start()
        key = self.capped_key(troupe, requests_per_minute=3, tokens_per_minute=100_000)
        for left in (2, 1, 0):
            status, headers, text = ask(troupe.url, "/v1/chat/completions", chat(), key)
            self.assertEqual(status, 200, text)
            self.assertEqual(headers["x-ratelimit-limit-requests"], "3")
            self.assertEqual(headers["x-ratelimit-remaining-requests"], str(left))
            self.assertEqual(headers["x-ratelimit-limit-tokens"], "100000")
            self.assertRegex(headers["x-ratelimit-reset-requests"], r"^(\d+h)?(\d+m)?[\d.]+(s|ms)$")
        status, headers, text = ask(troupe.url, "/v1/chat/completions", chat(stream=True), key)
        self.assertEqual(status, 429, text)
        self.assertEqual(json.loads(text)["error"]["code"], "rate_limit_exceeded")
        self.assertEqual(json.loads(text)["error"]["started"], "no")
        self.assertIn("3 requests a minute of key:", json.loads(text)["error"]["message"])
        self.assertGreater(int(headers["retry-after"]), 0)
        self.assertEqual(headers["x-ratelimit-remaining-requests"], "0")
        status, refused = call(troupe.url, path="/v1/models", key=key)
        self.assertEqual((status, refused["error"]["started"]), (429, "no"))
        self.assertEqual(call(troupe.url, path="/v1/models", key=self.admin)[0], 200)

    def test_who_has_reached_a_limit_can_stop_a_stream(self):
        troupe = self.start()
        key = self.capped_key(troupe, requests_per_minute=1)
        at = urllib.parse.urlsplit(troupe.url)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=30)
        self.addCleanup(connection.close)
        connection.request("POST", "/v1/chat/completions",
                           json.dumps(chat("sim-slow", True, max_tokens=500, resumable=True)),
                           {"content-type": "application/json", "authorization": f"Bearer {key}"})
        stream = connection.getresponse().headers["x-stream-id"]
        status, _, text = ask(troupe.url, f"/v1/chat/stream/{stream}/cancel", {}, key)
        self.assertEqual((status, json.loads(text)["status"]), (200, "cancelled"), text)
        self.assertEqual(call(troupe.url, path="/v1/models", key=key)[0], 429)

    def test_embeddings_and_streams_tell_their_limits_too(self):
        troupe = self.start()
        key = self.capped_key(troupe, requests_per_minute=10, tokens_per_minute=10_000)
        status, headers, text = ask(troupe.url, "/v1/embeddings", {"model": "local", "input": "a text"}, key)
        self.assertEqual((status, headers["x-ratelimit-remaining-requests"]), (200, "9"), text)
        status, headers, text = ask(troupe.url, "/v1/chat/completions", chat(stream=True), key)
        self.assertEqual((status, headers["x-ratelimit-remaining-requests"]), (200, "8"), text)
        self.assertTrue(text.endswith("data: [DONE]\n\n"), text)
        self.assertNotIn("rate_limits", text)

    def test_tokens_are_settled_to_what_was_used(self):
        troupe = self.start()
        key = self.capped_key(troupe, tokens_per_minute=1000)
        body = chat(max_tokens=900)
        used = 0
        for _ in range(3):  # each reserves more than 900, and uses a few
            status, _, text = ask(troupe.url, "/v1/chat/completions", body, key)
            self.assertEqual(status, 200, text)
            used += json.loads(text)["usage"]["total_tokens"]
        until = time.monotonic() + 2  # the last settlement is on its way
        while True:
            status, headers, text = ask(troupe.url, "/v1/embeddings", {"model": "local", "input": "x"}, key)
            used += json.loads(text)["usage"]["total_tokens"]
            if headers["x-ratelimit-remaining-tokens"] == str(1000 - used) or time.monotonic() > until:
                break
        self.assertEqual(headers["x-ratelimit-remaining-tokens"], str(1000 - used))
        status, _, text = ask(troupe.url, "/v1/chat/completions", chat(max_tokens=5000), key)
        self.assertEqual(status, 429)
        self.assertIn("the request alone wants", text)

    def test_a_stream_that_runs_past_its_cap_is_cut(self):
        troupe = self.start()
        key = self.capped_key(troupe, tokens_per_minute=400)
        status, _, text = ask(troupe.url, "/v1/chat/completions", chat("sim-slow", True, max_tokens=100000) |
                              {"messages": [{"role": "user", "content": "word " * 40}]}, key)
        self.assertEqual(status, 200, text[-500:])
        self.assertIn("rate_limit_exceeded", text[-600:])
        self.assertNotIn("[DONE]", text)

    def test_streams_at_the_same_time_are_limited(self):
        troupe = self.start()
        key = self.capped_key(troupe, streams=2)
        slow = chat("sim-slow", True, max_tokens=30)
        outcomes = []
        running = [threading.Thread(target=lambda: outcomes.append(
            ask(troupe.url, "/v1/chat/completions", slow, key)[0])) for _ in range(2)]
        for one in running:
            one.start()
        time.sleep(0.7)
        self.assertEqual(ask(troupe.url, "/v1/chat/completions", slow, key)[0], 429)
        self.assertEqual(ask(troupe.url, "/v1/chat/completions", chat(), key)[0], 200)
        for one in running:
            one.join()
        self.assertEqual(outcomes, [200, 200])
        until = time.monotonic() + 2
        while (status := ask(troupe.url, "/v1/chat/completions", chat(stream=True), key)[0]) != 200:
            self.assertLess(time.monotonic(), until, status)

    def test_a_budget_of_money_ends_and_wants_prices(self):
        troupe = self.start(TROUPE_CHAT_PRICES="sim=1000/1000,sim-slow=1/1")
        key = self.capped_key(troupe, usd_per_day=1)  # 1,000 tokens of the model `sim`
        statuses = []
        for _ in range(12):
            statuses.append(ask(troupe.url, "/v1/chat/completions",
                                chat(max_tokens=20) | {"messages": [{"role": "user", "content": "word " * 250}]}, key)[0])
        self.assertEqual(statuses[0], 200)
        self.assertEqual(statuses[-1], 429, statuses)
        self.assertEqual(statuses, sorted(statuses))
        status, _, text = ask(troupe.url, "/v1/chat/completions", chat("sim-tools"), key)
        self.assertEqual(status, 403, text)
        self.assertEqual(json.loads(text)["error"]["code"], "model_without_price")

    def test_the_command_line_shows_and_sets_the_limits_of_a_key(self):
        troupe = self.start()
        _, key = call(troupe.url, "POST", "/v1/auth/keys", {"name": "k"}, self.admin)

        def limit(*flags):
            done = subprocess.run([PROGRAM, "key", "limit", key["id"], "--url", troupe.url, "--key", self.admin, *flags],
                                  capture_output=True, text=True, timeout=10)
            return done.returncode, done.stdout + done.stderr

        self.assertIn("no cap", limit()[1])
        self.assertEqual(limit("--requests-per-minute", "2", "--usd-per-day", "1.5")[0], 0)
        code, text = limit("--streams", "4", "--json")
        self.assertEqual((code, json.loads(text)["requests_per_minute"], json.loads(text)["streams"],
                          json.loads(text)["usd_per_day"]), (0, 2, 4, 1.5))
        self.assertEqual([call(troupe.url, path="/v1/models", key=key["key"])[0] for _ in range(3)], [200, 200, 429])
        code, text = limit("--streams", "-1")
        self.assertEqual(code, 1)
        self.assertIn("streams", text)

    def test_users_without_caps_have_those_of_the_configuration(self):
        troupe = self.start(TROUPE_CAPS_USER_REQUESTS_PER_MINUTE="2", TROUPE_AUTH_SIGNUP="open")
        _, session = call(troupe.url, "POST", "/v1/auth/register", ADA)
        token = session["access_token"]
        statuses = [call(troupe.url, path="/v1/models", key=token)[0] for _ in range(3)]
        self.assertEqual(statuses, [200, 200, 429])

    def test_wrong_passwords_are_counted_and_right_ones_not(self):
        troupe = self.start(TROUPE_AUTH_FAILURES_PER_ACCOUNT="3", TROUPE_AUTH_SIGNUP="open")
        call(troupe.url, "POST", "/v1/auth/register", ADA)
        wrong = ADA | {"password": "not the one", "email": "ADA@example.org"}
        for _ in range(5):
            self.assertEqual(call(troupe.url, "POST", "/v1/auth/login", ADA)[0], 200)
        self.assertEqual([call(troupe.url, "POST", "/v1/auth/login", wrong)[0] for _ in range(4)],
                         [401, 401, 401, 429])
        self.assertEqual(call(troupe.url, "POST", "/v1/auth/login", ADA)[0], 429)
        unknown = {"email": "nobody@example.org", "password": "whatever it is"}
        self.assertEqual([call(troupe.url, "POST", "/v1/auth/login", unknown)[0] for _ in range(4)],
                         [401, 401, 401, 429], "an unknown account answers alike")

    def test_tries_are_counted_by_address_behind_a_trusted_proxy(self):
        troupe = self.start(TROUPE_AUTH_TRIES_PER_ADDRESS="4", TROUPE_HTTP_TRUSTED_PROXIES="127.0.0.1",
                            TROUPE_AUTH_SIGNUP="open")
        call(troupe.url, "POST", "/v1/auth/register", ADA)

        def login(address):
            return call(troupe.url, "POST", "/v1/auth/login", ADA, headers={"x-forwarded-for": address})[0]
        self.assertEqual([login("203.0.113.5") for _ in range(5)], [200, 200, 200, 200, 429])
        self.assertEqual(login("203.0.113.6"), 200)
        self.assertEqual([login("2001:db8:7::1"), login("2001:db8:7::2"), login("2001:db8:7::3"),
                          login("2001:db8:7::4"), login("2001:db8:7::5")], [200, 200, 200, 200, 429],
                         "a /64 is one subscriber")


class Exactly(unittest.TestCase):
    """A limit of 100 a minute, 64 clients, two edges."""

    def setUp(self):
        if SHAPE != "six":
            self.skipTest("several edges are several processes")

    def server(self, script, kind):
        server = HelperServer(script, kind)
        self.addCleanup(server.close)
        return server.url

    def storm(self, auths, environment, kill=None):
        """What 640 requests were answered."""
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        cluster = Cluster(PROGRAM, pathlib.Path(folder.name) / "data", auths, edges=2, routers=2,
                          environment=environment)
        self.addCleanup(cluster.kill)
        admin = cluster.start().api_key
        _, key = call(cluster.url, "POST", "/v1/auth/keys", {"name": "capped"}, admin)
        call(cluster.url, "PUT", f"/v1/admin/caps/key:{key['id']}", {"requests_per_minute": 100}, admin)
        seen, go = collections.Counter(), threading.Event()

        def client(number):
            go.wait()
            for turn in range(10):
                url = cluster.edge_urls[(number + turn) % 2]
                seen[call(url, path="/v1/models", key=key["key"], timeout=30)[0]] += 1

        clients = [threading.Thread(target=client, args=(n,)) for n in range(64)]
        for one in clients:
            one.start()
        go.set()
        if kill:
            while sum(seen.values()) < 40:
                time.sleep(0.001)
            cluster.nodes[kill].kill()
        for one in clients:
            one.join()
        self.assertEqual(sum(seen.values()), 640)
        return seen

    def test_one_owner_admits_exactly_100(self):
        self.assertEqual(self.storm(1, {}), {200: 100, 429: 540})

    def test_three_auth_nodes_on_redis_admit_exactly_100(self):
        environment = {"DATABASE_URL": self.server("sql_server.py", "mariadb"),
                       "REDIS_URL": self.server("redis_server.py", "plain")}
        self.assertEqual(self.storm(3, environment), {200: 100, 429: 540})

    def test_three_auth_nodes_on_redis_of_which_one_is_killed_never_admit_more(self):
        environment = {"DATABASE_URL": self.server("sql_server.py", "postgresql"),
                       "REDIS_URL": self.server("redis_server.py", "plain")}
        seen = self.storm(3, environment, kill="auth2")
        self.assertLessEqual(set(seen), {200, 429, 503}, "a lost node is no wrong credential")
        self.assertLessEqual(seen[200], 100)
        self.assertGreaterEqual(seen[200] + seen[503], 100, "what was lost with it counts, no more")

    def test_three_auth_nodes_on_a_sql_server_admit_exactly_100(self):
        for kind in ("mariadb", "postgresql"):
            with self.subTest(kind):
                seen = self.storm(3, {"DATABASE_URL": self.server("sql_server.py", kind)})
                self.assertEqual(seen, {200: 100, 429: 540})


if __name__ == "__main__":
    unittest.main()

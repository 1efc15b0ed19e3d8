"""Goal: an admin sees every process and service of the running program, in both shapes; nobody else
does, and a broker that is gone is named. Method: the program over HTTP; the broker is killed under it."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Troupe, call  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
SERVICES = {"auth", "keys", "accounts", "limits", "prompt", "retrieval", "log"}


class Topology(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.troupe = Troupe(PROGRAM, SHAPE, pathlib.Path(folder.name) / "data")
        self.addCleanup(self.troupe.kill)
        self.admin = self.troupe.start().api_key

    def look(self):
        status, shape = call(self.troupe.url, path="/v1/admin/topology", key=self.admin)
        self.assertEqual(status, 200, shape)
        return shape

    def test_every_process_and_service_is_there(self):
        shape = self.look()
        services = {s["name"]: s for s in shape["services"]}
        nodes = {n["name"]: n for n in shape["nodes"]}
        self.assertEqual(len({n["instance"] for n in nodes.values()}), len(nodes))
        if SHAPE == "one":
            self.assertEqual(shape["brokers"], [])
            self.assertEqual(set(services), SERVICES)
            (only,) = nodes.values()
            self.assertEqual(set(only["services"]), SERVICES)
            return
        self.assertEqual(set(services), SERVICES | {"router"})
        self.assertEqual(set(nodes), {"auth", "log", "prompt", "router", "edge"})
        self.assertEqual(set(nodes["auth"]["services"]), {"auth", "keys", "accounts", "limits"})
        self.assertEqual(set(nodes["prompt"]["services"]), {"prompt", "retrieval"})
        self.assertEqual(nodes["edge"]["services"], [])
        (broker,) = shape["brokers"]
        self.assertTrue(broker["answered"], broker)
        self.assertEqual((broker["name"], broker["nodes"]), ("broker", 5))
        for node in nodes.values():
            self.assertEqual(node["brokers"], [broker["address"]])
            self.assertLess(node["heard_ms"], 3000)
        for service in services.values():
            self.assertEqual(service["workers"], 1)
            self.assertGreater(service["credit"], 0)
        self.assertEqual(nodes["edge"]["asked"], 1, "this request")
        self.assertEqual(services["router"]["in_flight"], 1, "this request")

    def top(self, *arguments, key=None):
        return subprocess.run([PROGRAM, "top", "--url", self.troupe.url, "--key", key or self.admin, *arguments],
                              capture_output=True, text=True, timeout=20)

    def test_top_prints_the_same_once_and_as_json(self):
        done = self.top("--once", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shape = json.loads(done.stdout)
        table = self.top("--once")
        self.assertEqual((table.returncode, table.stderr), (0, ""))
        for name in [n["name"] for n in shape["nodes"]] + [s["name"] for s in shape["services"]]:
            self.assertRegex(table.stdout, rf"(?m)^{re.escape(name[:24])}")
        self.assertNotIn("\x1b", table.stdout)
        if SHAPE == "six":
            self.assertRegex(table.stdout, rf"(?m)^{re.escape(shape['brokers'][0]['address'])} .* ok$")

    def test_top_shows_rates_and_says_what_is_wrong(self):
        watching = subprocess.Popen([PROGRAM, "top", "--url", self.troupe.url, "--key", self.admin, "--interval", "0.5"],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(watching.stdout.close)
        self.addCleanup(watching.kill)
        time.sleep(1.5)
        watching.terminate()
        text, _ = watching.communicate(timeout=5)
        tables = [t for t in text.split("SERVICE ") if "REQ/S" in t][1:]
        self.assertGreaterEqual(len(tables), 2, text)
        self.assertRegex(tables[-1], r"(?m)^auth .* \d+\.\d$", "a rate after the first look")
        wrong = self.top("--once", key="tr-wrong")
        self.assertEqual(wrong.returncode, 1)
        self.assertTrue(wrong.stderr.startswith("troupe top: "), wrong.stderr)
        status, key = call(self.troupe.url, "POST", "/v1/auth/keys", {"name": "chats", "scopes": ["chat"]}, self.admin)
        self.assertEqual(status, 201, key)
        refused = self.top("--once", key=key["key"])
        self.assertEqual(refused.returncode, 1)
        self.assertIn("admin", refused.stderr)

    def test_only_admins_see_it(self):
        self.assertEqual(call(self.troupe.url, path="/v1/admin/topology")[0], 401)
        status, key = call(self.troupe.url, "POST", "/v1/auth/keys", {"name": "chats", "scopes": ["chat"]}, self.admin)
        self.assertEqual(status, 201, key)
        self.assertEqual(call(self.troupe.url, path="/v1/admin/topology", key=key["key"])[0], 403)
        ada = {"email": "ada@example.org", "password": "long enough"}
        status, session = call(self.troupe.url, "POST", "/v1/auth/register", ada)
        self.assertEqual(status, 201, session)
        self.assertEqual(call(self.troupe.url, path="/v1/admin/topology", key=session["access_token"])[0], 403)

    def test_a_node_that_is_gone_leaves_the_picture_and_its_service_has_no_worker(self):
        if SHAPE == "one":
            self.skipTest("there is one process")
        self.troupe.nodes["log"].kill()
        until = time.monotonic() + 5
        while any(n["name"] == "log" for n in self.look()["nodes"]):
            self.assertLess(time.monotonic(), until, "the killed node is still shown")
            time.sleep(0.1)
        (log,) = [s for s in self.look()["services"] if s["name"] == "log"]
        self.assertEqual(log["workers"], 0)


if __name__ == "__main__":
    unittest.main()

"""Goal: the accounts live on MariaDB and PostgreSQL as they do in a file, several auth processes share
them, and a server that dies costs 503s and no sign-in. Method: real servers of the test's own, and the
program in the shape of TROUPE_SHAPE with DATABASE_URL."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from helper_server import HelperServer  # noqa: E402
from troupe_process import Node, Troupe, call, clean_environment  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
ADA = {"email": "ada@example.org", "password": "long enough"}


class OnServer:
    """The tests, for each kind of server below."""
    kind = ""

    @classmethod
    def setUpClass(cls):
        cls.database = HelperServer("sql_server.py", cls.kind)
        cls.addClassCleanup(cls.database.close)

    def setUp(self):
        self.database.say("fresh")
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "data"

    def troupe(self):
        out = Troupe(PROGRAM, SHAPE, self.data, environment={"DATABASE_URL": self.database.url})
        self.addCleanup(out.kill)
        return out.start()

    def migrate(self, *flags):
        return subprocess.run([PROGRAM, "migrate", "--roles", "auth", "--data", str(self.data), *flags],
                              env=clean_environment({"DATABASE_URL": self.database.url}),
                              capture_output=True, text=True, timeout=20)

    def test_accounts_sessions_and_keys_survive_a_restart(self):
        troupe = self.troupe()
        status, session = call(troupe.url, "POST", "/v1/auth/register", ADA)
        self.assertEqual(status, 201)
        status, key = call(troupe.url, "POST", "/v1/auth/keys", {"name": "k"}, session["access_token"])
        self.assertEqual(status, 201)
        admin = troupe.api_key
        troupe.stop()
        again = self.troupe()
        for credential in (key["key"], session["access_token"], admin):
            self.assertEqual(call(again.url, path="/v1/auth/me", key=credential)[0], 200)
        self.assertEqual(call(again.url, "POST", "/v1/auth/refresh",
                              {"refresh_token": session["refresh_token"]})[0], 200)
        self.assertEqual(call(again.url, "POST", "/v1/auth/login", ADA)[0], 200)
        self.assertEqual(call(again.url, "POST", "/v1/auth/register", ADA)[0], 409)
        self.assertFalse((self.data / "auth.db").exists())
        again.stop()

    def test_migrate_says_what_it_did_and_may_be_repeated(self):
        first = self.migrate("--json")
        self.assertEqual(first.returncode, 0, first.stderr)
        rows = json.loads(first.stdout)
        self.assertEqual([(row["role"], row["schema"], row["from"]) for row in rows],
                         [("auth", "auth", 0), ("auth", "limits", 0), ("auth", "leases", 0)])
        for row in rows:
            self.assertGreater(row["to"], 0)
        second = self.migrate()
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertIn("auth", second.stdout)
        for text in (first.stdout, second.stdout):
            self.assertNotIn("p'w", text)
            self.assertNotIn("p%27w", text)

    def test_a_dead_server_is_503_never_401_and_it_heals(self):
        troupe = self.troupe()
        _, session = call(troupe.url, "POST", "/v1/auth/register", ADA)
        seen, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                seen.append(call(troupe.url, path="/v1/auth/me", key=session["access_token"])[0])
                seen.append(call(troupe.url, "POST", "/v1/auth/login", ADA)[0])
                # Supabase's clients end their session for any 4xx.
                seen.append(call(troupe.url, path="/auth/v1/user", key=session["access_token"])[0])
                seen.append(call(troupe.url, "POST", "/auth/v1/token?grant_type=password", ADA)[0])

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for one in asking:
            one.start()
        time.sleep(0.3)
        self.database.say("kill")
        time.sleep(6)  # past the time for which routers keep an answer of auth
        self.database.say("start")
        back = time.monotonic()
        while call(troupe.url, "POST", "/v1/auth/login", ADA)[0] != 200:
            self.assertLess(time.monotonic() - back, 3)
        stop.set()
        for one in asking:
            one.join()
        self.assertEqual(set(seen), {200, 503})
        self.assertEqual(call(troupe.url, "POST", "/v1/auth/refresh",
                              {"refresh_token": session["refresh_token"]})[0], 200)
        troupe.stop()

    def test_two_auth_processes_share_it_and_one_may_die(self):
        if SHAPE != "six":
            self.skipTest("one process has one auth")
        troupe = self.troupe()
        bus = next(word for word in troupe.nodes["auth"].command if word.startswith("tcp://"))
        second = Node("auth2", [PROGRAM, "serve", "--roles", "auth", "--data", str(self.data / "second"),
                                "--join", bus], clean_environment({"DATABASE_URL": self.database.url}))
        self.addCleanup(second.kill)
        second.start()
        _, session = call(troupe.url, "POST", "/v1/auth/register", ADA)
        for victim in (troupe.nodes["auth"], second):
            for _ in range(10):
                status, session = call(troupe.url, "POST", "/v1/auth/refresh",
                                       {"refresh_token": session["refresh_token"]})
                self.assertEqual(status, 200)
                self.assertEqual(call(troupe.url, path="/v1/auth/me", key=session["access_token"])[0], 200)
            if victim is second:
                break
            victim.signal(signal.SIGKILL)
            time.sleep(1)  # the broker learns of it by the broken connection, also on a busy machine


class OnMariaDB(OnServer, unittest.TestCase):
    kind = "mariadb"


class OnPostgreSQL(OnServer, unittest.TestCase):
    kind = "postgresql"


if __name__ == "__main__":
    unittest.main()

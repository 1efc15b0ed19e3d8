"""Goal: `troupe tap` shows what passes a broker, without secrets, and changes nothing. Method: six
processes; the tap runs beside requests over HTTP."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Troupe, call, clean_environment, free_port  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]


@unittest.skipIf(SHAPE == "one", "one process has no broker")
class Tap(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.troupe = Troupe(PROGRAM, SHAPE, pathlib.Path(folder.name) / "data")
        self.addCleanup(self.troupe.kill)
        self.admin = self.troupe.start().api_key
        self.broker = next(w for w in self.troupe.nodes["auth"].command if w.startswith("tcp://"))

    def tap(self, *arguments):
        """Begins to look on, and returns when the broker has said yes."""
        process = subprocess.Popen([PROGRAM, "tap", "--join", self.broker, *arguments], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        self.assertIn("looking on", process.stderr.readline())
        return process

    def ended(self, process):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=5)
        self.assertEqual(process.returncode, 0, err)
        return out

    def test_the_frames_of_a_request_are_shown_in_their_order(self):
        tap = self.tap("--json")
        record = {"service": "e2e", "level": "info", "message": "unheard of"}
        self.assertEqual(call(self.troupe.url, "POST", "/v1/logs", record, self.admin)[0], 201)
        time.sleep(0.3)
        frames = [json.loads(line) for line in self.ended(tap).splitlines()]
        self.assertNotIn("unheard of", json.dumps(frames))
        self.assertNotIn(self.admin, json.dumps(frames))
        (cid,) = {f["call"] for f in frames if f.get("svc") == "log.append/v1" and f["type"] == "request"}
        ours = [(f["type"], f["kind"], f["peer"]) for f in frames if f["call"] == cid]
        self.assertEqual(ours[0], ("request", "received", "edge"))
        self.assertIn(("request", "sent", "log"), ours)
        self.assertIn(("start", "sent", "log"), ours)
        self.assertEqual(ours[-2:], [("final", "received", "log"), ("final", "sent", "edge")])
        self.assertNotIn("heartbeat", {f["type"] for f in frames})

    def test_bodies_are_shapes_unless_they_are_asked_for_and_secrets_never(self):
        ada = {"email": "ada@example.org", "password": "a very secret word"}
        self.assertEqual(call(self.troupe.url, "POST", "/v1/auth/register", ada)[0], 201)
        for flag, shows in (("--shape", False), ("--bodies", True)):
            tap = self.tap("--service", "auth", flag)
            status, session = call(self.troupe.url, "POST", "/v1/auth/login", ada)
            self.assertEqual(status, 200, session)
            time.sleep(0.3)
            text = self.ended(tap)
            self.assertIn("auth.login/v1", text)
            self.assertEqual("ada@example.org" in text, shows, text)
            for secret in (ada["password"], session["access_token"], session["refresh_token"]):
                self.assertNotIn(secret, text)

    def test_it_ends_after_so_many_and_says_when_there_is_nobody(self):
        tap = self.tap("--count", "2", "--type", "heartbeat")
        out, err = tap.communicate(timeout=10)
        self.assertEqual(tap.returncode, 0, err)
        self.assertEqual(len(re.findall(r"(?m)heartbeat", out)), 2, out)
        done = subprocess.run([PROGRAM, "tap", "--join", f"tcp://127.0.0.1:{free_port()}"], capture_output=True,
                              text=True, timeout=20, env=clean_environment())
        self.assertEqual(done.returncode, 1)
        self.assertIn("no broker answers", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""Goal: a broker that crashes, or is asked, leaves the headers of its last frames in a file that people
and programs can read, without what clients said. Method: six processes; signals to the broker."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Troupe, call  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]


@unittest.skipIf(SHAPE == "one", "one process has no broker")
class FlightRecorder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "broker.bin"
        self.troupe = Troupe(PROGRAM, SHAPE, pathlib.Path(folder.name) / "data",
                             environment={"TROUPE_FLIGHT_RECORDER": str(self.file)})
        self.addCleanup(self.troupe.kill)
        self.admin = self.troupe.start().api_key

    def written(self, within=5.0):
        until = time.monotonic() + within
        size = -1
        while not self.file.exists() or self.file.stat().st_size != size:
            size = self.file.stat().st_size if self.file.exists() else -1
            self.assertLess(time.monotonic(), until, "no file")
            time.sleep(0.1)
        return self.file

    def flight(self, *arguments):
        done = subprocess.run([PROGRAM, "flight", self.file, *arguments], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_on_sigusr2_it_writes_and_goes_on(self):
        said = "a sentence that nobody keeps"
        record = {"service": "e2e", "level": "info", "message": said}
        self.assertEqual(call(self.troupe.url, "POST", "/v1/logs", record, self.admin)[0], 201)
        self.troupe.nodes["broker"].signal(signal.SIGUSR2)
        raw = self.written().read_bytes()
        for secret in (said, self.admin):
            self.assertNotIn(secret.encode(), raw)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        events = [json.loads(line) for line in self.flight("--json").splitlines()]
        names = {e["type"] for e in events if "type" in e}
        self.assertLessEqual({"hello", "welcome", "register", "registered", "request", "start", "final"}, names)
        asked = [e for e in events if e.get("svc") == "log.append/v1"]
        self.assertTrue(asked)
        (call_id,) = {e["call"] for e in asked}
        self.assertEqual([e["kind"] for e in events if e.get("call") == call_id and e["type"] == "final"],
                         ["received", "sent"])
        table = self.flight()
        self.assertIn("log.append/v1", table)
        self.assertTrue(table.startswith("# broker at tcp://"), table[:80])
        self.assertEqual(call(self.troupe.url, path="/v1/models", key=self.admin)[0], 200)
        # Who has no recorder is not harmed by the signal.
        self.troupe.nodes["auth"].signal(signal.SIGUSR2)
        time.sleep(0.3)
        self.assertTrue(self.troupe.nodes["auth"].running)
        self.troupe.nodes["broker"].signal(signal.SIGUSR2)
        until = time.monotonic() + 5
        while not pathlib.Path(f"{self.file}.1").exists():
            self.assertLess(time.monotonic(), until, "the one before is not kept")
            time.sleep(0.1)
        self.assertEqual(pathlib.Path(f"{self.file}.1").read_bytes(), raw)
        self.troupe.stop()

    def test_a_crash_is_written_down_and_stays_a_crash(self):
        broker = self.troupe.nodes["broker"]
        broker.signal(signal.SIGSEGV)
        self.assertEqual(broker.wait(), -signal.SIGSEGV)
        self.assertIn("router.ping/v1", self.flight())
        sim = pathlib.Path(PROGRAM).parent / "tests" / "sim" / "sim"
        if not sim.exists():
            return
        done = subprocess.run([sim, "--replay", self.file], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"of (\d+) frames sent then, \1 are sent again")


if __name__ == "__main__":
    unittest.main()

"""Goal: the time of a refusal does not tell whether an account exists. Method: wrong passwords of an account
that exists and of accounts that do not, in turn and one at a time; the median of the differences between
neighbours (which a machine that slows down does not move) is held against the median time."""
import os
import pathlib
import statistics
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Troupe, call  # noqa: E402

ROUNDS = 60
NOISE = 0.10


class LoginTiming(unittest.TestCase):
    def test_a_known_and_an_unknown_account_take_the_same_time(self):
        with tempfile.TemporaryDirectory(prefix="troupe-e2e-") as folder, \
                Troupe(os.environ["E2E_PROGRAM"], os.environ["E2E_SHAPE"], pathlib.Path(folder) / "data",
                       environment={"TROUPE_AUTH_FAILURES_PER_ACCOUNT": "0"}) as troupe:
            call(troupe.url, "POST", "/v1/auth/register", {"email": "ada@example.org", "password": "long enough"})
            times = {"known": [], "unknown": []}
            for turn in range(2 * ROUNDS):
                kind = ("known", "unknown")[turn % 2]
                email = "ada@example.org" if kind == "known" else f"nobody{turn}@example.org"
                began = time.perf_counter()
                status, _ = call(troupe.url, "POST", "/v1/auth/login", {"email": email, "password": "wrong one"})
                times[kind].append(time.perf_counter() - began)
                self.assertEqual(status, 401)
            known, unknown = (statistics.median(times[kind]) for kind in ("known", "unknown"))
            apart = statistics.median(a - b for a, b in zip(times["known"], times["unknown"]))
            print(f"known {known * 1e3:.2f} ms, unknown {unknown * 1e3:.2f} ms, apart {apart * 1e3:+.2f} ms "
                  f"(medians of {ROUNDS})")
            self.assertLess(abs(apart) / min(known, unknown), NOISE)


if __name__ == "__main__":
    unittest.main()

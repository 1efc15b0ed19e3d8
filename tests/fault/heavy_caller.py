"""Row 34 of the fault matrix: one caller asks for far more than there is, and the others notice little.

The function runs the row on a cluster that is well, and leaves it well.
"""
import asyncio
import re
import shutil
import statistics
import subprocess
import time

from async_http import ask
from isolation import Absent
from troupe_process import call

FLOOD, OTHERS = 1000, 8  # connections of the heavy caller, callers beside it
SECONDS = 4
PATIENCE = 30.0
MOST_MS = 1000


def key_of(cluster, name):
    """Of a user of its own."""
    _, session = call(cluster.url, "POST", "/v1/auth/register",
                      {"email": f"{name}-{time.monotonic_ns()}@example.com", "password": "correct horse battery"})
    _, key = call(cluster.url, "POST", "/v1/auth/keys", {"name": name}, session["access_token"])
    return key["key"]


async def steady(urls, keys, until):
    """Each caller asks for the models, one time after the other. Returns statuses and seconds."""
    async def once(url, key):
        began = time.monotonic()
        try:
            answer = await asyncio.wait_for(ask(url, "GET", "/v1/models", key=key), PATIENCE)
            await asyncio.wait_for(answer.body(), PATIENCE)
            answer.close()
            return answer.status, time.monotonic() - began
        except (OSError, EOFError, asyncio.TimeoutError):
            return 0, time.monotonic() - began

    async def one(n):
        found = []
        while time.monotonic() < until:
            found.append(await once(urls[n % 2], keys[n]))
            await asyncio.sleep(0.05)
        return found
    return [each for found in await asyncio.gather(*map(one, range(len(keys)))) for each in found]


class Flood:
    """wrk at one edge: each of its connections always has a question open."""

    def __init__(self, url, key):
        self.process = subprocess.Popen(
            ["wrk", "-t1", f"-c{FLOOD}", f"-d{SECONDS + 1}s", "-H", f"authorization: Bearer {key}",
             url + "/v1/models"], stdout=subprocess.PIPE, text=True)

    def end(self):
        """How many it asked for, and how many of them were refused."""
        out = self.process.communicate(timeout=PATIENCE)[0]
        asked = int(re.search(r"(\d+) requests in", out)[1])
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        return asked, int(refused[1]) if refused else 0


def p99_ms(answers):
    return round(statistics.quantiles([took for _, took in answers], n=100)[98] * 1000)


def heavy_caller(cluster, row, rounds):
    if not shutil.which("wrk"):
        raise Absent("wrk is not installed")
    for _ in range(rounds):
        heavy, others = key_of(cluster, "heavy"), [key_of(cluster, f"other{n}") for n in range(OTHERS)]
        run = lambda seconds: cluster.loop.start(
            steady(cluster.edge_urls, others, time.monotonic() + seconds)).result(seconds + PATIENCE)
        alone = run(SECONDS / 2)
        flood = Flood(cluster.edge_urls[0], heavy)
        time.sleep(0.5)
        beside = run(SECONDS)
        asked, refused = flood.end()
        row.asked += len(alone) + len(beside) + asked
        row.failed += refused
        bad = sorted({status for status, _ in (*alone, *beside)} - {200})
        row.expect(not bad, f"requests of the others were answered {bad}")
        row.most("p99 of the others alone, ms", p99_ms(alone))
        row.most("p99 of the others beside it, ms", p99_ms(beside))
        row.most("requests a second of the heavy caller", round(asked / SECONDS))
        row.expect_by(p99_ms(beside) <= MOST_MS, f"others waited {p99_ms(beside)} ms")
        row.end_round(cluster)


ROWS = {"34": ("one caller with 1,000 requests at a time, beside eight others", heavy_caller)}

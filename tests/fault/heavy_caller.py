"""Row 34 of the fault matrix: one caller, or many, ask for far more than there is, and the others notice little.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import asyncio
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

from async_http import ask
from isolation import Absent
from strange_peers import memory_kib
from troupe_process import call

FLOOD, OTHERS = 1000, 8  # connections of the heavy caller, callers beside it
SECONDS = 4
PATIENCE = 30.0
MOST_MS = 1000
POSTS, LONG_POSTS = 200_000, 1_000_000  # messages to one actor
CROWD = 50                   # callers who fill a service's queue, of which one alone gets 1,000 places of 10,000
GROWTH_KIB = 64 << 10        # of a broker whose queue is full: 64 MiB may wait for a service
BROKER, MODELS, KEYS = "broker_a", "/v1/models", "/v1/auth/keys"  # whose answers are the prompt's and auth's
BUS_FLOOD = pathlib.Path(__file__).resolve().parents[1] / "support" / "bus_flood.py"


def key_of(cluster, name):
    """Of a user of its own."""
    _, session = call(cluster.url, "POST", "/v1/auth/register",
                      {"email": f"{name}-{time.monotonic_ns()}@example.com", "password": "correct horse battery"})
    _, key = call(cluster.url, "POST", "/v1/auth/keys", {"name": name}, session["access_token"])
    return key["key"]


async def steady(urls, keys, path, is_over):
    """Each caller asks for the same, one time after the other. Returns statuses and seconds."""
    async def once(url, key):
        began = time.monotonic()
        try:
            answer = await asyncio.wait_for(ask(url, "GET", path, key=key), PATIENCE)
            await asyncio.wait_for(answer.body(), PATIENCE)
            answer.close()
            return answer.status, time.monotonic() - began
        except (OSError, EOFError, asyncio.TimeoutError):
            return 0, time.monotonic() - began

    async def one(n):
        found = []
        while not is_over():
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


def for_seconds(seconds):
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def heavy_caller(cluster, row, rounds):
    if not shutil.which("wrk"):
        raise Absent("wrk is not installed")
    for _ in range(rounds):
        heavy, others = key_of(cluster, "heavy"), [key_of(cluster, f"other{n}") for n in range(OTHERS)]
        run = lambda seconds: cluster.loop.start(
            steady(cluster.edge_urls, others, MODELS, for_seconds(seconds))).result(seconds + PATIENCE)
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


def post(cluster, row, callers, others, path):
    """Floods the actor of the models by way of one broker, as services do, while the others ask for `path`. Returns
    their answers before and meanwhile, and what the flood was answered."""
    count = LONG_POSTS if row.is_long else POSTS
    ask_others = lambda is_over: cluster.loop.start(steady(cluster.edge_urls, others, path, is_over))
    alone = ask_others(for_seconds(SECONDS / 2)).result(PATIENCE)
    flood = subprocess.Popen([sys.executable, BUS_FLOOD, "--port", str(cluster.broker_ports[BROKER]), "--method",
                              "prompt.models/v1", "--count", str(count), "--callers", str(callers)],
                             stdout=subprocess.PIPE, text=True)
    beside = ask_others(lambda: flood.poll() is not None).result(10 * PATIENCE)
    said = json.loads(flood.communicate()[0])
    row.asked += count
    row.expect(not said["unanswered"], f"{said['unanswered']} of {count} messages got no answer")
    row.expect(not said["doubled"], f"{said['doubled']} of {count} messages got two answers")
    return alone, beside, said


def flooded(cluster, row, rounds, callers, path, refusals):
    """Each message is answered once: with what it asked for, or at once that there is no room. What the broker keeps
    is bounded, and of others no request fails."""
    for _ in range(rounds):
        others = [key_of(cluster, f"other{n}") for n in range(OTHERS)]
        before = memory_kib(cluster.nodes[BROKER])
        alone, beside, said = post(cluster, row, callers, others, path)
        grown = memory_kib(cluster.nodes[BROKER]) - before
        row.asked += len(alone) + len(beside)
        bad = sorted({status for status, _ in (*alone, *beside)} - {200})
        row.expect(not bad, f"requests of the others were answered {bad}")
        for what, number in said["answers"].items():
            row.sum(f"messages answered {what}", number)
        row.failed += sum(said["answers"].values()) - said["answers"].get("final", 0)
        row.expect(set(said["answers"]) == {"final", *refusals}, f"the flood was answered {said['answers']}")
        row.most("seconds of the flood", said["seconds"])
        row.most("p99 of the others alone, ms", p99_ms(alone))
        row.most("p99 of the others beside it, ms", p99_ms(beside))
        row.most(f"{BROKER} grew by, KiB", grown)
        row.expect(grown < GROWTH_KIB, f"{BROKER} grew by {grown} KiB")
        row.expect_by(p99_ms(beside) <= MOST_MS, f"others waited {p99_ms(beside)} ms")
        row.end_round(cluster)


def mailbox_flood(cluster, row, rounds):
    """34: one caller posts without end to an actor; others who ask the same actor take turns with it."""
    flooded(cluster, row, rounds, 1, MODELS, ["rate_limited"])


def full_mailbox(cluster, row, rounds):
    """34: so many callers post to an actor that nobody gets in there any more; others ask another actor."""
    flooded(cluster, row, rounds, CROWD, KEYS, ["overloaded"])


ROWS = {
    "34": ("one caller with 1,000 requests at a time, beside eight others", heavy_caller),
    "34b": ("up to a million messages to one actor by one caller, beside eight others", mailbox_flood),
    "34c": (f"up to a million messages to one actor by {CROWD} callers, beside eight of another actor", full_mailbox),
}

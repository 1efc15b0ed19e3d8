"""Requests at a steady pace through an outage: which failed, how, and when it was over."""
import asyncio
import itertools
import time

from async_http import ask, started_of
from token_streams import distinct_name

EVERY = 0.1
PATIENCE = 15.0  # a request without an answer by then hangs


NUMBERS = itertools.count()
GOOD = (200, 201)


def chat(name):
    return "POST", "/v1/chat/completions", {"model": "sim", "messages": [{"role": "user", "content": name}]}


def models(_):
    return "GET", "/v1/models", None


KINDS = {"chat": chat, "models": models}  # one that may run once only, and one that may be asked again


class Probe:
    """What became of one request. Status 0: the connection broke; None: no answer in time."""

    def __init__(self, kind, edge):
        self.kind, self.edge = kind, edge
        self.name = distinct_name("p", next(NUMBERS))
        self.began = time.monotonic()
        self.took = self.status = None
        self.headers, self.body = {}, ""

    @property
    def is_good(self):
        return self.status in GOOD

    @property
    def started(self):
        return None if self.is_good else started_of(self.body)

    def __str__(self):
        return f"{self.kind} at edge {self.edge}: {self.status} after {self.took or 0:.2f} s {self.body[:200]}"


class Probes:
    """Asks each edge each 100 ms for one of each kind, whether the ones before were answered or not. A kind is a
    function that has (method, path, body) for the probe of a name. A context manager."""

    def __init__(self, loop, urls, key, every=EVERY, kinds=None):
        self.loop, self.urls, self.key, self.every, self.kinds = loop, urls, key, every, kinds or KINDS
        self.all, self.tasks = [], set()
        self.is_over = False

    def __enter__(self):
        self.runner = self.loop.start(self._run())
        return self

    def __exit__(self, *_):
        """Waits for those that are on their way."""
        self.is_over = True
        self.runner.result(PATIENCE + 5)

    async def _run(self):
        while not self.is_over:
            for number, url in enumerate(self.urls, 1):
                for kind in self.kinds:
                    probe = Probe(kind, number)
                    self.all.append(probe)
                    task = asyncio.ensure_future(self._ask(probe, url))
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
            await asyncio.sleep(self.every)
        await asyncio.gather(*self.tasks)

    async def _ask(self, probe, url):
        try:
            await asyncio.wait_for(self._exchange(probe, url), PATIENCE)
        except asyncio.TimeoutError:
            pass
        except (OSError, EOFError, ValueError, IndexError) as reason:
            probe.status, probe.body = 0, repr(reason)
        finally:
            probe.took = time.monotonic() - probe.began

    async def _exchange(self, probe, url):
        answer = await ask(url, *self.kinds[probe.kind](probe.name), self.key)
        try:
            probe.headers = answer.headers
            probe.body = (await answer.body()).decode("utf-8", "replace")
            probe.status = answer.status
        finally:
            answer.close()

    # What is asked about them afterwards.

    def failures(self):
        return [p for p in self.all if not p.is_good]

    def hung(self):
        return [p for p in self.all if p.status is None]

    def between(self, begin, end=float("inf")):
        return [p for p in self.all if begin <= p.began < end]

    def healed_after(self, since):
        """Seconds from `since` to the start of the first request behind the last that failed or took more
        than a second."""
        ended = [p for p in self.all if p.took is not None and p.began + p.took >= since]
        bad = [p.began for p in ended if not p.is_good or p.took > 1.0]
        return max(bad) + self.every - since if bad else 0.0

"""Chats whose tokens are numbered, many at a time, and what became of each token.

The simulator's model `sim-count` sends `<name>:0`, `<name>:1` and so on. So a client can tell a token
that was lost from one that came twice, or out of turn, or that belongs to somebody else's stream.
"""
import asyncio
import itertools
import json
import time

from async_http import ask, started_of

DONE, ERROR, REFUSED, BROKEN = "done", "error", "refused", "broken"
INTERVAL = 0.05  # between two tokens, as the simulator sends them
MIXED = 3        # of so many streams one can be resumed, where some are to be: at each of two edges in turn


def distinct_name(letter, number):
    """Of a chat. A bit that flips on a link does not make another chat's name of it."""
    return f"{letter}{number}-{number * 7919 % 10007}"


class Stream:
    """One chat. `end` is None as long as it runs."""

    def __init__(self, name, url, tokens, is_resumable=False):
        self.name, self.url, self.tokens, self.is_resumable = name, url, tokens, is_resumable
        self.seen, self.times = [], []  # the numbers of the tokens, and when each came
        self.events = 0                 # that came, with a token or without
        self.stream_id, self.last_id = None, None  # as the headers and the last of the events have them
        self.said_events, self.said_id = None, None  # how far it came, by its error
        self.foreign = []               # what was no token of this stream
        self.began, self.ended = time.monotonic(), None
        self.end, self.why, self.started, self.code = None, "", None, None
        self.answer = self.task = None

    def finish(self, end, why=""):
        if self.end is None:
            self.end, self.why, self.ended = end, why, time.monotonic()

    def fail(self, error):
        """By the error event."""
        self.started, self.code = error.get("started"), error.get("code")
        self.said_events, self.said_id = error.get("events"), error.get("last_event_id")
        self.finish(ERROR, error["message"])

    @property
    def lost(self):
        """Tokens that are missing before the last one that came, or, when it claims to be whole, at all."""
        upto = self.tokens if self.end == DONE else max(self.seen, default=-1) + 1
        return upto - len(set(self.seen))

    @property
    def doubled(self):
        return len(self.seen) - len(set(self.seen))

    @property
    def resume_id(self):
        """Behind which event to go on; None: it cannot be resumed, or its worker had not named it."""
        return f"{self.stream_id}:{self.events}" if self.stream_id else None

    @property
    def is_told_its_place(self):
        """Whether its error says how many events came and, if it can be resumed, behind which of them to go on."""
        is_named = self.stream_id is not None or not (self.is_resumable and self.events)
        is_counted = self.last_id == (self.resume_id if self.events else None)
        return is_named and is_counted and (self.said_events, self.said_id) == (self.events, self.resume_id)

    @property
    def is_in_order(self):
        return self.seen == sorted(self.seen)

    def gap_around(self, since):
        """The longest silence between two tokens that ended after `since`, beyond the usual one, in s."""
        gaps = [later - sooner for sooner, later in itertools.pairwise(self.times) if later > since]
        return max([gap - INTERVAL for gap in gaps], default=0.0)


class TokenStreams:
    """Opens streams at edges, in turn, in the thread of `loop`."""

    def __init__(self, loop, key):
        self.loop, self.key, self.all = loop, key, []

    def open(self, urls, count, tokens, else_at=(), is_mixed=False):
        """`else_at`: where to ask when a connection is refused, as a load balancer would. `is_mixed`: one of MIXED
        can be resumed, and so outlives its client."""
        made = [Stream(distinct_name("s", len(self.all) + n), urls[n % len(urls)], tokens, is_mixed and n % MIXED == 0)
                for n in range(count)]
        self.all += made
        async def start():
            for n, each in enumerate(made):
                each.task = asyncio.ensure_future(self._run(each, n * INTERVAL / count, else_at))
        self.loop.call(start())
        return made

    async def _ask(self, stream, body, else_at):
        for url in (stream.url, *else_at):
            try:
                return await ask(url, "POST", "/v1/chat/completions", body, self.key)
            except ConnectionRefusedError as reason:
                refused = reason
        raise refused

    async def _run(self, stream, delay, else_at):
        await asyncio.sleep(delay)  # so that the tokens of all do not come at the same moment
        body = {"model": "sim-count", "stream": True, "max_tokens": stream.tokens,
                "messages": [{"role": "user", "content": stream.name}]}
        if stream.is_resumable:
            body["resumable"] = True
        try:
            stream.answer = await self._ask(stream, body, else_at)
            if stream.answer.status != 200:
                text = (await stream.answer.body()).decode("utf-8", "replace")
                stream.started = started_of(text)
                return stream.finish(REFUSED, f"{stream.answer.status} {text}")
            stream.stream_id = stream.answer.headers.get("x-stream-id")
            async for name, data in stream.answer.events():
                stream.last_id = stream.answer.last_id
                self._take(stream, name, data)
                if stream.end:
                    return None
            return stream.finish(BROKEN, "the body ended without [DONE] or an error")
        except (OSError, EOFError, ValueError, IndexError) as reason:
            return stream.finish(BROKEN, repr(reason))
        finally:
            if stream.answer:
                stream.answer.close()

    @staticmethod
    def _take(stream, name, data):
        if data == "[DONE]":
            return stream.finish(DONE)
        try:
            value = json.loads(data)
            if name == "error" or "error" in value:
                return stream.fail(value["error"])
            stream.events += 1
            delta = value["choices"][0]["delta"]
            if set(delta) - {"role", "content", "refusal"}:
                raise ValueError
            content = delta.get("content")
        except (ValueError, LookupError, TypeError, AttributeError):
            return stream.foreign.append(data)
        if content:
            of, _, number = content.strip().rpartition(":")
            if of != stream.name or not number.isdigit():
                return stream.foreign.append(content)
            stream.seen.append(int(number))
            stream.times.append(time.monotonic())
        return None

    def wait_tokens(self, streams, count, within=10.0):
        """Until each has so many tokens, or has ended. False: not in time."""
        return self._wait(within, lambda: all(s.end or len(s.seen) >= count for s in streams))

    def wait(self, streams, within):
        """Until all have ended. False: not in time."""
        return self._wait(within, lambda: all(s.end for s in streams))

    @staticmethod
    def _wait(within, condition):
        until = time.monotonic() + within
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
        return True

    def hang_up(self, stream):
        """Closes the client's connection; returns when."""
        def close():
            stream.task.cancel()
            stream.answer.close()
            stream.finish(BROKEN, "hung up")
            return time.monotonic()
        return self.loop.do(close)

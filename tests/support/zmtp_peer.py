"""Nodes that are only a link: they greet a broker, register a service and beat, hundreds in one thread.

They speak ZMTP 3.1 (DEALER, no security) and docs/wire-protocol.md themselves, so no ZeroMQ is needed.
"""
import asyncio
import contextlib
import os
import random
import struct
import time

HELLO, WELCOME, RESET, REGISTER, REGISTERED, HEARTBEAT, PING, PONG = 1, 2, 3, 4, 5, 16, 17, 18
MORE, LONG, COMMAND = 1, 2, 4
GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f" + b"\3\1" + b"NULL".ljust(20, b"\0") + b"\0" * 32


def pack(value):
    """MessagePack of what headers and link bodies consist of."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack("B", value) if value < 128 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, bytes):
        return b"\xc4" + struct.pack("B", len(value)) + value
    if isinstance(value, str):
        return b"\xd9" + struct.pack("B", len(value)) + value.encode()
    if isinstance(value, dict):
        return struct.pack("B", 0x80 | len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    return struct.pack("B", 0x90 | len(value)) + b"".join(pack(v) for v in value)


def frame(flags, body):
    if len(body) > 255:
        return struct.pack(">BQ", flags | LONG, len(body)) + body
    return struct.pack("BB", flags, len(body)) + body


def ready():
    def named(name, value):
        return struct.pack("B", len(name)) + name + struct.pack(">I", len(value)) + value
    return frame(COMMAND, b"\5READY" + named(b"Socket-Type", b"DEALER") + named(b"Identity", b""))


class Peer:
    """One node. `registered_at`: when a broker last confirmed its service; None while it has none."""

    def __init__(self, port, service, back_off):
        self.port, self.service, self.back_off = port, service, back_off
        self.incarnation, self.link = (int.from_bytes(os.urandom(8), "big") | 1 for _ in range(2))
        self.sent = self.connections = self.attempts = 0
        self.registered_at = None

    async def run(self):
        while True:
            with contextlib.suppress(OSError, EOFError):
                await self._live()
            self.registered_at = None
            self.attempts += 1
            await asyncio.sleep(self.back_off(self.attempts))

    async def _live(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        beat = None
        try:
            self.connections += 1
            writer.write(GREETING + ready())
            await reader.readexactly(len(GREETING))
            self._say(writer, HELLO, {"name": "peer", "incarnation": self.incarnation, "link": self.link,
                                      "roles": ["peer"], "ver_min": 1, "ver_max": 1})
            beat = asyncio.ensure_future(self._beat(writer))
            while True:
                kind = await self._next(reader)
                if kind in (WELCOME, RESET):
                    self._say(writer, REGISTER, {"capacity": 1}, self.service)
                elif kind == REGISTERED:
                    self.registered_at, self.attempts = time.monotonic(), 0
                elif kind == PING:
                    self._say(writer, PONG)
        finally:
            if beat:
                beat.cancel()
            writer.transport.abort()

    async def _beat(self, writer):
        while True:
            await asyncio.sleep(1)
            self._say(writer, HEARTBEAT, {"in_flight": 0, "progress": 0})

    def _say(self, writer, kind, body=None, service=""):
        self.sent += 1
        mid = struct.pack(">QQ", self.incarnation, self.sent | 1 << 63)
        header = pack([1, kind, 0, mid, bytes(16), service, 0, 0, 0, 0, {}])
        writer.write(frame(MORE, header) + frame(0, pack(body)) if body else frame(0, header))

    @staticmethod
    async def _next(reader):
        """The type of the next message. All types are below 128, so it is the header's third byte."""
        kind, more = None, True
        while more:
            flags = (await reader.readexactly(1))[0]
            size = struct.unpack(">Q", await reader.readexactly(8))[0] if flags & LONG else (
                await reader.readexactly(1))[0]
            body = await reader.readexactly(size)
            more = flags & (MORE | COMMAND)
            if kind is None and not flags & COMMAND:
                kind = body[2]
        return kind


def as_documented(chance):
    """The back-off of docs/wire-protocol.md: full jitter up to 20 ms at first, and 1.5 s at most."""
    return lambda attempts: chance.uniform(0, min(1.5, 0.02 * 2 ** min(attempts, 8)))


def impatient(chance):
    """A herd that does not wait."""
    return lambda _: chance.uniform(0.05, 0.15)


class Peers:
    """So many peers at the broker on this port, in the loop's thread, until the block ends."""

    def __init__(self, loop, port, count, back_off, seed):
        self.loop = loop
        chance = random.Random(seed)
        self.all = [Peer(port, "load", back_off(chance)) for _ in range(count)]

    def __enter__(self):
        async def start():
            self.tasks = [asyncio.ensure_future(each.run()) for each in self.all]
        self.loop.call(start())
        return self

    def __exit__(self, *_):
        async def stop():
            for each in self.tasks:
                each.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)
        self.loop.call(stop())

    def registered_since(self, since):
        """When those registered that did since then."""
        return sorted(p.registered_at for p in list(self.all) if p.registered_at and p.registered_at >= since)

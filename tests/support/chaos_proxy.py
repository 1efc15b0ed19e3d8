"""A TCP proxy that is ill on demand: for partitions, resets, delay, narrow and noisy links on loopback.

    proxy = ChaosProxy(loop, target_port, who, chance)
    proxy.port                                      `who(port, proxy.port)`: the name of the client at this port
    proxy.cut("prompt", up=True, down=True)         nothing passes, not even an end; new connections neither
    proxy.heal("prompt")

One proxy stands before one broker, and every node links to it by the same address: nodes tell each other
where brokers are, so a second address would be a way around the fault. Each connection knows whose it is,
and each node has conditions of its own for both directions: up is from node to broker.
"""
import asyncio
import contextlib
import socket
import struct
import time

PIECE = 16 << 10    # read at once
WAITING = 64 << 10  # read and not yet written, a direction; then the proxy stops reading


class Conditions:
    """Of one direction of one node's link. The defaults are a good link."""

    def __init__(self):
        self.delay = self.jitter = 0.0  # seconds; the jitter to either side. Order is kept
        self.rate = 0.0                 # bytes a second; 0: unbounded
        self.spoil = None               # bytes -> the bytes to forward, and whether to break off behind them
        self.flows = asyncio.Event()
        self.flows.set()
        self.bytes = 0                  # forwarded so far

    def cut(self, is_cut):
        self.flows.clear() if is_cut else self.flows.set()


class Connection:
    """A node's connection and the one to the broker that belongs to it."""

    def __init__(self, proxy, name, node):
        self.proxy, self.name, self.ends = proxy, name, {"node": node}
        self.is_over = self.is_reset = False

    async def run(self):
        up, down = self.proxy.conditions(self.name)
        with contextlib.suppress(OSError):
            # A node behind a cut does not reach the broker, and the broker never hears of it.
            await up.flows.wait()
            reader = self.ends["node"][0]
            greeting = await reader.read(PIECE)
            if not greeting or reader.at_eof():
                return self.abort()
            self.ends["broker"] = await asyncio.open_connection("127.0.0.1", self.proxy.target_port)
            await asyncio.gather(Pump(self, "node", "broker", up).run(greeting),
                                 Pump(self, "broker", "node", down).run())
        return self.abort()

    def abort(self):
        """RST to both sides."""
        if self.is_over:
            return
        self.is_over = True
        for _, writer in self.ends.values():
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Pump:
    """Forwards one direction of a connection. What ends it waits for a cut to heal, as a FIN or RST would."""

    def __init__(self, connection, source, target, conditions):
        self.connection, self.conditions = connection, conditions
        self.reader, self.writer = connection.ends[source][0], connection.ends[target][1]
        self.pieces, self.waiting, self.has_room = asyncio.Queue(), 0, asyncio.Event()
        self.chance = connection.proxy.chance

    async def run(self, data=b""):
        writing = asyncio.ensure_future(self._write())
        due = 0.0
        while data is not None:
            if data:
                sway = self.chance.uniform(-self.conditions.jitter, self.conditions.jitter)
                due = max(due, time.monotonic() + self.conditions.delay + sway)
                self.pieces.put_nowait((due, data))
                self.waiting += len(data)
            while self.waiting > WAITING:
                self.has_room.clear()
                await self.has_room.wait()
            try:
                data = await self.reader.read(PIECE) or None
            except OSError:
                self.connection.is_reset = True
                data = None
        self.pieces.put_nowait((due, None))
        await writing

    async def _write(self):
        while True:
            due, data = await self.pieces.get()
            if self.conditions.delay:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.conditions.flows.wait()
            if data is None:
                return self._end()
            is_last = False
            if self.conditions.spoil:
                data, is_last = self.conditions.spoil(data)
            await self._put(data)
            if is_last:
                return self.connection.abort()
            self.waiting -= len(data)
            self.has_room.set()

    def _end(self):
        if self.connection.is_reset:
            return self.connection.abort()
        with contextlib.suppress(OSError):
            self.writer.write_eof()
        return None

    async def _put(self, data):
        """A peer that is gone takes nothing more; the other side learns of it by its own direction."""
        rate = self.conditions.rate
        step = max(512, int(rate / 50)) if rate else max(1, len(data))  # what was spoilt may be empty
        with contextlib.suppress(OSError):
            for begin in range(0, len(data), step):
                if self.writer.transport.is_closing():
                    return
                part = data[begin:begin + step]
                self.writer.write(part)
                await self.writer.drain()
                self.conditions.bytes += len(part)
                if rate:
                    await asyncio.sleep(len(part) / rate)


class ChaosProxy:
    """Listens at a port of its own as long as it lives."""

    def __init__(self, loop, target_port, who, chance):
        self.loop, self.target_port, self.who, self.chance = loop, target_port, who, chance
        self.links = {}  # name of a node -> conditions up, conditions down
        self.connections = set()
        self.port = self.loop.call(self._listen())

    async def _listen(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=512)
        return self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        name = self.who(writer.get_extra_info("peername")[1], self.port)
        if not name:  # gone again, or it would escape its faults: it may try once more
            return writer.transport.abort()
        made = Connection(self, name, (reader, writer))
        self.connections.add(made)
        try:
            await made.run()
        finally:
            made.abort()
            self.connections.discard(made)
        return None

    def conditions(self, name):
        return self.links.setdefault(name, (Conditions(), Conditions()))

    # From the test's thread. `name` None: everybody.

    def change(self, name, what, up=True, down=True):
        """Calls what(conditions) in the loop, for the directions chosen."""
        def run():
            for each in [name] if name else list(self.links):
                for conditions, is_chosen in zip(self.conditions(each), (up, down)):
                    if is_chosen:
                        what(conditions)
        self.loop.do(run)

    def cut(self, name, up=True, down=True):
        self.change(name, lambda c: c.cut(True), up, down)

    def heal(self, name=None):
        """A good link again; what waited passes."""
        def good(c):
            c.delay = c.jitter = c.rate = 0.0
            c.spoil = None
            c.cut(False)
        self.change(name, good)

    def set(self, name, up=True, down=True, **values):
        self.change(name, lambda c: [setattr(c, field, value) for field, value in values.items()], up, down)

    def reset(self, name=None):
        """RST to both sides of all connections; returns how many."""
        def run():
            chosen = [c for c in self.connections if name in (None, c.name)]
            for each in chosen:
                each.abort()
            return len(chosen)
        return self.loop.do(run)

    def close(self):
        def run():
            self.server.close()
            for each in list(self.connections):
                each.abort()
        self.loop.do(run)

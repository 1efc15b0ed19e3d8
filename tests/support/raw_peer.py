"""A peer of a broker that says byte for byte what a test wants, well-formed or not.

    with RawPeer(port) as peer:                    it has said HELLO
        peer.ask("router.prompt.models/v1", ext={"cr": key})    -> (header, body) of the answer
        peer.send(b"\\xdd\\xff\\0\\0\\0")                          any frames; peer.is_closed() afterwards?

Blocking, over one plain TCP connection (ZMTP 3.1, no security). docs/wire-protocol.md has the frames.
"""
import os
import socket
import struct
import time

from zmtp_peer import COMMAND, GREETING, HELLO, LONG, MORE, PING, PONG, frame, pack, ready

REQUEST, FINAL, ERROR = 7, 12, 13


def unpack(data, at=0):
    """The MessagePack value at this place, and the place behind it: what brokers and services send."""
    kind, at = data[at], at + 1
    if kind < 0x80 or kind >= 0xe0:
        return kind if kind < 0x80 else kind - 256, at
    if kind in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[kind], at
    if kind in (0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3):
        form = {0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}[kind]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if kind == 0xcb:
        return struct.unpack_from(">d", data, at)[0], at + 8
    short = {0xa: (0x1f, "str"), 0xb: (0x1f, "str"), 0x9: (0x0f, "array"), 0x8: (0x0f, "map")}.get(kind >> 4)
    if short:
        size, what = kind & short[0], short[1]
    else:
        what, form = {0xc4: ("bin", ">B"), 0xc5: ("bin", ">H"), 0xc6: ("bin", ">I"), 0xd9: ("str", ">B"),
                      0xda: ("str", ">H"), 0xdb: ("str", ">I"), 0xdc: ("array", ">H"), 0xdd: ("array", ">I"),
                      0xde: ("map", ">H"), 0xdf: ("map", ">I")}[kind]
        size, at = struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if what in ("bin", "str"):
        found = data[at:at + size]
        return found if what == "bin" else found.decode(), at + size
    found = []
    for _ in range(size * (2 if what == "map" else 1)):
        value, at = unpack(data, at)
        found.append(value)
    return dict(zip(found[::2], found[1::2])) if what == "map" else found, at


class RawPeer:
    """`hello` adds to what HELLO says, or takes its place there; None: it says none. `me`: its incarnation, of a
    process that has another connection or had one; such a one goes on with `count`."""

    def __init__(self, port, roles=("load",), hello=(), host="127.0.0.1", me=None, count=0):
        self.me, self.count = me or int.from_bytes(os.urandom(8), "big") | 1, count
        self.socket = socket.create_connection((host, port), 5)
        self.socket.sendall(GREETING + ready())
        self._exactly(len(GREETING))
        if hello is not None:
            self.say(HELLO, pack({"name": "raw", "incarnation": self.me, "link": 1, "roles": list(roles),
                                  "ver_min": 1, "ver_max": 1} | dict(hello)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *frames):
        """One message of these frames."""
        last = len(frames) - 1
        self.socket.sendall(b"".join(frame(MORE if n < last else 0, each) for n, each in enumerate(frames)))

    def header(self, kind, svc="", flags=0, ttl=0, ext=None, more=(), cid=None, seq=0):
        self.count += 1
        mid = struct.pack(">QQ", self.me, self.count)
        cid = cid or (mid if kind == REQUEST else bytes(16))
        return pack([1, kind, flags, mid, cid, svc, ttl, 0, 2, seq, ext or {}, *more])

    @property
    def last_call(self):
        """The call id of a REQUEST that was the last to be said."""
        return struct.pack(">QQ", self.me, self.count)

    def say(self, kind, body=b"", **fields):
        header = self.header(kind, **fields)
        self.send(header, body) if body else self.send(header)

    def ask(self, method, body=b"\x80", within=5.0, **fields):
        """The answer of a request: header and body, or None when there is none in time."""
        self.say(REQUEST, body, svc=method, **{"ttl": 5000} | fields)
        cid = self.last_call
        return self.hear(lambda h: h[4] == cid and h[1] in (FINAL, ERROR), within)

    def is_served(self):
        """Whether the broker answers it still."""
        try:
            self.say(PING)
            return self.hear(lambda h: h[1] == PONG, 3.0) is not None
        except (OSError, EOFError):
            return False

    def hear(self, is_wanted=lambda _: True, within=3.0):
        """The next message that is wanted; others are passed over. Raises EOFError, ConnectionError at the end."""
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frames = self._message()
            except TimeoutError:
                return None
            if frames:
                header = unpack(frames[0])[0]
                if is_wanted(header):
                    return header, unpack(frames[1])[0] if len(frames) > 1 and frames[1] else None
        return None

    def is_closed(self, within=3.0):
        try:
            while self.hear(lambda _: False, within) is None:
                return False
        except (OSError, EOFError):
            return True
        return False

    def _message(self):
        frames, more = [], True
        while more:
            flags = self._exactly(1)[0]
            size = struct.unpack(">Q", self._exactly(8))[0] if flags & LONG else self._exactly(1)[0]
            data = self._exactly(size)
            if flags & COMMAND:
                return frames
            frames.append(data)
            more = flags & MORE
        return frames

    def _exactly(self, size):
        found = b""
        while len(found) < size:
            piece = self.socket.recv(size - len(found))
            if not piece:
                raise EOFError("the broker closed the connection")
            found += piece
        return found

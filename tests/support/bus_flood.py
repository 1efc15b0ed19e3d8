#!/usr/bin/env python3
"""So many requests to one method of one service, as fast as a broker takes and answers them, from a process of its own.

    bus_flood.py --port PORT --method prompt.models/v1 --count 1000000 [--callers 1]

Each request is on behalf of one of the callers, in turn. At most 20,000 are open at a time, which is more than slots and
queue of a service have room for: a broker gives up a peer that does not read its answers. Writes one JSON text when all
are answered, or when no answer has come for 10 s:

    {"answers": {"final": 52000, "rate_limited": 948000}, "doubled": 0, "unanswered": 0, "seconds": 21.5}
"""
import argparse
import collections
import json
import struct
import threading
import time

from raw_peer import ERROR, FINAL, REQUEST, RawPeer
from zmtp_peer import COMMAND, HEARTBEAT, LONG, MORE, PING, PONG, frame, pack

BATCH = 100           # messages a write
OPEN = 20_000
BEAT_SECONDS = 1.0    # a peer that is silent for longer than 3.5 s is given up
PATIENCE = 10.0
PIECE = 1 << 18
COUNT_MARK = b"\xfe" * 8  # where a message's number stands
CALL_ID = slice(24, 40)   # of a header that is an array of bin16 values, docs/wire-protocol.md
CODE_KEY = b"\xa4code"


class Flood:
    def __init__(self, port, method, count, callers):
        self.peer, self.count = RawPeer(port, roles=["router"]), count
        self.templates = [self._template(method, f"flood{n}") for n in range(callers)]
        self.answers, self.ended, self.doubled = collections.Counter(), 0, 0
        self.heard_at = time.monotonic()
        self.is_answered = bytearray(count + 2)  # by the message's number
        self.link_number, self.lock = 1 << 63, threading.Lock()  # what is said of the link has numbers of its own

    def _template(self, method, user):
        """The message in pieces, between which its number goes."""
        mid = struct.pack(">Q", self.peer.me) + COUNT_MARK
        header = pack([1, REQUEST, 0, mid, mid, method, 60_000, 0, 2, 0, {"ca": pack({"user": user})}])
        return (frame(MORE, header) + frame(0, b"\x80")).split(COUNT_MARK)

    def run(self):
        began = time.monotonic()
        reader, beater = (threading.Thread(target=each, daemon=True) for each in (self._read, self._beat))
        reader.start()
        beater.start()
        first = self.peer.count + 1  # behind HELLO's
        for at in range(0, self.count, BATCH):
            numbers = range(first + at, first + min(at + BATCH, self.count))
            if not self._wait_until_ended(at - OPEN + BATCH):
                break
            self._send(b"".join(struct.pack(">Q", n).join(self.templates[n % len(self.templates)]) for n in numbers))
        self._wait_until_ended(self.count)
        return {"answers": self.answers, "doubled": self.doubled, "unanswered": self.count - self.ended,
                "seconds": round(time.monotonic() - began, 1)}

    def _wait_until_ended(self, count):
        """False when no answer came for so long that none will."""
        while self.ended < count:
            if time.monotonic() - self.heard_at > PATIENCE:
                return False
            time.sleep(0.001)
        return True

    def _send(self, data):
        with self.lock:
            self.peer.socket.sendall(data)

    def _beat(self):
        while True:
            time.sleep(BEAT_SECONDS)
            self._say_of_link(HEARTBEAT, frame(0, pack({"in_flight": 0, "progress": 0})))

    def _say_of_link(self, kind, body=b""):
        self.link_number += 1
        mid = struct.pack(">QQ", self.peer.me, self.link_number)
        self._send(frame(MORE if body else 0, pack([1, kind, 0, mid, bytes(16), "", 0, 0, 0, 0, {}])) + body)

    def _read(self):
        """Frames by hand and by the piece: a million answers are to be counted beside a busy cluster."""
        data, header = b"", None
        self.peer.socket.settimeout(None)
        while piece := self.peer.socket.recv(PIECE):
            data, at = data + piece, 0
            while (found := self._frame(data, at)) is not None:
                flags, body, at = found
                if flags & COMMAND:
                    continue
                if header is None and flags & MORE:
                    header = body
                    continue
                self._take(header or body, body if header else b"")
                header = None
            data = data[at:]

    @staticmethod
    def _frame(data, at):
        """Flags, body and the place behind it; None when it is not all there."""
        if len(data) < at + 2:
            return None
        flags = data[at]
        if flags & LONG:
            if len(data) < at + 9:
                return None
            begin, size = at + 9, int.from_bytes(data[at + 1:at + 9], "big")
        else:
            begin, size = at + 2, data[at + 1]
        return (flags, data[begin:begin + size], begin + size) if len(data) >= begin + size else None

    def _take(self, header, body):
        kind = header[2]
        if kind == PING:
            self._say_of_link(PONG)
        if kind not in (FINAL, ERROR):
            return
        self.heard_at = time.monotonic()
        self.answers["final" if kind == FINAL else self._code(body)] += 1
        number = int.from_bytes(header[CALL_ID][8:], "big")
        self.doubled += self.is_answered[number]
        self.ended += not self.is_answered[number]
        self.is_answered[number] = 1

    @staticmethod
    def _code(body):
        at = body.index(CODE_KEY) + len(CODE_KEY)
        return body[at + 1:at + 1 + (body[at] & 0x1f)].decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--callers", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(Flood(options.port, options.method, options.count, options.callers).run()))


if __name__ == "__main__":
    main()

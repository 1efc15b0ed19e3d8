"""A name server of the test's own, for its own namespace (isolation.py): it answers, refuses, or says nothing.

    with StubResolver() as names:
        names.records["brokers.test"] = ["127.0.0.2", "127.0.0.3"]
        names.mood = NXDOMAIN            ANSWER, NXDOMAIN, SERVFAIL, SILENT
        names.asked, names.answered      how many questions there were, and how many had an address
"""
import pathlib
import socket
import struct
import tempfile
import threading

from isolation import need, run

ANSWER, NXDOMAIN, SERVFAIL, SILENT = "answers", "says NXDOMAIN", "says SERVFAIL", "is silent"
ADDRESS = "127.0.0.53"
TYPE_A = 1


def question(data):
    """The name, the type and the end of a query's question."""
    labels, at = [], 12
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels).lower(), struct.unpack_from(">H", data, at + 1)[0], at + 5


def answer(data, mood, records):
    """The reply to a query; None: there is none."""
    name, kind, end = question(data)
    if mood == SILENT:
        return None
    code = {ANSWER: 0, NXDOMAIN: 3, SERVFAIL: 2}[mood]
    found = records.get(name)
    if code == 0 and found is None:
        code = 3
    found = found if code == 0 and kind == TYPE_A else []
    head = struct.pack(">HHHHHH", struct.unpack_from(">H", data)[0], 0x8180 | code, 1, len(found), 0, 0)
    return head + data[12:end] + b"".join(struct.pack(">HHHIH", 0xc00c, TYPE_A, 1, 0, 4) + socket.inet_aton(each)
                                          for each in found)


class StubResolver:
    """Mounts its own address over /etc/resolv.conf."""

    def __init__(self):
        need("mount")
        self.records, self.mood, self.asked, self.answered = {}, ANSWER, 0, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((ADDRESS, 53))
        self.socket.settimeout(0.1)
        self.is_over = False
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            conf.write(f"nameserver {ADDRESS}\n")
            conf.flush()
            run("mount", "--bind", conf.name, "/etc/resolv.conf")
            pathlib.Path(conf.name).chmod(0o644)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run("umount", "/etc/resolv.conf")
        self.is_over = True
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while not self.is_over:
            try:
                data, peer = self.socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            reply = answer(data, self.mood, self.records)
            self.answered += bool(reply and reply[6:8] != b"\0\0")
            if reply:
                self.socket.sendto(reply, peer)

"""Workers of a service of their own that die of certain requests: all connections of the one that begins such a
request end at once, as when its process crashes.

    with DoomedWorkers(8, ports, "doomed", {"doomed.once/v1": "once"}, is_deadly) as workers:
        workers.begun         (method, body) of each request that one of them began
        workers.alive         how many live

`is_deadly(method, body)`: whether who begins that request dies of it. They speak docs/wire-protocol.md through raw_peer,
all in one thread.
"""
import contextlib
import select
import socket
import struct
import threading
import time

from raw_peer import FINAL, REQUEST, RawPeer
from zmtp_peer import HEARTBEAT, PING, PONG, REGISTER, REGISTERED, pack

ACCEPT, START, ON_START = 8, 9, 128
BEAT_SECONDS = 0.5
PATIENCE = 5.0  # until a broker has taken a worker in


class DoomedWorker:
    """One process, so to say: a link to each broker, and one request at a time over each, so that what it takes with
    it is what it dies of and nothing else."""

    def __init__(self, ports, service, methods):
        self.links, self.waiting = [], {}
        for number, port in enumerate(ports):
            me = self.links[0].me if self.links else None
            link = RawPeer(port, roles=[service], me=me, hello={"link": number + 1})
            self.links.append(link)
            link.say(REGISTER, pack({"capacity": 1, "methods": methods}), svc=service)
            if link.hear(lambda h: h[1] == REGISTERED, PATIENCE) is None:
                raise EOFError(f"a broker does not let a worker serve {service}")

    def beat(self):
        for link in self.links:
            link.say(HEARTBEAT, pack({"in_flight": 0, "progress": 0}))

    def take(self, link):
        """A message that has come. Returns method and body of a request that is to begin now."""
        found = link.hear(within=1.0)
        if found is None:
            return None
        header, body = found
        kind, cid = header[1], header[4]
        if kind == PING:
            link.say(PONG)
        elif kind == REQUEST and header[2] & ON_START:
            self.waiting[cid] = header[5], body
            link.say(ACCEPT, cid=cid, svc=header[5])
        elif kind == REQUEST:
            return cid, header[5], body
        elif kind == START and cid in self.waiting:
            return cid, *self.waiting.pop(cid)
        return None

    def die(self):
        for link in self.links:
            link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.socket.close()


class DoomedWorkers:
    def __init__(self, count, ports, service, methods, is_deadly):
        self.is_deadly, self.begun, self.is_over = is_deadly, [], threading.Event()
        self._all = [DoomedWorker(ports, service, methods) for _ in range(count)]
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def alive(self):
        return len(self._all)

    def begun_with(self, body):
        return sum(each == body for _, each in self.begun)

    def _run(self):
        due = 0.0
        while not self.is_over.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + BEAT_SECONDS
                for each in self._all:
                    each.beat()
            links = {link.socket: (worker, link) for worker in self._all for link in worker.links}
            for ready in select.select(list(links), [], [], 0.05)[0]:
                worker, link = links[ready]
                if worker in self._all:
                    self._serve(worker, link)

    def _serve(self, worker, link):
        request = worker.take(link)
        if request is None:
            return
        cid, method, body = request
        self.begun.append((method, body))
        if self.is_deadly(method, body):
            self._all.remove(worker)
            return worker.die()
        return link.say(FINAL, pack({"text": "served"}), cid=cid)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self._thread.join(PATIENCE)
        for each in self._all:
            with contextlib.suppress(OSError):
                each.die()

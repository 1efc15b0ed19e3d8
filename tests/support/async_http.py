"""A small HTTP client for an asyncio loop: hundreds of requests and event streams in one thread."""
import asyncio
import contextlib
import json
import urllib.parse


class Answer:
    """An answer whose headers have come; the body is read from `reader`."""

    def __init__(self, status, headers, reader, writer):
        self.status, self.headers, self.reader, self.writer = status, headers, reader, writer
        self.last_id = None  # of the events that events() has given

    async def pieces(self):
        """The body as it comes. Raises IncompleteReadError when the connection ends before the body does."""
        if self.headers.get("transfer-encoding") != "chunked":
            yield await self.reader.readexactly(int(self.headers.get("content-length", "0")))
            return
        while True:
            line = await self.reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            piece = await self.reader.readexactly(size + 2)
            if size == 0:
                return
            yield piece[:-2]

    async def body(self):
        return b"".join([piece async for piece in self.pieces()])

    async def events(self):
        """Server-sent events: (name or "", data); `last_id` is the id of the last one that had any."""
        rest = b""
        async for piece in self.pieces():
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                name, data = "", []
                for line in block.decode("utf-8", "replace").split("\n"):
                    if line.startswith("data: "):
                        data.append(line[6:])
                    elif line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("id: "):
                        self.last_id = line[4:]
                if data:
                    yield name, "\n".join(data)

    def close(self):
        with contextlib.suppress(Exception):
            self.writer.transport.abort()


async def ask(url, method="GET", path="/", body=None, key=None):
    """Sends one request over a connection of its own and returns its Answer; close() that."""
    where = urllib.parse.urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        head = [f"{method} {path} HTTP/1.1", f"host: {where.netloc}", "connection: close"]
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            head += ["content-type: application/json", f"content-length: {len(data)}"]
        if key:
            head.append(f"authorization: Bearer {key}")
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Answer(int(lines[0].split(" ")[1]), headers, reader, writer)
    except BaseException:
        writer.transport.abort()
        raise


def started_of(body):
    """What an error says of its work: `yes`, `no` or `unknown`; None when it does not say."""
    try:
        return json.loads(body)["error"].get("started")
    except (ValueError, LookupError, TypeError, AttributeError):
        return None

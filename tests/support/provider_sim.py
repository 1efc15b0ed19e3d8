#!/usr/bin/env python3
"""A model provider that speaks OpenAI's protocol, for tests: deterministic, and ill on demand.

    provider_sim.py [--host 127.0.0.1] [--port 0] [--key KEY] [--pace SECONDS] [--keep N]
                                                                   prints `port N` when it listens

POST /v1/chat/completions, POST /v1/embeddings, GET /v1/models, GET /v1/models/{id}. The model's name
chooses the behaviour:
    sim              answers `You said: <last user message>`, plain or a word a chunk
    sim-slow         the same, a chunk each 50 ms (--pace), as many as `max_tokens` says (40)
    sim-count        streamed: `<last user message>:0`, `…:1` and so on, at that pace and so many, so that
                     a reader sees which chunk was lost or came twice
    sim-flood        streamed: `max_tokens` chunks (40) of 1 KiB each, as fast as the reader takes them
    sim-stall        headers (and, streamed, the first chunk), then silence
    sim-silent       takes the request and never answers
    sim-break        closes in the middle of the answer
    sim-429          429 with `retry-after: 7`
    sim-500          500
    sim-badjson      200 and no JSON; streamed, a good chunk and then a bad one
    sim-tools        calls the function `get_weather`
    sim-early-error  streamed: 200 and an error as the first event; plain: 200 with an `error`
    sim-late-error   streamed: two chunks, then an error

What tests look at (no key needed):
    GET  /sim/last          the last /v1 request: method, path, headers, body as it came
    GET  /sim/connections   one entry a /v1 request: path, model, text, asked (bytes of the body), sent (bytes of
                            the answer), said (streamed chunks with text), start, first_byte, finished, closed
                            (when the peer was seen to close), in seconds of the system's monotonic clock,
                            which other processes of this machine can compare with
    POST /sim/reset         forgets both
"""
import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import math
import signal
import struct
import time
from http import HTTPStatus

MODELS = ["sim", "sim-slow", "sim-count", "sim-flood", "sim-stall", "sim-silent", "sim-break", "sim-429", "sim-500",
          "sim-badjson", "sim-tools", "sim-early-error", "sim-late-error", "sim-embed"]
FLOOD_BYTES = 1024
CREATED = 1_700_000_000


class Provider:
    """What all connections share."""

    def __init__(self, key, pace, keep):
        self.key, self.pace, self.keep = key, pace, keep
        self.reset()

    def reset(self):
        self.last = None
        self.requests = []


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


def error_body(message, kind="invalid_request_error", code=None, param=None):
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def text_of(content):
    """A message's content as text: a string, or the text parts of a list."""
    if isinstance(content, list):
        return "".join(p.get("text", "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def last_user_text(body):
    for message in reversed(body.get("messages", [])):
        if isinstance(message, dict) and message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def usage_of(body, answer):
    prompt = sum(len(text_of(m.get("content")).split()) for m in body.get("messages", []))
    completion = max(1, len(answer.split()))
    return {"prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt + completion}


def embedding_of(text, size):
    """A unit vector that depends on the text alone, exactly representable as float32."""
    raw = []
    block = 0
    while len(raw) < size:
        digest = hashlib.sha256(f"{block}:{text}".encode()).digest()
        raw += [b / 127.5 - 1 for b in digest]
        block += 1
    raw = raw[:size]
    norm = math.sqrt(sum(x * x for x in raw)) or 1.0
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(x / norm for x in raw))))


class Connection(asyncio.Protocol):
    """One client connection: reads requests, answers them one after the other."""

    def __init__(self, provider):
        self.provider = provider
        self.buffer = bytearray()
        self.arrived = asyncio.Event()
        self.closed = asyncio.Event()
        self.has_room = asyncio.Event()  # the peer takes what is written
        self.has_room.set()
        self.closed_at = None
        self.entries = []  # of this connection's requests
        self.entry = None

    # asyncio's side

    def connection_made(self, transport):
        self.transport = transport
        self.task = asyncio.ensure_future(self.run())

    def data_received(self, data):
        self.buffer += data
        self.arrived.set()

    def eof_received(self):
        self.note_closed()
        return False

    def connection_lost(self, _):
        self.note_closed()

    def pause_writing(self):
        self.has_room.clear()

    def resume_writing(self):
        self.has_room.set()

    def note_closed(self):
        if self.closed_at is None:
            self.closed_at = time.monotonic()
            for entry in self.entries:
                entry["closed"] = self.closed_at
        self.closed.set()
        self.arrived.set()
        self.has_room.set()

    # Reading

    async def run(self):
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while (request := await self.read_request()) is not None:
                await self.answer(request)
                if self.transport.is_closing():
                    return
        self.transport.close()

    async def read_until(self, condition):
        while not condition():
            if self.closed.is_set():
                return False
            self.arrived.clear()
            await self.arrived.wait()
        return True

    async def read_request(self):
        if not await self.read_until(lambda: b"\r\n\r\n" in self.buffer):
            return None
        end = self.buffer.index(b"\r\n\r\n")
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[:end + 4]
        method, path, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        if not await self.read_until(lambda: len(self.buffer) >= length):
            return None
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return Request(method, path, headers, body)

    # Writing

    def write(self, data):
        if self.transport.is_closing():
            raise ConnectionResetError
        if self.entry is not None and self.entry["first_byte"] is None:
            self.entry["first_byte"] = time.monotonic()
        if self.entry is not None:
            self.entry["sent"] += len(data)
        self.transport.write(data)

    def send(self, status, value, headers=()):
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "content-type: application/json",
                f"content-length: {len(body)}", "x-request-id: req_sim", *headers]
        self.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def begin_stream(self):
        self.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                   b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n"
                   b"x-request-id: req_sim\r\n\r\n")

    def send_chunk(self, data):
        self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def send_event(self, value):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self.send_chunk(f"data: {text}\n\n".encode())

    def end_stream(self):
        self.send_event("[DONE]")
        self.write(b"0\r\n\r\n")

    def break_off(self):
        self.transport.abort()

    async def until_closed(self):
        await self.closed.wait()
        self.transport.close()

    # Routes

    async def answer(self, request):
        path = request.path.split("?")[0]
        self.entry = None
        if path.startswith("/sim/"):
            return self.answer_sim(request, path)
        self.provider.last = {"method": request.method, "path": request.path,
                              "headers": request.headers,
                              "body": request.body.decode("utf-8", "replace")}
        self.entry = {"id": len(self.provider.requests), "path": path, "model": None, "text": None,
                      "asked": len(request.body), "sent": 0, "said": 0, "start": time.monotonic(),
                      "first_byte": None, "finished": None, "closed": self.closed_at}
        self.entries.append(self.entry)
        if len(self.provider.requests) < self.provider.keep:
            self.provider.requests.append(self.entry)
        await self.answer_v1(request, path)
        if self.entry["finished"] is None and not self.transport.is_closing():
            self.entry["finished"] = time.monotonic()

    def answer_sim(self, request, path):
        if (request.method, path) == ("GET", "/sim/last"):
            return self.send(200, self.provider.last)
        if (request.method, path) == ("GET", "/sim/connections"):
            return self.send(200, self.provider.requests)
        if (request.method, path) == ("POST", "/sim/reset"):
            self.provider.reset()
            return self.send(200, {})
        return self.send(404, error_body("no such route of the simulator"))

    async def answer_v1(self, request, path):
        key = self.provider.key
        if key and request.headers.get("authorization") != f"Bearer {key}":
            return self.send(401, error_body("Incorrect API key provided", code="invalid_api_key"))
        if request.method == "GET" and path == "/v1/models":
            return self.send(200, {"object": "list", "data": [self.model(m) for m in MODELS]})
        if request.method == "GET" and path.startswith("/v1/models/"):
            name = path.removeprefix("/v1/models/")
            return self.send(200, self.model(name)) if name in MODELS else self.no_model(name)
        if request.method != "POST" or path not in ("/v1/chat/completions", "/v1/embeddings"):
            return self.send(404, error_body(f"Invalid URL ({request.method} {path})"))
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self.send(400, error_body("We could not parse the JSON body of your request."))
        self.entry["model"] = body.get("model")
        if path == "/v1/embeddings":
            return self.embeddings(body)
        return await self.chat(body)

    @staticmethod
    def model(name):
        return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}

    def no_model(self, name):
        self.send(404, error_body(f"The model `{name}` does not exist", code="model_not_found",
                                  param="model"))

    def embeddings(self, body):
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts:
            return self.send(400, error_body("'input' is required", param="input"))
        size = body.get("dimensions") or 16
        vectors = [embedding_of(json.dumps(t), size) for t in texts]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack(f"<{size}f", *v)).decode() for v in vectors]
        tokens = sum(len(str(t).split()) for t in texts)
        return self.send(200, {
            "object": "list", "model": body.get("model"),
            "data": [{"object": "embedding", "index": i, "embedding": v}
                     for i, v in enumerate(vectors)],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})

    # Chats

    async def chat(self, body):
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
            return self.send(400, error_body("'messages' is required", param="messages"))
        self.entry["text"] = last_user_text(body)
        if model not in MODELS or model == "sim-embed":
            return self.no_model(model)
        if model == "sim-silent":
            return await self.until_closed()
        if model == "sim-429":
            return self.send(429, error_body("Rate limit reached for sim-429", "requests",
                                             "rate_limit_exceeded"), ["retry-after: 7"])
        if model == "sim-500":
            return self.send(500, error_body("The server had an error", "server_error"))
        if body.get("stream"):
            return await self.stream(body, model)
        return await self.plain(body, model)

    def answer_text(self, body):
        return f"You said: {last_user_text(body)}"

    async def plain(self, body, model):
        text = self.answer_text(body)
        message = {"role": "assistant", "content": text, "refusal": None}
        finish = "stop"
        if model == "sim-tools":
            message.update(content=None, tool_calls=[
                {"id": "call_sim", "type": "function",
                 "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}])
            finish = "tool_calls"
        if model == "sim-badjson":
            return self.send(200, b'{"id": "chatcmpl-sim", "choices": [')
        if model == "sim-early-error":
            return self.send(200, error_body("The model is overloaded", "server_error"))
        answer = {"id": "chatcmpl-sim", "object": "chat.completion", "created": CREATED,
                  "model": model, "system_fingerprint": "fp_sim", "usage": usage_of(body, text),
                  "choices": [{"index": 0, "message": message, "finish_reason": finish,
                               "logprobs": None}]}
        if model in ("sim-stall", "sim-break"):
            self.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                       b"content-length: 4096\r\n\r\n{\"id\":")
            return self.break_off() if model == "sim-break" else await self.until_closed()
        if model == "sim-slow":
            await asyncio.wait([asyncio.ensure_future(self.closed.wait())],
                               timeout=self.provider.pace * int(body.get("max_tokens") or 40))
        return self.send(200, answer)

    def chunk(self, body, delta, finish=None):
        out = {"id": "chatcmpl-sim", "object": "chat.completion.chunk", "created": CREATED,
               "model": body["model"], "system_fingerprint": "fp_sim",
               "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        if (body.get("stream_options") or {}).get("include_usage"):
            out["usage"] = None
        return out

    async def stream(self, body, model):
        self.begin_stream()
        if model == "sim-early-error":
            self.send_event(error_body("The model is overloaded", "server_error"))
            return self.transport.close()
        self.send_event(self.chunk(body, {"role": "assistant", "content": "", "refusal": None}))
        if model == "sim-stall":
            return await self.until_closed()
        if model == "sim-badjson":
            self.send_event('{"id": "chatcmpl-sim", "choices": [')
            return self.transport.close()
        if model == "sim-tools":
            return self.stream_tools(body)
        words = self.answer_text(body).split(" ")
        if model == "sim-slow":
            words = [words[i % len(words)] for i in range(int(body.get("max_tokens") or 40))]
        if model == "sim-count":
            words = [f"{last_user_text(body)}:{i}" for i in range(int(body.get("max_tokens") or 40))]
        if model == "sim-flood":
            # One by one: to make all of them first would hold up everybody else for a while.
            words = (f"{i:04}".ljust(FLOOD_BYTES, ".") for i in range(int(body.get("max_tokens") or 40)))
        for i, word in enumerate(words):
            if model == "sim-flood":
                await asyncio.sleep(0)
                await self.has_room.wait()
            if model in ("sim-slow", "sim-count"):
                await asyncio.sleep(self.provider.pace)
            if i == 2 and model == "sim-break":
                await asyncio.sleep(self.provider.pace)  # so that the words before have left
                return self.break_off()
            if i == 2 and model == "sim-late-error":
                self.send_event(error_body("The model ran out of breath", "server_error"))
                return self.transport.close()
            self.send_event(self.chunk(body, {"content": (" " if i else "") + word}))
            self.entry["said"] += 1
        self.send_event(self.chunk(body, {}, "stop"))
        self.finish_stream(body)

    def stream_tools(self, body):
        def call(**fields):
            return self.chunk(body, {"tool_calls": [{"index": 0, **fields}]})
        self.send_event(call(id="call_sim", type="function",
                             function={"name": "get_weather", "arguments": ""}))
        for piece in ('{"city"', ':"Pa', 'ris"}'):
            self.send_event(call(function={"arguments": piece}))
        self.send_event(self.chunk(body, {}, "tool_calls"))
        self.finish_stream(body)

    def finish_stream(self, body):
        if (body.get("stream_options") or {}).get("include_usage"):
            last = self.chunk(body, {})
            last.update(choices=[], usage=usage_of(body, self.answer_text(body)))
            self.send_event(last)
        self.end_stream()


async def serve(host, port, provider):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(provider), host, port, backlog=1024)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    print(f"port {server.sockets[0].getsockname()[1]}", flush=True)
    await stop.wait()
    server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="the only key that is taken; default: any")
    parser.add_argument("--pace", type=float, default=0.05, help="seconds between two chunks of the slow models")
    parser.add_argument("--keep", type=int, default=10_000, help="requests that /sim/connections tells of")
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port, Provider(options.key, options.pace, options.keep)))


if __name__ == "__main__":
    main()

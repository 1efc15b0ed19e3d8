"""Starts and stops the program and the provider simulator: for the end-to-end suite, fault tests
and benches. Standard library only.

    with Simulator() as sim, Troupe(program, shape="six", data=folder, provider=sim.base_url) as troupe:
        troupe.url, troupe.api_key, troupe.nodes["prompt"].kill()
"""
import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

SUPPORT = pathlib.Path(__file__).resolve().parent
PROVIDER_KEY = "sk-sim"
SETTINGS = ("TROUPE_", "OPENAI_", "DATABASE_URL", "REDIS_URL", "QDRANT_URL", "SQLITE_PATH",
            "MONGODB_URL", "JWT_SECRET", "SECRET_KEY", "LOG_LEVEL", "APP_PORT")


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(extra=None):
    """This process' environment without settings of the program."""
    out = {k: v for k, v in os.environ.items() if not k.startswith(SETTINGS)}
    out.update(extra or {})
    return out


class Failed(Exception):
    """A process did not do what it should; the message has its output."""


class Node:
    """One process, its output kept line by line."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.environment = environment
        self.lines = []
        self.process = None
        self.ready_seconds = None

    def start(self, ready="ready", within=20.0):
        """Starts it and waits for a line that begins with `ready`; returns that line."""
        begun = time.monotonic()
        self.lines = []
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, errors="replace",
                                        env=self.environment, start_new_session=True)
        found = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, args=(self.process, found, ready), daemon=True)
        self.reader.start()
        with contextlib.suppress(queue.Empty):
            line = found.get(timeout=within)
            if line is not None:
                self.ready_seconds = time.monotonic() - begun
                return line
        code = self.process.poll()
        self.kill()
        raise Failed(f"{self.name} printed no line that begins with `{ready}` "
                     f"({'exit code ' + str(code) if code is not None else f'{within} s'}):\n{self.output()}")

    def _read(self, process, found, ready):
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip("\n"))
                if line.startswith(ready):
                    found.put(line.rstrip("\n"))
        found.put(None)

    def output(self, last=40):
        return "\n".join(f"  {self.name}| {line}" for line in self.lines[-last:])

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, which=signal.SIGTERM):
        if self.running:
            self.process.send_signal(which)

    def wait(self, within=5.0):
        """The exit code. Fails when it has not ended in time (and kills it then)."""
        try:
            code = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not end within {within} s:\n{self.output()}") from None
        self.reader.join(1)
        return code

    def kill(self):
        """kill -9, and waits for the end."""
        if self.process is None:
            return
        if self.running:
            self.process.kill()
        self.process.wait()
        self.reader.join(1)


class Simulator(Node):
    """tests/support/provider_sim.py on a free port, with more arguments of its own."""

    def __init__(self, *arguments):
        super().__init__("simulator", [sys.executable, SUPPORT / "provider_sim.py", "--key", PROVIDER_KEY, *arguments])
        self.url = ""

    def __enter__(self):
        port = re.match(r"port (\d+)", self.start(ready="port ")).group(1)
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self.signal()
        with contextlib.suppress(Failed):
            self.wait()

    @property
    def base_url(self):
        return f"{self.url}/v1"

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)


class Troupe:
    """The program in one of its shapes: `one` process, or `six` over ZeroMQ."""

    ORDER = ("broker", "auth", "log", "prompt", "router", "edge")

    def __init__(self, program, shape, data, provider="", arguments=(), environment=None, port=None):
        self.program = pathlib.Path(program).resolve()
        self.shape = shape
        self.data = pathlib.Path(data)
        self.arguments = list(arguments)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = dict(environment or {})
        if provider:
            settings |= {"OPENAI_BASE_URL": provider, "OPENAI_API_KEY": PROVIDER_KEY}
        self.environment = clean_environment(settings)
        self.nodes = self._nodes()

    def _nodes(self):
        http = ["--http", f"127.0.0.1:{self.port}"]
        data = ["--data", self.data]
        if self.shape == "one":
            return {"all": self._node("all", [*http, *data])}
        broker = f"tcp://127.0.0.1:{free_port()}"
        join = ["--join", broker]
        more = {"broker": ["--bind", broker], "edge": [*http, *join], "router": join}
        return {role: self._node(role, ["--roles", role, *more.get(role, [*data, *join])])
                for role in self.ORDER}

    def _node(self, name, arguments):
        return Node(name, [self.program, "serve", *arguments, *self.arguments], self.environment)

    @property
    def api_key(self):
        return (self.data / "admin.key").read_text().strip()

    def start(self):
        try:
            for node in self.nodes.values():
                node.start()
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + "/ready", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_ready(self, within=10.0):
        until = time.monotonic() + within
        while not self.is_ready():
            if time.monotonic() > until:
                raise Failed(f"/ready did not become 200 within {within} s:\n{self.output()}")
            time.sleep(0.02)

    def terminate(self, at_once=True):
        """SIGTERM to all: at once, or in turn, each when the one before has ended, who asks before
        who answers. Returns without waiting for the ends."""
        nodes = [node for node in reversed(self.nodes.values()) if node.process is not None]
        if at_once:
            for node in nodes:
                node.signal()
            return
        def in_turn():
            for node in nodes:
                node.signal()
                node.process.wait()
        threading.Thread(target=in_turn, daemon=True).start()

    def wait_ended(self, within=5.0):
        """Every process must have ended with 0 within this time, all together."""
        until = time.monotonic() + within
        codes = {node.name: node.wait(max(0.1, until - time.monotonic()))
                 for node in reversed(self.nodes.values()) if node.process is not None}
        bad = {name: code for name, code in codes.items() if code != 0}
        if bad:
            raise Failed(f"exit codes {bad}:\n{self.output()}")

    def stop(self, within=5.0, at_once=True):
        """SIGTERM to all; every one must exit with 0. Returns the seconds."""
        begun = time.monotonic()
        self.terminate(at_once)
        self.wait_ended(within)
        return time.monotonic() - begun

    def kill(self):
        for node in self.nodes.values():
            node.kill()

    def output(self):
        return "\n".join(node.output() for node in self.nodes.values())

    def rss_kib(self):
        """Resident memory of all processes together."""
        total = 0
        for node in self.nodes.values():
            status = pathlib.Path(f"/proc/{node.process.pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        return total

    def __enter__(self):
        return self.start()

    def __exit__(self, failed, *_):
        if failed is None:
            self.stop()
        else:
            self.kill()


def call(url, method="GET", path="/", body=None, key=None, timeout=10.0, headers=None):
    """One HTTP request: (status, body as JSON or text). Status 0: no answer."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method, headers=headers or {})
    if data is not None:
        request.add_header("content-type", "application/json")
    if key:
        request.add_header("authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            status, raw = answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            status, raw = refused.code, refused.read()
    except (OSError, urllib.error.URLError, ConnectionError) as broken:
        return 0, str(broken)
    except Exception as broken:  # http.client's own exceptions are no OSError
        return 0, repr(broken)
    try:
        return status, json.loads(raw) if raw else None
    except ValueError:
        return status, raw.decode("utf-8", "replace")

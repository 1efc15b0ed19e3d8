"""The program as a cluster with two brokers, and what its processes say of themselves."""
import collections
import datetime
import random
import re
import time

from bus_keys import BusKeys
from chaos_proxy import ChaosProxy
from connection_owner import owner_of
from loop_thread import LoopThread
from token_streams import TokenStreams
from troupe_process import Failed, Node, Simulator, Troupe, call, free_port

BROKERS = ("broker_a", "broker_b")
EDGES = ("edge1", "edge2")
SERVICES = ("auth", "log", "prompt", "router")
NODES = (*SERVICES, *EDGES)  # what links to both brokers
LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)Z \w+ (\S+)")


class BrokerCluster(Troupe):
    """Two brokers, two edges, and one router, prompt, auth and log, which link to both brokers: straight,
    or each through a ChaosProxy (`proxies`, by the broker's name); plain, or encrypted with a key for each
    (`keys`). Every process serves /metrics.

    Other shapes of cluster derive from it and change what is below `_nodes`."""

    members = NODES
    provider = ()  # arguments of the simulator

    def __init__(self, program, data, is_proxied=False, is_encrypted=False, seed=0):
        self.keys = BusKeys(program, data.parent / "keys", self.members) if is_encrypted else None
        self.loop, self.simulator = LoopThread(), Simulator(*self.provider)
        self.simulator.__enter__()
        self.broker_ports = {name: free_port() for name in BROKERS}
        chance = random.Random(seed)
        self.proxies = {name: ChaosProxy(self.loop, port, self.owner, chance)
                        for name, port in self.broker_ports.items()} if is_proxied else {}
        self.http_ports = {name: free_port() for name in (*BROKERS, *self.members)}
        super().__init__(program, "cluster", data, self.simulator.base_url, port=self.http_ports["edge1"])
        self.edge_urls = [self.url_of(name) for name in EDGES]

    def _nodes(self):
        join = [word for address in self._join() for word in ("--join", address)]
        nodes = {}
        for name in (*BROKERS, *self.members):
            role = re.match("[a-z]+", name)[0]
            more = ["--bind", self._bind(name)] if name in BROKERS else join
            if role in ("auth", "log", "prompt"):
                more = [*more, "--data", self._data(name)]
            nodes[name] = Node(name, [self.program, "serve", "--roles", role, "--http",
                                      f"127.0.0.1:{self.http_ports[name]}", *more], self._settings(name))
        return nodes

    def _join(self):
        """Where nodes are told that brokers are."""
        return [f"tcp://127.0.0.1:{self.proxies[name].port if self.proxies else port}"
                for name, port in self.broker_ports.items()]

    def _bind(self, broker):
        return f"tcp://127.0.0.1:{self.broker_ports[broker]}"

    def _data(self, _):
        return self.data

    def _settings(self, name):
        """The environment of this node."""
        keys = self.keys.settings("broker" if name in BROKERS else name) if self.keys else {}
        return self.environment | keys

    def start(self):
        super().start()
        self.streams = TokenStreams(self.loop, self.api_key)
        self.wait_linked()
        return self

    def close(self, is_failed):
        """Ends all processes; when nothing failed so far they must end by themselves, with 0."""
        try:
            self.kill() if is_failed else self.stop()
        finally:
            self.kill()
            for proxy in self.proxies.values():
                proxy.close()
            self.simulator.kill()
            self.loop.close()

    def url_of(self, name):
        return f"http://127.0.0.1:{self.http_ports[name]}"

    def owner(self, port, to):
        return owner_of(port, to, {name: node.process.pid for name, node in self.nodes.items() if node.running})

    # What the processes say.

    def metric(self, name, series, label=""):
        """The sum of the series of this node with this label."""
        status, text = call(self.url_of(name), path="/metrics", timeout=5)
        if status != 200:
            raise Failed(f"/metrics of {name}: {status}")
        total = 0
        for line in text.splitlines():
            if re.match(series + r"[{ ]", line) and label in line:
                total += float(line.rsplit(" ", 1)[1])
        return int(total)

    def logged(self, name, event, since, without=None):
        """When the node logged the event, in seconds after `since` (of time.time()), sooner ones left out, and
        lines that have the text `without`."""
        found = []
        for line in self.nodes[name].lines:
            parts = LOG_LINE.match(line)
            if parts and parts[2] == event and not (without and without in line):
                at = datetime.datetime.fromisoformat(parts[1] + "+00:00").timestamp() - since
                if at > -0.002:  # the log counts whole milliseconds
                    found.append(at)
        return found

    def crashed(self):
        """Processes that ended by themselves."""
        return {name: node.process.poll() for name, node in self.nodes.items()
                if node.process is not None and node.process.poll() not in (None, -9)}

    # Waiting.

    def wait_linked(self, broker=None, peers=None, within=10.0):
        """Until the broker, or each, has all nodes as its peers; returns the seconds."""
        begun, peers = time.monotonic(), len(self.members) if peers is None else peers
        for each in [broker] if broker else BROKERS:
            self.until(lambda each=each: self.metric(each, "troupe_broker_peers") == peers, within,
                       f"{each} does not have {peers} peers")
        return time.monotonic() - begun

    @staticmethod
    def until(condition, within, what):
        """Seconds until it holds; fails when it does not in time."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > within:
                raise Failed(f"{what} after {within} s")
            time.sleep(0.02)
        return time.monotonic() - begun

    # What must be so when all is over.

    def leftovers(self):
        """Requests that somebody still holds, though no client waits for any."""
        wanted = [*((name, "troupe_broker_in_flight") for name in BROKERS),
                  *((name, f"troupe_bus_{'asked' if name.startswith('edge') else 'served'}")
                    for name in self.members)]
        held = {f"{name} {series}": self.metric(name, series) for name, series in wanted}
        open_calls = [c["text"] for c in self.provider_calls() if c["finished"] is None and c["closed"] is None]
        if open_calls:
            held["provider's connections"] = len(open_calls)
        return {what: count for what, count in held.items() if count}

    def provider_calls(self):
        return self.simulator.get("/sim/connections")

    def runs(self):
        """How often the provider was asked for each chat, by its user's words."""
        return collections.Counter(c["text"] for c in self.provider_calls())

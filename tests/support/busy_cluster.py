"""A cluster of which most nodes can be spared for a moment, under streams and requests that never stop."""
import os
import re

from broker_cluster import BROKERS, NODES, BrokerCluster
from troupe_process import Failed, Simulator

PACE = 0.2  # seconds between two tokens of a stream, so that many streams are little work
TWINS = {"broker_a": "broker_b", "prompt": "prompt2", "router": "router2"}
TWINS |= {second: first for first, second in TWINS.items()}


class BusyCluster(BrokerCluster):
    """With a second router, and a second prompt that has a provider of its own: so it is known which of the two
    worked for a stream. (Each prompt has its own data: no matter for chats.)"""

    members = (*NODES, "prompt2", "router2")
    provider = ("--pace", PACE, "--keep", 1_000_000)

    def __init__(self, program, data, is_proxied=False, seed=0):
        self.providers = {"prompt2": Simulator(*self.provider)}
        self.providers["prompt2"].__enter__()
        super().__init__(program, data, is_proxied, seed)
        self.providers["prompt"] = self.simulator

    def _data(self, name):
        return f"{self.data}-2" if name == "prompt2" else self.data

    def _settings(self, name):
        if name == "prompt2":
            return self.environment | {"OPENAI_BASE_URL": self.providers[name].base_url}
        return self.environment

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            self.providers["prompt2"].kill()

    def provider_calls(self):
        return [call for each in self.providers.values() for call in each.get("/sim/connections")]

    def workers(self):
        """The prompt that worked for each chat, by its user's words."""
        return {call["text"]: name for name, each in self.providers.items() for call in each.get("/sim/connections")}

    def can_spare(self, name):
        """Whether this node runs and its twin can take over."""
        twin = self.nodes[TWINS[name]]
        if not self.nodes[name].running or not twin.running:
            return False
        brokers = [twin.name] if twin.name in BROKERS else [each for each in BROKERS if self.nodes[each].running]
        running = [each for each in self.members if self.nodes[each].running]
        try:
            return all(self.metric(each, "troupe_broker_peers") >= len(running) for each in brokers)
        except Failed:  # a broker that has just started
            return False

    def usage(self):
        """RSS in KiB and open descriptors of each process, with its id."""
        return {name: (node.process.pid, *_usage(node.process.pid))
                for name, node in self.nodes.items() if node.running}


def _usage(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)), len(os.listdir(f"/proc/{pid}/fd"))

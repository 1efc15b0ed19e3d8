"""Keys for every process of a cluster, made by the program itself, and the allow-list that its brokers read."""
import json
import os
import subprocess


class BusKeys:
    """`names` are principals, each with the rights that `troupe keys generate` gives its role; broker beside."""

    def __init__(self, program, folder, names):
        self.folder, self.list = folder, folder / "allow.toml"
        self.made = {name: self._generate(program, name) for name in ("broker", *names)}
        self.broker_key = self.made["broker"]["public_key"]
        self.allow(names)

    def _generate(self, program, name):
        done = subprocess.run([program, "keys", "generate", "--role", name, "--out", self.folder, "--json"],
                              check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def allow(self, names):
        """Only these may link from now on. Written whole, as an operator's tool should."""
        draft = self.list.with_suffix(".new")
        draft.write_text("\n".join(self.made[name]["entry"] for name in names))
        os.replace(draft, self.list)

    def secret(self, name):
        with open(self.made[name]["secret_key_file"]) as file:
            return file.read().strip()

    def settings(self, name):
        """For the process, as environment variables."""
        own = {"TROUPE_BUS_KEY": self.made[name]["secret_key_file"]}
        if name == "broker":
            return own | {"TROUPE_BUS_ALLOW": str(self.list)}
        return own | {"TROUPE_BUS_BROKER_KEY": self.broker_key}

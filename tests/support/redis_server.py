#!/usr/bin/env python3
"""A private Redis for tests, from Debian's package, in a scratch folder, on loopback with ports of its own.

    tests/support/redis_server.py plain|tls|cluster

plain: one server. tls: one that wants TLS, with certificates made now, and a user with a password
and no more rights than it needs.
cluster: three masters. Prints one line `{"url": …}` when it answers, and ends, with its folder, when its
standard input ends. Each line there is a word, answered by a line `done`:

    fresh             nothing is stored any more
    forget            the scripts are forgotten
    kill, start       SIGKILL for all servers; start them again; restart: both
    pause, resume     SIGSTOP and SIGCONT for all servers
    readonly          the server becomes a replica of nobody; writable: a primary again
    asking            cluster: the slot of {limits} begins to move to another node (ASK)
    moved             cluster: its keys move, and it belongs to that node (MOVED)
    spread            cluster: back to where it was, empty
    cut               closes all clients' connections

Exit code 3: redis-server or openssl is not installed."""
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PASSWORD = "p'w@ä"


def free_port():
    """A port whose cluster port (10000 above) is likely free as well."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port < 55000:
            return port


def find(program):
    path = shutil.which(program)
    if path is None:
        print(f"redis_server: {program} is not installed (scripts/install-deps --tests)", file=sys.stderr)
        sys.exit(3)
    return path


class Server:
    def __init__(self, folder, *options, tls=None, auth=()):
        self.folder, self.port, self.tls, self.auth, self.process = pathlib.Path(folder), free_port(), tls, auth, None
        self.folder.mkdir(exist_ok=True)
        port = ["--port", "0", "--tls-port", str(self.port)] if tls else ["--port", str(self.port)]
        self.command = [find("redis-server"), *port, "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
                        "--appendonly", "no", "--enable-debug-command", "yes", *options]
        self.start()

    def start(self):
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                if self.say("PING") == "PONG":
                    return
            except (OSError, EOFError):
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                print("redis_server: it did not start:\n" + (self.folder / "log").read_text()[-4000:], file=sys.stderr)
                sys.exit(1)
            time.sleep(0.02)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def say(self, *words):
        """One command on a connection of its own; an answer's first line, or the whole of a bulk string."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as plain:
            with self.tls.wrap_socket(plain, server_hostname="localhost") if self.tls else plain as s:
                file = s.makefile("rwb")
                for command in (self.auth, words) if self.auth else (words,):
                    file.write(b"*%d\r\n" % len(command))
                    for word in command:
                        data = word.encode()
                        file.write(b"$%d\r\n%s\r\n" % (len(data), data))
                    file.flush()
                    line = file.readline().rstrip()
                    if not line:
                        raise EOFError
                    if line.startswith(b"-"):
                        raise OSError(line.decode())
                return (file.read(int(line[1:])) if line.startswith(b"$") else line[1:]).decode()


class Alone:
    def __init__(self, folder):
        self.servers = [Server(pathlib.Path(folder) / "0")]
        self.url = f"redis://127.0.0.1:{self.servers[0].port}/3"

    def every(self, *words):
        for server in self.servers:
            server.say(*words)

    def signal(self, number):
        for server in self.servers:
            server.process.send_signal(number)

    def ready(self):
        pass

    def obey(self, word):
        if word in ("kill", "restart"):
            for server in self.servers:
                server.kill()
        if word in ("start", "restart"):
            for server in self.servers:
                server.start()
            self.ready()
        deeds = {
            "fresh": lambda: self.every("FLUSHALL"),
            "forget": lambda: self.every("SCRIPT", "FLUSH"),
            "pause": lambda: self.signal(signal.SIGSTOP),
            "resume": lambda: self.signal(signal.SIGCONT),
            "readonly": lambda: self.every("REPLICAOF", "127.0.0.1", "1"),
            "writable": lambda: self.every("REPLICAOF", "NO", "ONE"),
            "cut": lambda: self.every("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
        }
        deeds.get(word, lambda: None)()

    def end(self):
        for server in self.servers:
            server.kill()


class Tls(Alone):
    def __init__(self, folder):
        openssl, folder = find("openssl"), pathlib.Path(folder)

        def run(*words):
            subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
            "-keyout", "ca.key", "-out", "ca.pem")
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request")
        (folder / "names").write_text("subjectAltName=DNS:localhost\n")
        run("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "cert.pem")
        # The rights that adapters/redis/README.md says are enough; > marks a password.
        rights = "~troupe:* +@read +@write +@scripting +@connection +time +cluster|slots"
        (folder / "users").write_text(f"user default off\nuser admin on >{PASSWORD} ~* &* +@all\n"
                                      f"user troupe on >{PASSWORD} {rights}\n")
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        options = ["--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem"),
                   "--tls-ca-cert-file", str(folder / "ca.pem"), "--tls-auth-clients", "no",
                   "--aclfile", str(folder / "users")]
        self.servers = [Server(folder / "0", *options, tls=context, auth=("AUTH", "admin", PASSWORD))]
        self.url = f"rediss://troupe:p%27w%40%C3%A4@localhost:{self.servers[0].port}?ca={folder}/ca.pem"


class Cluster(Alone):
    SLOT = "{limits}"

    def __init__(self, folder):
        self.servers = [Server(pathlib.Path(folder) / str(n), "--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
                        for n in range(3)]
        self.ids = [server.say("CLUSTER", "MYID") for server in self.servers]
        for n, (first, last) in enumerate(((0, 5460), (5461, 10922), (10923, 16383))):
            self.servers[n].say("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            self.servers[n].say("CONFIG", "SET", "cluster-announce-ip", "127.0.0.1")
            self.servers[n].say("CLUSTER", "SET-CONFIG-EPOCH", str(n + 1))
        for server in self.servers[1:]:
            server.say("CLUSTER", "MEET", "127.0.0.1", str(self.servers[0].port))
        self.ready()
        self.slot = int(self.servers[0].say("CLUSTER", "KEYSLOT", self.SLOT))
        self.home = self.slot * 3 // 16384
        self.url = f"redis://127.0.0.1:{self.servers[(self.home + 1) % 3].port}"

    def ready(self):
        until = time.monotonic() + 20
        for server in self.servers:
            while True:
                info = server.say("CLUSTER", "INFO")
                if "cluster_state:ok" in info and "cluster_known_nodes:3" in info and "cluster_size:3" in info:
                    break
                if time.monotonic() > until:
                    print("redis_server: the cluster did not form:\n" + info, file=sys.stderr)
                    self.end()
                    sys.exit(1)
                time.sleep(0.02)

    def move_keys(self, source, target, slot):
        while keys := subprocess.run([find("redis-cli"), "-p", str(source.port), "CLUSTER", "GETKEYSINSLOT", slot, "50"],
                                     check=True, capture_output=True, text=True).stdout.split():
            source.say("MIGRATE", "127.0.0.1", str(target.port), "", "0", "5000", "KEYS", *keys)

    def obey(self, word):
        super().obey(word)
        slot, there = str(self.slot), (self.home + 2) % 3
        if word == "asking":
            self.servers[there].say("CLUSTER", "SETSLOT", slot, "IMPORTING", self.ids[self.home])
            self.servers[self.home].say("CLUSTER", "SETSLOT", slot, "MIGRATING", self.ids[there])
        if word == "moved":
            self.move_keys(self.servers[self.home], self.servers[there], slot)
        if word == "spread":
            self.every("FLUSHALL")
        if word in ("moved", "spread"):
            owner = there if word == "moved" else self.home
            for n in (there, self.home, (self.home + 1) % 3):
                self.servers[n].say("CLUSTER", "SETSLOT", slot, "NODE", self.ids[owner])


def main():
    kinds = {"plain": Alone, "tls": Tls, "cluster": Cluster}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the input says when
    with tempfile.TemporaryDirectory(prefix="troupe-redis-") as folder:
        redis = kinds[sys.argv[1]](folder)
        try:
            print(json.dumps({"url": redis.url}), flush=True)
            for line in sys.stdin:
                redis.obey(line.strip())
                print("done", flush=True)
        finally:
            redis.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())

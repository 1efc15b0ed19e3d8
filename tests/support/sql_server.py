#!/usr/bin/env python3
"""A private database server for tests: MariaDB or PostgreSQL from Debian's packages, in a scratch
folder, on loopback with a port of its own.

    tests/support/sql_server.py mariadb|postgresql

Prints one line `{"url": …, "pid": …}` when it answers, and ends, with the server and its folder, when
its standard input ends. On a line `restart` it kills the server (SIGKILL) and starts it again, on
`kill` and `start` it does one of them, on `fresh` the database is empty again; each is answered by a
line `done`. Exit code 3: the server is
not installed."""
import contextlib
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def find(program, *folders):
    for folder in (*os.environ.get("PATH", "").split(":"), *folders):
        path = pathlib.Path(folder) / program
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    print(f"sql_server: {program} is not installed (scripts/install-deps --tests)", file=sys.stderr)
    sys.exit(3)


def account_of(name):
    """The server's own user, which its package may have made, or else one that owns nothing."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return pwd.getpwnam("nobody")


def as_user(name):
    """Both servers refuse to run as root, so root hands them to another user."""
    if os.geteuid() != 0:
        return {}
    account = account_of(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class Server:
    def __init__(self, folder):
        self.folder, self.port, self.process = pathlib.Path(folder), free_port(), None
        self.log = open(self.folder / "log", "ab")

    def run(self, command, **more):
        done = subprocess.run(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, **more)
        if done.returncode != 0:
            self.give_up(f"{command[0]} failed")

    def give_up(self, why):
        print(f"sql_server: {why}:\n" + (self.folder / "log").read_text(errors="replace")[-4000:], file=sys.stderr)
        self.kill()
        sys.exit(1)

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL, cwd="/", **as_user(self.account))
        until = time.monotonic() + 20
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.give_up("the server did not start")
            time.sleep(0.02)

    def kill(self):
        if self.process is None or self.process.poll() is not None:
            return
        # PostgreSQL's sessions are processes of their own, which answer on for a moment.
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.process.kill()
        self.process.wait()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        # While one of them lives, its shared memory keeps the next server from starting.
        until = time.monotonic() + 10
        while any(pathlib.Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < until:
            time.sleep(0.01)

    def answers(self):
        return subprocess.run(self.ping, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, **as_user(self.account)).returncode == 0


class MariaDB(Server):
    account = "mysql"

    def __init__(self, folder):
        super().__init__(folder)
        server = find("mariadbd", "/usr/sbin")
        client = find("mariadb")
        data, socket_file = self.folder / "data", self.folder / "socket"
        self.run([find("mariadb-install-db"), "--no-defaults", f"--datadir={data}",
                  "--auth-root-authentication-method=normal", "--skip-test-db"], **as_user(self.account))
        self.command = [server, "--no-defaults", f"--datadir={data}", f"--socket={socket_file}",
                        f"--port={self.port}", "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid",
                        "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M"]
        say = [client, "--no-defaults", f"--socket={socket_file}", "-uroot", "-e"]
        self.ping = [*say, "select 1"]
        self.start()
        self.run([*say, "create database troupe; create user troupe@'127.0.0.1' identified by 'p''w\\\\ä';"
                        "grant all on troupe.* to troupe@'127.0.0.1'; grant all on `troupe\\_%`.* to troupe@'127.0.0.1'"])
        self.empty = [*say, "drop database troupe; create database troupe"]
        self.url = f"mysql://troupe:p%27w%5C%C3%A4@127.0.0.1:{self.port}/troupe"


class PostgreSQL(Server):
    account = "postgres"

    def __init__(self, folder):
        super().__init__(folder)
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        folders = [str(p) for p in reversed(versions)]
        data = self.folder / "data"
        self.run([find("initdb", *folders), "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                  "--no-locale"], cwd="/", **as_user(self.account))
        (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.command = [find("postgres", *folders), "-D", str(data), "-p", str(self.port), "-k", str(self.folder),
                        "-h", "127.0.0.1"]
        say = [find("psql", *folders), "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-qc"]
        self.ping = [*say, "select 1"]
        self.start()
        self.run([*say, "create role troupe login createdb password 'p''w\\ä'"])
        self.run([*say, "create database troupe owner troupe"])
        self.empty = [*say[:-1], "-d", "troupe", "-qc",
                      "drop schema public cascade; create schema public authorization troupe"]
        self.url = f"postgresql://troupe:p%27w%5C%C3%A4@127.0.0.1:{self.port}/troupe"


def main():
    kinds = {"mariadb": MariaDB, "postgresql": PostgreSQL}
    if len(sys.argv) != 2 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of the input says when
    with tempfile.TemporaryDirectory(prefix="troupe-sql-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, account_of(kinds[sys.argv[1]].account).pw_uid, -1)
        server = kinds[sys.argv[1]](folder)
        try:
            print(json.dumps({"url": server.url, "pid": server.process.pid}), flush=True)
            for line in sys.stdin:
                word = line.strip()
                if word in ("kill", "restart"):
                    server.kill()
                if word in ("start", "restart"):
                    server.start()
                if word == "fresh":
                    server.run(server.empty)
                print("done", flush=True)
        finally:
            server.kill()
            if isinstance(server, PostgreSQL):
                time.sleep(0.1)  # its children see the end of their parent and leave the folder
    return 0


if __name__ == "__main__":
    sys.exit(main())

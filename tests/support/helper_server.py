"""The servers of tests/support that obey words: sql_server.py and redis_server.py."""
import json
import pathlib
import subprocess
import unittest

SUPPORT = pathlib.Path(__file__).resolve().parent


class HelperServer:
    """`HelperServer("redis_server.py", "plain")`: its `url`, and `say(word)`. A test is skipped when the
    server is not installed."""

    def __init__(self, script, kind):
        self.process = subprocess.Popen([SUPPORT / script, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        if not line:
            if self.process.wait() == 3:
                raise unittest.SkipTest(f"{kind} of {script} is not installed")
            raise RuntimeError(f"{script} {kind} did not start")
        self.url = json.loads(line)["url"]

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n", word

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

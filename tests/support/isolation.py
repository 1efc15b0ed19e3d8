"""A network and a file system view of the test's own: its loopback, its addresses, its /etc/resolv.conf.

    isolation.enter()      at the very start of a program: goes on in new namespaces, where that is permitted
    isolation.need()       in a test that cannot do without
"""
import os
import shutil
import subprocess
import sys

MARK = "TESTS_ARE_ISOLATED"


class Absent(Exception):
    """What a test needs is not here or not permitted; the message says what."""


def enter():
    """Starts this program anew in namespaces of network and mounts: as root, or as root of a namespace of users too.
    Without the right to do so it goes on as it is."""
    if MARK in os.environ or not shutil.which("unshare") or not shutil.which("ip"):
        return
    for more in ((), ("--map-root-user",)):
        command = ["unshare", "--net", "--mount", *more]
        if not subprocess.run([*command, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode:
            os.environ[MARK] = "1"
            words = [*command, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
            os.execvp(words[0], words)


def need(*programs):
    if MARK not in os.environ:
        raise Absent("no network namespace may be made here")
    for each in programs:
        if not shutil.which(each):
            raise Absent(f"the program {each} is not installed")


def run(*words):
    """A command that changes this namespace."""
    done = subprocess.run([str(each) for each in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Absent(f"`{' '.join(map(str, words))}` is not possible here: {done.stderr.strip()}")

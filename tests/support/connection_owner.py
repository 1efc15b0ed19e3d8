"""Whose a TCP connection on loopback is: by its two ports, from /proc."""
import contextlib
import os
import pathlib


def _inode(port, to):
    """Of the socket on 127.0.0.1 that connects these two ports; "" when there is none."""
    ends = [f"0100007F:{port:04X}", f"0100007F:{to:04X}"]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == ends:
            return fields[9]
    return ""


def _holds(pid, wanted):
    with contextlib.suppress(OSError):  # the process has just gone
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):  # this descriptor has
                if os.readlink(entry.path) == wanted:
                    return True
    return False


def owner_of(port, to, pids):
    """The name of the process in `pids` (name -> pid) that holds the connection, or ""."""
    inode = _inode(port, to)
    return next((name for name, pid in pids.items() if inode and _holds(pid, f"socket:[{inode}]")), "")

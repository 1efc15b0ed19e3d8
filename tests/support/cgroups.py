"""A share of a CPU and a limit of memory for one process, by cgroups of version 1 or 2."""
import contextlib
import os
import pathlib

from isolation import Absent

ROOT = pathlib.Path("/sys/fs/cgroup")


def _write(path, value):
    try:
        path.write_text(str(value))
    except OSError as reason:
        raise Absent(f"{path} cannot be written: {reason.strerror}") from reason


def _is_two():
    return (ROOT / "cgroup.controllers").exists()


class Group:
    """A group of the controller. At its end its processes go back to the group above."""

    def __init__(self, controller, name=""):
        above = ROOT if _is_two() else ROOT / controller
        try:
            self.folder = above / f"troupe-test-{os.getpid()}-{controller}{name}"
            self.folder.mkdir()
        except OSError as reason:
            raise Absent(f"no cgroup may be made in {above}: {reason.strerror}") from reason

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for pid in (self.folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (self.folder.parent / "cgroup.procs").write_text(pid)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def take(self, pid):
        _write(self.folder / "cgroup.procs", pid)

    def set(self, two, one, value):
        """Writes a file that has one name in each version."""
        _write(self.folder / (two if _is_two() else one), value)

    def read(self, two, one):
        return int((self.folder / (two if _is_two() else one)).read_text())


@contextlib.contextmanager
def cpu_share(pid, share, period_us=100_000):
    """The process gets this share of one CPU at most."""
    with Group("cpu") as group:
        quota = int(period_us * share)
        if _is_two():
            group.set("cpu.max", "", f"{quota} {period_us}")
        else:
            group.set("", "cpu.cfs_period_us", period_us)
            group.set("", "cpu.cfs_quota_us", quota)
        group.take(pid)
        yield


class MemoryGroup(Group):
    """What is started in it gets so much memory and no more; past it the kernel kills."""

    def __init__(self, name):
        super().__init__("memory", "-" + name)

    def limit(self, size):
        self.set("memory.max", "memory.limit_in_bytes", size)

    @property
    def used(self):
        return self.read("memory.current", "memory.usage_in_bytes")

    @property
    def highest(self):
        return self.read("memory.peak", "memory.max_usage_in_bytes")

    @property
    def kills(self):
        """How often the kernel killed here."""
        name = "memory.events" if _is_two() else "memory.oom_control"
        words = (self.folder / name).read_text().split()
        return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

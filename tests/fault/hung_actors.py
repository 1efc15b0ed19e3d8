"""Row 6 of the fault matrix: a node's actors hang while its link goes on, heartbeats and all.

The function runs the row on a cluster that is well, and leaves it well.
"""
import contextlib
import os
import pathlib
import time

from broker_cluster import BROKERS
from isolation import Absent
from lost_processes import chats_work
from probes import Probes

FREEZER = pathlib.Path("/sys/fs/cgroup/freezer")  # version 1: of version 2 a group takes whole processes only
NOTICED = 8.0  # seconds: 5 without a sign of life, a message a second, a heartbeat a second
FROZEN_MOST = 20.0


@contextlib.contextmanager
def frozen_actors(pid):
    """The threads that run actors stand still; the one of the link does not."""
    group = FREEZER / f"troupe-test-{os.getpid()}-actors"
    try:
        group.mkdir()
    except OSError as reason:
        raise Absent(f"threads cannot be frozen here: {reason}") from reason
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            if (task / "comm").read_text().startswith("caf."):
                (group / "tasks").write_text(task.name)
        (group / "freezer.state").write_text("FROZEN")
        yield
    finally:
        (group / "freezer.state").write_text("THAWED")
        for task in (group / "tasks").read_text().split():
            with contextlib.suppress(OSError):
                (FREEZER / "tasks").write_text(task)
        group.rmdir()


def actors_hang(cluster, row, rounds):
    """Brokers give the node no new work, and do not take it for dead; when it goes on, it gets some again."""
    for _ in range(rounds):
        count = lambda series: sum(cluster.metric(name, series) for name in BROKERS)
        stuck, lost = count("troupe_broker_peers_stuck_total"), count("troupe_broker_peers_lost_total")
        with frozen_actors(cluster.nodes["prompt"].process.pid):
            hung = time.monotonic()
            cluster.until(lambda: count("troupe_broker_peers_stuck_total") == stuck + len(BROKERS), NOTICED,
                          "not all brokers noticed that the actors hang")
            row.detected(time.monotonic() - hung, NOTICED)
            with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
                time.sleep(2)
        row.expect(count("troupe_broker_peers_lost_total") == lost, "a broker took the node for dead")
        row.recovered(cluster.until(lambda: chats_work(cluster), FROZEN_MOST, "no chat afterwards"))
        row.take_probes(cluster, probes, most=2.0)
        row.end_round(cluster)


ROWS = {"6": ("actors hang, the link goes on", actors_hang)}

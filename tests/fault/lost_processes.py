"""Rows of the fault matrix in which a process is killed or frozen, or a client goes away.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import signal
import threading
import time

from broker_cluster import BROKERS, NODES
from probes import Probes
from token_streams import ERROR
from troupe_process import call

STREAMS = 50
PLAIN = {"messages": [{"role": "user", "content": "x"}]}


def chats_work(cluster):
    return all(call(url, "POST", "/v1/chat/completions", PLAIN | {"model": "sim"}, cluster.api_key, 3)[0] == 200
               for url in cluster.edge_urls)


def running_streams(cluster, row, count, tokens, urls=None, begun=5, is_mixed=False):
    """Opens streams and waits until each has got its first tokens."""
    streams = cluster.streams.open(urls or cluster.edge_urls, count, tokens, is_mixed=is_mixed)
    row.expect(cluster.streams.wait_tokens(streams, begun), "the streams did not begin")
    time.sleep(row.chance.random())  # nodes beat each second; a fault comes at any moment of that
    return streams


def noticed_by_nodes(cluster, since):
    """When the last node logged that it lost a broker, in seconds after `since` of the wall clock; 0: none did."""
    return max(max(cluster.logged(name, "bus.link_lost", since), default=0.0) for name in NODES)


def worker_killed(cluster, row, rounds):
    """2 and 4: what the worker had begun ends with an error within a second, and is not begun again."""
    for _ in range(max(2, rounds)):
        plain = []
        def ask(url, plain=plain):
            status, body = call(url, "POST", "/v1/chat/completions", PLAIN | {"model": "sim-silent"},
                                cluster.api_key)
            plain.append((time.monotonic(), status, body))
        threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in cluster.edge_urls * 2]
        for each in threads:
            each.start()
        streams = running_streams(cluster, row, 20, 400, is_mixed=True)
        killed = time.monotonic()
        cluster.nodes["prompt"].kill()
        cluster.streams.wait(streams, 5)
        for each in threads:
            each.join(5)
        row.take_streams(cluster, streams, may_fail=True)
        row.asked += len(threads)
        row.failed += len(plain)
        other = [s for s in streams if s.end != ERROR or "gone" not in s.why or s.started == "no"]
        row.expect(not other, f"a stream ended as {[(s.end, s.why, s.started) for s in other[:1]]}")
        said = [(status, body["error"]["code"]) for _, status, body in plain]
        row.expect(said == [(502, "worker_lost")] * len(threads), f"chats that were not streamed ended as {plain}")
        bad = [body for *_, body in plain if body["error"].get("started") not in ("yes", "unknown")]
        row.expect(not bad, f"chats that the worker may have begun ended as {bad[:2]}")
        # A broker sees the end of a connection at once, and waits half a second for the worker to come back.
        row.detected(max([s.ended or killed + 9 for s in streams] + [at for at, _, _ in plain]) - killed, 0.8)
        cluster.nodes["prompt"].start()
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat after the restart"), 3.0)
        cluster.wait_linked()
        row.end_round(cluster)


def counted_on(cluster, service):
    """What the brokers have of its workers: those, requests that they would take, and requests that they have."""
    return [{what: cluster.metric(broker, f"troupe_broker_service_{what}", f'service="{service}"')
             for what in ("workers", "credit", "in_flight")} for broker in BROKERS]


def worker_frozen(cluster, row, rounds):
    """5: a worker that is frozen for long is taken out, and is back when it goes on; a short freeze does no
    harm."""
    for _ in range(rounds):
        prompt = cluster.nodes["prompt"]
        streams = running_streams(cluster, row, 30, 80)
        prompt.signal(signal.SIGSTOP)
        time.sleep(1.5)
        prompt.signal(signal.SIGCONT)
        row.expect(cluster.streams.wait(streams, 10), "streams hang after a freeze of 1.5 s")
        row.take_streams(cluster, streams)
        streams = running_streams(cluster, row, 30, 400)
        had = counted_on(cluster, "prompt")
        row.expect(all(each["workers"] and each["credit"] for each in had), f"the worker counts as {had}")
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            stopped = time.monotonic()
            prompt.signal(signal.SIGSTOP)
            cluster.streams.wait(streams, 6)
            row.detected(max(s.ended or stopped + 9 for s in streams) - stopped, 4.3)
            time.sleep(max(0.0, stopped + 5 - time.monotonic()))
            left = counted_on(cluster, "prompt")
            row.expect(not any(any(each.values()) for each in left), f"frozen, it still counts as {left}")
            late = lambda: sum(cluster.metric(each, "troupe_broker_dropped_total", "unknown_peer") for each in BROKERS)
            before = late()
            prompt.signal(signal.SIGCONT)
            went_on = time.monotonic()
            row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat after SIGCONT"), 3.0)
            cluster.wait_linked()
            time.sleep(1)
            row.sum("late frames that were dropped and counted", late() - before)
            row.expect(late() > before, "no late frame of the frozen worker was counted")
        row.take_streams(cluster, streams, may_fail=True)
        row.expect(all(s.end == ERROR for s in streams), "a stream of the frozen worker did not fail")
        row.take_probes(cluster, probes, may_fail=[(stopped - 0.5, went_on + 3, stopped)])
        slow = [p for p in probes.between(stopped + 4.3, went_on) if p.took > 1]
        row.expect(not slow, f"{len(slow)} requests waited for a worker that was out, as {slow and slow[0]}")
        row.end_round(cluster)


def brokers_killed_in_turn(cluster, row, rounds):
    """8: one of two brokers is killed under open streams, comes back, then the other, and so on."""
    rounds = max(2, rounds)
    streams = running_streams(cluster, row, STREAMS, 100 * rounds + 40)
    with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
        hit = []
        for number in range(rounds):
            time.sleep(1)
            broker = cluster.nodes[BROKERS[number % 2]]
            killed, wall = time.monotonic(), time.time()
            broker.kill()
            hit.append((killed - 0.5, killed + 1, killed))
            time.sleep(2)
            row.detected(noticed_by_nodes(cluster, wall))
            row.recovered(max(s.gap_around(killed) for s in streams), 1.0)
            row.recovered(probes.healed_after(killed), 1.0)
            broker.start()
            back = cluster.wait_linked(broker.name)
            row.expect(back <= 3, f"linked to the broker that is back only after {back:.1f} s")
            row.rounds += number > 0  # the last is counted by end_round
        cluster.streams.wait(streams, 30)
    row.take_streams(cluster, streams)
    row.take_probes(cluster, probes, may_fail=hit)
    row.end_round(cluster)


def broker_frozen(cluster, row, rounds):
    """9: a broker is frozen for 6 s and goes on: what it held is stale, and nobody hears it twice."""
    for number in range(rounds):
        broker = cluster.nodes[BROKERS[number % 2]]
        streams = running_streams(cluster, row, STREAMS, 240)
        with Probes(cluster.loop, cluster.edge_urls, cluster.api_key) as probes:
            time.sleep(0.5)
            stopped, wall = time.monotonic(), time.time()
            broker.signal(signal.SIGSTOP)
            time.sleep(6)
            row.detected(noticed_by_nodes(cluster, wall), 4.0)
            row.recovered(max([s.gap_around(stopped) for s in streams] + [probes.healed_after(stopped)]), 4.0)
            broker.signal(signal.SIGCONT)
            cluster.wait_linked()
            cluster.streams.wait(streams, 20)
        row.take_streams(cluster, streams)
        row.take_probes(cluster, probes, may_fail=[(stopped - 0.5, stopped + 4, stopped)])
        row.end_round(cluster)


def edge_killed(cluster, row, rounds):
    """11: what a killed edge had asked is called off; the other edge's streams do not notice."""
    for number in range(rounds):
        victim = number % 2
        name, url = ("edge1", "edge2")[victim], cluster.edge_urls[victim]
        orphans = running_streams(cluster, row, 25, 2000, [url])
        others = running_streams(cluster, row, 25, 80, [cluster.edge_urls[1 - victim]])
        killed = time.monotonic()
        cluster.nodes[name].kill()
        cluster.streams.wait(orphans, 2)
        names = {s.name for s in orphans}
        closed = lambda: [c["closed"] for c in cluster.provider_calls() if c["text"] in names]
        cluster.until(lambda: None not in closed(), 10, "the provider's connections are open")
        row.detected(max(closed()) - killed, 4.0)
        cluster.streams.wait(others, 10)
        row.take_streams(cluster, others)
        row.expect(not any(s.doubled or s.lost for s in orphans), "the killed edge's streams lack tokens")
        row.asked += len(orphans)
        row.failed += len(orphans)
        cluster.nodes[name].start()
        row.recovered(cluster.until(lambda: chats_work(cluster), 10, "no chat after the restart"), 3.0)
        cluster.wait_linked()
        row.end_round(cluster)


ROWS = {
    "2/4": ("worker killed in the middle of its work", worker_killed),
    "5": ("worker frozen, 1.5 s and 5 s", worker_frozen),
    "8": ("one of two brokers killed, in turn", brokers_killed_in_turn),
    "9": ("broker frozen for 6 s", broker_frozen),
    "11": ("edge killed", edge_killed),
}

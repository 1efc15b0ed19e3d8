"""Rows in which what lives once in the cluster, limits and conversations, changes hands: while its nodes are well,
when its owner is killed, and when its owner was frozen and wakes up.

Each function runs one row on a cluster that is well, and leaves it well.
"""
import asyncio
import json
import signal
import time
import unittest

from async_http import ask
from broker_cluster import NODES, BrokerCluster
from helper_server import HelperServer
from isolation import Absent
from troupe_process import Failed, call

AUTHS = ("auth", "auth2", "auth3")
CLIENTS, MOST = 64, 100
PATIENCE = 15.0
LEASE = 3.0      # seconds; then others take over
TAKEN_OVER = 6.0
# An owner saves its counters when it keeps its lease: every third of it, give or take a tenth; and it looks whether it
# is time each 100 ms. The rest is for the database.
UNSAVED = 1.4
KEYS = 3         # at once; each is counted by one of three
OWNER_HIT = "limits that the killed one counted"
LIVES = 1.5      # no limit is taken over sooner: two thirds of a lease, and a margin, have to pass


class CountingCluster(BrokerCluster):
    """Three auth nodes on one MariaDB, each with a data folder of its own, and no Redis."""

    members = (*NODES, "auth2", "auth3")

    def __init__(self, program, data, seed=0):
        try:
            self.database = HelperServer("sql_server.py", "mariadb")
        except unittest.SkipTest as reason:
            raise Absent(str(reason)) from reason
        super().__init__(program, data, seed=seed)

    def _data(self, name):
        return f"{self.data}-{name}" if name in AUTHS[1:] else self.data

    def _settings(self, _):
        return self.environment | {"DATABASE_URL": self.database.url}

    def close(self, is_failed):
        try:
            super().close(is_failed)
        finally:
            self.database.close()

    def limited_key(self):
        _, key = call(self.url, "POST", "/v1/auth/keys", {"name": "limited"}, self.api_key)
        status, _ = call(self.url, "PUT", f"/v1/admin/caps/key:{key['id']}", {"requests_per_minute": MOST},
                         self.api_key)
        if status != 200:
            raise Failed(f"caps: {status}")
        return key["key"]


class SharedFolderCluster(BrokerCluster):
    """Two prompts on one data folder: the first one has the retrieval."""

    members = (*NODES, "prompt2")

    def _settings(self, name):
        return super()._settings(name) | ({"TROUPE_CHAT_RETRIEVAL": "off"} if name == "prompt2" else {})


class Crowd:
    """Clients that ask as fast as they are answered, each at one edge, until `until`."""

    def __init__(self, cluster, key, count, until, pause=0.0):
        self.cluster, self.key, self.count, self.until, self.pause = cluster, key, count, until, pause
        self.answers = []  # began, ended, status

    async def run(self):
        await asyncio.gather(*(self._client(self.cluster.edge_urls[n % 2]) for n in range(self.count)))

    async def _client(self, url):
        while time.monotonic() < self.until:
            began = time.monotonic()
            try:
                answer = await asyncio.wait_for(ask(url, "GET", "/v1/models", key=self.key), PATIENCE)
                status = answer.status
                answer.close()
            except (OSError, EOFError, asyncio.TimeoutError):
                status = 0
            self.answers.append((began, time.monotonic(), status))
            await asyncio.sleep(self.pause if status == 200 else max(self.pause, 0.05))

    def passed(self, since=0.0):
        return sum(status == 200 and ended >= since for _, ended, status in self.answers)


def run_crowds(cluster, row, crowds, midway=None):
    jobs = [cluster.loop.start(crowd.run()) for crowd in crowds]
    if midway:
        midway()
    for crowd, job in zip(crowds, jobs):
        job.result(crowd.until - time.monotonic() + PATIENCE + 5)
        take_answers(row, crowd)


def take_answers(row, crowd):
    row.asked += len(crowd.answers)
    others = sorted({status for *_, status in crowd.answers} - {200, 429, 503})
    row.expect(not others, f"answers {others}")
    worst = max(ended - began for began, ended, _ in crowd.answers)
    row.most("slowest answer, s", round(worst, 2))
    row.expect_by(worst <= TAKEN_OVER + 2, f"an answer took {worst:.1f} s")


def exact_limit(cluster, row, rounds):
    """A limit of 100 a minute, 64 clients at two edges, three nodes that count: 100 pass."""
    for _ in range(rounds):
        crowd = Crowd(cluster, cluster.limited_key(), CLIENTS, time.monotonic() + 6)
        run_crowds(cluster, row, [crowd])
        row.most("passed, of 100", crowd.passed())
        row.expect(crowd.passed() == MOST, f"{crowd.passed()} passed, not {MOST}")
        refused = sum(status == 503 for *_, status in crowd.answers)
        row.expect(not refused, f"{refused} answers of 503")
        row.end_round(cluster)


def limit_owner_killed(cluster, row, rounds):
    """The same while each of the three is killed in turn, each time with other keys, and on until one was killed that
    counts one of the keys. What passes beyond 100 is at most what the killed one had counted and not saved, which is
    what passed in the moments before; and nothing of a key that it did not count, which shows in requests that pass
    while its leases run."""
    for _ in range(rounds):
        for name in AUTHS:
            kill_one(cluster, row, name)
    for name in AUTHS:
        if OWNER_HIT not in row.extra:
            kill_one(cluster, row, name)
    row.expect(OWNER_HIT in row.extra, "no kill hit one that counts")


def taken_over(cluster, but):
    """By those that live all the time; their counters only rise."""
    return sum(cluster.metric(each, "troupe_shards_taken_over_total") for each in AUTHS if each != but)


def kill_one(cluster, row, name):
    keys, taken, killed = [cluster.limited_key() for _ in range(KEYS)], taken_over(cluster, name), []
    crowds = [Crowd(cluster, key, 8, time.monotonic() + 14, pause=0.5) for key in keys]

    def midway():
        cluster.until(lambda: all(crowd.passed() >= MOST // 2 for crowd in crowds), 10,
                      "half of the limits does not pass")
        killed.append(time.monotonic())
        cluster.nodes[name].kill()
    run_crowds(cluster, row, crowds, midway)
    for crowd in crowds:
        take_passed(row, crowd, killed[0])
        take_refused(row, crowd, killed[0])
    taken = taken_over(cluster, name) - taken
    row.most("shards taken over", taken)
    row.expect(taken > 0, "no shard was taken over")
    cluster.nodes[name].start()
    cluster.wait_linked()
    row.end_round(cluster)
    time.sleep(LEASE)  # until it has its share of the shards again


def take_refused(row, crowd, killed):
    hit = [ended for _, ended, status in crowd.answers if status == 503]
    row.failed += len(hit)
    if hit:
        row.expect_by(max(hit) - killed <= TAKEN_OVER, f"503 for {max(hit) - killed:.1f} s")


def take_passed(row, crowd, killed):
    """What passed of the limit: all of it, and more by no more than the killed one may have forgotten."""
    passed = [(began, ended) for began, ended, status in crowd.answers if status == 200]
    over = max(0, len(passed) - MOST)
    row.most("passed, of 100", len(passed))
    row.expect(len(passed) >= MOST, f"only {len(passed)} passed")
    next_pass = min((ended for began, ended in passed if began > killed), default=killed + 99) - killed
    row.recovered(next_pass, TAKEN_OVER)
    if next_pass < LIVES:
        row.sum("limits that another one counted", 1)
        row.expect(not over, f"{over} more passed than allowed, though the one that counts them lived")
        return
    unsaved = sum(ended > killed - UNSAVED and began <= killed for began, ended in passed)
    row.sum(OWNER_HIT, 1)
    row.most("passed beyond 100", over)
    row.most(f"passed in the {UNSAVED} s before the kill", unsaved)
    row.expect(over <= unsaved, f"{over} more passed than allowed, and in the {UNSAVED} s before the kill {unsaved}")


# Conversations.

def say(cluster, edge, text, conversation=None, timeout=PATIENCE):
    """One turn. Returns its status, and of a good one the conversation and the tokens of its prompt."""
    async def turn():
        body = {"message": text, "model": "sim"}  # searches all stores, which one of the prompts has
        if conversation:
            body["conversation_id"] = conversation
        answer = await ask(cluster.edge_urls[edge], "POST", "/v1/chat/stream", body, cluster.api_key)
        try:
            if answer.status != 200:
                return answer.status, (await answer.body()).decode(), 0
            async for name, data in answer.events():
                if name == "done":
                    done = json.loads(data)
                    return 200, done["conversation_id"], done["usage"]["prompt_tokens"]
                if name == "error":
                    return 599, data, 0
            return 0, "", 0
        finally:
            answer.close()
    try:
        return cluster.loop.start(asyncio.wait_for(turn(), timeout)).result(timeout + 5)
    except (OSError, EOFError, asyncio.TimeoutError) as reason:
        return 0, repr(reason), 0


class Talks:
    """Conversations, and how many tokens each turn's prompt had: all that was said before, and it."""

    def __init__(self, cluster, row, count):
        self.cluster, self.row, self.all = cluster, row, {}
        for n in range(count):
            status, talk, words = say(cluster, n % 2, f"first {n:02}")
            row.asked += 1
            if row.expect(status == 200, f"a conversation did not begin: {status} {talk}"):
                self.all[talk] = [words]

    def go_on(self, what, within=0.0):
        """A turn in each, at the edges in turn. Those that fail are said again until `within` seconds are over."""
        begun = time.monotonic()
        for n, (talk, seen) in enumerate(self.all.items()):
            while True:
                self.row.asked += 1
                status, said, words = say(self.cluster, n % 2, f"{what} {n:02}", talk)
                if status == 200:
                    break
                self.row.failed += 1
                self.row.expect(status in (502, 503, 599), f"{what}: {status} {said}")
                if not self.row.expect_by(time.monotonic() - begun < within, f"{what}: {status} {said}"):
                    return
                time.sleep(0.2)
            seen.append(words)

    def expect_whole(self):
        """Each turn was asked with all before it: prompts only grow, all alike."""
        for seen in self.all.values():
            growing = all(a < b for a, b in zip(seen, seen[1:]))
            self.row.expect(growing, f"a turn did not know those before it: tokens of its prompts {seen}")
        shapes = {tuple(seen) for seen in self.all.values()}
        self.row.expect(len(shapes) == 1, f"conversations differ: {sorted(shapes)[:4]}")


def two_prompts_talk(cluster, row, rounds):
    """Conversations go on at the node that has them, whichever node a turn comes to; and when nodes come and go."""
    for _ in range(rounds):
        talks = Talks(cluster, row, 12)
        talks.go_on("second")
        node = cluster.nodes["prompt2"]
        node.signal()
        row.expect(node.wait(25) == 0, f"prompt2 ended with {node.process.returncode}")
        talks.go_on("third", within=2.0)
        node.start()
        cluster.wait_linked()
        time.sleep(LEASE)
        talks.go_on("fourth", within=2.0)
        talks.expect_whole()
        row.end_round(cluster)


def talk_owner_killed(cluster, row, rounds):
    """The node of half of the conversations is killed: the other one goes on with them."""
    for _ in range(rounds):
        talks = Talks(cluster, row, 12)
        cluster.nodes["prompt2"].kill()
        killed = time.monotonic()
        talks.go_on("second", within=TAKEN_OVER)
        row.recovered(time.monotonic() - killed, TAKEN_OVER + 2)
        talks.expect_whole()
        cluster.nodes["prompt2"].start()
        cluster.wait_linked()
        time.sleep(LEASE)
        row.end_round(cluster)


def talk_owner_frozen(cluster, row, rounds):
    """It is frozen in the middle of turns and wakes up when others have its conversations: it writes nothing."""
    for _ in range(rounds):
        talks = Talks(cluster, row, 12)
        victim = cluster.nodes["prompt2"]
        pending = [cluster.loop.start(slow_turn(cluster, n % 2, talk)) for n, talk in enumerate(talks.all)]
        time.sleep(0.5)  # all have begun
        victim.signal(signal.SIGSTOP)
        time.sleep(LEASE + 2)
        for job in pending:
            job.result(PATIENCE)
        kept = {talk: count_turns(cluster, talk) for talk in talks.all}
        victim.signal(signal.SIGCONT)
        time.sleep(2)
        after = {talk: count_turns(cluster, talk) for talk in talks.all}
        changed = [talk for talk in kept if after[talk] != kept[talk]]
        row.expect(not changed, f"{len(changed)} conversations were written to by the node that woke up")
        row.most("turns that ended elsewhere meanwhile", sum(kept.values()))
        cluster.wait_linked()
        talks.go_on("after", within=TAKEN_OVER)
        row.end_round(cluster)
        time.sleep(LEASE)


def prompts_leave(cluster, row, rounds):
    """Prompts are told to end in the middle of turns: one, whose conversations the other one takes; both at once, each
    of which would give them to the other; and one after the other."""
    for _ in range(rounds):
        for leaving, pause in ((("prompt2",), 0.0), (("prompt", "prompt2"), 0.0), (("prompt", "prompt2"), 1.5)):
            leave_amid_turns(cluster, row, leaving, pause)


def leave_amid_turns(cluster, row, leaving, pause):
    talks, begun = Talks(cluster, row, 12), []
    pending = [cluster.loop.start(slow_turn(cluster, n % 2, talk, begun.append)) for n, talk in enumerate(talks.all)]
    cluster.until(lambda: len(begun) == len(pending), 5, "not all turns began")
    for name in leaving:
        cluster.nodes[name].signal()
        time.sleep(pause)
    ends = [job.result(PATIENCE + 5) for job in pending]
    row.asked += len(ends)
    row.failed += sum(end != "done" for end in ends)
    row.expect(set(ends) == {"done"}, f"{leaving}, {pause} s: turns ended with {sorted(set(ends))}")
    for name in leaving:
        row.expect(cluster.nodes[name].wait(25) == 0, f"{name} ended with {cluster.nodes[name].process.returncode}")
        cluster.nodes[name].start()
    lost = sum(count_turns(cluster, talk) != 4 for talk in talks.all)
    row.expect(not lost, f"{leaving}, {pause} s: the turns of {lost} conversations were not kept")
    cluster.wait_linked()
    talks.go_on("after", within=TAKEN_OVER)
    talks.expect_whole()
    row.end_round(cluster)
    time.sleep(LEASE)


async def slow_turn(cluster, edge, talk, on_begin=lambda talk: None):
    """A turn of some seconds, whatever becomes of it. Returns its last event."""
    body = {"message": "sim-slow", "model": "sim-slow", "vector_store_ids": [], "conversation_id": talk}
    last = "nothing"
    try:
        answer = await asyncio.wait_for(
            ask(cluster.edge_urls[edge], "POST", "/v1/chat/stream", body, cluster.api_key), PATIENCE)
        async with asyncio.timeout(PATIENCE):
            async for name, _ in answer.events():
                if last == "nothing":
                    on_begin(talk)
                last = name
        answer.close()
    except (OSError, EOFError, asyncio.TimeoutError) as reason:
        last = f"{last}, then {reason!r}"
    return last


def count_turns(cluster, talk):
    import sqlite3
    with sqlite3.connect(f"file:{cluster.data}/prompt.db?mode=ro", uri=True) as db:
        return db.execute("select count(*) from turns where conversation_id = ?", (talk,)).fetchone()[0]


COUNTING_ROWS = {
    "limit": ("100 a minute, 64 clients, three nodes that count", exact_limit),
    "limit owner": ("the node that counts a limit is killed", limit_owner_killed),
}
TALKING_ROWS = {
    "talk": ("conversations among two prompts, one of which leaves and comes back", two_prompts_talk),
    "talk leaving": ("prompts are told to end in the middle of turns: one, both, one after the other", prompts_leave),
    "talk owner": ("the node of conversations is killed", talk_owner_killed),
    "talk frozen": ("the node of conversations is frozen and wakes up", talk_owner_frozen),
}

"""What one row of the fault matrix found: its figures and what was not as it should be."""
import collections
import random
import time

from fault_results import results_test
from token_streams import BROKEN, DONE, ERROR, REFUSED, Stream
from troupe_process import Failed

TYPED = (502, 503)  # what a request that a fault hit may be answered


def place(stream):
    return (f"{stream.name} got {stream.events} events, {stream.resume_id or 'not to be resumed'}, the last "
            f"{stream.last_id}; its error says {stream.said_events}, {stream.said_id}")


class Row:
    """Figures are added up over rounds, times are the longest. `problems` empty: passed."""

    def __init__(self, number, fault, seed=0, is_long=False):
        self.number, self.fault, self.seed = number, fault, seed
        self.is_long = is_long  # as long as the fault matrix has it, where that is longer than the short form
        self.rounds = self.lost = self.doubled = self.failed = self.asked = 0
        self.detection_ms = self.recovery_ms = None
        self.problems, self.extra = [], {}
        self.late = []  # those of the problems that only say that something took too long
        self.chance = random.Random(f"{seed} {number}")
        self.failures = {}  # (kind, status) -> count, first and last begin after the fault, longest wait
        self.second_try = []  # why it was run before, in vain
        self.absent = ""  # why the row was not run
        self.out = ""  # what the processes wrote, when something was wrong

    def expect(self, condition, what):
        if not condition and what not in self.problems:
            self.problems.append(what)
        return condition

    def expect_by(self, condition, what):
        """Of times: these also depend on who else uses the machine."""
        if not self.expect(condition, what):
            self.late.append(what)
        return condition

    @property
    def is_only_late(self):
        return bool(self.problems) and set(self.problems) <= set(self.late)

    def most(self, what, value):
        """A figure of this row alone: the largest of all rounds."""
        self.extra[what] = max(self.extra.get(what, 0), value)

    def sum(self, what, value):
        self.extra[what] = self.extra.get(what, 0) + value

    def detected(self, seconds, within=None):
        self.detection_ms = max(self.detection_ms or 0, round(seconds * 1000))
        if within is not None:
            self.expect_by(seconds <= within, f"noticed only after {seconds:.2f} s, not {within} s")

    def recovered(self, seconds, within=None):
        self.recovery_ms = max(self.recovery_ms or 0, round(seconds * 1000))
        if within is not None:
            self.expect_by(seconds <= within, f"well again only after {seconds:.2f} s, not {within} s")

    def take_streams(self, cluster, streams, may_fail=False):
        """Counts the tokens of streams that have ended: of each exactly what the provider sent, in order, and
        asked of it once; a stream that failed up to a point, and then an error that says so, and which point."""
        self.asked += len(streams)
        self.lost += sum(s.lost for s in streams)
        self.doubled += sum(s.doubled for s in streams)
        failed = [s for s in streams if s.end != DONE]
        self.failed += len(failed)
        name = lambda many: ", ".join(f"{s.name} ({len(s.seen)} tokens) {s.end}: {s.why}" for s in many[:3])
        hung = [s for s in streams if s.end is None]
        self.expect(not hung, f"{len(hung)} streams hang: {name(hung)}")
        bad = [s for s in streams if s.end == BROKEN]
        self.expect(not bad, f"{len(bad)} streams broke without an error event: {name(bad)}")
        bad = [s for s in streams if s.end == REFUSED and not s.why.startswith(("502", "503"))]
        self.expect(not bad, f"{len(bad)} streams were refused with another error: {name(bad)}")
        bad = [s for s in streams if s.end == ERROR and not s.is_told_its_place]
        self.expect(not bad, f"{len(bad)} streams were not told how far they came: {[place(s) for s in bad[:3]]}")
        resumable = sum(s.end == ERROR and s.said_id is not None for s in streams)
        if resumable:
            self.sum("errors that said behind which event to go on", resumable)
        bad = [s for s in streams if s.foreign]
        self.expect(not bad, f"{len(bad)} streams got what is not theirs: {[s.foreign[:2] for s in bad[:3]]}")
        bad = [s for s in streams if not s.is_in_order]
        self.expect(not bad, f"{len(bad)} streams are out of order")
        lost, doubled = [s for s in streams if s.lost], [s for s in streams if s.doubled]
        self.expect(not lost, f"tokens are lost in {len(lost)} streams: {name(lost)}")
        self.expect(not doubled, f"tokens came twice in {len(doubled)} streams: {name(doubled)}")
        if not may_fail:
            self.expect(not failed, f"{len(failed)} of {len(streams)} streams failed: {name(failed)}")
        self.take_runs(cluster, streams)

    def take_runs(self, cluster, requests):
        """No chat ran twice, and none ran of which the client was told that it had not begun."""
        runs = cluster.runs()
        twice = [each.name for each in requests if runs[each.name] > 1]
        self.expect(not twice, f"{len(twice)} chats ran twice at the provider: {twice[:3]}")
        begun = [each.name for each in requests if each.started == "no" and runs[each.name]]
        self.expect(not begun, f"{len(begun)} chats ran that were said not to have begun: {begun[:3]}")

    def take_probes(self, cluster, probes, may_fail=(), most=6.5):
        """Counts requests: each answered in time (4 s until a frozen node is noticed, 2.5 s until no broker
        is found to know its call), and none failed but those begun within one of the intervals (from, to,
        time of the fault), and these with an error of ours."""
        self.asked += len(probes.all)
        self.take_runs(cluster, probes.all)
        failures = probes.failures()
        self.failed += len(failures)
        self.count_failures(failures, may_fail)
        hung = [p for p in probes.all if p.status is None]
        self.expect(not hung, f"{len(hung)} requests got no answer, as {hung and hung[0]}")
        slow = [p for p in probes.all if p.status is not None and p.took > most]
        self.expect_by(not slow, f"{len(slow)} requests took more than {most} s, as {slow and slow[0]}")
        bad = [p for p in failures if p.status not in TYPED]
        self.expect(not bad, f"{len(bad)} requests got no typed error, as {bad and bad[0]}")
        bad = [p for p in failures if not any(begin <= p.began < end for begin, end, _ in may_fail)]
        if bad:
            since = may_fail[0][2] if may_fail else probes.all[0].began
            worst = max(bad, key=lambda p: p.began)
            self.expect(False, f"{len(bad)} requests failed that should not, the last begun at "
                               f"{worst.began - since:.2f} s: {worst}")

    def count_failures(self, failures, may_fail):
        """By kind and answer: how many, begun when after the fault, and answered how late."""
        for p in failures:
            fault = next((at for begin, end, at in may_fail if begin <= p.began < end), p.began)
            known = self.failures.setdefault((p.kind, p.status), [0, 1e9, 0.0, 0.0])
            known[:] = [known[0] + 1, min(known[1], round(p.began - fault, 1) + 0.0), max(known[2], p.began - fault),
                        max(known[3], p.took)]

    def end_round(self, cluster):
        """Nobody crashed, and nothing is held that no client waits for."""
        self.rounds += 1
        crashed = cluster.crashed()
        self.expect(not crashed, f"ended by themselves: {crashed}")
        until, held = time.monotonic() + 8, True
        while not crashed and held and time.monotonic() < until:
            held = cluster.leftovers()
            time.sleep(0.2 if held else 0)
        self.expect(not held, f"still held after 8 s: {held}")
        if self.problems and not self.out:
            self.out = cluster.output()

    def figures(self):
        notes = [f"{count} requests ({kind}) got {status}, begun {begin:.1f} to {end:.1f} s after the fault, "
                 f"answered after {took:.1f} s at most"
                 for (kind, status), (count, begin, end, took) in sorted(self.failures.items(), key=str)]
        notes += [f"{what}: {value:g}" if isinstance(value, float) else f"{what}: {value}"
                  for what, value in self.extra.items()]
        notes += [f"the second try, after: {why}" for why in self.second_try]
        notes += [f"not run: {self.absent}"] if self.absent else []
        return {"row": self.number, "fault": self.fault, "rounds": self.rounds, "lost": self.lost,
                "doubled": self.doubled, "failed": self.failed, "asked": self.asked,
                "detection_ms": self.detection_ms, "recovery_ms": self.recovery_ms,
                "passed": not self.problems, "problems": self.problems, "notes": notes}


class _QuietCluster:
    @staticmethod
    def runs():
        return collections.Counter({"twice": 2, "begun": 1})


def self_test():
    """A check that lets a bad stream pass would let the program pass as well."""
    results_test(Row)

    def is_accepted(seen, end, why="", foreign=(), name="s", got=(None, 2, None), said=(2, None)):
        """`got`: the stream's id, its events and the last one's id; None as id: it was not asked for."""
        row, stream = Row("", ""), Stream(name, "", 4, is_resumable=got[0] is not None)
        stream.seen, stream.end, stream.why, stream.foreign = seen, end, why, list(foreign)
        stream.stream_id, stream.events, stream.last_id = got[0] or None, *got[1:]
        stream.said_events, stream.said_id = said
        stream.started = "no" if end == REFUSED else None
        row.take_streams(_QuietCluster, [stream], may_fail=True)
        return not row.problems

    good = [([0, 1, 2, 3], DONE), ([0, 1], ERROR), ([], ERROR), ([], REFUSED, "503 busy")]
    bad = [([0, 2, 3], DONE), ([0, 1, 2], DONE), ([0, 2], ERROR), ([0, 1, 1, 2, 3], DONE), ([0, 2, 1, 3], DONE),
           ([0, 1], None), ([0, 1], BROKEN), ([], REFUSED, "401 who"), ([0, 1, 2, 3], DONE, "", ["t:0"]),
           ([0, 1, 2, 3], DONE, "", (), "twice"), ([], REFUSED, "503 busy", (), "begun")]
    broken = ([0, 1], ERROR, "", (), "s")
    good += [(*broken, ("i", 2, "i:2"), (2, "i:2")), (*broken, ("i", 0, None), (0, "i:0")),
             (*broken, ("", 0, None), (0, None))]
    bad += [(*broken, (None, 2, None), said) for said in ((None, None), (1, None), (3, None), (2, "i:2"))]
    bad += [(*broken, ("i", 2, "i:2"), said) for said in ((2, None), (2, "i:1"), (1, "i:1"), (2, "j:2"))]
    bad += [(*broken, ("i", 2, "i:1"), (2, "i:2")), (*broken, ("", 2, None), (2, None))]
    wrong = [each for each in good if not is_accepted(*each)] + [each for each in bad if is_accepted(*each)]
    if wrong:
        raise Failed(f"the check of streams is wrong about {wrong}")

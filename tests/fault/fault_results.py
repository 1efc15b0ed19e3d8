"""The results of a run as a page of Markdown."""
import datetime
import re

HEAD = """# What faults cost: a cluster with two brokers

Written by `tests/fault/brokers.py --results` on {date}; {rounds}.

Two brokers, two edges, one router, prompt, auth and log, and a simulated model provider, each a process, all on the loopback of one machine with {cores} cores, which the test's clients share. Every node is linked to both brokers. In rows 14 to 16, 18 and 20 to 22 each link goes through a proxy; in rows 17, 19 and 23 to 25 the faults are the kernel's, in a network namespace; in 22c, 32 and 33 all links are encrypted; in row 26 there is a second router, auth or prompt, in row 6 a second prompt, in `kills` a second router and prompt; in `limit` there are three auth nodes on one MariaDB and no Redis, in `talk` two prompts on one data folder. Chats stream a numbered token each 50 ms, up to 60 of them at a time, while other requests come 10 times a second to each edge, of a kind that may be repeated (`models`) and one that may not (`chat`).

- **lost, doubled**: tokens that a client should have got and did not, or got twice.
- **failed**: requests and streams that ended with an error, of all. Where a fault leaves nobody to ask, or the only one who knows the answer is gone, that must be; every failure has to come in time and say what it is.
- **detection**: from the fault until the last of those concerned noticed. **recovery**: until tokens flow and new requests succeed again, or, where a fault has to end first, from its end. Both the longest of all rounds.

In every row: no stream out of order, none that hangs or breaks off without an error, no chat run twice at the provider, none that ran although its error says that it had not begun, no process that ends by itself, and nothing that is still held a few seconds later.

"""


def cell(value):
    return "" if value is None else str(value)


def table(rows):
    head = ["row", "fault", "rounds", "lost", "doubled", "failed", "detection ms", "recovery ms", "verdict"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        cells = [row.number, row.fault, row.rounds, row.lost, row.doubled, f"{row.failed} of {row.asked}",
                 row.detection_ms, row.recovery_ms, "FAILED" if row.problems else "not run" if row.absent else "passed"]
        yield "| " + " | ".join(map(cell, cells)) + " |"


def details(rows):
    for row in rows:
        figures = row.figures()
        if figures["problems"] or figures["notes"]:
            yield f"\n**Row {row.number}**, {row.fault}:\n"
        for each in figures["problems"]:
            yield "- FAILED: " + each.splitlines()[0][:600]
        for each in figures["notes"]:
            yield f"- {each}"


def place(row):
    """In the order of the fault matrix; rows that have no number there come last."""
    number = re.match(r"\d+", row.number)
    return int(number[0]) if number else 1000, row.number


def write_results(path, rows, rounds, cores):
    rows = sorted(rows, key=place)
    text = HEAD.format(date=datetime.datetime.now(datetime.timezone.utc).date(), cores=cores,
                       rounds="the short form" if rounds == 1 else f"{rounds} rounds a row")
    path.write_text(text + "\n".join([*table(rows), *details(rows)]) + "\n")

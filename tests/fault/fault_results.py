"""The results of runs as a page of Markdown. A run replaces its own rows and leaves those of others."""
import datetime
import re

PREAMBLE = """# What faults cost: a cluster with two brokers

Written by `tests/fault/brokers.py`, `kills.py` and `soak.py` with `--results`; each row has the day of the run that wrote it.

Two brokers, two edges, one router, prompt, auth and log, and a simulated model provider, each a process, all on the loopback of one machine with {cores} cores, which the test's clients share. Every node is linked to both brokers. In rows 14 to 16, 18, 20 to 22 and 45 each link goes through a proxy; in rows 17, 19 and 23 to 25 the faults are the kernel's, in a network namespace; in 22c, 32 and 33 all links are encrypted; in row 26 there is a second router, auth or prompt, in row 6 a second prompt, in `kills` and 45 a second router and prompt; in `limit` there are three auth nodes on one MariaDB and no Redis, in `talk` two prompts on one data folder. Chats stream a numbered token each 50 ms, up to 60 of them at a time (in `kills` and 45 each 200 ms, up to 260), while other requests come 10 times a second to each edge (there 4 times), of a kind that may be repeated (`models`) and one that may not (`chat`).

- **lost, doubled**: tokens that a client should have got and did not, or got twice.
- **failed**: requests and streams that ended with an error, of all. Where a fault leaves nobody to ask, or the only one who knows the answer is gone, that must be; every failure has to come in time and say what it is.
- **detection**: from the fault until the last of those concerned noticed, in `kills` until the last stream of a killed prompt got its error. **recovery**: until tokens flow and new requests succeed again, or, where a fault has to end first, from its end. Both the longest of all rounds. Such a cell is empty where the fault leaves nothing to notice, since no one is told of it, or nothing to recover from, since nothing stops for it.

In every row: no stream out of order, none that hangs or breaks off without an error, no error of a stream that does not say how many events came before it and, of one that can be resumed, behind which of them to go on, no chat run twice at the provider, none that ran although its error says that it had not begun, no process that ends by itself, and nothing that is still held a few seconds later.

"""
HEAD = ("row", "fault", "rounds", "lost", "doubled", "failed", "detection ms", "recovery ms", "verdict", "run on")
LINE = re.compile(r"^\| (?!row |---)([^|]+?) \|" + r"[^|\n]*\|" * (len(HEAD) - 1) + "$", re.MULTILINE)
DETAILS = re.compile(r"^\*\*Row ([^*\n]+)\*\*.*\n\n(?:- .*\n)+", re.MULTILINE)


def cell(value):
    return "" if value is None else str(value)


def joined(cells):
    return "| " + " | ".join(map(cell, cells)) + " |"


def line(row, date):
    return joined([row.number, row.fault, row.rounds, row.lost, row.doubled, f"{row.failed} of {row.asked}",
                   row.detection_ms, row.recovery_ms,
                   "FAILED" if row.problems else "not run" if row.absent else "passed", date])


def details(row):
    """Empty when there is nothing to say."""
    figures = row.figures()
    said = ["- FAILED: " + each.splitlines()[0][:600] for each in figures["problems"]]
    said += [f"- {each}" for each in figures["notes"]]
    return "\n".join([f"**Row {row.number}**, {row.fault}:\n", *said, ""]) if said else ""


def place(number):
    """In the order of the fault matrix; rows that have no number there come last."""
    leading = re.match(r"\d+", number)
    return int(leading[0]) if leading else 1000, number


def rows_of(text):
    """(line, details) of each row of a page, by its number."""
    known = {found[1]: found[0] for found in DETAILS.finditer(text)}
    return {found[1]: (found[0], known.get(found[1], "")) for found in LINE.finditer(text)}


def page(rows, cores):
    shown = [rows[number] for number in sorted(rows, key=place)]
    lines = [joined(HEAD), "|" + " --- |" * len(HEAD), *(each for each, _ in shown)]
    lines += ["\n" + said.rstrip("\n") for _, said in shown if said]
    return PREAMBLE.format(cores=cores) + "\n".join(lines) + "\n"


def write_results(path, rows, cores):
    date = datetime.datetime.now(datetime.timezone.utc).date()
    kept = rows_of(path.read_text()) if path.exists() else {}
    path.write_text(page(kept | {row.number: (line(row, date), details(row)) for row in rows}, cores))


def results_test(make_row):
    """A page that drops a row, or keeps an old one beside the new, would not tell what was run."""
    first, second, again = (make_row(number, fault) for number, fault in (("8", "a"), ("45", "b"), ("8", "c")))
    second.extra["figure"] = 7
    old = {row.number: (line(row, "2000-01-01"), details(row)) for row in (first, second)}
    both = rows_of(page(old, 2))
    if both != old:
        raise ValueError(f"a page is read as {both}, not {old}")
    text = page(both | {"8": (line(again, "2000-01-02"), details(again))}, 2)
    if [text.count(each) for each in ("| 8 | a |", "| 8 | c |", "| 45 | b |", "2000-01-01", "- figure: 7")] \
            != [0, 1, 1, 1, 1]:
        raise ValueError(f"a row is not replaced by its next run:\n{text}")

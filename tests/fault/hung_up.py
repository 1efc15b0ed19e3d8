"""The row of the fault matrix in which clients go away in the middle of a stream.

It runs on a cluster that is well, and leaves it well.
"""
import collections
import statistics
import time

from lost_processes import running_streams
from troupe_process import call

STREAMS = 20


def estimate(size):
    """Tokens of so many bytes of text, as the program counts what no provider does (decision 0005)."""
    return max(1, size // 4) if size else 0


def said_bytes(stream, count):
    """How long the first so many tokens of a stream are as text."""
    return len(" ".join(f"{stream.name}:{n}" for n in range(count)))


def usage_records(cluster, since):
    """Lists of them, by request id. The newest thousand are more than a row makes."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
    status, page = call(cluster.edge_urls[0], path=f"/v1/logs?service=troupe.prompt&limit=1000&since={at}",
                        key=cluster.api_key)
    found = collections.defaultdict(list)
    for each in page["data"] if status == 200 else []:
        if each["message"] == "chat.completed":
            found[each["attributes"]["request_id"]].append(each["attributes"])
    return found


def check_bills(cluster, row, streams, since):
    """Each chat that was broken off has its record, with the tokens of its prompt and of what had been generated:
    by the program's own rule, since a provider says none of a stream that it does not end. The provider may have
    sent one chunk more before it saw that nobody listens."""
    ids = {s.answer.headers["x-request-id"]: s for s in streams}
    records = {}
    def are_there():
        records.update(usage_records(cluster, since))
        return ids.keys() <= records.keys()
    row.most("all usage records were there after, ms", round(1000 * cluster.until(are_there, 5, "usage records lack")))
    calls = {c["text"]: c for c in cluster.provider_calls()}
    for key, stream in ids.items():
        row.expect(len(records[key]) == 1, f"a chat has more than one record: {records[key]}")
        bill, asked, said = records[key][0], calls[stream.name]["asked"], calls[stream.name]["said"]
        most = estimate(said_bytes(stream, said))
        least = estimate(said_bytes(stream, max(said - 1, len(stream.seen))))
        row.sum("tokens billed for prompts", bill["prompt_tokens"])
        row.sum("tokens of prompts, by what reached the provider", estimate(asked))
        row.sum("tokens billed for answers", bill["completion_tokens"])
        row.sum("tokens of answers, by what the provider had sent", most)
        row.sum("bills that lack what the provider sent last", bill["completion_tokens"] < most)
        row.expect(bill["status"] == "cancelled" and bill["usage"] == "estimated", f"a bill says {bill}")
        row.expect(bill["prompt_tokens"] == estimate(asked), f"{asked} bytes asked, billed {bill}")
        row.expect(least <= bill["completion_tokens"] <= most,
                   f"{said} tokens sent, {least} to {most} by the rule, billed {bill}")
        row.expect(bill["total_tokens"] == bill["prompt_tokens"] + bill["completion_tokens"], f"a bill says {bill}")


def client_gone(cluster, row, rounds):
    """12: a client that hangs up takes the provider's connection with it, and pays for what was generated."""
    for _ in range(rounds):
        since = time.time()
        streams = running_streams(cluster, row, STREAMS, 400)
        others = cluster.streams.open(cluster.edge_urls, 10, 60)
        hung_up = {}
        for each in streams:
            hung_up[each.name] = cluster.streams.hang_up(each)
            time.sleep(0.05)
        closed = lambda: {c["text"]: c["closed"] for c in cluster.provider_calls() if c["text"] in hung_up}
        cluster.until(lambda: None not in closed().values(), 10, "the provider's connections are open")
        took = sorted(at - hung_up[name] for name, at in closed().items())
        row.detected(took[-1])
        row.most("half of the provider's connections closed within, ms", round(statistics.median(took) * 1000, 1))
        # All processes and clients share this machine, so the slowest of twenty may have waited for a core.
        row.expect(statistics.median(took) <= 0.05 and took[-1] <= 0.25,
                   f"closed after {statistics.median(took):.3f} s, at most {took[-1]:.3f} s")
        row.asked += len(streams)
        row.failed += len(streams)
        row.expect(not any(s.lost or s.doubled for s in streams), "tokens were lost before the client went")
        check_bills(cluster, row, streams, since)
        cluster.streams.wait(others, 10)
        row.take_streams(cluster, others)
        row.end_round(cluster)


ROWS = {"12": ("client hangs up", client_gone)}

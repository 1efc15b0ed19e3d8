#!/usr/bin/env python3
"""Retrieval quality of a running Troupe, over HTTP: nDCG@10 of BM25 alone and of the default.

  BASE_URL=http://127.0.0.1:8000 API_KEY=tr-... bench/retrieval/ndcg.py --data DIR [--data DIR ...]

DIR holds corpus.jsonl {id, title, text}, queries.jsonl {id, text} and qrels.tsv (a header line, then
query, document, gain). Each document is uploaded as the file `<id>.txt` of title, empty line and
text; every judged question asks for 30 passages and the best passage of each file counts. Gain is
the judgement, discount log2(rank + 1), the ideal is over all judged documents. What was uploaded is
deleted at the end, unless --keep. Needs only Python's standard library.
"""
import argparse
import concurrent.futures
import http.client
import json
import math
import os
import sys
import threading
import time
import urllib.parse
import uuid

RANKERS = {"bm25": {"ranking_options": {"ranker": "bm25"}}, "default": {}}


class Troupe:
    """One keep-alive connection a thread."""

    def __init__(self, base_url, key):
        self.base = urllib.parse.urlsplit(base_url)
        self.prefix = self.base.path.rstrip("/")
        if self.prefix.endswith("/v1"):
            self.prefix = self.prefix[:-3]
        self.key = key
        self.local = threading.local()

    def _connection(self):
        if getattr(self.local, "connection", None) is None:
            kind = (http.client.HTTPSConnection if self.base.scheme == "https"
                    else http.client.HTTPConnection)
            self.local.connection = kind(self.base.hostname, self.base.port, timeout=60)
        return self.local.connection

    def call(self, method, path, body=None, content_type="application/json"):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.key}
        if body is not None:
            headers["Content-Type"] = content_type
        for attempt in range(6):
            try:
                connection = self._connection()
                connection.request(method, self.prefix + path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                self.local.connection = None  # the server closed an idle connection, or is busy
                if attempt == 5:
                    raise
                time.sleep(0.2 * attempt)
                continue
            if answer.status in (429, 503) and attempt < 5:
                time.sleep(float(answer.getheader("Retry-After") or 0.5))
                continue
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return json.loads(text)

    def upload(self, filename, content):
        boundary = uuid.uuid4().hex
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n'
                f'assistants\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{filename}"\r\nContent-Type: text/plain\r\n\r\n').encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        return self.call("POST", "/v1/files", body, f"multipart/form-data; boundary={boundary}")


class Progress:
    def __init__(self, label, total):
        self.label, self.total, self.done = label, total, 0
        self.lock, self.shown = threading.Lock(), 0.0

    def step(self, *_):
        with self.lock:
            self.done += 1
            now = time.monotonic()
            if self.done < self.total and now - self.shown < 0.2:
                return
            self.shown = now
            width = 30 * self.done // max(self.total, 1)
            end = "\n" if self.done == self.total else ""
            sys.stderr.write(f"\r{self.label:<24} [{'#' * width:<30}] {self.done}/{self.total}{end}")
            sys.stderr.flush()


def in_parallel(pool, label, work, items):
    """Runs `work` on every item, with a progress bar; answers in the order of items."""
    progress = Progress(label, len(items))
    futures = [pool.submit(work, item) for item in items]
    for future in futures:
        future.add_done_callback(progress.step)
    return [future.result() for future in futures]


def json_lines(path):
    with open(path, encoding="utf-8", newline="\n") as lines:  # some texts hold U+2028
        return [json.loads(line) for line in lines.read().split("\n") if line.strip()]


def load(folder):
    corpus = json_lines(os.path.join(folder, "corpus.jsonl"))
    gains = {}
    with open(os.path.join(folder, "qrels.tsv"), encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            query, document, gain = line.rstrip("\n").split("\t")
            if int(gain) > 0:
                gains.setdefault(query, {})[document] = int(gain)
    queries = [q for q in json_lines(os.path.join(folder, "queries.jsonl")) if q["id"] in gains]
    return corpus, queries, gains


def ndcg(ranked, gains, depth=10):
    found = sum(gains.get(document, 0) / math.log2(rank + 2)
                for rank, document in enumerate(ranked[:depth]))
    ideal = sorted(gains.values(), reverse=True)[:depth]
    return found / sum(gain / math.log2(rank + 2) for rank, gain in enumerate(ideal))


def wait_until_indexed(troupe, store, expected, timeout):
    progress_until = time.monotonic() + timeout
    bar, shown = Progress("indexing", expected), 0
    while True:
        counts = troupe.call("GET", f"/v1/vector_stores/{store}")["file_counts"]
        finished = counts["completed"] + counts["failed"] + counts["cancelled"]
        while shown < min(finished, expected):
            bar.step()
            shown += 1
        if finished >= expected and counts["in_progress"] == 0:
            return counts
        if time.monotonic() > progress_until:
            raise RuntimeError(f"not indexed after {timeout} s: {counts}")
        time.sleep(0.1)


def search_all(troupe, pool, store, queries, gains, document_of, name):
    """nDCG and latencies of one ranker."""
    latencies = []

    def ask(query):
        body = {"query": query["text"], "max_num_results": 30, **RANKERS[name]}
        start = time.perf_counter()
        hits = troupe.call("POST", f"/v1/vector_stores/{store}/search", body)["data"]
        latencies.append(time.perf_counter() - start)
        best_of_each_file = list(dict.fromkeys(document_of[hit["file_id"]] for hit in hits))
        return ndcg(best_of_each_file, gains[query["id"]])

    values = in_parallel(pool, "searching, " + name, ask, queries)
    latencies.sort()
    return {"ndcg@10": round(sum(values) / len(values), 4),
            "p50_ms": round(1000 * latencies[len(latencies) // 2], 2),
            "p99_ms": round(1000 * latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)], 2)}


def measure(troupe, folder, threads, timeout, keep):
    corpus, queries, gains = load(folder)
    name = os.path.basename(os.path.normpath(folder))
    store = troupe.call("POST", "/v1/vector_stores", {"name": "ndcg-" + name})["id"]
    document_of = {}
    lock = threading.Lock()

    def add(document):
        content = (document["title"] + "\n\n" + document["text"]).encode()
        if not content.strip():
            return 0  # nothing in it: a reader refuses such a file, rightly
        file = troupe.upload(document["id"] + ".txt", content)
        with lock:
            document_of[file["id"]] = document["id"]
        troupe.call("POST", f"/v1/vector_stores/{store}/files", {"file_id": file["id"]})
        return 1

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            added = sum(in_parallel(pool, "uploading " + name, add, corpus))
            counts = wait_until_indexed(troupe, store, added, timeout)
            results = {ranker: search_all(troupe, pool, store, queries, gains, document_of, ranker)
                       for ranker in RANKERS}
        finally:
            if not keep:
                in_parallel(pool, "deleting " + name,
                            lambda file: troupe.call("DELETE", "/v1/files/" + file),
                            list(document_of))
                troupe.call("DELETE", "/v1/vector_stores/" + store)
    return {"collection": name, "documents": len(corpus), "indexed": counts["completed"],
            "failed": counts["failed"], "queries": len(queries), "rankers": results}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", action="append", required=True, metavar="DIR")
    parser.add_argument("--url", default=os.environ.get("BASE_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--timeout", type=float, default=600, help="seconds to wait for indexing")
    parser.add_argument("--keep", action="store_true", help="leave the files and the store there")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    key = os.environ.get("API_KEY") or os.environ.get("TROUPE_API_KEY")
    if not key:
        parser.error("set API_KEY to a key of the server")
    troupe = Troupe(arguments.url, key)
    runs = [measure(troupe, folder, arguments.threads, arguments.timeout, arguments.keep)
            for folder in arguments.data]
    if arguments.json:
        print(json.dumps(runs, indent=1))
        return
    print(f"{'collection':<12} {'documents':>9} {'queries':>8} {'ranker':<8} {'nDCG@10':>8} "
          f"{'p50 ms':>8} {'p99 ms':>8}")
    for run in runs:
        for ranker, row in run["rankers"].items():
            print(f"{run['collection']:<12} {run['indexed']:>9} {run['queries']:>8} {ranker:<8} "
                  f"{row['ndcg@10']:>8.4f} {row['p50_ms']:>8.2f} {row['p99_ms']:>8.2f}")


if __name__ == "__main__":
    main()

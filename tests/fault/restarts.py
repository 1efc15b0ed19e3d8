#!/usr/bin/env python3
"""What a kill -9 leaves behind, and what a second process on the same folder is told.

    tests/fault/restarts.py --program build/ci/troupe [--json] [--only NAME]

    second_process   a second process on a data folder in use exits and names the holder
    accounts         kill -9 and restart keep accounts, keys, files, stores and what was indexed
    one_of_six       kill -9 of the process of `prompt`: its running requests get errors, not
                     silence; the other roles go on; its restart heals
Exit code 0: all passed.
"""
import argparse
import http.client
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Failed, Simulator, Troupe, call  # noqa: E402

BOUNDARY = "troupe-fault-boundary"
TEXT = "The heron of Velden stands on one leg at the old sluice."


def expect(condition, what):
    if not condition:
        raise Failed(what)


def upload(troupe, key):
    body = (f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
            f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="heron.md"\r\n'
            f"content-type: text/markdown\r\n\r\n{TEXT}\r\n--{BOUNDARY}--\r\n").encode()
    connection = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=10)
    connection.request("POST", "/v1/files", body, {
        "authorization": f"Bearer {key}", "content-type": f"multipart/form-data; boundary={BOUNDARY}"})
    answer = connection.getresponse()
    made = json.loads(answer.read())
    expect(answer.status == 200, f"upload: {answer.status} {made}")
    return made["id"]


def second_process(program, folder):
    with Troupe(program, "one", folder) as first:
        holder = first.nodes["all"].process.pid
        again = Troupe(program, "one", folder).nodes["all"]
        try:
            again.start(within=10)
        except Failed:
            pass
        else:
            again.kill()
            raise Failed("a second process serves the same data folder")
        expect(again.process.returncode == 1, f"exit code {again.process.returncode}, not 1")
        expect(str(holder) in again.output(), f"the holder {holder} is not named:\n{again.output()}")
        expect(first.is_ready(), "the first process stopped serving")
    return {"named_holder": True}


def accounts(program, folder):
    troupe = Troupe(program, "one", folder).start()
    try:
        key = troupe.api_key
        who = {"email": "ada@example.org", "password": "a long enough password"}
        status, session = call(troupe.url, "POST", "/v1/auth/register", who)
        expect(status == 201, f"register: {status}")
        file_id = upload(troupe, key)
        _, store = call(troupe.url, "POST", "/v1/vector_stores", {"name": "birds", "file_ids": [file_id]}, key)
        search = ("POST", f"/v1/vector_stores/{store['id']}/search", {"query": "heron"}, key)
        until = time.monotonic() + 10
        while not (call(troupe.url, *search)[1].get("data") or time.monotonic() > until):
            time.sleep(0.05)
        for _ in range(3):
            troupe.nodes["all"].kill()
            begun = time.monotonic()
            troupe.start()
            recovery = time.monotonic() - begun
            expect(call(troupe.url, "POST", "/v1/auth/login", who)[0] == 200, "the account is gone")
            status, session = call(troupe.url, "POST", "/v1/auth/refresh", {"refresh_token": session["refresh_token"]})
            expect(status == 200, f"the session is gone: {status}")
            expect(call(troupe.url, path=f"/v1/files/{file_id}", key=key)[0] == 200, "the file is gone")
            status, hits = call(troupe.url, *search)
            expect(status == 200 and hits["data"] and hits["data"][0]["content"][0]["text"].strip() == TEXT,
                   f"the index is gone: {status} {hits}")
        troupe.stop()
    finally:
        troupe.kill()
    return {"recovery_ms": round(recovery * 1000)}


def one_of_six(program, folder):
    with Simulator() as sim, Troupe(program, "six", folder, provider=sim.base_url) as troupe:
        key = troupe.api_key
        plain = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}
        slow = plain | {"model": "sim-slow", "max_tokens": 400, "stream": True}
        silent = plain | {"model": "sim-silent"}
        expect(call(troupe.url, "POST", "/v1/chat/completions", plain, key)[0] == 200, "no chat before the fault")
        ends = {}

        def run(name, body):
            status, answer = call(troupe.url, "POST", "/v1/chat/completions", body, key, timeout=30)
            ends[name] = (time.monotonic(), status, answer)

        threads = [threading.Thread(target=run, args=each, daemon=True)
                   for each in (("stream", slow), ("plain", silent))]
        for each in threads:
            each.start()
        time.sleep(0.7)
        killed = time.monotonic()
        troupe.nodes["prompt"].kill()
        for each in threads:
            each.join(10)
        expect(set(ends) == {"stream", "plain"}, f"silence: only {set(ends)} ended within 10 s")
        detected = max(at for at, _, _ in ends.values()) - killed
        expect(ends["plain"][1] in (502, 503), f"the plain chat got {ends['plain'][1:]}")
        text = ends["stream"][2] if isinstance(ends["stream"][2], str) else json.dumps(ends["stream"][2])
        expect('"error"' in text and "[DONE]" not in text, f"the stream ended as {text[-300:]}")
        begun = time.monotonic()
        status, _ = call(troupe.url, "POST", "/v1/chat/completions", plain, key)
        expect(status in (502, 503), f"a new chat got {status}")
        expect(time.monotonic() - begun < 5, "a new chat waited instead of failing")
        expect(call(troupe.url, path="/v1/auth/me", key=key)[0] == 200, "auth is not reachable any more")
        expect(not troupe.is_ready(), "/ready says that all is well")
        begun = time.monotonic()
        troupe.nodes["prompt"].start()
        troupe.wait_ready()
        expect(call(troupe.url, "POST", "/v1/chat/completions", plain, key)[0] == 200, "no chat after the restart")
        recovery = time.monotonic() - begun
    return {"detection_ms": round(detected * 1000), "recovery_ms": round(recovery * 1000)}


TESTS = {f.__name__: f for f in (second_process, accounts, one_of_six)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/ci/troupe")
    parser.add_argument("--only", choices=TESTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for name, test in TESTS.items():
        if options.only and name != options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="troupe-fault-") as folder:
            result = {"test": name, "passed": True}
            try:
                result |= test(options.program, pathlib.Path(folder) / "data")
            except Failed as reason:
                result |= {"passed": False, "problem": str(reason)}
            results.append(result)
        if not options.json:
            print("  ".join(f"{k} {v}" for k, v in result.items()), flush=True)
    if options.json:
        print(json.dumps(results))
    return 0 if all(r["passed"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Goal: /openapi.json is a valid document, and the program does what it says: answers fit their
schemas, required fields are required, query parameters have their bounds. Method: unittest; a client
that reads the document first and holds every answer against it. Every operation is called."""
import http.client
import json
import os
import pathlib
import time
import unittest
import urllib.parse
import uuid

from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

BASE = urllib.parse.urlsplit(os.environ["BASE_URL"])
KEY = os.environ["API_KEY"]
DOCUMENT = pathlib.Path(__file__).parent / "documents" / "lighthouse.md"
PASSWORD = "a long enough password"


def exchange(method, target, body=None, headers=()):
    connection = http.client.HTTPConnection(BASE.hostname, BASE.port, timeout=20)
    try:
        connection.request(method, target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


SPEC = json.loads(exchange("GET", "/openapi.json")[2])
OPERATIONS = {(method.upper(), path): operation for path, methods in SPEC["paths"].items()
              for method, operation in methods.items()}


def resolved(part):
    while "$ref" in part:
        at = SPEC
        for name in part["$ref"].removeprefix("#/").split("/"):
            at = at[name]
        part = at
    return part


def check(value, schema):
    root = {"components": SPEC["components"], "allOf": [schema]}
    Draft202012Validator(root, format_checker=FormatChecker()).validate(value)


def events_of(text):
    for block in text.split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n") if not line.startswith(":")]
        fields = {name: value for name, _, value in lines}
        if "data" in fields:
            yield fields.get("event", "message"), fields["data"]


def body_schema(operation):
    return operation["requestBody"]["content"]["application/json"]["schema"]


def unique(word):
    return f"{word}-{uuid.uuid4()}"


def email():
    return f"{uuid.uuid4()}@example.org"


def user(text):
    return [{"role": "user", "content": text}]


class Document(unittest.TestCase):
    called = set()

    @classmethod
    def setUpClass(cls):
        cls.account = cls().call("POST", "/v1/auth/register", 201,
                                 {"email": email(), "password": PASSWORD}, token=None)

    @classmethod
    def tearDownClass(cls):
        missed = set(OPERATIONS) - cls.called
        assert not missed, f"operations that no test calls: {missed}"

    def call(self, method, path, status, body=None, query=None, token=KEY, form=None, seen=None, **in_path):
        """Calls an operation and holds the answer against the document. Returns JSON, the list of
        events, or bytes."""
        operation = OPERATIONS[method, path]
        self.called.add((method, path))
        target = path.format(**{k: urllib.parse.quote(v, safe="") for k, v in in_path.items()})
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if seen:
            headers["Last-Event-ID"] = seen
        data = None
        if form:
            headers["Content-Type"] = "multipart/form-data; boundary=XX"
            data = form
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
            if status < 300:
                check(body, body_schema(operation))
        got, head, raw = exchange(method, target + ("?" + urllib.parse.urlencode(query) if query else ""),
                                  data, headers)
        self.assertEqual(got, status, raw)
        self.assertIn(str(status), operation["responses"], f"{method} {path} may answer {status}")
        answer = resolved(operation["responses"][str(status)])
        for name, described in answer["headers"].items():
            self.assertIn(name.lower(), [k.lower() for k in head])
            if resolved(described)["schema"]["type"] == "integer":
                check(int(head[name]), resolved(described)["schema"])
        if status == 204:
            return self.assertEqual(raw, b"")
        media = head["content-type"].partition(";")[0]
        content = answer["content"][media]
        if media == "text/event-stream":
            return self.checked_events(raw.decode(), content["x-sse-events"])
        value = json.loads(raw) if media == "application/json" else raw
        check(raw.decode() if media == "text/plain" else value, content["schema"])
        return value

    def checked_events(self, text, schemas):
        out = []
        for name, data in events_of(text):
            if data == "[DONE]":
                out.append((name, data))
                continue
            out.append((name, json.loads(data)))
            check(out[-1][1], schemas[name])
        return out

    def refused(self, *arguments, param=None, **more):
        error = self.call(*arguments, **more)["error"]
        self.assertEqual(error["param"], param, error)

    def upload(self):
        part = b'--XX\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        form = (part % (b"purpose", b"", b"assistants") +
                part % (b"file", b'; filename="lighthouse.md"', DOCUMENT.read_bytes()) + b"--XX--\r\n")
        return self.call("POST", "/v1/files", 200, form=form)

    def filled_store(self):
        file = self.upload()
        store = self.call("POST", "/v1/vector_stores", 200,
                          {"name": unique("s"), "file_ids": [file["id"]], "metadata": {"a": 1}})
        until = time.monotonic() + 30
        while self.call("GET", "/v1/vector_stores/{vector_store_id}", 200,
                        vector_store_id=store["id"])["status"] != "completed":
            self.assertLess(time.monotonic(), until, "indexing is stuck")
            time.sleep(0.05)
        return store, file

    # ---- the document itself

    def test_the_document_is_valid_openapi(self):
        validate(SPEC)

    def test_messages_between_nodes_stay_out(self):
        for name in ("authenticate_request", "caller", "call_id", "chat_delta", "chat_request"):
            self.assertNotIn(name, SPEC["components"]["schemas"])
        sent = SPEC["components"]["schemas"]["search_request"]["properties"]
        self.assertEqual(set(sent), {"query", "max_num_results", "ranking_options", "filters", "rewrite_query"})

    def test_no_body_and_no_answer_is_left_open(self):
        for (method, path), operation in OPERATIONS.items():
            for part in [operation.get("requestBody", {"content": {}}), *operation["responses"].values()]:
                for media, content in resolved(part).get("content", {}).items():
                    if media != "application/octet-stream":
                        self.assertTrue(content["schema"], f"{method} {path} {media}")

    # ---- answers

    def test_system(self):
        for path in ("/health", "/ready", "/metrics", "/openapi.json"):
            self.call("GET", path, 200, token=None)

    def test_accounts(self):
        mine = {"email": email(), "password": PASSWORD}
        self.call("POST", "/v1/auth/register", 201, mine, token=None)
        self.refused("POST", "/v1/auth/register", 409, mine, token=None, param="email")
        session = self.call("POST", "/v1/auth/login", 200, mine, token=None)
        self.refused("POST", "/v1/auth/login", 401, mine | {"password": "not the password"}, token=None)
        session = self.call("POST", "/v1/auth/refresh", 200,
                            {"refresh_token": session["refresh_token"]}, token=None)
        self.refused("POST", "/v1/auth/refresh", 401, {"refresh_token": "x"}, token=None)
        token = session["access_token"]
        self.call("GET", "/v1/auth/me", 200, token=token)
        self.refused("GET", "/v1/auth/me", 401, token="tr-wrong")
        for one in (token, KEY, "x"):
            self.call("POST", "/v1/auth/verify", 200, {"token": one})
        key = self.call("POST", "/v1/auth/keys", 201, {"name": "k"}, token=token)
        self.assertEqual(len(self.call("GET", "/v1/auth/keys", 200, token=token)["data"]), 1)
        self.call("DELETE", "/v1/auth/keys/{id}", 200, token=token, id=key["id"])
        self.call("DELETE", "/v1/auth/keys/{id}", 404, token=token, id="key_none")
        self.call("POST", "/v1/auth/logout", 204, token=token)

    def test_models_and_embeddings(self):
        for model in self.call("GET", "/v1/models", 200)["data"]:
            self.call("GET", "/v1/models/{id}", 200, id=model["id"])
        self.refused("GET", "/v1/models/{id}", 404, id="none", param="model")
        for model in ("local", "sim-embed"):
            for more in ({}, {"encoding_format": "base64"}, {"encoding_format": "float"}):
                self.call("POST", "/v1/embeddings", 200, {"model": model, "input": ["a", "b"]} | more)
        self.refused("POST", "/v1/embeddings", 400, {"model": "local", "input": []}, param="input")

    def test_chats_plain_and_streamed(self):
        store, file = self.filled_store()
        asked = user("How high is the lighthouse?")
        found = {"retrieval": {"vector_store_ids": [store["id"]], "max_num_results": 3}}
        path = "/v1/chat/completions"
        for more in ({"model": "extract"}, {"model": "extract"} | found, {"model": "sim"},
                     {"model": "sim"} | found, {"model": "sim-tools"}):
            with self.subTest(more):
                self.call("POST", path, 200, {"messages": asked} | more)
                for options in ({}, {"stream_options": {"include_usage": True}}):
                    got = self.call("POST", path, 200, {"messages": asked, "stream": True} | options | more)
                    self.assertEqual(got[-1], ("message", "[DONE]"))
        cited = self.call("POST", path, 200, {"model": "extract", "messages": asked} | found)
        self.assertEqual(cited["choices"][0]["message"]["annotations"][0]["file_citation"]["file_id"], file["id"])
        broken = self.call("POST", path, 200, {"model": "sim-late-error", "messages": asked, "stream": True})
        self.assertEqual(broken[-1][0], "error")
        self.call("POST", path, 404, {"model": "no-such-model", "messages": asked})
        self.call("POST", path, 429, {"model": "sim-429", "messages": asked})

    def test_turns_of_a_conversation(self):
        store, _ = self.filled_store()
        for model in ("extract", "sim"):
            got = self.call("POST", "/v1/chat/stream", 200,
                            {"message": "How high is the lighthouse?", "model": model,
                             "vector_store_ids": [store["id"]]})
            self.assertEqual({name for name, _ in got}, {"token", "citation", "done"})
            again = got[-1][1]["conversation_id"]
            self.call("POST", "/v1/chat/stream", 200,
                      {"message": "And how old?", "model": model, "conversation_id": again})
        self.refused("POST", "/v1/chat/stream", 404, {"message": "x", "conversation_id": "conv_none"},
                     param="conversation_id")

    def test_a_stream_is_continued_and_stopped(self):
        for path, body in (("/v1/chat/stream", {"message": "hi", "model": "sim"}),
                           ("/v1/chat/completions", {"messages": user("hi"), "model": "sim", "stream": True})):
            body |= {"resumable": True}
            whole = self.call("POST", path, 200, body)
            _, head, _ = exchange("POST", path, json.dumps(body), {"Authorization": f"Bearer {KEY}"})
            stream = head["x-stream-id"]
            first = f"{stream}:1"
            self.assertEqual(len(self.call("POST", path, 200, body, seen=first)), len(whole) - 1)
            if path == "/v1/chat/stream":
                self.assertEqual(len(self.call("GET", path, 200, seen=first)), len(whole) - 1)
                self.call("GET", path, 404, seen=f"{stream}:999")
            stopped = self.call("POST", "/v1/chat/stream/{id}/cancel", 200, id=stream)
            self.assertEqual(stopped["status"], "completed", "it had ended")
        self.refused("GET", "/v1/chat/stream", 400, param="Last-Event-ID")
        self.refused("POST", "/v1/chat/stream/{id}/cancel", 404, id="strm_none", param="id")

    def test_files_and_stores(self):
        store, file = self.filled_store()
        named = {"vector_store_id": store["id"]}
        self.call("GET", "/v1/files", 200, query={"limit": 2, "order": "asc"})
        self.call("GET", "/v1/files/{file_id}", 200, file_id=file["id"])
        self.assertEqual(self.call("GET", "/v1/files/{file_id}/content", 200, file_id=file["id"]),
                         DOCUMENT.read_bytes())
        self.call("GET", "/v1/vector_stores", 200, query={"limit": 1})
        path = "/v1/vector_stores/{vector_store_id}/files"
        self.call("POST", path, 200, {"file_id": file["id"], "attributes": {"a": "b"}}, **named)
        self.call("GET", path, 200, query={"filter": "completed"}, **named)
        self.call("GET", path + "/{file_id}", 200, file_id=file["id"], **named)
        hits = self.call("POST", "/v1/vector_stores/{vector_store_id}/search", 200,
                         {"query": ["lighthouse", "height"], "max_num_results": 2}, **named)
        self.assertEqual(hits["data"][0]["file_id"], file["id"])
        self.call("DELETE", path + "/{file_id}", 200, file_id=file["id"], **named)
        self.call("DELETE", "/v1/vector_stores/{vector_store_id}", 200, **named)
        self.call("DELETE", "/v1/files/{file_id}", 200, file_id=file["id"])
        self.refused("GET", "/v1/files/{file_id}", 404, file_id=file["id"], param="file_id")
        self.call("POST", "/v1/vector_stores", 404, {"file_ids": ["file-none"]})
        self.call("POST", "/v1/files", 415, body={})

    def test_logs(self):
        record = {"level": "info", "service": unique("s"), "message": "first", "attributes": {"n": 1}}
        one = self.call("POST", "/v1/logs", 201, record)
        self.call("POST", "/v1/logs", 201, [record | {"time": "2026-01-31T12:00:00+01:00"}] * 3)
        self.call("PATCH", "/v1/logs/{id}", 200, {"attributes": {"done": True}}, id=one["id"])
        self.call("PATCH", "/v1/logs/{id}", 404, {"attributes": {}}, id="log_none")
        for query in ({"limit": 2}, {"since": "2026-01-01T00:00:00Z", "level": "info", "q": "first"}):
            self.assertTrue(self.call("GET", "/v1/logs", 200, query={"service": record["service"]} | query)["data"])
        self.refused("POST", "/v1/logs", 400, [record, {"level": "info"}], param="[1].service")

    def test_people_and_their_sessions(self):
        mail = email()
        session = self.call("POST", "/v1/auth/register", 201, {"email": mail, "password": PASSWORD}, token=None)
        own = {"token": session["access_token"]}
        self.call("PATCH", "/v1/auth/me", 200, {"name": "Ada", "user_metadata": {"a": 1}}, **own)
        self.call("PATCH", "/v1/auth/me", 400, {"password": "another one", "current_password": "x"}, **own)
        self.call("PATCH", "/v1/auth/me", 200, {"password": "another one", "current_password": PASSWORD}, **own)
        self.call("PATCH", "/v1/auth/me", 409, {"email": self.account["user"]["email"]}, **own)
        listed = self.call("GET", "/v1/auth/sessions", 200, **own)["data"]
        self.call("DELETE", "/v1/auth/sessions/{id}", 404, id="none", **own)
        self.call("DELETE", "/v1/auth/sessions/{id}", 200, id=listed[0]["id"], **own)
        key = self.call("POST", "/v1/auth/keys", 201, {"name": "k", "scopes": ["chat"], "expires_in": 60})
        self.call("PATCH", "/v1/auth/keys/{id}", 200, {"name": "l"}, id=key["id"])
        self.call("POST", "/v1/auth/keys/{id}/rotate", 201, id=key["id"])
        self.call("PATCH", "/v1/auth/me", 403, {"name": "x"}, token=key["key"])
        self.call("DELETE", "/v1/auth/keys/{id}", 200, id=key["id"])
        self.call("PATCH", "/v1/auth/keys/{id}", 404, {"name": "l"}, id=key["id"])
        self.call("POST", "/v1/auth/keys/{id}/rotate", 404, id=key["id"])

    def test_signing_keys(self):
        known = self.call("GET", "/.well-known/jwks.json", 200, token=None)["keys"]
        made = self.call("POST", "/v1/admin/signing-keys/rotate", 201)
        listed = self.call("GET", "/v1/admin/signing-keys", 200)["data"]
        self.assertEqual([k.get("retires_at") is None for k in listed].count(True), 1)
        self.assertIn(made["id"], [k["id"] for k in listed])
        self.assertTrue(known)

    def test_topology(self):
        self.call("GET", "/v1/admin/topology", 200)
        self.call("GET", "/v1/admin/topology", 403, token=self.account["access_token"])

    def test_administration(self):
        person = self.call("POST", "/v1/admin/users", 201, {"email": email(), "app_metadata": {"plan": "free"}})
        self.call("POST", "/v1/admin/users", 409, {"email": person["email"]})
        self.call("GET", "/v1/admin/users", 200, query={"q": person["email"], "limit": 1})
        self.call("GET", "/v1/admin/users", 403, token=self.account["access_token"])
        self.call("GET", "/v1/admin/users/{id}", 200, id=person["id"])
        self.call("PATCH", "/v1/admin/users/{id}", 200, {"banned_for": 60}, id=person["id"])
        self.call("POST", "/v1/admin/users/{id}/logout", 204, id=person["id"])
        subject = "user:" + person["id"]
        self.call("PUT", "/v1/admin/caps/{subject}", 200, {"streams": 2}, subject=subject)
        self.call("GET", "/v1/admin/caps/{subject}", 200, subject=subject)
        self.call("DELETE", "/v1/admin/users/{id}", 200, id=person["id"])
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            self.call(method, "/v1/admin/users/{id}", 404, body, id=person["id"])

    def test_an_import(self):
        rows = [{"email": email(), "name": "Ada", "user_metadata": {"n": 1}, "created_at": "2020-01-31T12:00:00Z"},
                {"email": "nobody"}]
        for states in (["created", "failed"], ["exists", "failed"]):
            data = self.call("POST", "/v1/admin/users/import", 200, {"users": rows})["data"]
            self.assertEqual([row["status"] for row in data], states)
        self.assertEqual(data[1]["param"], "email")
        self.refused("POST", "/v1/admin/users/import", 400, {"users": []}, param="users")
        self.call("POST", "/v1/admin/users/import", 403, {"users": rows}, token=self.account["access_token"])

    def test_organizations(self):
        one = self.call("POST", "/v1/organizations", 201, {"name": "o"})["id"]
        person = self.call("POST", "/v1/admin/users", 201, {"email": email()})["id"]
        self.call("PUT", "/v1/organizations/{id}/members/{user_id}", 204, {"role": "member"}, id=one, user_id=person)
        self.call("GET", "/v1/organizations/{id}/members", 200, id=one)
        self.call("DELETE", "/v1/organizations/{id}/members/{user_id}", 200, id=one, user_id=person)
        self.call("DELETE", "/v1/organizations/{id}/members/{user_id}", 404, id=one, user_id=person)
        self.call("GET", "/v1/organizations", 200, query={"all": "true"})
        self.call("GET", "/v1/organizations/{id}", 200, id=one)
        self.call("PATCH", "/v1/organizations/{id}", 200, {"name": "p"}, id=one)
        self.call("DELETE", "/v1/organizations/{id}", 200, id=one)
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            self.call(method, "/v1/organizations/{id}", 404, body, id=one)

    # ---- requests

    def bodies(self):
        """For each operation with a JSON body: one with every field, and what the path wants."""
        store, file = self.filled_store()
        record = {"level": "info", "service": "s", "message": "m", "attributes": {},
                  "time": "2026-01-31T12:00:00Z"}
        log_id = self.call("POST", "/v1/logs", 201, record)["id"]
        path = {"vector_store_id": store["id"]}
        new = lambda: {"email": email(), "password": PASSWORD, "name": "Ada", "user_metadata": {}}
        person = self.call("POST", "/v1/admin/users", 201, new())
        org = self.call("POST", "/v1/organizations", 201, {"name": "o"})
        key = self.call("POST", "/v1/auth/keys", 201, {"name": "k"})
        chat = {"model": "sim", "messages": user("hi"), "stream": False, "n": 1, "seed": 1, "user": "u",
                "stream_options": {"include_usage": True}, "temperature": 1, "top_p": 1,
                "presence_penalty": 0, "frequency_penalty": 0, "max_tokens": 9,
                "max_completion_tokens": 9, "resumable": False,
                "retrieval": {"vector_store_ids": [store["id"]]}}
        turn = {"message": "hi", "model": "extract", "vector_store_ids": [store["id"]], "resumable": True,
                "conversation_id":
                self.call("POST", "/v1/chat/stream", 200, {"message": "hi"})[-1][1]["conversation_id"]}
        return {
            "/v1/auth/register": (new, {}),
            "/v1/auth/login": (lambda: {"email": self.account["user"]["email"], "password": PASSWORD}, {}),
            "/v1/auth/refresh": (lambda: {"refresh_token": self.account["refresh_token"]}, {}),
            "/v1/auth/verify": (lambda: {"token": "x"}, {}),
            "/v1/auth/keys": (lambda: {"name": "k", "scopes": ["chat"], "expires_in": 60,
                                       "organization": org["id"], "user": ""}, {}),
            "/v1/auth/keys/{id}": (lambda: {"name": "k", "scopes": ["chat"], "expires_in": 60, "user": ""},
                                   {"id": key["id"]}),
            "/v1/auth/keys/{id}/rotate": (lambda: {"overlap": 60, "user": ""}, {"id": key["id"]}),
            "/v1/auth/logout": None,  # has only optional fields and ends the session
            "/v1/auth/me": None,  # a password may want the present one: test_accounts
            "/v1/admin/users": (lambda: new() | {"account_role": "viewer", "email_confirmed": True,
                                                 "app_metadata": {}}, {}),
            "/v1/admin/users/import":
                (lambda: {"users": [{"email": email(), "password_hash": "none that is known", "active": False}],
                          "update": False, "dry_run": True}, {}),
            "/v1/admin/users/{id}":
                (lambda: new() | {"account_role": "viewer", "email_confirmed": True, "banned_for": 60,
                                  "app_metadata": {}}, {"id": person["id"]}),
            "/v1/admin/caps/{subject}": (lambda: {"requests_per_minute": 1, "tokens_per_minute": 2,
                                                  "streams": 3, "usd_per_day": 0.5},
                                         {"subject": "user:" + person["id"]}),
            "/v1/organizations": (lambda: {"name": "o"}, {}),
            "/v1/organizations/{id}": (lambda: {"name": "o"}, {"id": org["id"]}),
            "/v1/organizations/{id}/members/{user_id}":
                (lambda: {"role": "admin"}, {"id": org["id"], "user_id": person["id"]}),
            "/v1/chat/completions": (lambda: chat, {}),
            "/v1/chat/stream": (lambda: turn, {}),
            "/v1/embeddings": (lambda: {"model": "sim-embed", "input": "x", "encoding_format": "float",
                                        "dimensions": 3}, {}),
            "/v1/vector_stores": (lambda: {"name": "s", "file_ids": [file["id"]], "metadata": {}}, {}),
            "/v1/vector_stores/{vector_store_id}/files":
                (lambda: {"file_id": file["id"], "attributes": {}}, path),
            "/v1/vector_stores/{vector_store_id}/search":
                (lambda: {"query": "x", "max_num_results": 3, "ranking_options": {"ranker": "auto"},
                          "filters": {"type": "eq", "key": "k", "value": 1}, "rewrite_query": False}, path),
            "/v1/logs": (lambda: record, {}),
            "/v1/logs/{id}": (lambda: {"attributes": {}}, {"id": log_id}),
        }

    def test_required_fields_are_required_and_no_others(self):
        bodies = self.bodies()
        for (method, path), operation in OPERATIONS.items():
            if "application/json" not in operation.get("requestBody", {"content": {}})["content"]:
                continue
            if bodies[path] is None:
                continue
            full, in_path = bodies[path]
            done = int(next(iter(operation["responses"])))
            schema = resolved(body_schema(operation))
            schema = resolved(schema["oneOf"][0]) if "oneOf" in schema else schema
            self.assertEqual(set(full()), set(schema["properties"]), f"{method} {path}")
            for field in schema["properties"]:
                with self.subTest(f"{method} {path} without {field}"):
                    body = {k: v for k, v in full().items() if k != field}
                    if field in schema.get("required", []):
                        self.refused(method, path, 400, body, param=field, **in_path)
                    else:
                        self.call(method, path, done, body, **in_path)

    def test_query_parameters_have_the_bounds_that_they_say(self):
        store, _ = self.filled_store()
        seen = 0
        for (method, path), operation in OPERATIONS.items():
            for parameter in operation["parameters"]:
                if parameter["in"] != "query":
                    continue
                name, schema = parameter["name"], parameter["schema"]
                in_path = {"vector_store_id": store["id"]} if "{" in path else {}
                good = schema.get("enum", []) + [schema[k] for k in ("minimum", "maximum") if k in schema]
                bad = ["no-such-word"] if "enum" in schema else []
                if schema["type"] == "integer":
                    bad = ["x", schema["minimum"] - 1, schema["maximum"] + 1]
                if schema.get("format") == "date-time":
                    good, bad = ["2026-01-31T12:00:00Z"], ["yesterday"]
                for value in good:
                    self.call(method, path, 200, query={name: value}, **in_path)
                for value in bad:
                    seen += 1
                    self.refused(method, path, 400, query={name: value}, param=name, **in_path)
        self.assertGreaterEqual(seen, 15)


if __name__ == "__main__":
    unittest.main()

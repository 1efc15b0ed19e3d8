"""Goal: the official Python client works against the program, and against the simulator itself, so
that the simulator is known to be what clients accept. Method: unittest; addresses and the key come
from the environment that tests/e2e/run sets."""
import io
import os
import pathlib
import time
import unittest
import uuid

import openai

BASE = os.environ["BASE_URL"] + "/v1"
SIM = os.environ["SIM_URL"] + "/v1"
DOCUMENTS = pathlib.Path(__file__).parent / "documents"


def client_of(base, key):
    return openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=20)


def user(text):
    return [{"role": "user", "content": text}]


class AnyServer:
    """What holds for the simulator alone and for the program in front of it."""

    def test_a_plain_chat(self):
        answer = self.client.chat.completions.create(model="sim", messages=user("hello there"))
        self.assertEqual(answer.choices[0].message.content, "You said: hello there")
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertGreater(answer.usage.total_tokens, 0)

    def test_a_stream_has_text_finish_and_usage(self):
        chunks = list(self.client.chat.completions.create(
            model="sim", messages=user("hello there"), stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, "You said: hello there")
        self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices][-1], "stop")
        self.assertGreater(chunks[-1].usage.total_tokens, 0)

    def test_tool_calls(self):
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
        answer = self.client.chat.completions.create(model="sim-tools", messages=user("x"), tools=tools)
        self.assertEqual(answer.choices[0].message.tool_calls[0].function.arguments, '{"city":"Paris"}')
        pieces = [c.choices[0].delta.tool_calls[0].function.arguments
                  for c in self.client.chat.completions.create(
                      model="sim-tools", messages=user("x"), tools=tools, stream=True)
                  if c.choices and c.choices[0].delta.tool_calls]
        self.assertEqual("".join(pieces), '{"city":"Paris"}')

    def test_errors_have_their_class(self):
        with self.assertRaises(openai.RateLimitError) as refused:
            self.client.chat.completions.create(model="sim-429", messages=user("x"))
        self.assertEqual(refused.exception.response.headers["retry-after"], "7")
        with self.assertRaises(openai.InternalServerError):
            self.client.chat.completions.create(model="sim-500", messages=user("x"))
        with self.assertRaises(openai.AuthenticationError):
            client_of(str(self.client.base_url), "wrong").models.list()

    def test_a_broken_stream_raises(self):
        for model in ("sim-break", "sim-late-error"):
            with self.subTest(model), self.assertRaises(Exception) as broken:
                for _ in self.client.chat.completions.create(model=model, messages=user("a b c"), stream=True):
                    pass
            self.assertNotIsInstance(broken.exception, AssertionError)

    def test_embeddings_are_the_same_in_both_encodings(self):
        packed = self.client.embeddings.create(model=self.embedder, input=["a", "b"])
        floats = self.client.embeddings.create(model=self.embedder, input=["a", "b"], encoding_format="float")
        for one, other in zip(packed.data, floats.data, strict=True):
            self.assertEqual(len(one.embedding), len(other.embedding))
            for x, y in zip(one.embedding, other.embedding):
                self.assertAlmostEqual(x, y, places=6)

    def test_models_are_listed(self):
        self.assertIn("sim", [m.id for m in self.client.models.list()])


class SimulatorItself(AnyServer, unittest.TestCase):
    client = client_of(SIM, "sk-sim")
    embedder = "sim-embed"


class Troupe(AnyServer, unittest.TestCase):
    client = client_of(BASE, os.environ["API_KEY"])
    embedder = "local"

    def test_the_built_in_model_is_listed(self):
        self.assertIn("extract", [m.id for m in self.client.models.list()])

    def test_a_bad_body_names_the_field(self):
        with self.assertRaises(openai.BadRequestError) as refused:
            self.client.chat.completions.create(model="extract", messages="hi")
        self.assertEqual(refused.exception.param, "messages")

    def test_embeddings_are_shortened(self):
        for more in ({}, {"encoding_format": "float"}):
            got = self.client.embeddings.create(model="local", input="a blue whale", dimensions=32, **more)
            self.assertEqual(len(got.data[0].embedding), 32)
            self.assertAlmostEqual(sum(x * x for x in got.data[0].embedding), 1, places=4)
        with self.assertRaises(openai.BadRequestError) as refused:
            self.client.embeddings.create(model="local", input="a", dimensions=512)
        self.assertEqual(refused.exception.param, "dimensions")

    def test_documents_go_in_are_found_and_cited(self):
        store = self.client.vector_stores.create(name=f"python {uuid.uuid4()}")
        ids = {}
        for path in sorted(DOCUMENTS.iterdir()):
            uploaded = self.client.files.create(file=(path.name, io.BytesIO(path.read_bytes())), purpose="assistants")
            ids[path.name] = uploaded.id
            self.client.vector_stores.files.create(store.id, file_id=uploaded.id, attributes={"kind": path.suffix})
        until = time.monotonic() + 30
        while (counts := self.client.vector_stores.retrieve(store.id).file_counts).completed < len(ids):
            self.assertEqual(counts.failed, 0)
            self.assertLess(time.monotonic(), until, "indexing is stuck")
            time.sleep(0.05)
        hits = list(self.client.vector_stores.search(store.id, query="lighthouse height in metres"))
        self.assertEqual(hits[0].filename, "lighthouse.md")
        self.assertEqual(hits[0].attributes, {"kind": ".md"})
        only_html = {"type": "and", "filters": [{"type": "eq", "key": "kind", "value": ".html"}]}
        hits = list(self.client.vector_stores.search(store.id, query="lighthouse ferry library", filters=only_html))
        self.assertEqual({h.filename for h in hits}, {"ferry.html", "library.html"})
        answer = self.client.chat.completions.create(
            model="extract", messages=user("How high is the lighthouse?"),
            extra_body={"retrieval": {"vector_store_ids": [store.id], "max_num_results": 3}})
        cited = [a.model_dump()["file_citation"] for a in answer.choices[0].message.annotations]
        self.assertIn(ids["lighthouse.md"], [c["file_id"] for c in cited])
        self.assertTrue(all(c["quote"] for c in cited))
        self.client.vector_stores.delete(store.id)
        for file_id in ids.values():
            self.assertTrue(self.client.files.delete(file_id).deleted)
        with self.assertRaises(openai.NotFoundError):
            self.client.files.retrieve(ids["lighthouse.md"])


if __name__ == "__main__":
    unittest.main()

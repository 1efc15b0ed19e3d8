"""Goal: HTTPS, renewal of its certificate, pages of other origins and the client's hang-up work for
the clients that people have. Method: each test starts the program in the shape of E2E_SHAPE with a
certificate that openssl makes, and asks it with Python's ssl, the openai package, and the requests of
a browser."""
import contextlib
import http.client
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

import httpx2 as httpx
import openai

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Failed, Simulator, Troupe, clean_environment  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
PAGE = "https://app.example.com"


class SecureTroupe(Troupe):
    """The program with HTTPS at its edge; the other nodes are as ever."""

    def __init__(self, files, **more):
        self.files = files
        super().__init__(PROGRAM, SHAPE, environment={
            "TROUPE_HTTP_TLS_CERTIFICATE": str(files.certificate), "TROUPE_HTTP_TLS_KEY": str(files.key),
            "TROUPE_HTTP_CORS_ORIGINS": PAGE}, **more)
        self.url = f"https://127.0.0.1:{self.port}"

    def context(self):
        """A client's trust in the certificate that lies there now."""
        return ssl.create_default_context(cafile=str(self.files.certificate))

    def connect(self, context=None):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context or self.context())

    def is_ready(self):
        with contextlib.closing(self.connect()) as connection:
            try:
                connection.request("GET", "/ready")
                return connection.getresponse().status == 200
            except OSError:
                return False


class Files:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.serial = 0

    def renew(self, days=30):
        """As certbot does it: new files beside, then renamed."""
        self.serial += 1
        new = [file.with_suffix(".new") for file in (self.key, self.certificate)]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", new[0], "-out", new[1], "-days", str(days), "-set_serial", str(self.serial),
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, capture_output=True)
        for file in new:
            file.rename(file.with_suffix(".pem"))


class Https(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name) / "data"
        self.files = Files(folder.name)
        self.files.renew()

    def troupe(self, **more):
        out = SecureTroupe(self.files, data=self.data, **more)
        self.addCleanup(out.kill)
        return out

    def serial_seen(self, troupe):
        with socket.create_connection(("127.0.0.1", troupe.port), timeout=5) as raw:
            with troupe.context().wrap_socket(raw, server_hostname="localhost") as secure:
                return int(secure.getpeercert()["serialNumber"], 16)

    def test_the_ready_line_has_the_address_and_plain_http_is_told(self):
        troupe = self.troupe().start()
        self.assertTrue(any(f"https://127.0.0.1:{troupe.port}" in line
                            for node in troupe.nodes.values() for line in node.lines))
        plain = http.client.HTTPConnection("127.0.0.1", troupe.port, timeout=5)
        plain.request("GET", "/health")
        answer = plain.getresponse()
        self.assertEqual(answer.status, 400)
        self.assertIn("https://", json.load(answer)["error"]["message"])
        plain.close()
        troupe.stop()

    def test_a_certificate_and_another_ones_key_do_not_start(self):
        first = self.files.key.read_bytes()
        self.files.renew()
        self.files.key.write_bytes(first)
        with self.assertRaises(Failed) as refused:
            self.troupe().start()
        self.assertIn(f"http.tls_key: {self.files.key}: is not the key of the certificate", str(refused.exception))

    def test_the_openai_client_chats_and_streams_with_a_ca_of_its_own(self):
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url).start()
            client = openai.OpenAI(base_url=f"{troupe.url}/v1", api_key=troupe.api_key, max_retries=0,
                                   http_client=httpx.Client(verify=troupe.context()))
            with client:
                ask = {"model": "sim", "messages": [{"role": "user", "content": "hello"}]}
                whole = client.chat.completions.create(**ask).choices[0].message.content
                pieces = [c.choices[0].delta.content or "" for c in client.chat.completions.create(**ask, stream=True)
                          if c.choices]
            self.assertTrue(whole)
            self.assertGreater(len(pieces), 1)
            strict = openai.OpenAI(base_url=f"{troupe.url}/v1", api_key=troupe.api_key, max_retries=0)
            with strict, self.assertRaises(openai.APIConnectionError):
                strict.models.list()  # nobody vouches for this certificate
            troupe.stop()

    def test_the_programs_own_commands_speak_https(self):
        troupe = self.troupe().start()

        def keys(trust):
            return subprocess.run([PROGRAM, "key", "list", "--url", troupe.url, "--key", troupe.api_key], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                                  env=clean_environment(trust))

        trusting = keys({"SSL_CERT_FILE": str(self.files.certificate)})
        self.assertEqual(trusting.returncode, 0, trusting.stdout)
        self.assertNotEqual(keys({}).returncode, 0)
        troupe.stop()

    def test_a_renewed_certificate_is_served_while_old_connections_live(self):
        troupe = self.troupe().start()
        kept = troupe.connect()
        kept.request("GET", "/health")
        kept.getresponse().read()
        socket_of_before = kept.sock
        self.assertEqual(self.serial_seen(troupe), 1)
        self.files.renew()
        until = time.monotonic() + 5
        seen = 1
        while seen != 2 and time.monotonic() < until:
            with contextlib.suppress(ssl.SSLError):  # our own trust is in the new one already
                seen = self.serial_seen(troupe)
            time.sleep(0.1)
        self.assertEqual(seen, 2)
        kept.request("GET", "/health")
        self.assertEqual(kept.getresponse().read()[:1], b"{")
        self.assertIs(kept.sock, socket_of_before)
        kept.close()
        self.assertTrue(any("http.tls_renewed" in line for node in troupe.nodes.values() for line in node.lines))
        troupe.stop()

    def seen_by(self, sim, text, key):
        """When the provider saw `key` of the request that has this text."""
        until = time.monotonic() + 5
        while time.monotonic() < until:
            found = [r for r in sim.get("/sim/connections") if r["text"] == text]
            if found and found[0][key] is not None:
                return found[0][key]
            time.sleep(0.005)
        self.fail(f"the provider saw no {key}")

    def test_a_hang_up_under_tls_closes_the_providers_connection_in_milliseconds(self):
        with Simulator() as sim:
            troupe = self.troupe(provider=sim.base_url).start()
            for way in ("a goodbye", "an end without one", "a reset"):
                text = f"gone-{uuid.uuid4()}"
                connection = troupe.connect()
                connection.request(
                    "POST", "/v1/chat/completions",
                    json.dumps({"model": "sim-slow", "stream": True, "messages": [{"role": "user", "content": text}]}),
                    {"content-type": "application/json", "authorization": f"Bearer {troupe.api_key}"})
                answer = connection.getresponse()
                self.assertEqual(answer.status, 200)
                self.assertTrue(answer.readline())
                gone = time.monotonic()
                self.leave(connection, way)
                took = (self.seen_by(sim, text, "closed") - gone) * 1000
                print(f"hang-up under TLS with {way}: {took:.1f} ms", flush=True)
                self.assertLess(took, 50)
                answer.close()
                connection.close()
            troupe.stop()

    @staticmethod
    def leave(connection, way):
        if way == "a goodbye":
            connection.sock.settimeout(0)  # sends it, and does not wait for the other's
            with contextlib.suppress(OSError):
                connection.sock.unwrap()
        elif way == "a reset":
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(connection.sock.detach())
        else:
            connection.sock.shutdown(socket.SHUT_WR)

    def test_a_page_of_a_named_origin_may_ask_as_browsers_do(self):
        troupe = self.troupe().start()
        connection = troupe.connect()
        self.addCleanup(connection.close)

        def ask(method, path, headers, body=None):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer

        wanted = {"origin": PAGE, "access-control-request-method": "POST",
                  "access-control-request-headers": "authorization,content-type,x-stainless-lang"}
        preflight = ask("OPTIONS", "/v1/chat/completions", wanted)
        self.assertEqual(preflight.status, 204)
        self.assertEqual(preflight.getheader("access-control-allow-origin"), PAGE)
        self.assertIn("POST", preflight.getheader("access-control-allow-methods"))
        for name in wanted["access-control-request-headers"].split(","):
            self.assertIn(name, preflight.getheader("access-control-allow-headers"))
        real = ask("POST", "/v1/chat/completions",
                   {"origin": PAGE, "authorization": f"Bearer {troupe.api_key}", "content-type": "application/json"},
                   json.dumps({"model": "extract", "messages": [{"role": "user", "content": "x"}]}))
        self.assertEqual(real.status, 200)
        self.assertEqual(real.getheader("access-control-allow-origin"), PAGE)
        self.assertIn("x-request-id", real.getheader("access-control-expose-headers"))
        self.assertEqual(real.getheader("cache-control"), "no-store")
        self.assertTrue(real.getheader("strict-transport-security"))
        refused = ask("OPTIONS", "/v1/chat/completions", wanted | {"origin": "https://evil.test"})
        self.assertEqual(refused.status, 403)
        self.assertIsNone(refused.getheader("access-control-allow-origin"))
        troupe.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)

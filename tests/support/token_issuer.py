"""An issuer of tokens for tests: discovery and key sets over HTTP, and tokens of every shape, right
and wrong. One server on a free loopback port is many issuers, one a path; openid_provider.py has the
kind that people sign in with. Needs `cryptography`.

    with IssuerServer() as server:
        acme = server.issuer("acme")              # http://127.0.0.1:PORT/acme
        token = acme.token({"sub": "u-1", "aud": "web"})
        acme.rotate(); acme.down = True; acme.asked["/keys"]
"""
import base64
import collections
import dataclasses
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value, size=None):
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class Rs256:
    alg = "RS256"

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self):
        public = self.key.public_key().public_numbers()
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e)}

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def public_pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM,
                                                  serialization.PublicFormat.SubjectPublicKeyInfo)


class Es256:
    alg = "ES256"

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())

    def jwk(self):
        public = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}

    def sign(self, data):
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Hs256:
    alg = "HS256"

    def __init__(self, secret):
        self.secret = secret if isinstance(secret, bytes) else secret.encode()

    def sign(self, data):
        return hmac.new(self.secret, data, hashlib.sha256).digest()


class Unsigned:
    alg = "none"

    def sign(self, _data):
        return b""


def write_token(signer, header, claims):
    parts = base64url(json.dumps(header).encode()) + "." + base64url(json.dumps(claims).encode())
    return parts + "." + base64url(signer.sign(parts.encode()))


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}


@dataclasses.dataclass
class Request:
    """What an issuer is asked."""

    what: str  # what comes after the issuer's path, without the query
    query: dict
    form: dict  # of a POST
    headers: object


@dataclasses.dataclass
class Answer:
    """What it answers."""

    status: int = 200
    body: object = b"{}"  # bytes, or what becomes JSON
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0.0  # seconds before the first byte
    hang_up: bool = False  # no answer at all


class Issuer:
    def __init__(self, url, path, signer):
        self.url, self.path = url, path
        self.kid, self.signer = "k1", signer
        self.down = False
        self.asked = collections.Counter()  # by what comes after the issuer's path

    def rotate(self):
        """A new key of the same kind in the place of the old one."""
        self.kid, self.signer = "k" + str(int(self.kid[1:]) + 1), type(self.signer)()

    def claims(self, more=None):
        """Those of a token that is valid for an hour; None in `more` leaves one away."""
        now = int(time.time())
        return without_none({"iss": self.url, "iat": now, "exp": now + 3600} | (more or {}))

    def token(self, claims, header=None, signer=None):
        signer = signer or self.signer
        header = {"alg": signer.alg, "typ": "JWT", "kid": self.kid} | (header or {})
        return write_token(signer, without_none(header), self.claims(claims))

    def discovery(self):
        return {"issuer": self.url, "jwks_uri": self.url + "/keys"}

    def answer(self, request):
        """For GET and POST; None: there is no such page."""
        if request.what == "/.well-known/openid-configuration":
            return Answer(body=self.discovery())
        if request.what in ("/keys", "/.well-known/jwks.json") and hasattr(self.signer, "jwk"):
            key = self.signer.jwk() | {"kid": self.kid, "use": "sig", "alg": self.signer.alg}
            return Answer(body={"keys": [key]})
        return None


class IssuerServer:
    """http.server on a thread."""

    def __init__(self):
        self.issuers = {}
        issuers = self.issuers

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                issuer = next((i for i in issuers.values() if self.path.startswith(i.path + "/")), None)
                self.reply(self.ask(issuer) if issuer else Answer(404))

            do_POST = do_GET

            def ask(self, issuer):
                parts = urllib.parse.urlsplit(self.path[len(issuer.path):])
                form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                issuer.asked[parts.path] += 1
                if issuer.down:
                    return Answer(503)
                asked = Request(parts.path, *(dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
                                              for text in (parts.query, form)), self.headers)
                return issuer.answer(asked) or Answer(404)

            def reply(self, answer):
                time.sleep(answer.delay)
                self.close_connection = answer.hang_up
                if answer.hang_up:
                    return
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # who asked has gone: that is what some tests are about

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def issuer(self, name, signer=None, path="", kind=Issuer):
        """http://127.0.0.1:PORT/NAME, with `path` after it."""
        path = f"/{name}{path}"
        self.issuers[name] = kind(self.url + path, path, signer or Rs256())
        return self.issuers[name]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

"""The program, providers that people sign in with, and a browser between them: for the suites of
sign-in with OpenID Connect.

    class SignInTest(oidc_stage.TestCase):
        issuers = {"acme": {"client_secret": "s", "method": "client_secret_basic"}}

        def test(self):
            landed = self.sign_in("acme", {"sub": "u-1"})
            landed.fragment["access_token"]
"""
import base64
import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import tempfile
import unittest
import urllib.parse
import uuid

from openid_provider import Client, OpenidProvider
from token_issuer import IssuerServer, without_none
from troupe_process import Troupe, call, free_port

SITE = "http://127.0.0.1:3000"
EXTRA = "http://localhost:3001"  # an origin that is allowed beside the site
DISCOVERY = "/.well-known/openid-configuration"


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def pkce():
    """A verifier and what an authorization request says of it."""
    verifier = secrets.token_urlsafe(40)
    challenge = base64url(hashlib.sha256(verifier.encode()).digest())
    return verifier, {"code_challenge": challenge, "code_challenge_method": "s256"}


def someone(**more):
    """The claims of a person whom nobody has seen."""
    return {"sub": str(uuid.uuid4()), "email": f"{uuid.uuid4()}@example.org", "email_verified": True} | more


@dataclasses.dataclass
class Page:
    """An answer that the browser shows, or that leads on."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def location(self):
        return self.headers["location"]

    @property
    def json(self):
        return json.loads(self.body)


def go(url, method="GET", timeout=60):
    """One request of a browser that follows no redirect."""
    parts = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)) as to:
        to.request(method, urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")))
        answer = to.getresponse()
        return Page(answer.status, answer.headers, answer.read().decode())


def query_of(url):
    """The query's parameters; what is there twice is an error."""
    pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query, keep_blank_values=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs), f"something is there twice: {url}"
    return fields


class Landing:
    """Where a sign-in ends: the app's URL, with what it is told."""

    def __init__(self, page):
        self.page, self.url = page, page.location
        parts = urllib.parse.urlsplit(page.location)
        self.target = urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        self.query = query_of(page.location)
        self.fragment = dict(urllib.parse.parse_qsl(parts.fragment, keep_blank_values=True))

    @property
    def has_session(self):
        return bool({"access_token", "refresh_token"} & {*self.query, *self.fragment} or "code" in self.query)


def write_settings(issuers, server):
    """`[issuers.NAME]` of each. A string that is JSON is TOML as well, and so are these lists."""
    out = []
    for name, own in issuers.items():
        fields = {"issuer": server.issuers[name].url} | own
        out += [f"[issuers.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items()), ""]
    return "\n".join(out)


class TestCase(unittest.TestCase):
    """`issuers` names the providers: `method` (of client authentication), `bends` (or what makes them of
    the provider), `signer` and `down` (from the start) are the provider's, all else is its section of the
    settings. `client_id` is `web` when not given; None leaves it away."""

    issuers = {}

    @classmethod
    def setUpClass(cls):
        server = cls.server = cls.enterClassContext(IssuerServer())
        cls.public = f"http://127.0.0.1:{(port := free_port())}"
        sections = {}
        for name, given in cls.issuers.items():
            own = {"client_id": "web"} | given
            provider = server.issuer(name, own.pop("signer", None), kind=OpenidProvider)
            provider.down = own.pop("down", False)
            bends = own.pop("bends", {})
            provider.bends = dataclasses.replace(provider.bends, **(bends(provider) if callable(bends) else bends))
            secret = own.get("client_secret", "")
            provider.client = Client(own["client_id"], secret, own.pop("method", "none"))
            provider.redirect_uri = f"{cls.public}/auth/v1/callback/{name}"
            sections[name] = without_none(own)
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="troupe-oidc-")))
        file = cls.settings = folder / "troupe.toml"
        file.write_text(f'[mail]\nsite_url = "{SITE}"\n[auth]\npublic_url = "{cls.public}"\n'
                        f'redirect_urls = ["{EXTRA}/**"]\n' + write_settings(sections, server))
        cls.troupe = cls.enterClassContext(Troupe(os.environ["E2E_PROGRAM"], os.environ["E2E_SHAPE"],
                                                  folder / "data", port=port, arguments=["--config", file]))

    def provider(self, name):
        return self.server.issuers[name]

    def call(self, method, path, body=None, token=None):
        return call(self.troupe.url, method, path, body, token)

    def admin(self, method, path, body=None):
        status, answer = self.call(method, path, body, self.troupe.api_key)
        self.assertLess(status, 300, answer)
        return answer

    # the way

    def begin(self, provider="acme", **query):
        """What /authorize answers."""
        return go(f"{self.public}/auth/v1/authorize?" + urllib.parse.urlencode({"provider": provider} | query))

    def consent(self, provider, person, **query):
        """The callback that the provider sends the browser to, once `person` has agreed there."""
        self.provider(provider).user = person
        asked = self.begin(provider, **query)
        self.assertEqual(asked.status, 302, asked.body)
        agreed = go(asked.location)
        self.assertEqual(agreed.status, 302, agreed.body)
        return agreed.location

    def land(self, callback):
        page = go(callback)
        self.assertEqual(page.status, 303, page.body)
        return Landing(page)

    def sign_in(self, provider, person, **query):
        return self.land(self.consent(provider, person, **query))

    # what came of it

    def session_of(self, landed):
        """The access token of an implicit sign-in that must be good."""
        self.assertIn("access_token", landed.fragment, landed.url)
        return landed.fragment["access_token"]

    def user_of(self, token):
        status, user = self.call("GET", "/auth/v1/user", token=token)
        self.assertEqual(status, 200, user)
        return user

    def signed_in(self, provider, person, **query):
        """The user that this person is here."""
        return self.user_of(self.session_of(self.sign_in(provider, person, **query)))

    def assert_failed(self, landed, code=None, at=SITE):
        """An error in query and fragment alike, and nothing that signs in."""
        self.assertEqual(landed.target.rstrip("/"), at.rstrip("/"), landed.url)
        self.assertFalse(landed.has_session, landed.url)
        for part in (landed.query, landed.fragment):
            self.assertTrue(part.get("error") and part.get("error_code"), landed.url)
            self.assertIn("error_description", part, landed.url)
        words = ("error", "error_code", "error_description")
        self.assertEqual([landed.query[w] for w in words], [landed.fragment[w] for w in words])
        if code:
            self.assertEqual(landed.query["error_code"], code, landed.url)

    def assert_refused(self, answer, status, code):
        got, body = answer
        self.assertEqual((got, body.get("code"), body.get("error_code")), (status, status, code), body)
        self.assertTrue(body.get("msg"), body)

    def registered(self, email):
        status, body = self.call("POST", "/v1/auth/register", {"email": email, "password": "long enough"})
        self.assertEqual(status, 201, body)
        return body["user"]["id"]

"""An OpenID Connect provider that people sign in with, as an issuer of token_issuer.py: the endpoints
for authorization (which answers at once, as if its user had agreed), tokens and userinfo. Strict about
what a client sends, and bent at will in what it answers.

    acme = server.issuer("acme", kind=OpenidProvider)
    acme.client = Client("web", "a secret", "client_secret_basic")
    acme.user = {"sub": "u-1", "email": "ann@example.org", "email_verified": True}
    with acme.bent(id_claims={"nonce": "another"}): ...
    acme.seen["/token"].form
"""
import base64
import contextlib
import dataclasses
import hashlib
import secrets
import urllib.parse

from token_issuer import Answer, Issuer, base64url, without_none


@dataclasses.dataclass
class Client:
    """Who may ask for tokens, and how it proves who it is."""

    id: str = "web"
    secret: str = ""
    method: str = "none"  # client_secret_basic, client_secret_post


@dataclasses.dataclass
class Bends:
    """What is otherwise than it should be. None as a field's value leaves the field away."""

    discovery: dict = dataclasses.field(default_factory=dict)  # fields of the document
    refuse: dict = None  # error and error_description in the place of a code
    redirect: dict = dataclasses.field(default_factory=dict)  # parameters that the browser carries back
    id_claims: dict = dataclasses.field(default_factory=dict)
    id_header: dict = None
    signer: object = None  # of the id_token
    token_fields: dict = dataclasses.field(default_factory=dict)  # of the token endpoint's answer
    token: Answer = None  # in the place of the token endpoint's answer
    bare: bool = False  # the id_token says who, and only userinfo the rest
    userinfo: dict = dataclasses.field(default_factory=dict)  # claims that userinfo changes
    userinfo_answer: Answer = None


class Refused(Exception):
    """An answer of RFC 6749, 5.2."""

    def __init__(self, error, status=400):
        super().__init__(error)
        headers = {"WWW-Authenticate": "Basic"} if status == 401 else {}
        self.answer = Answer(status, {"error": error}, headers)


class OpenidProvider(Issuer):
    def __init__(self, url, path, signer):
        super().__init__(url, path, signer)
        self.client = Client()
        self.redirect_uri = None  # the client's; None: any
        self.user = {"sub": "nobody"}  # the claims of who sits at the browser
        self.bends = Bends()
        self.seen = {}  # the last request by what was asked
        self.grants, self.access = {}, {}  # by code, by access token

    @contextlib.contextmanager
    def bent(self, **changes):
        before = self.bends
        self.bends = dataclasses.replace(before, **changes)
        try:
            yield self
        finally:
            self.bends = before

    def discovery(self):
        methods = {"none": ["none"], "client_secret_post": ["client_secret_post"]}
        return without_none(super().discovery() | {
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "userinfo_endpoint": self.url + "/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.signer.alg],
            "token_endpoint_auth_methods_supported":
                methods.get(self.client.method, ["client_secret_post", "client_secret_basic"]),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.bends.discovery)

    def answer(self, request):
        self.seen[request.what] = request
        endpoint = {"/authorize": self.authorize, "/token": self.give_token,
                    "/userinfo": self.tell_user}.get(request.what)
        try:
            return endpoint(request) if endpoint else super().answer(request)
        except Refused as refused:
            return refused.answer

    # the endpoints

    def authorize(self, request):
        """RFC 6749, 4.1.1: what is wrong with the client is a page, never a redirect."""
        query = request.query
        wrong = [name for name, good in {
            "client_id": query.get("client_id") == self.client.id,
            "redirect_uri": self.redirect_uri in (None, query.get("redirect_uri")),
            "response_type": query.get("response_type") == "code",
            "scope": "openid" in query.get("scope", "").split(" "),
            "code_challenge": len(query.get("code_challenge", "")) == 43,
            "code_challenge_method": query.get("code_challenge_method") == "S256",
        }.items() if not good]
        if wrong:
            return Answer(400, {"error": "invalid_request", "wrong": wrong})
        answer = {"state": query.get("state"), "iss": self.url}
        if self.bends.refuse:
            answer |= self.bends.refuse
        else:
            answer["code"] = secrets.token_urlsafe(24)
            self.grants[answer["code"]] = query | {"user": self.user}
        there = without_none(answer | self.bends.redirect)
        location = query["redirect_uri"] + "?" + urllib.parse.urlencode(there)
        return Answer(302, b"", {"Location": location})

    def give_token(self, request):
        if self.bends.token:
            return self.bends.token
        form = request.form
        self.check_client(request)
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type")
        grant = self.grants.pop(form.get("code"), None)  # a code counts once, also a wrong try
        if grant is None or form.get("redirect_uri") != grant["redirect_uri"]:
            raise Refused("invalid_grant")
        verifier = form.get("code_verifier", "").encode()
        if base64url(hashlib.sha256(verifier).digest()) != grant["code_challenge"]:
            raise Refused("invalid_grant")
        access = secrets.token_urlsafe(24)
        self.access[access] = grant["user"]
        told = {"sub": grant["user"]["sub"]} if self.bends.bare else grant["user"]
        claims = {"aud": self.client.id, "nonce": grant.get("nonce")} | told | self.bends.id_claims
        fields = {"access_token": access, "token_type": "Bearer", "expires_in": 300,
                  "id_token": self.token(claims, self.bends.id_header, self.bends.signer)}
        return Answer(body=without_none(fields | self.bends.token_fields),
                      headers={"Cache-Control": "no-store"})

    def tell_user(self, request):
        if self.bends.userinfo_answer:
            return self.bends.userinfo_answer
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or token not in self.access:
            return Answer(401, b"", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return Answer(body=without_none(self.access[token] | self.bends.userinfo))

    # the client

    def check_client(self, request):
        """RFC 6749, 2.3: in the way that was agreed on, and in no other beside it."""
        header, form = request.headers.get("Authorization"), request.form
        if request.headers.get("Content-Type", "").split(";")[0] != "application/x-www-form-urlencoded":
            raise Refused("invalid_request")
        if self.client.method == "client_secret_basic":
            good = self.of_basic(header) == [self.client.id, self.client.secret]
            good = good and "client_secret" not in form
            good = good and form.get("client_id") in (None, self.client.id)
        else:
            secret = self.client.secret if self.client.method == "client_secret_post" else None
            good = (header is None and form.get("client_id") == self.client.id and
                    form.get("client_secret") == secret)
        if not good:
            raise Refused("invalid_client", 401)

    @staticmethod
    def of_basic(header):
        """Both are form-encoded before they are joined."""
        kind, _, value = (header or "").partition(" ")
        with contextlib.suppress(ValueError):
            pair = base64.b64decode(value, validate=True).decode()
            return [urllib.parse.unquote_plus(part) for part in pair.split(":")] if kind == "Basic" else None
        return None

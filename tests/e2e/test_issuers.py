"""Goal: tokens of Cognito, Supabase and any OpenID Connect issuer are credentials, forged ones are
not, and an issuer is asked for its keys no more often than it should be. Method: the program in the
shape of E2E_SHAPE, with issuers that the test holds: it makes their tokens and counts what they are
asked."""
import os
import pathlib
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from token_issuer import Es256, Hs256, IssuerServer, Rs256, Unsigned, write_token  # noqa: E402
from troupe_process import Troupe, call  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
SECRET = "a-secret-of-forty-bytes-as-supabase-has-1"
DISCOVERY = "/.well-known/openid-configuration"
FILE = """
[issuers.pool]
kind = "cognito"
issuer = "{pool}"
audience = ["app-client"]

[issuers.legacy]
kind = "supabase"
issuer = "{legacy}"
jwt_secret = "{secret}"

[issuers.project]
kind = "supabase"
issuer = "{project}"

[issuers.acme]
issuer = "{acme}"
audience = ["web", "app"]
link_by_email = true

[issuers.strict]
issuer = "{strict}"
audience = ["web"]
require_email_verified = true
role = "viewer"

[issuers.closed]
issuer = "{closed}"
audience = ["web"]
create_accounts = false
"""


def verified(email):
    return {"email": email, "email_verified": True}


def someone():
    return f"{uuid.uuid4()}@example.org"


class IssuersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = cls.server = cls.enterClassContext(IssuerServer())
        cls.pool = server.issuer("pool")
        cls.legacy = server.issuer("legacy", Hs256(SECRET), "/auth/v1")
        cls.project = server.issuer("project", Es256(), "/auth/v1")
        cls.acme, cls.strict, cls.closed = map(server.issuer, ("acme", "strict", "closed"))
        cls.other = server.issuer("other")
        cls.flooded, cls.dead, cls.rotating = map(server.issuer, ("flooded", "dead", "rotating"))
        cls.dead.down = True
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="troupe-issuers-")))
        file = folder / "troupe.toml"
        file.write_text(FILE.format(secret=SECRET, **{i: server.issuers[i].url for i in
                                                      ("pool", "legacy", "project", "acme", "strict", "closed")}))
        variables = {}  # an issuer can be all in the environment
        for name in ("flooded", "dead", "rotating"):
            variables[f"TROUPE_ISSUERS_{name.upper()}_ISSUER"] = server.issuers[name].url
            variables[f"TROUPE_ISSUERS_{name.upper()}_AUDIENCE"] = "web"
        cls.troupe = cls.enterClassContext(Troupe(PROGRAM, SHAPE, folder / "data", environment=variables,
                                                  arguments=["--config", file]))

    def call(self, method, path, token=None, body=None):
        return call(self.troupe.url, method, path, body, token)

    def me(self, token):
        status, body = self.call("GET", "/v1/auth/me", token)
        self.assertEqual(status, 200, body)
        return body

    def refused(self, token, status=401):
        got, body = self.call("GET", "/v1/auth/me", token)
        self.assertEqual(got, status, body)
        return body["error"]

    def admin(self, method, path, body=None):
        return self.call(method, path, self.troupe.api_key, body)[1]

    # who they are

    def test_a_cognito_id_token_and_access_token_lead_to_one_account(self):
        sub, email = str(uuid.uuid4()), someone()
        # As Cognito writes them: an access token has a client_id and no aud.
        first = self.me(self.pool.token({"sub": sub, "aud": "app-client", "token_use": "id", "email": email,
                                         "email_verified": "true", "name": "Ann", "cognito:username": "ann"}))
        self.assertEqual((first["email"], first["name"], first["account_role"]), (email, "Ann", "user"))
        self.assertEqual([i["provider"] for i in first["identities"]], ["email", "pool"])
        access = {"sub": sub, "client_id": "app-client", "token_use": "access", "scope": "openid"}
        self.assertEqual(self.me(self.pool.token(access))["id"], first["id"])
        self.refused(self.pool.token(access | {"client_id": "another"}))
        self.refused(self.pool.token(access | {"client_id": None, "aud": "another"}))
        self.refused(self.pool.token(access | {"token_use": "refresh"}))
        self.refused(self.pool.token(access | {"token_use": None, "aud": "app-client"}))

    def test_supabase_tokens_are_taken_by_secret_and_by_key_set(self):
        for issuer in (self.legacy, self.project):
            claims = {"sub": str(uuid.uuid4()), "aud": "authenticated", "role": "authenticated",
                      "session_id": str(uuid.uuid4()), "email": someone(),
                      "user_metadata": {"email_verified": True}}
            body = self.me(issuer.token(claims))
            # user_metadata is the user's own to write: it verifies nothing.
            self.assertEqual(body["email"], "")
            self.assertEqual(self.me(issuer.token(claims))["id"], body["id"])
            self.refused(issuer.token(claims | {"aud": "anon"}))
        self.refused(self.legacy.token({"sub": "u", "aud": "authenticated"}, signer=Hs256("x" * 40)))
        self.assertEqual(self.legacy.asked.total(), 0)

    def test_any_openid_connect_issuer_is_found_by_discovery(self):
        sub = str(uuid.uuid4())
        body = self.me(self.acme.token({"sub": sub, "aud": ["other", "app"], "name": "Bob"}))
        self.assertEqual((body["email"], body["name"]), ("", "Bob"))
        self.assertGreaterEqual(self.acme.asked[DISCOVERY], 1)
        self.assertEqual(self.acme.asked["/.well-known/jwks.json"], 0)

    def test_the_caller_may_what_its_account_may(self):
        token = self.acme.token({"sub": str(uuid.uuid4()), "aud": "web"})
        status, key = self.call("POST", "/v1/auth/keys", token, {"name": "mine"})
        self.assertEqual(status, 201, key)
        self.assertEqual(self.call("GET", "/v1/admin/users", token)[0], 403)
        self.assertEqual(self.call("GET", "/v1/auth/sessions", token), (200, {"object": "list", "data": []}))
        self.assertEqual(self.call("POST", "/v1/auth/logout", token)[0], 400)  # there is no session of ours
        status, verdict = self.call("POST", "/v1/auth/verify", token, {"token": token})
        self.assertEqual((status, verdict["active"]), (200, True))

    def test_an_issuers_users_may_be_viewers(self):
        viewer = self.strict.token({"sub": str(uuid.uuid4()), "aud": "web"} | verified(someone()))
        self.assertEqual(self.call("GET", "/v1/logs", viewer)[0], 200)
        status, body = self.call("GET", "/v1/auth/keys", viewer)
        self.assertEqual((status, body["error"]["code"]), (403, "insufficient_scope"))

    def test_the_first_sight_leaves_an_audit_record(self):
        sub = str(uuid.uuid4())
        account = self.me(self.acme.token({"sub": sub, "aud": "web"}))
        until = time.monotonic() + 5
        while time.monotonic() < until:
            records = self.admin("GET", "/v1/logs?user=audit&limit=1000")["data"]
            seen = [r["attributes"] for r in records if r["message"] == "auth.foreign_first_seen"]
            if any(a["subject"] == sub for a in seen):
                break
            time.sleep(0.05)
        found = next(a for a in seen if a["subject"] == sub)
        self.assertEqual((found["user"], found["issuer"]), (account["id"], "acme"))

    # accounts that exist

    def registered(self, email):
        status, body = self.call("POST", "/v1/auth/register", body={"email": email, "password": "long enough"})
        self.assertEqual(status, 201, body)
        return body["user"]["id"]

    def test_a_verified_email_links_where_that_is_allowed(self):
        email = someone()
        account, sub = self.registered(email), str(uuid.uuid4())
        self.refused(self.acme.token({"sub": str(uuid.uuid4()), "aud": "strange"} | verified(email)))
        unverified = self.me(self.acme.token({"sub": str(uuid.uuid4()), "aud": "web", "email": email}))
        self.assertNotEqual(unverified["id"], account)
        linked = self.me(self.acme.token({"sub": sub, "aud": "web"} | verified(email.upper())))
        self.assertEqual(linked["id"], account)
        self.assertEqual(self.me(self.acme.token({"sub": sub, "aud": "web"}))["id"], account)

    def test_elsewhere_an_email_that_is_taken_is_refused(self):
        email = someone()
        self.registered(email)
        why = self.refused(self.strict.token({"sub": str(uuid.uuid4()), "aud": "web"} | verified(email)), 403)
        self.assertEqual(why["code"], "email_exists")

    def test_no_issuer_becomes_an_admin_by_email(self):
        email = someone()
        self.admin("PATCH", "/v1/admin/users/" + self.registered(email), {"account_role": "admin"})
        why = self.refused(self.acme.token({"sub": str(uuid.uuid4()), "aud": "web"} | verified(email)), 403)
        self.assertEqual(why["code"], "email_exists")

    def test_who_may_not_come_in_is_told_why(self):
        nobody = self.closed.token({"sub": str(uuid.uuid4()), "aud": "web"} | verified(someone()))
        self.assertEqual(self.refused(nobody, 403)["code"], "account_not_found")
        mute = self.strict.token({"sub": str(uuid.uuid4()), "aud": "web", "email": someone()})
        self.assertEqual(self.refused(mute, 403)["code"], "email_not_verified")

    def test_a_banned_account_is_refused_by_any_token(self):
        sub = str(uuid.uuid4())
        account = self.me(self.acme.token({"sub": sub, "aud": "web"}))["id"]
        self.admin("PATCH", f"/v1/admin/users/{account}", {"banned_for": 3600})
        fresh = self.acme.token({"sub": sub, "aud": "web", "jti": "2"})
        self.assertEqual(self.refused(fresh, 403)["code"], "user_banned")

    # forgeries

    def test_forged_tokens_are_refused(self):
        issuer, good = self.acme, {"sub": "forged", "aud": "web"}
        self.me(issuer.token(good))
        pem, mine, now = issuer.signer.public_pem(), Rs256(), int(time.time())
        own_jwk = mine.jwk() | {"kid": "mine"}
        evil = self.other.url + "/keys"
        forgeries = {
            "no signature": issuer.token(good, signer=Unsigned()),
            "alg None": issuer.token(good, {"alg": "None"}, Unsigned()),
            "the public key as a secret": issuer.token(good, signer=Hs256(pem)),
            "the public key as a secret, without its line end": issuer.token(good, signer=Hs256(pem.strip())),
            "another key": issuer.token(good, signer=mine),
            "a key in the header": issuer.token(good, {"jwk": own_jwk, "kid": None}, mine),
            "a key by jku": issuer.token(good, {"jku": evil}, mine),
            "a certificate by x5u": issuer.token(good, {"x5u": evil}, mine),
            "a certificate chain": issuer.token(good, {"x5c": ["AAAA"]}, mine),
            "something critical": issuer.token(good, {"crit": ["exp"]}),
            "a kid that is a path": issuer.token(good, {"kid": "../../../../dev/null"}, Hs256(b"")),
            "a kid that is SQL": issuer.token(good, {"kid": "x' union select 'k' --"}, mine),
            "a kid that is no text": issuer.token(good, {"kid": ["k1"]}),
            "expired": issuer.token(good | {"exp": now - 60}),
            "no end": issuer.token(good | {"exp": None}),
            "not yet valid": issuer.token(good | {"nbf": now + 600}),
            "issued in the future": issuer.token(good | {"iat": now + 600}),
            "another audience": issuer.token(good | {"aud": "strange"}),
            "no audience": issuer.token(good | {"aud": None}),
            "no subject": issuer.token(good | {"sub": None}),
            "an issuer that nobody named": self.other.token(good),
            "an issuer with another end": issuer.token(good | {"iss": issuer.url + "/"}),
            "another issuer's key": self.strict.token(good | {"iss": issuer.url}),
            "a logout token": issuer.token(good, {"typ": "logout+jwt"}),
            "no token": "a.b.c",
        }
        for what, token in forgeries.items():
            with self.subTest(what):
                self.refused(token)
        self.assertEqual(self.other.asked.total(), 0)

    def test_a_token_of_ours_is_not_changed_into_another_issuers(self):
        claims = {"sub": str(uuid.uuid4()), "sid": "s", "iss": self.acme.url, "aud": "web",
                  "iat": int(time.time()), "exp": int(time.time()) + 60}
        self.refused(write_token(Rs256(), {"alg": "RS256", "typ": "JWT", "kid": "first"}, claims))

    # asking for keys

    def test_a_flood_of_unknown_keys_asks_the_issuer_at_most_once_more(self):
        good = {"sub": "flood", "aud": "web"}
        self.me(self.flooded.token(good))
        before = self.flooded.asked["/keys"]
        for i in range(60):
            self.refused(self.flooded.token(good, {"kid": f"made-up-{i}"}, Rs256() if i == 0 else self.acme.signer))
        self.assertLessEqual(self.flooded.asked["/keys"] - before, 1)
        self.me(self.flooded.token(good | {"jti": "2"}))

    def test_a_new_key_of_the_issuer_is_found_and_the_old_one_is_gone(self):
        good = {"sub": "rotating", "aud": "web"}
        old = self.rotating.token(good)
        account = self.me(old)["id"]
        self.rotating.rotate()
        self.assertEqual(self.me(self.rotating.token(good))["id"], account)
        self.refused(self.rotating.token(good, {"kid": "k1"}, Rs256()))

    def test_an_issuer_that_is_down_is_no_wrong_credential(self):
        token = self.dead.token({"sub": "u", "aud": "web"})
        for _ in range(3):
            request = urllib.request.Request(self.troupe.url + "/v1/auth/me",
                                             headers={"authorization": f"Bearer {token}"})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=20)
            with refused.exception as answer:
                self.assertEqual(answer.code, 503)
                self.assertLessEqual(1, int(answer.headers["retry-after"]))
                self.assertLessEqual(int(answer.headers["retry-after"]), 30)
        self.assertLessEqual(self.dead.asked.total(), 2)  # the start's and one more
        # What needs no key is judged all the same.
        self.refused(self.dead.token({"sub": "u", "aud": "web", "exp": 1}))

    def test_known_keys_pass_while_their_issuer_is_down(self):
        good = {"sub": "steady", "aud": "authenticated"}
        account = self.me(self.project.token(good))["id"]
        self.project.down = True
        try:
            self.refused(self.project.token(good, {"kid": "k2"}), 503)
            self.assertEqual(self.me(self.project.token(good | {"jti": "2"}))["id"], account)
        finally:
            self.project.down = False


if __name__ == "__main__":
    unittest.main()

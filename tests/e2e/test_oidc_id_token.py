"""Goal: an app that got an id_token from a provider by itself (a phone's own sign-in, One Tap) exchanges
it for a session, and no token that is not an id_token for this app, of now, is taken. Method: the program
in the shape of E2E_SHAPE, with POST /auth/v1/token?grant_type=id_token as supabase-js sends it."""
import concurrent.futures
import hashlib
import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import oidc_stage  # noqa: E402
from oidc_stage import someone  # noqa: E402
from token_issuer import Es256, Hs256, Rs256, Unsigned  # noqa: E402

SECRET = "a-secret-of-forty-bytes-to-sign-with-too"
GRANT = "/auth/v1/token?grant_type=id_token"


def hashed(nonce):
    return hashlib.sha256(nonce.encode()).hexdigest()


class OidcIdTokenTest(oidc_stage.TestCase):
    issuers = {
        "acme": {"client_secret": SECRET, "method": "client_secret_basic"},
        "other": {"signer": Es256()},
        "both": {"audience": ["api"]},
        "tokens-only": {"client_id": None, "audience": ["api"]},
        "pool": {"kind": "cognito"},
        "project": {"kind": "supabase", "client_id": None},
        "linking": {"link_by_email": True},
        "closed": {"create_accounts": False},
        "strict": {"require_email_verified": True},
        "absent": {"down": True},
    }

    def exchange(self, provider, token, **more):
        body = {"provider": provider, "id_token": token} | more
        return self.call("POST", GRANT, body)

    def token(self, provider, person, **more):
        return self.provider(provider).token({"aud": "web"} | person | more)

    def session(self, provider, token, **more):
        status, body = self.exchange(provider, token, **more)
        self.assertEqual(status, 200, body)
        return body

    def refused(self, token, provider="acme", status=403, code="bad_jwt", **more):
        self.assert_refused(self.exchange(provider, token, **more), status, code)

    def test_an_id_token_becomes_a_session_of_ours(self):
        person = someone(name="Ann")
        # As supabase-js sends it, with fields that are of no use here.
        session = self.session("acme", self.token("acme", person), access_token="of the provider",
                               gotrue_meta_security={})
        self.assertEqual((session["token_type"], session["user"]["email"]), ("bearer", person["email"]))
        self.assertIn("acme", [i["provider"] for i in session["user"]["identities"]])
        user = self.user_of(session["access_token"])
        self.assertEqual(user["id"], session["user"]["id"])
        refresh = "/auth/v1/token?grant_type=refresh_token"
        status, later = self.call("POST", refresh, {"refresh_token": session["refresh_token"]})
        self.assertEqual(status, 200, later)
        self.assertEqual(self.call("POST", "/auth/v1/logout", token=later["access_token"])[0], 204)
        self.assertEqual(self.call("POST", refresh, {"refresh_token": later["refresh_token"]})[0], 400)

    def test_it_leads_to_the_account_of_the_browsers_sign_in(self):
        person = someone()
        first = self.signed_in("acme", person)
        self.assertEqual(self.session("acme", self.token("acme", person))["user"]["id"], first["id"])

    def test_an_issuer_with_another_kind_of_key(self):
        self.session("other", self.token("other", someone()))

    def test_a_nonce_is_compared_by_its_hash(self):
        nonce = str(uuid.uuid4())
        good = self.token("acme", someone(), nonce=hashed(nonce))
        self.session("acme", good, nonce=nonce)
        self.refused(good, nonce="another")
        self.refused(good, nonce=hashed(nonce))
        self.refused(self.token("acme", someone(), nonce=nonce), nonce=nonce)
        self.refused(self.token("acme", someone(), nonce=hashed(nonce).upper()), nonce=nonce)
        # One without the other.
        for token, more in ((good, {}), (good, {"nonce": ""}), (good, {"nonce": None}),
                            (self.token("acme", someone()), {"nonce": nonce}),
                            (self.token("acme", someone(), nonce=""), {"nonce": nonce})):
            status, body = self.exchange("acme", token, **more)
            self.assertIn(status, (400, 403), body)
            self.assertIn(body["error_code"], ("bad_jwt", "validation_failed"))

    def test_who_is_no_provider_is_said_so(self):
        token = self.token("acme", someone())
        for name in ("nobody", "", "ACME"):
            self.refused(token, name, 400, "validation_failed")
        status, body = self.call("POST", GRANT, {"id_token": token})
        self.assertEqual((status, body["error_code"]), (400, "validation_failed"))

    def test_without_a_token_there_is_nothing_to_exchange(self):
        for body in ({"provider": "acme"}, {"provider": "acme", "id_token": ""}):
            status, answer = self.call("POST", GRANT, body)
            self.assertIn(status, (400, 403), answer)
            self.assertIn(answer["error_code"], ("bad_jwt", "validation_failed"))

    def test_forged_tokens_are_refused(self):
        acme, other, now = self.provider("acme"), self.provider("other"), int(time.time())
        good, mine = someone() | {"aud": "web"}, Rs256()
        forgeries = {
            "another key": acme.token(good, signer=mine),
            "a key in the header": acme.token(good, {"jwk": mine.jwk(), "kid": None}, mine),
            "no signature": acme.token(good, signer=Unsigned()),
            "the public key as a secret": acme.token(good, signer=Hs256(acme.signer.public_pem())),
            "the client's secret": acme.token(good, signer=Hs256(SECRET)),
            "another issuer's": other.token(good),
            "another issuer's key": other.token(good | {"iss": acme.url}),
            "another audience": acme.token(good | {"aud": "another"}),
            "no audience": acme.token(good | {"aud": None}),
            "another party": acme.token(good | {"azp": "another"}),
            "another party of several": acme.token(good | {"aud": ["web", "another"], "azp": "another"}),
            "expired": acme.token(good | {"exp": now - 60}),
            "no end": acme.token(good | {"exp": None}),
            "of tomorrow": acme.token(good | {"iat": now + 86400}),
            "no subject": acme.token(good | {"sub": None}),
            "a logout token": acme.token(good, {"typ": "logout+jwt"}),
            "an access token": acme.token(good, {"typ": "at+jwt"}),
            "no token": "a.b.c",
            "no JWT": "x" * 200,
        }
        for what, token in forgeries.items():
            with self.subTest(what):
                self.refused(token)
        self.session("acme", acme.token(good))

    def test_our_own_access_token_is_no_id_token(self):
        own = self.session("acme", self.token("acme", someone()))["access_token"]
        self.refused(own)

    def test_any_audience_of_the_settings_is_good_for_an_id_token(self):
        # A phone's app has a client id of its own, which need not be the one that signs in here.
        for name, audience in (("both", "api"), ("both", "web"), ("tokens-only", "api")):
            person = someone()
            self.session(name, self.token(name, person, aud=audience, azp=audience))
            self.refused(self.token(name, person, aud=audience, azp="another"), name)
            self.refused(self.token(name, person, aud="another"), name)

    def test_an_access_token_is_a_bearer_and_no_id_token(self):
        for mark in ({"scope": "openid"}, {"scp": "openid"}, {"typ": "Bearer"}):
            token = self.token("both", someone(), aud="api", **mark)
            self.user_of(token)
            self.refused(token, "both")

    def test_an_access_token_of_cognito_is_no_id_token(self):
        pool, sub = self.provider("pool"), str(uuid.uuid4())
        self.session("pool", pool.token({"sub": sub, "aud": "web", "token_use": "id"}))
        access = pool.token({"sub": sub, "client_id": "web", "token_use": "access"})
        self.user_of(access)
        self.refused(access, "pool")
        for use in ("access", None):
            self.refused(pool.token({"sub": sub, "aud": "web", "client_id": "web", "token_use": use}), "pool")

    def test_an_access_token_of_supabase_is_no_id_token(self):
        access = self.provider("project").token(someone() | {"aud": "authenticated", "role": "authenticated"})
        self.user_of(access)
        self.refused(access, "project", status=400, code="validation_failed")

    def test_a_provider_that_is_down_is_no_wrong_token(self):
        status, body = self.exchange("absent", self.token("absent", someone()))
        self.assertEqual(status, 503, body)
        # What needs no key is judged all the same.
        self.refused(self.token("absent", someone(), exp=1), "absent")

    # accounts

    def test_who_may_not_come_in_is_told_why(self):
        taken = someone()
        account = self.registered(taken["email"])
        self.refused(self.token("acme", taken), status=422, code="email_exists")
        for provider, person, code in (("closed", someone(), "account_not_found"),
                                       ("strict", someone(email_verified=False), "email_not_verified")):
            status, body = self.exchange(provider, self.token(provider, person))
            self.assertEqual(body.get("error_code"), code, body)
            self.assertIn(status, (403, 404, 422))
        linked = self.session("linking", self.token("linking", taken))
        self.assertEqual(linked["user"]["id"], account)

    def test_a_banned_account_and_an_admins_stay_closed(self):
        for change, code in (({"banned_for": 3600}, "user_banned"),
                             ({"account_role": "admin"}, "admin_not_allowed")):
            person = someone()
            account = self.session("acme", self.token("acme", person))["user"]["id"]
            self.admin("PATCH", f"/v1/admin/users/{account}", change)
            self.refused(self.token("acme", person), code=code)

    def test_many_first_tokens_at_once_make_one_account(self):
        token = self.token("acme", someone())
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            all_ = list(pool.map(lambda _: self.session("acme", token)["user"]["id"], range(8)))
        self.assertEqual(len(set(all_)), 1)


if __name__ == "__main__":
    unittest.main()

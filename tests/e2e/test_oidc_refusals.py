"""Goal: whatever is wrong with a sign-in at an OpenID Connect provider ends it: with an error for the
app, without a session, and without harm to the next one. Method: the program in the shape of E2E_SHAPE,
and providers that answer otherwise than they should (tests/support/openid_provider.py)."""
import pathlib
import sys
import time
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import oidc_stage  # noqa: E402
from oidc_stage import DISCOVERY, EXTRA, SITE, go, pkce, query_of, someone  # noqa: E402
from token_issuer import Answer, Hs256, Rs256, Unsigned  # noqa: E402

SECRET = "a-secret-of-forty-bytes-to-sign-with-too"
TARGET = EXTRA + "/done"
# Seconds for an answer that waits for a provider which does not answer.
PATIENCE = 40


class OidcRefusalsTest(oidc_stage.TestCase):
    issuers = {
        "acme": {"client_secret": SECRET, "method": "client_secret_basic"},
        "other": {},
        "quiet": {"bends": {"discovery": {"authorization_response_iss_parameter_supported": None}}},
        "tokens-only": {"client_id": None, "audience": ["api"]},
        "linking": {"link_by_email": True},
        "closed": {"create_accounts": False},
        "strict": {"require_email_verified": True},
        "absent": {"down": True},
        "posing": {"bends": {"discovery": {"issuer": "http://127.0.0.1:1/another"}}},
        "script": {"bends": {"discovery": {"authorization_endpoint": "javascript:alert(1)"}}},
        "split": {"bends": {"discovery": {"authorization_endpoint": "http://a.test/\r\nSet-Cookie: a=b"}}},
        "unfinished": {"bends": {"discovery": {"token_endpoint": None}}},
    }

    def failed(self, provider, code=None, person=None, **query):
        landed = self.sign_in(provider, person or someone(), redirect_to=TARGET, **query)
        self.assert_failed(landed, code, at=TARGET)
        return landed

    def still_works(self, provider="acme"):
        return self.signed_in(provider, someone())

    # before the provider

    def test_who_is_no_provider_is_said_at_once(self):
        for name in ("nobody", "", "tokens-only", "email", "ACME", "acme/../other"):
            with self.subTest(name):
                page = self.begin(name, redirect_to=SITE)
                self.assert_refused((page.status, page.json), 400, "validation_failed")
                if name:
                    self.assertTrue(page.json["msg"].startswith("Unsupported provider: " + name), page.body)
        page = go(self.public + "/auth/v1/authorize")
        self.assert_refused((page.status, page.json), 400, "validation_failed")

    def test_a_name_that_is_no_text_breaks_no_answer(self):
        page = go(self.public + "/auth/v1/authorize?provider=%ff%22")
        self.assert_refused((page.status, page.json), 400, "validation_failed")

    def test_a_challenge_that_is_none_is_refused(self):
        challenge = pkce()[1]["code_challenge"]
        for bad in ({"code_challenge": "short", "code_challenge_method": "s256"},
                    {"code_challenge": challenge, "code_challenge_method": "md5"},
                    {"code_challenge": challenge + "!", "code_challenge_method": "s256"},
                    {"code_challenge": "x" * 129, "code_challenge_method": "plain"}):
            with self.subTest(bad):
                page = self.begin("acme", **bad)
                self.assertEqual(page.status, 400, page.location)
                self.assertEqual(page.json["error_code"], "validation_failed")

    def test_a_provider_that_is_down_is_503_and_soon_forgotten(self):
        absent = self.provider("absent")
        for _ in range(3):
            page = self.begin("absent")
            self.assertEqual(page.status, 503, page.body)
            self.assertGreaterEqual(int(page.headers["retry-after"]), 1)
        self.assertLess(absent.asked[DISCOVERY], 5, "it is not asked by every browser")
        absent.down = False
        until = time.monotonic() + 45
        while (page := self.begin("absent")).status == 503 and time.monotonic() < until:
            time.sleep(0.5)
        self.assertEqual(page.status, 302, page.body)
        self.still_works("absent")

    def test_a_document_that_is_not_the_issuers_leads_nowhere(self):
        for name in ("posing", "script", "split", "unfinished"):
            with self.subTest(name):
                page = self.begin(name)
                self.assertNotIn(page.status, (200, 301, 302, 303, 307, 308), page.location)
                self.assertGreaterEqual(page.status, 500)
                self.assertNotIn("set-cookie", page.headers)

    # the callback

    def test_a_state_counts_once_and_only_if_it_is_ours(self):
        callback = self.consent("acme", someone(), redirect_to=TARGET)
        self.session_of(self.land(callback))
        before = self.provider("acme").asked["/token"]
        bare = self.public + "/auth/v1/callback/acme"
        code = "code=" + query_of(callback)["code"]
        for query in ("", code, code + "&state=", f"{code}&state={uuid.uuid4()}", f"{code}&state=" + "x" * 3000,
                      "error=access_denied", "error=access_denied&state=unknown", callback.partition("?")[2]):
            with self.subTest(query):
                self.assert_failed(self.land(f"{bare}?{query}".rstrip("?")), "bad_oauth_state")
        self.assertEqual(self.provider("acme").asked["/token"], before)

    def test_a_callback_of_another_provider_is_not_believed(self):
        """Who is sent from one provider to another's callback: its code is shown to neither."""
        callback = self.consent("acme", someone(), redirect_to=TARGET)
        asked = {name: self.provider(name).asked["/token"] for name in ("acme", "other")}
        for name, at in (("other", TARGET), ("nobody", SITE)):
            with self.subTest(name):
                callback = self.consent("acme", someone(), redirect_to=TARGET)
                landed = self.land(callback.replace("/callback/acme?", f"/callback/{name}?"))
                self.assert_failed(landed, "bad_oauth_state", at=at)
        self.assertEqual(asked, {name: self.provider(name).asked["/token"] for name in asked})

    def test_a_failed_sign_in_spends_its_state(self):
        acme = self.provider("acme")
        callback = self.consent("acme", someone(), redirect_to=TARGET)
        with acme.bent(token=Answer(500)):
            self.assert_failed(self.land(callback), at=TARGET)
        self.assert_failed(self.land(callback), "bad_oauth_state")

    def test_neither_code_nor_error_is_a_failure(self):
        with self.provider("acme").bent(redirect={"code": None}):
            self.failed("acme")
        with self.provider("acme").bent(redirect={"code": ""}):
            self.failed("acme")

    def test_what_the_provider_refuses_is_told_to_the_app(self):
        words = "Nein, danke & Tschüß"
        with self.provider("acme").bent(refuse={"error": "access_denied", "error_description": words}):
            for more in ({}, pkce()[1]):
                landed = self.failed("acme", **more)
                self.assertEqual((landed.query["error"], landed.query["error_description"]),
                                 ("access_denied", words))
        # What OpenID Connect Core, 3.1.2.6, has for prompt=none, an app must tell from a refusal.
        for error in ("login_required", "interaction_required", "temporarily_unavailable"):
            with self.subTest(error), self.provider("acme").bent(refuse={"error": error}):
                self.assertEqual(self.failed("acme").query["error"], error)

    def test_a_provider_that_explains_at_length_is_heard_all_the_same(self):
        words = "AADSTS65004: " + "the user declined to consent, " * 60
        with self.provider("acme").bent(refuse={"error": "access_denied", "error_description": words}):
            landed = self.failed("acme")
        self.assertTrue(words.startswith(landed.query["error_description"][:100]))

    def test_a_refusal_brings_no_words_of_its_own_into_the_url(self):
        evil = "x#access_token=evil&access_token=evil&code=evil\r\nSet-Cookie: a=b"
        for field in ("error", "error_description"):
            told = {"error": "access_denied", field: evil}
            with self.subTest(field), self.provider("acme").bent(refuse=told):
                landed = self.failed("acme")
                self.assertNotIn("set-cookie", landed.page.headers)
                self.assertEqual(landed.url.count("#"), 1, landed.url)

    def test_an_answer_of_another_issuer_is_refused(self):
        acme, other = self.provider("acme"), self.provider("other")
        before = acme.asked["/token"], other.asked["/token"]
        for iss in (other.url, acme.url + "/", "", "acme"):
            with self.subTest(iss), acme.bent(redirect={"iss": iss}):
                self.failed("acme")
        # RFC 9207, 2.4: who says that it sends iss and does not is somebody else.
        with self.subTest("left away"), acme.bent(redirect={"iss": None}):
            self.failed("acme")
        self.assertEqual((acme.asked["/token"], other.asked["/token"]), before, "no code goes there")

    def test_a_provider_that_never_spoke_of_iss_may_leave_it_away(self):
        quiet = self.provider("quiet")
        with quiet.bent(redirect={"iss": None}):
            self.still_works("quiet")
        with quiet.bent(redirect={"iss": self.provider("other").url}):
            self.failed("quiet")

    # the id_token

    def test_an_id_token_that_is_not_for_this_sign_in_is_refused(self):
        acme, now, pem = self.provider("acme"), int(time.time()), self.provider("acme").signer.public_pem()
        claims = {
            "no nonce": {"nonce": None}, "another nonce": {"nonce": "another"}, "an empty nonce": {"nonce": ""},
            "no audience": {"aud": None}, "another audience": {"aud": "another"},
            "other audiences": {"aud": ["a", "b"]}, "another party": {"azp": "another"},
            "another party of several": {"aud": ["web", "another"], "azp": "another"},
            "another issuer": {"iss": self.provider("other").url}, "no issuer": {"iss": None},
            "no subject": {"sub": None}, "an empty subject": {"sub": ""}, "a subject that is no text": {"sub": 7},
            "expired": {"exp": now - 60}, "no end": {"exp": None}, "of tomorrow": {"iat": now + 86400},
            "not yet valid": {"nbf": now + 600},
        }
        bends = {what: {"id_claims": one} for what, one in claims.items()} | {
            "another key": {"signer": Rs256()},
            "another issuer's key": {"signer": self.provider("other").signer},
            "no signature": {"signer": Unsigned()},
            "the public key as a secret": {"signer": Hs256(pem)},
            "the client's secret": {"signer": Hs256(SECRET)},
            "a key in the header": {"signer": (mine := Rs256()), "id_header": {"jwk": mine.jwk(), "kid": None}},
            "a logout token": {"id_header": {"typ": "logout+jwt"}},
            "none": {"token_fields": {"id_token": None}},
            "not one": {"token_fields": {"id_token": "a.b.c"}},
            "not even text": {"token_fields": {"id_token": {"sub": "u"}}},
        }
        for what, bend in bends.items():
            with self.subTest(what), acme.bent(**bend):
                self.failed("acme")
        self.still_works()

    def test_a_token_of_before_is_not_taken_again(self):
        acme, person = self.provider("acme"), someone()
        old = acme.token(person | {"aud": "web", "nonce": "of before"})
        with acme.bent(token_fields={"id_token": old}):
            self.failed("acme", person=person)

    def test_userinfo_of_somebody_else_is_refused(self):
        acme, victim = self.provider("acme"), someone()
        for sub in (victim["sub"], None, ""):
            with self.subTest(sub), acme.bent(bare=True, userinfo={"sub": sub}):
                self.failed("acme", person=victim | {"sub": str(uuid.uuid4())})

    def test_an_access_token_writes_no_header(self):
        acme = self.provider("acme")
        acme.seen.pop("/userinfo", None)
        with acme.bent(bare=True, token_fields={"access_token": "a\r\nX-Mine: 1"}):
            self.failed("acme")
        if "/userinfo" in acme.seen:
            self.assertNotIn("X-Mine", acme.seen["/userinfo"].headers)

    # a provider in trouble

    def test_a_provider_in_trouble_fails_one_sign_in_and_no_other(self):
        acme, other = self.provider("acme"), self.provider("other")
        good = {"access_token": "a", "token_type": "Bearer"}
        there = {"Location": other.url + "/token"}
        answers = {
            "down": Answer(503), "broken": Answer(500, b"<html>"), "not JSON": Answer(200, b"<html>"),
            "empty": Answer(200, b""), "no object": Answer(200, b"[1]"), "null": Answer(200, b"null"),
            "nothing in it": Answer(200, {}), "no id_token": Answer(200, good),
            "deep": Answer(200, b"[" * 100_000), "no UTF-8": Answer(200, b'{"id_token":"\xff"}'),
            "hangs up": Answer(hang_up=True),
            "invalid_grant": Answer(400, {"error": "invalid_grant", "error_description": "no"}),
            "an error and 200": Answer(200, {"error": "invalid_grant"}),
            "leads elsewhere": Answer(307, b"", there), "leads away": Answer(302, b"", there),
        }
        before = other.asked["/token"]
        for what, answer in answers.items():
            asked = acme.asked["/token"]
            with self.subTest(what), acme.bent(token=answer):
                self.failed("acme")
                self.assertEqual(acme.asked["/token"], asked + 1, "a code is shown once")
        self.assertEqual(other.asked["/token"], before, "the code and the secret stay with their provider")
        self.still_works()

    def test_userinfo_in_trouble_fails_the_sign_in(self):
        answers = {"down": Answer(503), "refuses": Answer(401), "not JSON": Answer(200, b"<html>"),
                   "hangs up": Answer(hang_up=True)}
        for what, answer in answers.items():
            with self.subTest(what), self.provider("acme").bent(bare=True, userinfo_answer=answer):
                self.failed("acme")
        self.still_works()

    def test_an_answer_without_end_is_not_read_to_it(self):
        endless = {"padding": "x" * (16 << 20)}
        with self.subTest("token"), self.provider("acme").bent(token_fields=endless):
            self.failed("acme")
        with self.subTest("userinfo"), self.provider("acme").bent(bare=True, userinfo=endless):
            self.failed("acme")
        self.still_works()

    def test_a_provider_that_never_answers_is_given_up(self):
        callback = self.consent("acme", someone(), redirect_to=TARGET)
        with self.provider("acme").bent(token=Answer(delay=PATIENCE + 20)):
            begun = time.monotonic()
            landed = oidc_stage.Landing(go(callback, timeout=PATIENCE + 10))
        self.assertLess(time.monotonic() - begun, PATIENCE)
        self.assert_failed(landed, at=TARGET)
        self.still_works()

    def test_a_provider_that_went_down_on_the_way_is_no_crash(self):
        callback = self.consent("acme", someone(), redirect_to=TARGET)
        self.provider("acme").down = True
        try:
            self.assert_failed(self.land(callback), at=TARGET)
        finally:
            self.provider("acme").down = False
        self.still_works()

    # accounts

    def test_an_email_that_is_taken_is_refused(self):
        person = someone()
        self.registered(person["email"])
        self.failed("acme", "email_exists", person)
        self.failed("acme", "email_exists", person, **pkce()[1])

    def test_a_verified_email_links_where_that_is_allowed(self):
        person = someone()
        account = self.registered(person["email"])
        unsure = self.signed_in("linking", someone(email=person["email"], email_verified=False))
        self.assertNotEqual(unsure["id"], account)
        user = self.signed_in("linking", person | {"email": person["email"].upper()})
        self.assertEqual((user["id"], user["email"]), (account, person["email"]))
        self.assertIn("linking", [i["provider"] for i in user["identities"]])
        self.assertEqual(self.signed_in("linking", {"sub": person["sub"]})["id"], account)

    def test_no_sign_in_becomes_an_admin(self):
        person = someone()
        self.admin("PATCH", "/v1/admin/users/" + self.registered(person["email"]), {"account_role": "admin"})
        self.failed("linking", "email_exists", person)
        promoted = someone()
        account = self.signed_in("acme", promoted)["id"]
        self.admin("PATCH", f"/v1/admin/users/{account}", {"account_role": "admin"})
        self.failed("acme", "admin_not_allowed", promoted)
        self.failed("acme", "admin_not_allowed", promoted, **pkce()[1])

    def test_who_may_not_come_in_is_told_why(self):
        self.failed("closed", "account_not_found")
        self.failed("strict", "email_not_verified", someone(email_verified=False))
        self.still_works("strict")

    def test_who_is_banned_stays_out(self):
        person, (verifier, challenge) = someone(), pkce()
        account = self.signed_in("acme", person)["id"]
        code = self.sign_in("acme", person, **challenge).query["code"]
        self.admin("PATCH", f"/v1/admin/users/{account}", {"banned_for": 3600})
        self.failed("acme", "user_banned", person)
        self.failed("acme", "user_banned", person, **challenge)
        self.assert_refused(self.call("POST", "/auth/v1/token?grant_type=pkce",
                                      {"auth_code": code, "code_verifier": verifier}), 404, "flow_state_not_found")


if __name__ == "__main__":
    unittest.main()

"""Goal: a browser signs in with an OpenID Connect provider, with PKCE and without, as a confidential
client and as a public one, and what it gets is a session like any other. Method: the program in the
shape of E2E_SHAPE, and providers that the test holds (tests/support/openid_provider.py), which look at
every request as strictly as RFC 6749, 7636 and OpenID Connect Core allow."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import oidc_stage  # noqa: E402
from oidc_stage import EXTRA, SITE, go, pkce, query_of, someone  # noqa: E402
from token_issuer import without_none  # noqa: E402
from troupe_process import clean_environment  # noqa: E402

# What a form and a header must encode, and a settings file need not.
SECRET = "s3cret: 100%+/&=~\"\\"
OURS = ("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
        "code_challenge_method")
PASSED = {"prompt": "login", "login_hint": "ann@example.org", "max_age": "0", "ui_locales": "de fr",
          "acr_values": "urn:mace:silver", "display": "popup", "access_type": "offline",
          "hd": "example.org", "domain_hint": "example.org", "screen_hint": "signup",
          "identity_provider": "Google & Co"}
SILENT = {"token_endpoint_auth_methods_supported": None,
          "authorization_response_iss_parameter_supported": None}


def with_policy(provider):
    """As Azure AD B2C has them."""
    names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token"}
    return {"discovery": {name: f"{provider.url}{path}?policy=a%20b" for name, path in names.items()}}


class OidcSignInTest(oidc_stage.TestCase):
    issuers = {
        "acme": {"client_secret": SECRET, "method": "client_secret_basic"},
        "posted": {"client_secret": SECRET, "method": "client_secret_post"},
        "silent": {"client_secret": SECRET, "method": "client_secret_basic", "bends": {"discovery": SILENT}},
        "open": {"scopes": ["openid", "email"], "bends": {"redirect": {"iss": None}, "discovery": SILENT}},
        "tokens-only": {"client_id": None, "audience": ["api"]},
        "both": {"audience": ["api"]},
        "policy": {"bends": with_policy},
    }

    # to the provider

    def test_authorize_leads_to_the_provider(self):
        seen = []
        for _ in range(2):
            page = self.begin("acme", redirect_to=SITE)
            self.assertEqual(page.status, 302, page.body)
            self.assertEqual(page.location.partition("?")[0], self.provider("acme").url + "/authorize")
            asked = query_of(page.location)
            self.assertEqual(sorted(asked), sorted(OURS))
            self.assertEqual((asked["response_type"], asked["client_id"]), ("code", "web"))
            self.assertEqual(asked["redirect_uri"], self.public + "/auth/v1/callback/acme")
            self.assertEqual(asked["scope"].split(" "), ["openid", "email", "profile"])
            self.assertEqual((asked["code_challenge_method"], len(asked["code_challenge"])), ("S256", 43))
            seen += [asked["state"], asked["nonce"], asked["code_challenge"]]
        self.assertEqual(len(set(seen)), 6, "each is made anew")
        self.assertGreaterEqual(min(map(len, seen)), 22, "128 bits at the least")

    def test_scopes_are_the_settings_and_what_is_asked_for_once_each(self):
        for name, asked, wanted in (("acme", "", "openid email profile"), ("open", "", "openid email"),
                                    ("open", "email calendar:read", "openid email calendar:read"),
                                    ("acme", "openid groups", "openid email profile groups")):
            page = self.begin(name, **({"scopes": asked} if asked else {}))
            self.assertCountEqual(query_of(page.location)["scope"].split(" "), wanted.split(" "))

    def test_what_a_provider_may_be_told_is_passed_on_and_nothing_else(self):
        asked = query_of(self.begin("acme", **PASSED).location)
        self.assertEqual({name: asked.get(name) for name in PASSED}, PASSED)
        mine = {"client_id": "mine", "redirect_uri": "https://evil.test/", "response_type": "token",
                "response_mode": "fragment", "state": "mine", "nonce": "mine", "scope": "all",
                "request": "a.b.c", "request_uri": "https://evil.test/", "claims": "{}", "resource": "x"}
        bent = query_of(self.begin("acme", **mine).location)
        self.assertEqual(sorted(bent), sorted(OURS))
        self.assertEqual([name for name in mine if bent.get(name) == mine[name]], [])

    def test_what_nobody_knows_is_no_reason_to_refuse(self):
        noise = {f"utm_{i}": "x" * 600 for i in range(3)} | {f"n{i}": "" for i in range(30)}
        self.assertEqual(sorted(query_of(self.begin("acme", **noise).location)), sorted(OURS))

    def test_the_provider_is_told_nothing_twice(self):
        page = go(f"{self.public}/auth/v1/authorize?provider=acme&prompt=login&prompt=none&hd=a&hd=a")
        self.assertIn(page.status, (302, 400))
        if page.status == 302:
            query_of(page.location)  # RFC 6749, 3.1: the provider would have to refuse

    def test_endpoints_may_have_a_query(self):
        asked = query_of(self.begin("policy").location)
        self.assertEqual(sorted(asked), sorted((*OURS, "policy")))
        self.signed_in("policy", someone())
        self.assertEqual(self.provider("policy").seen["/token"].query, {"policy": "a b"})

    def test_the_apps_own_challenge_stays_here(self):
        _, challenge = pkce()
        asked = query_of(self.begin("acme", **challenge).location)
        self.assertNotEqual(asked["code_challenge"], challenge["code_challenge"])
        self.assertEqual(asked["code_challenge_method"], "S256")

    def test_the_settings_list_who_signs_in(self):
        status, settings = self.call("GET", "/auth/v1/settings")
        self.assertEqual(status, 200)
        external = settings["external"]
        self.assertEqual([external.get(name) for name in ("acme", "posted", "open", "both")], [True] * 4)
        self.assertFalse(external.get("tokens-only"))
        self.assertTrue(external["email"])

    # and back

    def test_without_pkce_the_session_is_in_the_fragment(self):
        person = someone(name="Ann Ä")
        landed = self.sign_in("acme", person, redirect_to=SITE + "/welcome?from=acme")
        self.assertEqual((landed.target, landed.query), (SITE + "/welcome", {"from": "acme"}))
        self.assertEqual(landed.fragment["token_type"], "bearer")
        self.assertGreater(int(landed.fragment["expires_in"]), 0)
        user = self.user_of(self.session_of(landed))
        self.assertEqual(user["email"], person["email"])
        self.assertTrue(user["email_confirmed_at"])
        self.assertEqual(user["app_metadata"], {"provider": "acme", "providers": ["acme"]})
        mine = [i for i in user["identities"] if i["provider"] == "acme"]
        self.assertEqual([i["identity_data"]["sub"] for i in mine], [person["sub"]])
        status, me = self.call("GET", "/v1/auth/me", token=landed.fragment["access_token"])
        self.assertEqual((status, me["name"], me["id"]), (200, "Ann Ä", user["id"]))

    def test_the_session_is_one_of_ours(self):
        landed = self.sign_in("acme", someone())
        first = landed.fragment
        grant = "/auth/v1/token?grant_type=refresh_token"
        status, next_ = self.call("POST", grant, {"refresh_token": first["refresh_token"]})
        self.assertEqual(status, 200, next_)
        self.assertNotEqual(next_["refresh_token"], first["refresh_token"])
        token = next_["access_token"]
        self.assertEqual(self.call("POST", "/auth/v1/logout", token=token)[0], 204)
        status, body = self.call("POST", grant, {"refresh_token": next_["refresh_token"]})
        self.assertEqual((status, body["error_code"]), (400, "refresh_token_not_found"))

    def test_with_pkce_a_code_is_exchanged_once_by_who_began(self):
        person, (verifier, challenge) = someone(), pkce()
        landed = self.sign_in("acme", person, redirect_to=EXTRA + "/done?x=1", **challenge)
        self.assertEqual((landed.target, sorted(landed.query)), (EXTRA + "/done", ["code", "x"]))
        self.assertNotIn("access_token", landed.url)
        grant = "/auth/v1/token?grant_type=pkce"
        body = {"auth_code": landed.query["code"], "code_verifier": verifier}
        status, session = self.call("POST", grant, body)
        self.assertEqual((status, session["user"]["email"]), (200, person["email"]))
        self.user_of(session["access_token"])
        self.assert_refused(self.call("POST", grant, body), 404, "flow_state_not_found")

    def test_another_verifier_gets_nothing_and_spends_the_code(self):
        verifier, challenge = pkce()
        code = self.sign_in("acme", someone(), **challenge).query["code"]
        grant = "/auth/v1/token?grant_type=pkce"
        for given, why in ((pkce()[0], (400, "bad_code_verifier")), (verifier, (404, "flow_state_not_found"))):
            self.assert_refused(self.call("POST", grant, {"auth_code": code, "code_verifier": given}), *why)

    def test_a_plain_challenge_works_too(self):
        verifier, _ = pkce()
        landed = self.sign_in("acme", someone(), code_challenge=verifier, code_challenge_method="plain")
        status, body = self.call("POST", "/auth/v1/token?grant_type=pkce",
                                 {"auth_code": landed.query["code"], "code_verifier": verifier})
        self.assertEqual(status, 200, body)

    def test_the_client_proves_itself_as_the_provider_wants_it(self):
        for name in ("acme", "posted", "silent", "open"):
            with self.subTest(name):
                self.signed_in(name, someone())
                request = self.provider(name).seen["/token"]
                self.assertEqual(request.form["redirect_uri"], f"{self.public}/auth/v1/callback/{name}")
                basic = name in ("acme", "silent")
                self.assertEqual(("Authorization" in request.headers, "client_secret" in request.form),
                                 (basic, name == "posted"))
                if not basic:
                    self.assertEqual(request.form["client_id"], "web")

    # who it is

    def test_the_same_person_has_one_account(self):
        person = someone()
        first = self.signed_in("acme", person)
        self.assertEqual(self.signed_in("acme", {"sub": person["sub"], "name": "New"})["id"], first["id"])
        self.assertNotEqual(self.signed_in("open", someone(sub=person["sub"]))["id"], first["id"])

    def test_a_sign_in_and_a_bearer_token_of_the_issuer_lead_to_one_account(self):
        acme, person = self.provider("acme"), someone()
        first = self.signed_in("acme", person)
        self.assertEqual(self.user_of(acme.token(person | {"aud": "web"}))["id"], first["id"])

    def test_an_audience_beside_the_client_id_is_for_bearers(self):
        both, person = self.provider("both"), someone()
        first = self.signed_in("both", person)
        self.assertEqual(self.user_of(both.token(person | {"aud": "api"}))["id"], first["id"])
        with both.bent(id_claims={"aud": "api"}):
            self.assert_failed(self.sign_in("both", person))

    def test_several_audiences_are_good_when_the_client_is_authorized(self):
        with self.provider("acme").bent(id_claims={"aud": ["web", "other"], "azp": "web"}):
            self.signed_in("acme", someone())

    def test_userinfo_says_what_the_id_token_does_not(self):
        acme, person = self.provider("acme"), someone(name="Bea")
        before = acme.asked["/userinfo"]
        self.signed_in("acme", someone())
        self.assertEqual(acme.asked["/userinfo"], before, "the id_token had all")
        with acme.bent(bare=True):
            token = self.session_of(self.sign_in("acme", person))
        self.assertEqual(acme.asked["/userinfo"], before + 1)
        user = self.user_of(token)
        self.assertEqual(user["email"], person["email"])
        self.assertEqual(self.call("GET", "/v1/auth/me", token=token)[1]["name"], "Bea")

    def test_an_email_that_is_not_verified_is_nobodys(self):
        for unsure in ({"email_verified": False}, {"email_verified": None}):
            for bare in (False, True):
                with self.subTest(f"{unsure}, {bare}"), self.provider("acme").bent(bare=bare):
                    person = without_none(someone() | unsure)
                    self.assertEqual(self.signed_in("acme", person)["email"], "")

    def test_a_deleted_account_is_made_anew(self):
        person = someone()
        first = self.signed_in("acme", person)["id"]
        self.admin("DELETE", f"/v1/admin/users/{first}")
        self.assertNotEqual(self.signed_in("acme", person)["id"], first)

    # where it ends

    def test_a_browser_is_led_nowhere_but_to_the_app(self):
        host = SITE.partition("//")[2]
        for wanted in ("", "https://evil.test/", f"http://{host}.evil.test/", f"http://{host}@evil.test/",
                       "//evil.test", "/\\evil.test", f"http://{host}\\@evil.test/", f"https://{host}/",
                       "javascript:alert(1)//", f"{EXTRA}.evil.test/", f"{EXTRA}@evil.test/", "data:text/html,x",
                       f"{SITE}/\r\nSet-Cookie: a=b", f"{SITE}/../x"):
            with self.subTest(wanted):
                landed = self.sign_in("acme", someone(), redirect_to=wanted)
                self.assertEqual(landed.target.rstrip("/"), SITE)
                self.assertNotIn("set-cookie", landed.page.headers)
                self.session_of(landed)
        for wanted in (SITE + "/a/b", EXTRA + "/", EXTRA + "/any/where"):
            self.assertEqual(self.sign_in("acme", someone(), redirect_to=wanted).target, wanted)

    def test_a_session_in_a_location_is_kept_by_no_cache(self):
        landed = self.sign_in("acme", someone())
        self.assertIn("no-store", landed.page.headers.get("cache-control", ""))

    def test_nothing_that_signs_in_is_printed(self):
        callback = self.consent("acme", someone())
        landed = self.land(callback)
        printed = subprocess.run([os.environ["E2E_PROGRAM"], "config", "--config", self.settings], check=True,
                                 stdout=subprocess.PIPE, text=True, env=clean_environment()).stdout
        self.assertIn("issuers.acme.client_secret", printed)
        printed += self.troupe.output()
        code = query_of(callback)["code"]
        for what in (SECRET, code, self.session_of(landed), landed.fragment["refresh_token"]):
            self.assertNotIn(what, printed)

    def test_a_sign_in_outlives_a_restart(self):
        callback = self.consent("acme", someone())
        self.troupe.stop()
        self.troupe.start()
        self.session_of(self.land(callback))

    # many at once

    def test_one_callback_used_by_many_gives_one_session(self):
        acme = self.provider("acme")
        for more in ({}, pkce()[1]):
            callback = self.consent("acme", someone(), **more)
            before = acme.asked["/token"]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                landed = list(pool.map(lambda _: self.land(callback), range(8)))
            good = [one for one in landed if one.has_session]
            self.assertEqual((len(good), acme.asked["/token"] - before), (1, 1))
            for one in landed:
                if one not in good:
                    self.assert_failed(one, "bad_oauth_state")

    def test_many_people_at_once_are_not_mixed_up(self):
        people = [someone() for _ in range(12)]
        callbacks = [self.consent("acme", person) for person in people]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            users = list(pool.map(lambda c: self.user_of(self.session_of(self.land(c))), callbacks))
        self.assertEqual([user["email"] for user in users], [person["email"] for person in people])

    def test_one_person_who_comes_twice_at_once_gets_one_account(self):
        person = someone()
        callbacks = [self.consent("acme", person) for _ in range(6)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            users = list(pool.map(lambda c: self.user_of(self.session_of(self.land(c))), callbacks))
        self.assertEqual(len({user["id"] for user in users}), 1)

    def test_a_code_of_another_sign_in_is_no_use(self):
        mine, yours = self.consent("acme", someone()), self.consent("acme", someone())
        swapped = mine.replace(query_of(mine)["code"], query_of(yours)["code"])
        self.assert_failed(self.land(swapped))
        self.assert_failed(self.land(mine), "bad_oauth_state")
        self.assertEqual(go(self.public + "/auth/v1/callback/acme?" + uuid.uuid4().hex).status, 303)


if __name__ == "__main__":
    unittest.main()

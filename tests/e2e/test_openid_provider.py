"""Goal: the provider that the suites of sign-in lean on is as strict as they think. Method: its own
endpoints, asked as a client would, rightly and wrongly; the program is not asked."""
import base64
import json
import pathlib
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from oidc_stage import DISCOVERY, go, pkce, query_of  # noqa: E402
from openid_provider import Client, OpenidProvider  # noqa: E402
from token_issuer import IssuerServer  # noqa: E402

BACK = "http://127.0.0.1:1/back"
SECRET = "a:b c%+é"


class OpenidProviderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.acme = cls.enterClassContext(IssuerServer()).issuer("acme", kind=OpenidProvider)
        cls.acme.redirect_uri = BACK
        cls.acme.user = {"sub": "u-1", "email": "ann@example.org"}

    def setUp(self):
        self.acme.client = Client("web", SECRET, "client_secret_basic")
        self.verifier, self.challenge = pkce()

    def authorize(self, **more):
        query = {"response_type": "code", "client_id": "web", "redirect_uri": BACK, "scope": "openid",
                 "state": "s", "nonce": "n", "code_challenge_method": "S256",
                 "code_challenge": self.challenge["code_challenge"]} | more
        return go(self.acme.url + "/authorize?" + urllib.parse.urlencode(query))

    def post(self, headers=None, **more):
        """(status, body) of the token endpoint, for a new code where none is given."""
        form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": self.verifier} | more
        if "code" not in form:
            form["code"] = query_of(self.authorize().location)["code"]
        request = urllib.request.Request(self.acme.url + "/token", urllib.parse.urlencode(form).encode(),
                                         self.basic("web", SECRET) if headers is None else headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)["error"]

    @staticmethod
    def basic(*pair):
        joined = ":".join(map(urllib.parse.quote_plus, pair))
        return {"Authorization": "Basic " + base64.b64encode(joined.encode()).decode()}

    def test_a_walk(self):
        document = go(self.acme.url + DISCOVERY).json
        self.assertEqual(document["issuer"], self.acme.url)
        back = self.authorize()
        self.assertEqual((back.status, back.location.partition("?")[0]), (302, BACK))
        told = query_of(back.location)
        self.assertEqual((told["state"], told["iss"]), ("s", self.acme.url))
        status, tokens = self.post(code=told["code"])
        self.assertEqual(status, 200, tokens)
        claims = json.loads(base64.urlsafe_b64decode(tokens["id_token"].split(".")[1] + "=="))
        self.assertEqual((claims["aud"], claims["nonce"], claims["sub"]), ("web", "n", "u-1"))
        request = urllib.request.Request(document["userinfo_endpoint"],
                                         headers={"Authorization": "Bearer " + tokens["access_token"]})
        with urllib.request.urlopen(request) as answer:
            self.assertEqual(json.load(answer), self.acme.user)
        self.assertEqual(go(document["userinfo_endpoint"]).status, 401)
        self.assertEqual(self.post(code=told["code"]), (400, "invalid_grant"))

    def test_what_a_client_must_not_get_through_with(self):
        for wrong in ({"client_id": "x"}, {"redirect_uri": BACK + "/"}, {"scope": "email"},
                      {"code_challenge": "x"}, {"code_challenge_method": "plain"}, {"response_type": "token"}):
            self.assertEqual(self.authorize(**wrong).status, 400, wrong)
        for wrong in ({"code": "x"}, {"redirect_uri": BACK + "/"}, {"code_verifier": pkce()[0]},
                      {"code_verifier": self.challenge["code_challenge"]}):
            self.assertEqual(self.post(**wrong), (400, "invalid_grant"), wrong)
        self.assertEqual(self.post(grant_type="password"), (400, "unsupported_grant_type"))

    def test_how_a_client_proves_itself(self):
        unauthorized, good, own = (401, "invalid_client"), self.basic("web", SECRET), {"client_id": "web"}
        plain = {"Authorization": "Basic " + base64.b64encode(f"web:{SECRET}".encode()).decode()}
        posted = own | {"client_secret": SECRET}
        for method, secret, headers, form, taken in (
                ("client_secret_basic", SECRET, good, {}, True),
                ("client_secret_basic", SECRET, good, own, True),
                ("client_secret_basic", SECRET, plain, {}, False),
                ("client_secret_basic", SECRET, good, posted, False),
                ("client_secret_basic", SECRET, {}, posted, False),
                ("client_secret_post", SECRET, {}, posted, True),
                ("client_secret_post", SECRET, good, {}, False),
                ("client_secret_post", SECRET, {}, own | {"client_secret": "x"}, False),
                ("none", "", {}, own, True), ("none", "", {}, posted, False), ("none", "", {}, {}, False)):
            self.acme.client = Client("web", secret, method)
            got = self.post(headers, **form)
            self.assertEqual(got[0] if taken else got, 200 if taken else unauthorized, (method, headers, form))

    def test_what_is_bent_is_bent_for_a_while(self):
        with self.acme.bent(refuse={"error": "access_denied"}, redirect={"iss": None}):
            self.assertEqual(query_of(self.authorize().location), {"error": "access_denied", "state": "s"})
        self.assertIn("code", query_of(self.authorize().location))
        with self.acme.bent(token_fields={"id_token": None}):
            self.assertNotIn("id_token", self.post()[1])


if __name__ == "__main__":
    unittest.main()

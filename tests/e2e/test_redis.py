"""Goal: limits and sign-ins work on Redis as without it, plain, over TLS with a user, and on a cluster, and
what is revoked is refused everywhere within 5 s. Method: servers of the test's own; the program in its
shape, and for the revocation with two auth nodes and two edges."""
import os
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cluster import Cluster  # noqa: E402
from helper_server import HelperServer  # noqa: E402
from troupe_process import Troupe, call  # noqa: E402

PROGRAM = os.environ["E2E_PROGRAM"]
SHAPE = os.environ["E2E_SHAPE"]
ADA = {"email": "ada@example.org", "password": "long enough"}
CACHED_SECONDS = 5


class OnRedis(unittest.TestCase):
    def server(self, script, kind):
        server = HelperServer(script, kind)
        self.addCleanup(server.close)
        return server

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name) / "data"

    def limits_and_sessions(self, kind):
        redis = self.server("redis_server.py", kind)
        troupe = Troupe(PROGRAM, SHAPE, self.folder(), environment={
            "REDIS_URL": redis.url, "TROUPE_AUTH_FAILURES_PER_ACCOUNT": "2"})
        self.addCleanup(troupe.kill)
        admin = troupe.start().api_key
        _, key = call(troupe.url, "POST", "/v1/auth/keys", {"name": "capped"}, admin)
        call(troupe.url, "PUT", f"/v1/admin/caps/key:{key['id']}", {"requests_per_minute": 5}, admin)
        self.assertEqual([call(troupe.url, path="/v1/models", key=key["key"])[0] for _ in range(7)],
                         [200] * 5 + [429] * 2)
        _, session = call(troupe.url, "POST", "/v1/auth/register", ADA)
        token = session["access_token"]
        self.assertEqual(call(troupe.url, path="/v1/auth/me", key=token)[0], 200)
        self.assertEqual(call(troupe.url, "POST", "/v1/auth/logout", key=token)[0], 204)
        self.assertEqual(call(troupe.url, path="/v1/auth/me", key=token)[0], 401)
        wrong = ADA | {"password": "not the one"}
        self.assertEqual([call(troupe.url, "POST", "/v1/auth/login", wrong)[0] for _ in range(3)], [401, 401, 429])
        troupe.stop()

    def test_limits_and_sessions_on_one_server(self):
        self.limits_and_sessions("plain")

    def test_limits_and_sessions_over_tls_with_a_user(self):
        self.limits_and_sessions("tls")

    def test_limits_and_sessions_on_a_cluster(self):
        self.limits_and_sessions("cluster")

    def test_what_is_revoked_is_refused_on_every_node_within_5_seconds(self):
        if SHAPE != "six":
            self.skipTest("several nodes are several processes")
        sql, redis = self.server("sql_server.py", "mariadb"), self.server("redis_server.py", "plain")
        cluster = Cluster(PROGRAM, self.folder(), auths=3, edges=2, routers=2,
                          environment={"DATABASE_URL": sql.url, "REDIS_URL": redis.url})
        self.addCleanup(cluster.kill)
        cluster.start()
        _, session = call(cluster.url, "POST", "/v1/auth/register", ADA)
        token = session["access_token"]
        _, key = call(cluster.url, "POST", "/v1/auth/keys", {"name": "k"}, token)
        for credential in (token, key["key"]):
            for url in cluster.edge_urls * 3:
                self.assertEqual(call(url, path="/v1/auth/me", key=credential)[0], 200)
        self.assertEqual(call(cluster.url, "DELETE", f"/v1/auth/keys/{key['id']}", key=token)[0], 200)
        self.assertEqual(call(cluster.url, "POST", "/v1/auth/logout", key=token)[0], 204)
        time.sleep(CACHED_SECONDS + 0.2)
        for credential in (token, key["key"]):
            for url in cluster.edge_urls * 3:
                self.assertEqual(call(url, path="/v1/auth/me", key=credential)[0], 401)

    def test_without_redis_callers_without_limits_are_served(self):
        redis = self.server("redis_server.py", "plain")
        troupe = Troupe(PROGRAM, SHAPE, self.folder(), environment={"REDIS_URL": redis.url})
        self.addCleanup(troupe.kill)
        admin = troupe.start().api_key
        call(troupe.url, "POST", "/v1/auth/register", ADA)
        redis.say("kill")
        self.assertEqual(call(troupe.url, path="/v1/auth/me", key=admin)[0], 200)
        self.assertEqual(call(troupe.url, "POST", "/v1/auth/login", ADA)[0], 503)
        redis.say("start")
        back = time.monotonic()
        while call(troupe.url, "POST", "/v1/auth/login", ADA)[0] != 200:
            self.assertLess(time.monotonic() - back, 3)


if __name__ == "__main__":
    unittest.main()

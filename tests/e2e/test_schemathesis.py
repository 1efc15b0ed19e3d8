"""Goal: no request to the account routes, however wrong, makes the server fail or answer what its document
does not say. Method: Schemathesis makes requests from /openapi.json, as an admin and as nobody, against a
program of the test's own."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import Troupe, call  # noqa: E402

ROUTES = r"^/(v1/(auth|admin|organizations)|auth/v1|\.well-known)(/|$)"
EXAMPLES = "20"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class AccountRoutes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.troupe = Troupe(os.environ["E2E_PROGRAM"], os.environ["E2E_SHAPE"], self.folder / "data",
                             environment={"TROUPE_AUTH_FAILURES_PER_ACCOUNT": "0"})
        self.addCleanup(self.troupe.kill)
        self.troupe.start()

    def document(self):
        """The document without its `default` answers, which would allow every status."""
        _, document = call(self.troupe.url, path="/openapi.json")
        for methods in document["paths"].values():
            for operation in methods.values():
                operation["responses"].pop("default", None)
        file = self.folder / "openapi.json"
        file.write_text(json.dumps(document))
        return file

    def fuzz(self, *more):
        command = [pathlib.Path(sys.executable).parent / "st", "run", self.document(), "--url", self.troupe.url,
                   "--include-path-regex", ROUTES, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
                   "--max-examples", EXAMPLES, "--seed", "1", "--request-timeout", "20",
                   "--suppress-health-check", "all", "--no-color", *more]
        done = subprocess.run([str(c) for c in command], cwd=self.folder, capture_output=True, text=True, timeout=900)
        print(done.stdout[-600:])
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-2000:])
        self.assertTrue(self.troupe.is_ready())

    def test_an_admin_gets_no_undocumented_answer(self):
        self.fuzz("-H", f"Authorization: Bearer {self.troupe.api_key}")

    def test_nobody_gets_no_undocumented_answer(self):
        self.fuzz()


if __name__ == "__main__":
    unittest.main()

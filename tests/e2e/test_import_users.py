"""Goal: another program's users move here with their passwords, from a CSV file or its database; doing it
again changes nothing, and rows that cannot be taken are told and kept. Method: `troupe users import`
against the running program; the hashes are those of tests/unit/adapters/foreign_password_test.cpp, and
each user signs in with the old password."""
import csv
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from troupe_process import call, clean_environment  # noqa: E402

PROGRAM, URL, KEY = os.environ["E2E_PROGRAM"], os.environ["BASE_URL"], os.environ["API_KEY"]
SERVER = pathlib.Path(__file__).resolve().parents[1] / "support" / "sql_server.py"
PASSWORD = "correct horse"
HASHES = {
    "bcrypt": "$2b$05$kJDdgyAeV7affN5RAjhCFeGPJmASVzVkTGMRb8CwewMWP0laTx3VW",
    "django": "pbkdf2_sha256$1000$saltsalt1234$vCowWi1dB0WkHn96blKCnL2OG83kjxRxvy4fTd6Hm28=",
    "werkzeug": "scrypt:1024:8:2$SlAMZeqpNQ3kXs4e$152d14f771899b799895691caa6fb266561cdb9282dfd18058567e92"
                "a6c64f23166869bd70bdc1a38b4415108653d6a3714399e1eb3d993ca7231e942de59a3c",
    "argon2": "$argon2id$v=19$m=65536,t=3,p=4$p85xzd4y8vXPFohpVKtqWg$zuz2oZkOGVYlu8CCjbBqsHvAb/EtuIBT3g8Pzae++wk",
}


def troupe(*arguments, key=KEY):
    return subprocess.run([PROGRAM, "users", "import", *map(str, arguments), "--url", URL, "--key", key],
                          env=clean_environment(), capture_output=True, text=True, timeout=60)


def summary(*arguments, code=0, key=KEY):
    done = troupe(*arguments, "--json", key=key)
    assert done.returncode == code, f"code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def counts(of):
    return of["created"], of["exists"], of["updated"], of["failed"]


def sign_in(email, password=PASSWORD):
    return call(URL, "POST", "/v1/auth/login", {"email": email, "password": password})


def account(email):
    """As an admin sees it."""
    _, page = call(URL, path="/v1/admin/users?q=" + urllib.parse.quote(email), key=KEY)
    (found,) = page["data"]
    return found


class Import(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.run_id = uuid.uuid4().hex[:8]

    def email(self, name):
        return f"{name}.{self.run_id}@example.org"

    def table(self, header, *rows, name="users.csv"):
        file = self.folder / name
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([header, *rows])
        return file


class FromFile(Import):
    def test_users_of_four_systems_sign_in_with_their_old_passwords(self):
        file = self.table(["email", "password_hash", "name"],
                          *[[self.email(n), h, f"{n}, \"the\" user"] for n, h in HASHES.items()])
        looked = summary(file, "--dry-run")
        self.assertEqual(counts(looked), (4, 0, 0, 0))
        self.assertEqual(sign_in(self.email("bcrypt"))[0], 401, "a dry run does nothing")
        self.assertEqual(counts(summary(file)), (4, 0, 0, 0))
        for name in HASHES:
            status, session = sign_in(self.email(name))
            self.assertEqual(status, 200, name)
            self.assertEqual(session["user"]["name"], f"{name}, \"the\" user")
            self.assertEqual(sign_in(self.email(name), "wrong horse")[0], 401)
        self.assertEqual(counts(summary(file)), (0, 4, 0, 0), "again")
        self.assertEqual(sign_in(self.email("django"))[0], 200)
        shown = troupe(file)
        self.assertEqual(shown.returncode, 0)
        self.assertIn("4 (left as they are)", shown.stdout)

    def test_columns_have_the_names_of_other_programs_and_what_they_say_is_kept(self):
        own = str(uuid.uuid4())
        file = self.table(
            ["ID", "Mail", "hashed_password", "full_name", "is_superuser", "is_active", "email_verified_at",
             "date_joined", "metadata", "shoe_size"],
            [own.replace("-", ""), self.email("a"), HASHES["bcrypt"], "Ada", "1", "t", "2020-01-01 00:00:00",
             "2019-05-06 07:08:09", '{"plan": "pro"}', "38"],
            ["17", self.email("b"), "", "", "0", "false", "", "1557126489", "", ""])
        done = troupe(file, "--map", "mail=email", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("shoe_size is ignored", done.stderr)
        one, two = account(self.email("a")), account(self.email("b"))
        self.assertEqual((one["id"], one["account_role"], one["created_at"], one["user_metadata"]),
                         (own, "admin", "2019-05-06T07:08:09.000000Z", {"plan": "pro"}))
        self.assertEqual((two["account_role"], two["created_at"]), ("user", "2019-05-06T07:08:09.000000Z"))
        self.assertIsNone(two.get("email_confirmed_at"))
        self.assertTrue(two["banned_until"])
        self.assertNotEqual(two["id"], "17")

    def test_rows_that_fail_are_told_and_kept_and_the_others_are_taken(self):
        failed = self.folder / "failed.csv"
        file = self.table(["email", "password", "role", "name"],
                          [self.email("good"), HASHES["bcrypt"], "viewer", "G"],
                          [self.email("plain"), "a plain password", "user", "P\nQ"],
                          ["nobody", "", "", ""],
                          [self.email("king"), HASHES["bcrypt"], "king", ""],
                          [self.email("short")])
        got = summary(file, "--failed", failed, code=1)
        self.assertEqual(counts(got), (1, 0, 0, 4))
        # The name of line 3 has a line of its own.
        self.assertEqual(sorted((row["line"], row["field"]) for row in got["first_failed"]),
                         [(3, "password_hash"), (5, "email"), (6, "account_role"), (7, "")])
        self.assertEqual(stat.S_IMODE(failed.stat().st_mode), 0o600)
        with failed.open(newline="") as text:
            rows = list(csv.DictReader(text))
        self.assertEqual({row["line"] for row in rows}, {"3", "5", "6", "7"})
        plain = next(row for row in rows if row["line"] == "3")
        self.assertEqual((plain["email"], plain["name"]), (self.email("plain"), "P\nQ"))
        self.assertIn("no known format", plain["reason"])
        # Corrected, they are imported from there.
        plain["password"] = HASHES["argon2"]
        again = self.table(list(plain), list(plain.values()), name="again.csv")
        self.assertEqual(counts(summary(again)), (1, 0, 0, 0))
        self.assertEqual(sign_in(self.email("plain"))[0], 200)
        self.assertEqual(counts(summary(file, "--without-passwords", code=1)), (0, 2, 0, 3))
        self.assertEqual(troupe(again, "--failed", again).returncode, 2, "it would overwrite what it reads")
        self.assertEqual(counts(summary(again)), (0, 1, 0, 0))
        shown = troupe(file)
        self.assertIn("REASON", shown.stdout)
        self.assertIn("--failed FILE", shown.stdout)

    def test_update_changes_who_is_here_but_no_password_that_is_set(self):
        first = self.table(["email", "password_hash"], [self.email("a"), HASHES["bcrypt"]], [self.email("b"), ""])
        self.assertEqual(counts(summary(first)), (2, 0, 0, 0))
        second = self.table(["email", "password_hash", "name", "role"],
                            [self.email("a"), HASHES["django"].replace("$1000$", "$1001$"), "Ada", "viewer"],
                            [self.email("B").upper(), HASHES["django"], "", ""], name="second.csv")
        self.assertEqual(counts(summary(second)), (0, 2, 0, 0), "without --update nothing is changed")
        self.assertEqual(account(self.email("a"))["name"], "")
        self.assertEqual(counts(summary(second, "--update", "--dry-run")), (0, 0, 2, 0))
        self.assertEqual(counts(summary(second, "--update")), (0, 0, 2, 0))
        self.assertEqual(counts(summary(second, "--update")), (0, 2, 0, 0), "it is so already")
        self.assertEqual((account(self.email("a"))["name"], account(self.email("a"))["account_role"]),
                         ("Ada", "viewer"))
        for name in "ab":
            self.assertEqual(sign_in(self.email(name))[0], 200, name)

    def test_nobody_takes_their_own_admin_rights_by_an_import(self):
        admin = {"email": self.email("admin"), "password": PASSWORD, "account_role": "admin"}
        self.assertEqual(call(URL, "POST", "/v1/admin/users", admin, KEY)[0], 201)
        session = sign_in(admin["email"])[1]
        token = session["access_token"]
        file = self.table(["email", "role"], [admin["email"], "user"])
        got = summary(file, "--update", code=1, key=token)
        self.assertEqual([row["field"] for row in got["first_failed"]], ["account_role"])
        self.assertEqual(account(admin["email"])["account_role"], "admin")
        self.assertEqual(counts(summary(file, "--update")), (0, 0, 1, 0), "another admin may")
        self.assertEqual(call(URL, "POST", "/v1/auth/refresh", {"refresh_token": session["refresh_token"]})[0], 401,
                         "what ran under the old role has ended")

    def test_a_file_that_is_no_table_is_refused_before_anything_is_sent(self):
        broken = self.folder / "broken.csv"
        broken.write_text(f"email\n{self.email('a')}\n\"{self.email('b')}\n")
        done = troupe(broken)
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 3", done.stderr)
        self.assertEqual(call(URL, path="/v1/admin/users?q=" + self.run_id, key=KEY)[1]["total"], 0)
        self.assertEqual(troupe(self.folder / "absent.csv").returncode, 1)
        self.assertEqual(troupe(self.table(["name"], ["x"])).returncode, 2)
        self.assertEqual(troupe(self.table(["email"], ["x"]), "--map", "email=shoe").returncode, 2)

    def test_more_rows_than_a_request_takes_are_sent_in_batches(self):
        file = self.table(["email"], *[[self.email(f"u{n}")] for n in range(1203)])
        self.assertEqual(counts(summary(file)), (1203, 0, 0, 0))
        self.assertEqual(call(URL, path="/v1/admin/users?q=" + self.run_id, key=KEY)[1]["total"], 1203)
        self.assertEqual(counts(summary(file)), (0, 1203, 0, 0))

    def test_an_id_that_is_taken_is_replaced_by_a_new_one(self):
        file = self.table(["id", "email"], *[[str(uuid.UUID(self.run_id * 4)), self.email(n)]
                                             for n in "ab"])
        self.assertEqual(counts(summary(file)), (2, 0, 0, 0))
        ids = [account(self.email(n))["id"] for n in "ab"]
        self.assertEqual(len(set(ids)), 2)
        self.assertIn(str(uuid.UUID(self.run_id * 4)), ids)

    def test_only_admins_import(self):
        status, session = call(URL, "POST", "/v1/auth/register",
                               {"email": self.email("x"), "password": "long enough"})
        self.assertEqual(status, 201)
        done = troupe(self.table(["email"], [self.email("y")]), key=session["access_token"])
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertNotEqual(sign_in(self.email("y"))[0], 200)


class FromDatabase:
    """The tests, for each kind of server below."""
    kind, types = "", {}

    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([SERVER, cls.kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = cls.server.stdout.readline()
        if not line:
            raise unittest.SkipTest(f"{cls.kind} is not installed")
        cls.url = json.loads(line)["url"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stdin.close()
        cls.server.stdout.close()
        cls.server.wait()

    def say(self, *statements):
        at = urllib.parse.urlsplit(self.url)
        password = urllib.parse.unquote(at.password)
        command, variable = self.client(at)
        done = subprocess.run(command, input=";\n".join(statements) + ";\n", text=True, capture_output=True,
                              env={**os.environ, variable: password})
        self.assertEqual(done.returncode, 0, done.stderr[-500:])

    def test_a_users_table_moves_with_its_passwords(self):
        own = str(uuid.uuid4())
        rows = [f"({n}, '{self.email(name)}', '{h}', '{name} ☂', {self.true}, '2021-02-03 04:05:06', "
                f"'{{\"n\": {n}}}', {self.bytes_of(own)})" for n, (name, h) in enumerate(HASHES.items(), 1)]
        many = [f"({n}, '{self.email(f'm{n}')}', null, null, {self.false}, null, null, null)"
                for n in range(5, 1207)]
        self.say("drop table if exists people",
                 f"create table people (nr integer primary key, email varchar(254), hashed_password varchar(255), "
                 f"name varchar(80), is_active {self.types['flag']}, created_at {self.types['time']}, "
                 f"user_metadata {self.types['json']}, avatar {self.types['bytes']}){self.types['end']}",
                 "insert into people values " + ", ".join(rows + many))
        self.addCleanup(self.say, "drop table people")
        got = summary(self.url + "?table=people")
        self.assertEqual(counts(got), (1206, 0, 0, 0))
        for n, name in enumerate(HASHES, 1):
            status, session = sign_in(self.email(name))
            self.assertEqual((status, session["user"]["name"]), (200, f"{name} ☂"))
            self.assertEqual(session["user"]["user_metadata"], {"n": n})
            self.assertEqual(account(self.email(name))["created_at"], "2021-02-03T04:05:06.000000Z")
        self.assertEqual(counts(summary(self.url + "?table=people")), (0, 1206, 0, 0))
        for n in (5, 1206):
            self.assertTrue(account(self.email(f"m{n}"))["banned_until"])

    def test_what_cannot_be_read_is_said_without_the_password(self):
        for options, word in (("?table=absent", "no table"), ("?table=loose", "key"), ("?shoe=1", "shoe")):
            self.say("drop table if exists loose", "create table loose (email varchar(254))")
            done = troupe(self.url + options)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(word, done.stderr)
            self.assertNotIn("p%27w", done.stderr)
        self.say("insert into loose values ('" + self.email("z") + "')")
        self.assertEqual(counts(summary(self.url + "?table=loose&key=email")), (1, 0, 0, 0))


class FromMariaDB(FromDatabase, Import):
    kind, true, false = "mariadb", "1", "0"
    types = {"flag": "tinyint(1)", "time": "datetime", "json": "json", "bytes": "varbinary(64)",
             "end": " character set utf8mb4"}

    def client(self, at):
        return [shutil.which("mariadb"), "--no-defaults", "-h", at.hostname, "-P", str(at.port), "-u", at.username,
                "--default-character-set=utf8mb4", at.path[1:]], "MYSQL_PWD"

    @staticmethod
    def bytes_of(text):
        return f"x'{text.replace('-', '')}'"


class FromPostgreSQL(FromDatabase, Import):
    kind, true, false = "postgresql", "true", "false"
    types = {"flag": "boolean", "time": "timestamptz", "json": "jsonb", "bytes": "bytea", "end": ""}

    def client(self, at):
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/psql"))
        return [shutil.which("psql") or str(programs[-1]), "-q", "-v", "ON_ERROR_STOP=1", "-h", at.hostname,
                "-p", str(at.port), "-U", at.username, at.path[1:]], "PGPASSWORD"

    @staticmethod
    def bytes_of(text):
        return f"'\\x{text.replace('-', '')}'"


if __name__ == "__main__":
    unittest.main(verbosity=2)

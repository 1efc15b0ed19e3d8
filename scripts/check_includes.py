#!/usr/bin/env python3
"""Holds the include arrows: who may include whom, and which folder may see which vendor.

    runtime -> adapters -> actors/ports -> messages
    runtime -> actors -> actors/ports, broker/bus.hpp (only in actors/bridge) -> messages

Any other arrow is a failure. The tables below are the rule; docs/architecture.md explains it.

    scripts/check_includes.py              checks the tree, prints each violation, exit code 1 if any
    scripts/check_includes.py --self-test  plants violations in a scratch tree and expects each found
"""
import fnmatch
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = {".hpp", ".cpp", ".h"}

# A vendor's name in the tables below -> the include paths that belong to it.
VENDORS = {
    "describe": ("boost/describe", "boost/mp11"),
    "json": ("boost/json",),
    "msgpack": ("msgpack",),
    "asio": ("boost/asio", "boost/beast", "boost/system", "boost/core", "boost/optional", "boost/none"),
    "url": ("boost/url",),
    "locale": ("boost/locale/utf.hpp",),
    "crc": ("boost/crc.hpp",),
    "hiredis": ("hiredis/",),
    "gperftools": ("gperftools/",),
    "caf": ("caf/",),
    "zmq": ("zmq",),
    "soci": ("soci/",),
    "sqlite": ("sqlite3.h",),
    "curl": ("curl/",),
    "argon2": ("argon2.h",),
    "sodium": ("sodium",),
    "openssl": ("openssl/",),
    "xcrypt": ("crypt.h",),
    "cmark": ("cmark",),
    "gumbo": ("gumbo.h",),
    "spdlog": ("spdlog/",),
    "cli": ("CLI/",),
    "toml": ("toml++/",),
    "prometheus": ("prometheus/",),
    "gtest": ("gtest/", "gmock/"),
    "benchmark": ("benchmark/",),
    # The operating system's own headers.
    "system": ("sys/", "netinet/", "arpa/", "linux/", "unistd.h", "fcntl.h", "poll.h", "netdb.h", "signal.h",
               "pthread.h", "termios.h", "errno.h", "sched.h", "spawn.h", "strings.h", "ifaddrs.h", "dirent.h",
               "malloc.h"),
}
ANY = tuple(VENDORS)

# (files, project headers that they may include, vendors that they may include); the first match
# counts. In project patterns {self} is the file's own adapter folder.
RULES = [
    ("messages/codec/*.cpp", ("messages/*",), ("describe", "json", "msgpack")),
    ("messages/base/ip_address.cpp", ("messages/*",), ("system",)),
    ("messages/*", ("messages/*",), ("describe",)),
    ("broker/zmq/*.cpp", ("broker/*", "messages/*"), ("describe", "msgpack", "zmq", "asio", "system")),
    ("broker/*.cpp", ("broker/*", "messages/*"), ("describe", "msgpack")),
    ("broker/zmq/*.hpp", ("broker/*", "messages/*"), ("zmq", "system")),
    ("broker/*.hpp", ("broker/*", "messages/*"), ("describe",)),
    ("actors/ports/*", ("actors/ports/*", "messages/*"), ("describe",)),
    ("actors/bridge/*", ("actors/*", "broker/bus.hpp", "messages/*"), ("caf", "describe")),
    ("actors/*", ("actors/*", "messages/*"), ("caf", "describe")),
    ("adapters/boost_impl/*", (), ("asio",)),
    ("adapters/http/*", ("{self}/*", "actors/ports/*", "messages/*"), ("asio", "openssl", "url", "describe", "system")),
    ("adapters/curl/*", ("{self}/*", "messages/*"), ("asio", "curl", "system")),
    ("adapters/llm/*", ("{self}/*", "adapters/curl/*", "actors/ports/*", "messages/*"),
     ("asio", "curl", "url", "describe", "system")),
    ("adapters/web/*", ("{self}/*", "adapters/curl/*", "actors/ports/*", "messages/*"), ("asio", "curl", "describe")),
    ("adapters/mail/*", ("{self}/*", "adapters/curl/*", "actors/ports/*", "messages/*"), ("curl", "describe", "system")),
    ("adapters/redis/*", ("{self}/*", "actors/ports/*", "messages/*"), ("asio", "url", "crc", "hiredis", "openssl", "describe")),
    ("adapters/sql/*", ("{self}/*", "actors/ports/*", "messages/*"), ("soci", "sqlite", "url", "describe", "system")),
    ("adapters/vector/*", ("{self}/*", "actors/ports/*", "messages/*"), ("soci", "sqlite", "describe", "system")),
    ("adapters/documents/*", ("{self}/*", "actors/ports/*", "messages/*"), ("cmark", "gumbo", "describe")),
    ("adapters/crypto/*", ("{self}/*", "actors/ports/*", "messages/*"), ("argon2", "sodium", "openssl", "xcrypt", "json", "describe", "system")),
    ("adapters/memory/*", ("{self}/*", "actors/ports/*", "messages/*"), ("describe",)),
    ("runtime/*", ("runtime/*", "adapters/*", "actors/*", "broker/*", "messages/*"),
     ("caf", "asio", "curl", "json", "locale", "openssl", "describe", "spdlog", "cli", "toml", "prometheus", "gperftools", "system")),
    ("tests/*", ("*",), ANY),
    ("bench/*", ("bench/*", "tests/support/*", "runtime/*", "adapters/*", "actors/*", "broker/*", "messages/*"), ANY),
]

# Headers that nobody may include: each pulls in a whole library.
FORBIDDEN = ("caf/all.hpp", "boost/asio.hpp", "boost/beast.hpp", "boost/describe.hpp", "bits/stdc++.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.M)


def vendor_of(header):
    """The vendor's name, `std` for the standard library, None when the tables do not know it."""
    for name, prefixes in VENDORS.items():
        if header.startswith(prefixes):
            return name
    return "std" if re.fullmatch(r"[a-z0-9_]+", header) else None


def own_folder(file):
    """adapters/sql/x.cpp -> adapters/sql; other files: their top folder."""
    parts = file.split("/")
    return "/".join(parts[:2]) if parts[0] == "adapters" else parts[0]


class Tree:
    def __init__(self, root):
        self.root = root
        self.includes = {}  # file -> [(line, header, quoted)]
        for folder in ("messages", "broker", "actors", "adapters", "runtime", "tests", "bench"):
            for path in sorted((root / folder).rglob("*")):
                if path.suffix in SOURCES and path.is_file():
                    text = path.read_text(errors="replace")
                    self.includes[str(path.relative_to(root))] = [
                        (text.count("\n", 0, m.start(m.lastindex)) + 1, m[1] or m[2], m[1] is not None)
                        for m in INCLUDE.finditer(text)]

    def exists(self, header):
        return (self.root / header).is_file() or (self.root / (header + ".in")).is_file()

    def violations(self):
        found = []
        for file, lines in self.includes.items():
            rule = next((r for r in RULES if fnmatch.fnmatchcase(file, r[0])), None)
            if rule is None:
                found.append(f"{file}: no rule for this folder; add one to scripts/check_includes.py")
                continue
            for line, header, quoted in lines:
                why = self.judge(file, rule, header, quoted)
                if why:
                    found.append(f"{file}:{line}: {why}")
        return found + self.leaking_headers()

    def judge(self, file, rule, header, quoted):
        if header in FORBIDDEN:
            return f"<{header}> pulls in a whole library; include the parts that are used"
        if quoted:
            if file.startswith(("tests/", "bench/")) and ((self.root / file).parent / header).is_file():
                return None  # a test's own support code beside it
            if not self.exists(header):
                return f'"{header}" is not a path from the root of the project'
            allowed = [pattern.format(self=own_folder(file)) for pattern in rule[1]]
            if not any(fnmatch.fnmatchcase(header, pattern) for pattern in allowed):
                return f'{rule[0]} may not include "{header}"'
            return None
        vendor = vendor_of(header)
        if vendor is None:
            return f"<{header}> belongs to no vendor that scripts/check_includes.py knows"
        if vendor != "std" and vendor not in rule[2]:
            return f"{rule[0]} may not include <{header}> ({vendor})"
        return None

    def leaking_headers(self):
        """A header of an adapter that another folder includes is public: neither it nor what it
        includes in its own folder may show the vendor."""
        public = {header for file, lines in self.includes.items() for _, header, quoted in lines
                  if quoted and header.startswith("adapters/") and file.startswith("runtime/")}
        found = []
        for header in sorted(public):
            seen, open_ = set(), [header]
            while open_:
                file = open_.pop()
                if file in seen or file not in self.includes:
                    continue
                seen.add(file)
                for line, inner, quoted in self.includes[file]:
                    if quoted and own_folder(inner) == own_folder(header):
                        open_.append(inner)
                    elif not quoted and vendor_of(inner) not in ("std", "describe"):
                        found.append(f"{file}:{line}: <{inner}> is visible through the public header {header}")
        return found


# What the self-test plants: file, include line, part of the expected message (None: allowed).
PLANTED = [
    ("messages/auth.hpp", '#include <string>', None),
    ("messages/log.hpp", '#include <boost/json.hpp>', "may not include <boost/json.hpp>"),
    ("messages/codec/json.cpp", '#include <boost/json.hpp>', None),
    ("messages/base/ids.cpp", '#include "broker/bus.hpp"', 'may not include "broker/bus.hpp"'),
    ("broker/bus.hpp", '#include "messages/auth.hpp"', None),
    ("broker/envelope.hpp", '#include <zmq.hpp>', "may not include <zmq.hpp>"),
    ("broker/router.cpp", '#include <caf/fwd.hpp>', "may not include <caf/fwd.hpp>"),
    ("actors/ports/log_store.hpp", '#include <caf/fwd.hpp>', "may not include <caf/fwd.hpp>"),
    ("actors/auth/auth_actor.cpp", '#include "broker/bus.hpp"', 'may not include "broker/bus.hpp"'),
    ("actors/bridge/bridge.cpp", '#include "broker/bus.hpp"', None),
    ("actors/log/log_actor.cpp", '#include "adapters/sql/sql.hpp"', 'may not include "adapters/sql/sql.hpp"'),
    ("actors/log/log_rules.cpp", '#include <boost/asio/post.hpp>', "may not include <boost/asio/post.hpp>"),
    ("actors/log/log_help.cpp", '#  include <caf/all.hpp>', "pulls in a whole library"),
    ("adapters/sql/sql.hpp", '#include <soci/soci.h>', "visible through the public header adapters/sql/sql.hpp"),
    ("adapters/sql/sql.cpp", '#include <soci/soci.h>', None),
    ("adapters/curl/loop.hpp", '#include <curl/curl.h>', None),
    ("adapters/mail/mail.cpp", '#include "adapters/curl/loop.hpp"', None),
    ("adapters/curl/loop.cpp", '#include "adapters/mail/mail.hpp"', "is not a path from the root"),
    ("adapters/sql/fetch.cpp", '#include "adapters/curl/loop.hpp"', 'may not include "adapters/curl/loop.hpp"'),
    ("adapters/http/edge.cpp", '#include "adapters/sql/sql.hpp"', 'may not include "adapters/sql/sql.hpp"'),
    ("adapters/http/session.cpp", '#include <caf/fwd.hpp>', "may not include <caf/fwd.hpp>"),
    ("adapters/memory/store.cpp", '#include "actors/auth/auth_actor.hpp"', "is not a path from the root"),
    ("adapters/odd/new.cpp", '#include <string>', "no rule for this folder"),
    ("runtime/app.cpp", '#include "adapters/sql/sql.hpp"', None),
    ("runtime/log.cpp", '#include <fmt/format.h>', "belongs to no vendor"),
    ("actors/ports/clock.hpp", '#include "runtime/app.hpp"', "is not a path from the root"),
    ("tests/unit/x_test.cpp", '#include "adapters/sql/sql.hpp"', None),
    ("tests/unit/y_test.cpp", '#include "x_test.cpp"', None),
    ("broker/zmq_bus.cpp", '#include "bus.hpp"', "is not a path from the root"),
]


def self_test():
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(scratch)
        for file, line, _ in PLANTED:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(f"#pragma once\n\n{line}\n")
        found = Tree(root).violations()
    for file, line, expected in PLANTED:
        mine = [text for text in found if text.startswith(file + ":")]
        right = not mine if expected is None else len(mine) == 1 and expected in mine[0]
        if not right:
            failed += 1
            print(f"self-test: {file} with {line}: expected {expected or 'nothing'}, got {mine or 'nothing'}")
    print(f"self-test: {len(PLANTED) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    tree = Tree(ROOT)
    found = tree.violations()
    for violation in found:
        print(violation)
    count = sum(len(lines) for lines in tree.includes.values())
    print(f"check_includes: {len(tree.includes)} files, {count} includes, {len(found)} violations")
    return 1 if found or not tree.includes else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The program with settings of its own, for tests in other languages.

    tests/support/settings_stage.py PROGRAM SHAPE PORT [NAME=VALUE …]

Starts the program in the shape `one` or `six` on this loopback port with the settings named in the
arguments. Prints a line of JSON, {"url", "key"}, once it is ready, and ends it when its standard input
ends; exit code 0 if the program ended with 0."""
import json
import pathlib
import sys
import tempfile

from troupe_process import Troupe


def main():
    program, shape, port, *settings = sys.argv[1:]
    environment = dict(setting.split("=", 1) for setting in settings)
    with tempfile.TemporaryDirectory(prefix="troupe-e2e-") as folder:
        data = pathlib.Path(folder) / "data"
        with Troupe(program, shape, data, environment=environment, port=int(port)) as troupe:
            print(json.dumps({"url": troupe.url, "key": troupe.api_key}), flush=True)
            sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())

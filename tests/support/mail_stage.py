#!/usr/bin/env python3
"""The program with a mail server of its own, for tests in other languages.

    tests/support/mail_stage.py PROGRAM SHAPE [NAME=VALUE …]

Starts smtp_sink.py and the program in the shape `one` or `six`, with mails to the sink and the settings
named in the arguments. Prints a line of JSON, {"url", "key"}, once it is ready, and each mail as a line
of JSON after that. Ends both when its standard input ends; exit code 0 if the program ended with 0."""
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

from troupe_process import Troupe, free_port

SINK = pathlib.Path(__file__).resolve().parent / "smtp_sink.py"


def main():
    program, shape, *settings = sys.argv[1:]
    sink = subprocess.Popen([SINK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    smtp = sink.stdout.readline().strip()
    if not smtp:
        return sink.wait()
    port = free_port()
    environment = {
        "TROUPE_MAIL_SMTP_URL": f"smtp://127.0.0.1:{smtp}", "TROUPE_MAIL_STARTTLS": "none",
        "TROUPE_MAIL_FROM": "Troupe <troupe@example.org>", "TROUPE_MAIL_SITE_URL": "https://app.example.org",
        "TROUPE_AUTH_PUBLIC_URL": f"http://127.0.0.1:{port}",
    } | dict(setting.split("=", 1) for setting in settings)
    with tempfile.TemporaryDirectory(prefix="troupe-e2e-") as folder:
        with Troupe(program, shape, pathlib.Path(folder) / "data", environment=environment, port=port) as troupe:
            print(json.dumps({"url": troupe.url, "key": troupe.api_key}), flush=True)
            mails = threading.Thread(target=lambda: [print(line, end="", flush=True) for line in sink.stdout],
                                     daemon=True)
            mails.start()
            sys.stdin.read()
    sink.stdin.close()
    sink.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())

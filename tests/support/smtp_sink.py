#!/usr/bin/python3
"""A mail server for tests, on aiosmtpd: takes mails on a free loopback port and prints each, parsed
by Python's email package, as a line of JSON. Debian's own Python, which has python3-aiosmtpd.

    tests/support/smtp_sink.py [--cert FILE --key FILE [--smtps]] [--auth USER:PASSWORD] [--mute-quit]

With a certificate it offers STARTTLS, or speaks TLS from the first byte; with --mute-quit it never
answers QUIT. What it does with a mail is said by the recipient's name:

    refused@   550 to RCPT                      busy-2@   451 to the first two RCPT, then takes it
    spam@      554 to the text                  drop-2@   drops the connection at the first two texts
    stall@     never answers RCPT

Prints its port on the first line, and ends when its standard input ends. Exit code 3: aiosmtpd is not
installed."""
import argparse
import asyncio
import collections
import email
import email.policy
import json
import logging
import os
import ssl
import sys
import threading
import warnings

try:
    from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
except ImportError:
    print("smtp_sink: python3-aiosmtpd is not installed (scripts/install-deps --tests)", file=sys.stderr)
    sys.exit(3)

# What the faults below make it say is no news.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
logging.getLogger("mail.debug").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore")

seen = collections.Counter()


def faults_left(recipient, fault):
    """Whether `fault-N@…` has some of its N faults left; counts this one."""
    name = recipient.split("@")[0]
    if not name.startswith(fault + "-"):
        return False
    seen[recipient] += 1
    return seen[recipient] <= int(name.removeprefix(fault + "-"))


def described(envelope, session):
    """A mail as its reader sees it."""
    raw = envelope.original_content
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    leaves = [part for part in parsed.walk() if not part.is_multipart()]
    return {
        "envelope_from": envelope.mail_from, "envelope_to": envelope.rcpt_tos,
        "headers": {name: str(value) for name, value in parsed.items()},
        "header_count": len(parsed.items()),
        "type": parsed.get_content_type(),
        "parts": [{"type": part.get_content_type(), "charset": part.get_content_charset(),
                   "text": part.get_content()} for part in leaves],
        "defects": [repr(d) for part in parsed.walk() for d in part.defects]
        + [repr(d) for value in parsed.values() for d in value.defects],
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "bare_line_ends": raw.replace(b"\r\n", b"").count(b"\n") + raw.replace(b"\r\n", b"").count(b"\r"),
        "ascii": raw.isascii(),
        "peer": session.peer[1], "tls": session.ssl is not None,
        "login": session.auth_data if session.authenticated else "",
    }


class Sink:
    def __init__(self, mute_quit):
        self.mute_quit = mute_quit

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such user"
        if address.startswith("stall@"):
            await asyncio.sleep(300)
        if faults_left(address, "busy"):
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        recipient = envelope.rcpt_tos[0]
        if recipient.startswith("spam@"):
            return "554 5.7.1 no"
        if faults_left(recipient, "drop"):
            server.transport.abort()
            return "250 OK"
        print(json.dumps(described(envelope, session)), flush=True)
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        if self.mute_quit:
            await asyncio.sleep(300)
        return "221 Bye"


def authenticator_for(login):
    def check(server, session, envelope, mechanism, data):
        given = isinstance(data, LoginPassword) and (data.login + b":" + data.password).decode()
        good = given == login
        return AuthResult(success=good, handled=good, auth_data=data.login.decode() if good else None)
    return check


async def serve(options):
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)

    def session():
        settings = {"tls_context": None if options.smtps else context, "hostname": "sink.test"}
        if options.auth:
            settings |= {"authenticator": authenticator_for(options.auth), "auth_required": True,
                         "auth_require_tls": bool(context) and not options.smtps}
        return SMTP(Sink(options.mute_quit), **settings)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if options.smtps else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)),
                     daemon=True).start()
    await ended.wait()
    sys.stdout.flush()
    # Sessions that stall would hold a clean end.
    os._exit(0)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--smtps", action="store_true")
parser.add_argument("--auth")
parser.add_argument("--mute-quit", action="store_true")
asyncio.run(serve(parser.parse_args()))

#!/usr/bin/env python3
"""A server over TLS for tests: answers every GET with 200 and `hello`, on a free
port of all loopback addresses.

    tests/support/https_server.py CERTIFICATE KEY

Prints its port on a line, and ends when its standard input ends."""
import http.server
import ssl
import sys
import threading


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:3])
server = http.server.ThreadingHTTPServer(("", 0), Hello)
server.daemon_threads = True
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()

"""A DEALER socket of libzmq itself, through ctypes: for peers with keys, right and wrong ones. The library is
there wherever the program is.

    peer = ZmqPeer("tcp://127.0.0.1:7700", secret, broker_key)      without keys: not encrypted
    peer.say(HELLO, {...}); peer.next(within=1.0)                   (type, body) or None
"""
import ctypes
import ctypes.util
import os
import struct

import zmtp_peer

DEALER, LINGER, RCVTIMEO = 5, 17, 27
CURVE_PUBLICKEY, CURVE_SECRETKEY, CURVE_SERVERKEY = 48, 49, 50
SNDMORE, RCVMORE = 2, 13
KEY_CHARACTERS = 40
REQUEST, FINAL, ERROR = 7, 12, 13

_zmq = ctypes.CDLL(ctypes.util.find_library("zmq") or "libzmq.so.5")
for _name in ("zmq_ctx_new", "zmq_socket"):
    getattr(_zmq, _name).restype = ctypes.c_void_p
_zmq.zmq_strerror.restype = ctypes.c_char_p
_context = ctypes.c_void_p(_zmq.zmq_ctx_new())  # one for the process


def _check(code):
    if code < 0:
        raise OSError("libzmq: " + _zmq.zmq_strerror(_zmq.zmq_errno()).decode())


def key_pair():
    """(public, secret), Z85."""
    public, secret = (ctypes.create_string_buffer(KEY_CHARACTERS + 1) for _ in range(2))
    _check(_zmq.zmq_curve_keypair(public, secret))
    return public.value.decode(), secret.value.decode()


def public_of(secret):
    public = ctypes.create_string_buffer(KEY_CHARACTERS + 1)
    _check(_zmq.zmq_curve_public(public, secret.encode()))
    return public.value.decode()


class ZmqPeer:
    def __init__(self, address, secret=None, broker_key=None):
        self.incarnation, self.sent = int.from_bytes(os.urandom(8), "big") | 1, 0
        self.socket = ctypes.c_void_p(_zmq.zmq_socket(_context, DEALER))
        self._set(LINGER, struct.pack("i", 0))
        if secret:
            self._set(CURVE_SERVERKEY, broker_key.encode())
            self._set(CURVE_PUBLICKEY, public_of(secret).encode())
            self._set(CURVE_SECRETKEY, secret.encode())
        _check(_zmq.zmq_connect(self.socket, address.encode()))

    def _set(self, option, value):
        _check(_zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(len(value))))

    def hello(self, roles=("edge",), **more):
        self.say(zmtp_peer.HELLO, {"name": "peer", "incarnation": self.incarnation, "link": 1, "roles": list(roles),
                                   "ver_min": 1, "ver_max": 1} | more)

    def say(self, kind, body=None, service="", **ext):
        """Returns the call id, when it is a REQUEST."""
        self.sent += 1
        mid = struct.pack(">QQ", self.incarnation, self.sent)
        cid = mid if kind == REQUEST else bytes(16)
        header = [1, kind, 0, mid, cid, service, 5000 if kind == REQUEST else 0, 0, 0, 0, ext]
        self.send(zmtp_peer.pack(header), zmtp_peer.pack(body or {}))
        return cid

    def send(self, *frames):
        for number, each in enumerate(frames):
            more = SNDMORE if number + 1 < len(frames) else 0
            _check(_zmq.zmq_send(self.socket, each, ctypes.c_size_t(len(each)), more))

    def next(self, within):
        """Type and body of the next message, heartbeats left out; None when none comes in time."""
        kind, frames = zmtp_peer.HEARTBEAT, []
        while kind == zmtp_peer.HEARTBEAT:
            frames = self._receive(within)
            if frames is None:
                return None
            kind = frames[0][2]
        return kind, frames[1] if len(frames) > 1 else b""

    def _receive(self, within):
        self._set(RCVTIMEO, struct.pack("i", int(within * 1000)))
        frames, more = [], True
        while more:
            room = ctypes.create_string_buffer(1 << 16)
            size = _zmq.zmq_recv(self.socket, room, ctypes.c_size_t(len(room)), 0)
            if size < 0:
                return None
            frames.append(room.raw[:size])
            flag, length = ctypes.c_int(), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
            _check(_zmq.zmq_getsockopt(self.socket, RCVMORE, ctypes.byref(flag), ctypes.byref(length)))
            more = flag.value
        return frames

    def close(self):
        _zmq.zmq_close(self.socket)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

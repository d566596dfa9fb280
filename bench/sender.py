"""Sender of the loopback measurement: a websocket server that stamps what it sends.

A process of its own, standard library only. It reads one JSON line with `rate`, `count` and
`ahead_ns` (venue time minus monotonic time) and then the frames to send, prints its port, waits
for one client and sends evenly spaced. Each frame gets the current venue time, and the monotonic
time of its sending under a key that the decoder ignores; with `stamps` in the order these are
printed at the end, for clients that hand on no such key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import sys
import time

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SENT = b',"sent":'
# The client has warmed up its side of the connection by then.
GRACE_NS = 200_000_000


def shake_hands(client: socket.socket) -> None:
    """Read the upgrade request and accept it."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(1 << 16)
    found = re.search(r"sec-websocket-key: *(\S+)", request.decode(), re.I)
    assert found is not None
    proof = base64.b64encode(hashlib.sha1((found[1] + MAGIC).encode()).digest()).decode()
    lines = ("Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {proof}")
    client.sendall("\r\n".join(("HTTP/1.1 101 Switching Protocols", *lines, "", "")).encode())


def wrapped(payload: bytes) -> bytes:
    """Return an unmasked text frame (RFC 6455, section 5.2)."""
    size = len(payload)
    head = struct.pack("!BB", 0x81, size) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
    return head + payload


def send(
    client: socket.socket, frames: list[bytes], rate: float, count: int, ahead: int
) -> list[int]:
    """Send `count` stamped frames, `rate` a second; return the stamps."""
    stamps = []
    cut = [re.split(rb'"time":\d+', frame[:-1], maxsplit=1) for frame in frames]
    start_ns = time.monotonic_ns() + GRACE_NS
    period_ns = 1e9 / rate
    for i in range(count):
        wait_ns = start_ns + i * period_ns - time.monotonic_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        before, after = cut[i % len(cut)]
        now_ns = time.monotonic_ns()
        stamps.append(now_ns)
        stamp = b"%s%d}" % (SENT, now_ns)
        time_ms = b'"time":%d' % ((now_ns + ahead) // 1_000_000)
        client.sendall(wrapped(before + time_ms + after + stamp))
    return stamps


def main() -> None:
    """Serve one client."""
    order = json.loads(sys.stdin.readline())
    frames = [line.rstrip("\n").encode() for line in sys.stdin]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        client, _ = listener.accept()
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shake_hands(client)
        stamps = send(client, frames, order["rate"], order["count"], order["ahead_ns"])
        if order.get("stamps"):
            # The client goes when it has them all; a reader of the stamps comes after it.
            sys.stdout.write(json.dumps(stamps) + "\n")
            sys.stdout.flush()
            return
        client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass


if __name__ == "__main__":
    main()

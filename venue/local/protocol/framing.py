"""Websocket framing of the server side, and the close codes in use.

Source: RFC 6455, sections 5.2 and 7.4.
"""

from __future__ import annotations

GOING_AWAY = 1001
# Never sent: what the other side reports when a connection ends without a close frame.
ABNORMAL_CLOSURE = 1006

FIN_TEXT = 0x81
FIN_BINARY = 0x82
_FIN_CLOSE = 0x88
_LENGTH = 0x7F
_LEN_16_BIT = 126
_LEN_64_BIT = 127


def framed(payload: bytes) -> bytes:
    """Return a payload as one unmasked text frame."""
    size = len(payload)
    if size < _LEN_16_BIT:
        return bytes((FIN_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((FIN_TEXT, _LEN_16_BIT)) + size.to_bytes(2, "big") + payload
    return bytes((FIN_TEXT, _LEN_64_BIT)) + size.to_bytes(8, "big") + payload


def unframed(frame: bytes) -> bytes:
    """Return the payload of an unmasked frame."""
    size = frame[1] & _LENGTH
    return frame[{_LEN_16_BIT: 4, _LEN_64_BIT: 10}.get(size, 2) :]


def close_frame(code: int) -> bytes:
    """Return the close frame of a code, without a reason."""
    return bytes((_FIN_CLOSE, 2)) + code.to_bytes(2, "big")

"""Text from outside, made fit to keep and to show.

Bytes that are no UTF-8 arrive as lone surrogates, which neither JSON nor SQLite takes. Control
characters move a terminal's cursor or begin a line of their own, and marks of direction let a line
read otherwise than it is.
"""

from __future__ import annotations

import re
from typing import Any

UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# Python puts a byte that is no UTF-8 here (PEP 383).
BYTES_AT = 0xDC00


def visible(text: str, longest: int | None = None) -> str:
    r"""Return a text with every unfit character as an escape like `\x1b`, cut to `longest`.

    What is visible already stays as it is.
    """
    return UNFIT.sub(_escape, text)[:longest]


def visible_within(plain: Any) -> Any:
    """Return plain data with every text in it made visible."""
    if isinstance(plain, str):
        return visible(plain)
    if isinstance(plain, list):
        return [visible_within(item) for item in plain]
    if isinstance(plain, dict):
        return {visible_within(key): visible_within(item) for key, item in plain.items()}
    return plain


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if BYTES_AT + 0x80 <= code <= BYTES_AT + 0xFF:
        code -= BYTES_AT
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

"""Output streams that carry whatever they are given, and nothing that was not meant to be shown.

Words of the venue, of files and of the operator are printed in many places. What could move the
cursor or forge a line is escaped here, behind all of them; and where only ASCII can be shown, a
dash is a hyphen and an arrow is drawn with two signs.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from market.text import UNFIT, visible

PLAIN = "gnomon-plain"
SPELT = {
    "–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "×": "x", "÷": "/", "±": "+/-", "·": ".",
    "≥": ">=", "≤": "<=", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'", "μ": "u", "µ": "u",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "ν": "nu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau",
    "ψ": "psi", "χ": "chi", "ω": "omega", "Δ": "d", "Λ": "Lambda", "Σ": "sum ", "√": "sqrt ",
    "²": "^2", "³": "^3", "¹": "^1", "½": "1/2", "∂": "d", "\xa0": " ",
    "─": "-", "━": "=", "├": "|", "┤": "|", "┊": ":", "●": "o", "‹": "<", "›": ">", "°": "'",
}  # fmt: skip


def _spell(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what an encoding lacks in signs that every one of them has."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    words = "".join(
        SPELT.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in lacking
    )
    return words, error.end


codecs.register_error(PLAIN, _spell)


def encoding_of(stream: Any, environ: Mapping[str, str]) -> str:
    """Return what a stream can show: ASCII where the locale is C by name, or the terminal dumb.

    Python itself takes such a locale for UTF-8. A locale that nobody set says nothing.
    """
    own = codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8") == "1":
        return own
    # Python sets this one when it finds the locale to be C.
    kind = environ.get("LC_CTYPE", "")
    coerced = kind == "C.UTF-8" and sys.flags.utf8_mode
    locale = environ.get("LC_ALL") or ("" if coerced else kind) or environ.get("LANG", "")
    dumb = environ.get("TERM") == "dumb" and stream.isatty()
    return "ascii" if dumb or locale in ("C", "POSIX") else own


class Output:
    """A text stream over another one. `drawing` is for who moves the cursor on purpose."""

    def __init__(self, stream: Any, shown: str, *, escaping: bool = True) -> None:
        self._stream = stream
        self._shown = shown
        self._escaping = escaping
        # To who writes text it takes any; who draws asks what boxes can be made of.
        self.encoding = "utf-8" if escaping else shown
        self.errors = "strict"

    @property
    def drawing(self) -> Output:
        """Return the same stream for text with escapes of our own in it."""
        return Output(self._stream, self._shown, escaping=False)

    def takes(self, text: str) -> bool:
        """Say whether a text is shown as it is, letter by letter."""
        try:
            text.encode(self._shown)
        except UnicodeEncodeError:
            return False
        return True

    def write(self, text: str) -> int:
        """Write a text, line by line, with what is unfit as escapes."""
        fit = text
        if self._escaping and UNFIT.search(text):
            fit = "\n".join(map(visible, text.split("\n")))
        if not fit.isascii():
            fit = fit.encode(self._shown, PLAIN).decode(self._shown)
        self._stream.write(fit)
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        """Write texts one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Be the stream below in everything else."""
        return getattr(self._stream, name)


@contextmanager
def fit_streams() -> Iterator[None]:
    """Let everything this process prints go through an `Output`, until the end of the block."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (Output(stream, encoding_of(stream, os.environ)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def for_drawing() -> TextIO:
    """Return standard output for who colours words or moves the cursor."""
    return getattr(sys.stdout, "drawing", sys.stdout)


def shows(text: str) -> bool:
    """Say whether standard output shows a text letter by letter."""
    takes = getattr(sys.stdout, "takes", None)
    return takes is None or bool(takes(text))

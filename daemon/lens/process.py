"""The lens worker process, apart so that no bar's arithmetic delays a book.

It reads questions from standard input and writes answers to standard output, each a length in
four bytes and MessagePack; an empty message first says that it is warm. It runs niced, with one
thread of linear algebra, and leaves when its input closes, however the daemon dies.

A first run of a version compiles the kernels, and a compiler never gives its memory back: the
process then begins anew under its own number, with what the compiled left on disk, and only then
says that it is warm.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import BinaryIO

import msgspec

from market.decision import LensAsk

NICENESS = 10
LENGTH_BYTES = 4
WARM = b""
# Given to a process that has begun anew, so that it does so once.
AGAIN = "--again"


def packed(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


def serve(source: BinaryIO, sink: BinaryIO, *, surrogates: int, anew: bool = False) -> None:
    """Answer until the source ends; with `anew`, in a new image of the process if it compiled."""
    from daemon.lens.bank import Bank  # noqa: PLC0415 - compiles, or loads what is compiled

    bank = Bank(surrogates=surrogates)
    if bank.warm() and anew:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], AGAIN])  # noqa: S606
    # What was imported stays: no collection of garbage need look at it again.
    gc.collect()
    gc.freeze()
    sink.write(packed(WARM))
    sink.flush()
    decoder = msgspec.msgpack.Decoder(LensAsk)
    while head := source.read(LENGTH_BYTES):
        ask = decoder.decode(source.read(int.from_bytes(head, "big")))
        sink.write(packed(msgspec.msgpack.encode(bank.answer(ask))))
        sink.flush()


def main() -> None:
    """Be the lens process, or only fill the cache of compiled kernels (`--warm`)."""
    if sys.argv[1:] == ["--warm"]:
        from daemon.lens.bank import Bank  # noqa: PLC0415

        Bank(surrogates=1).warm()
        return
    surrogates, *rest = sys.argv[1:]
    first = AGAIN not in rest
    if first:
        with suppress(OSError):
            # A sandbox may forbid it; then it competes with the daemon on equal terms.
            os.nice(NICENESS)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, surrogates=int(surrogates), anew=first)
    except BrokenPipeError:
        # The daemon died while this looked: nobody is left to tell, and what waits goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

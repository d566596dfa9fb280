"""The golden tape: a short run on the made-up world, kept so that its digest can be written down.

It is kept rather than made again by every test, because another processor may round the world
otherwise, and then it would be another tape. `python -m tests.support.golden` makes it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from tests.daemon import rig
from venue.tape.lines import decode_header, record_line

TAPE = Path(__file__).with_name("golden")
SECONDS = 150.0
CONFIG = {"coins": ["BTC", "ETH", "SOL", "DOGE"], "seed": 7, **rig.TIGHT}


def make(folder: Path = TAPE) -> Path:
    """Write the tape and return its one segment.

    Its header holds no state and names only what differs from the defaults, so that it can be
    read when the layout of either has changed.
    """
    scene = rig.Scene(config=rig.TIGHT)
    start_ns = scene.run.now_ns
    header = decode_header(scene.run.header_line().split(b" ", 2)[2], folder)
    header.first_seq, header.config = 1, CONFIG
    header.engine = header.session = msgspec.Raw(b"null")
    scene.advance(SECONDS, reads=4)
    engine = scene.engine
    end = {"why": "SIGTERM", "seq": engine.vitals.seq, "digest": engine.digest}
    return rig.write_segment(
        folder,
        record_line("H", start_ns, header),
        scene.run.lines,
        record_line("E", scene.run.now_ns, end),
    )


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")

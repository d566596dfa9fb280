"""The survey of a tape: what is on it, what is missing, what is damaged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from market.errors import InputDamaged
from venue.tape.continuity import Continuity, require_whole
from venue.tape.lines import FACTS, decode_fact, decode_header
from venue.tape.segment import segments_of

NAMES = {
    "H": "headers",
    "F": "frames",
    "f": "frames passed over",
    "R": "replies",
    "C": "commands",
    "X": "feed changes and notices",
    "L": "lens results",
    "T": "seconds",
    "D": "digests",
    "E": "ends",
}


@dataclass
class Survey:
    """Contents of a tape.

    `torn` names the newest segment when it stops without its end, `dropped_bytes` its bytes that
    no check covers. `missing_events` holds the first and last number of each hole, `damage` a line
    for each fault.
    """

    segments: int = 0
    bytes: int = 0
    frames: int = 0
    from_ns: int = 0
    to_ns: int = 0
    coins: list[str] = field(default_factory=list)
    mode: str = ""
    network: str = ""
    code_version: str = ""
    instruments_from: str = ""
    records: dict[str, int] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)
    dropped_bytes: int = 0
    missing_events: list[tuple[int, int]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)


def survey(path: Path) -> Survey:
    """Return what a tape holds, every line read; raises InputDamaged for what was altered.

    What was cut off or is missing stands in the survey's `damage`: the rest is still a tape.
    """
    found = Survey()
    parts = segments_of(path)
    order = Continuity(parts)
    for segment in parts:
        last_ns = 0
        for number, record in enumerate(segment.records()):
            kind, ns, payload = record
            if (number == 0) != (kind == "H") or kind not in NAMES:
                raise InputDamaged(f"{segment.path}: a {kind!r} line where none belongs")
            if ns < last_ns:
                raise InputDamaged(f"{segment.path}: time runs backwards at record {number}")
            last_ns = ns
            found.records[NAMES[kind]] = found.records.get(NAMES[kind], 0) + 1
            found.frames += kind in "Ff"
            found.from_ns = found.from_ns or ns
            if kind == "H":
                header = decode_header(payload, segment.path)
                order.begins(header, segment.path)
                found.mode, found.network = header.mode, header.network
                found.code_version = header.code_version
                found.instruments_from = header.instruments_from
                found.coins = list(
                    dict.fromkeys([*found.coins, *(i.coin for i in header.instruments)])
                )
            elif kind in FACTS:
                decode_fact(payload, ns)
            elif kind in "DE":
                _json(payload, segment.path)
        order.ends(segment)
        found.segments += 1
        found.bytes += segment.size
        found.to_ns = max(found.to_ns, last_ns)
    if not found.records:
        raise InputDamaged(f"{parts[0].path}: not a tape (no header)")
    found.torn, found.dropped_bytes = order.torn, order.dropped
    found.missing_events, found.damage = order.missing, order.damage
    return found


def check(path: Path) -> None:
    """Read every checksum of a tape, and no more; raises InputDamaged unless it is sound."""
    parts = segments_of(path)
    order = Continuity(parts)
    for segment in parts:
        begun = False
        for group in segment.groups():
            if not begun:
                kind, _, payload = segment.record(group.split(b"\n", 1)[0])
                if kind != "H":
                    raise InputDamaged(f"{segment.path}: not a tape (no header)")
                order.begins(decode_header(payload, segment.path), segment.path)
                begun = True
        order.ends(segment)
    require_whole(order.damage)


def _json(payload: bytes, path: Path) -> None:
    try:
        msgspec.json.decode(payload)
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"{path}: unreadable line {payload[:60]!r} ({error})") from None

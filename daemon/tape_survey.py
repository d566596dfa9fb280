"""Reads a tape from end to end and says what is on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from daemon.intake import decode_fact
from market.errors import InputDamaged
from venue.tape import decode_header, segments

NAMES = {
    "H": "headers",
    "F": "frames",
    "f": "frames passed over",
    "R": "replies",
    "C": "commands",
    "X": "feed changes and notices",
    "T": "seconds",
    "D": "digests",
    "E": "ends",
}


@dataclass
class Survey:
    """What a tape holds; `torn` names segments whose end a crash cut off."""

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


def survey(path: Path) -> Survey:
    """Return what a tape holds, every line read; raises InputDamaged when it is not sound."""
    found = Survey()
    for segment in segments(path):
        size = segment.path.stat().st_size
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
                found.mode, found.network = header.mode, header.network
                found.code_version = header.code_version
                found.instruments_from = header.instruments_from
                found.coins = list(
                    dict.fromkeys([*found.coins, *(i.coin for i in header.instruments)])
                )
            elif kind in "RCX":
                decode_fact(payload, ns)
            elif kind in "DE":
                _json(payload, segment.path)
        if not last_ns and not found.segments:
            raise InputDamaged(f"{segment.path}: not a tape (no header)")
        found.segments += 1
        found.bytes += size
        found.to_ns = max(found.to_ns, last_ns)
        if segment.torn:
            found.torn.append(segment.path.name)
    return found


def _json(payload: bytes, path: Path) -> None:
    try:
        msgspec.json.decode(payload)
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"{path}: unreadable line {payload[:60]!r} ({error})") from None

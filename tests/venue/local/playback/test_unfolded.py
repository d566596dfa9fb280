from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.instrument import Instrument
from tests.venue.local.taping import START_MS, frame_at, write_tape
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription
from venue.local.market.contract import Topic
from venue.local.market.ladders import Ladders, delta_of, packed
from venue.local.playback.playback import Playback
from venue.local.playback.unfolded import Unfolded

BTC = {"BTC": Instrument("BTC", 0, 5, 40)}
NOW_MS = 1_760_000_040_123


def rows(after_ms: int, mid: int) -> dict[str, Any]:
    levels = (
        [{"px": f"{mid - side * (i + 1)}.0", "sz": "0.25", "n": 1} for i in range(20)]
        for side in (1, -1)
    )
    return {"coin": "BTC", "time": START_MS + after_ms, "levels": list(levels)}


def snapshot(book: dict[str, Any]) -> bytes:
    return json.dumps({"channel": "l2", "data": {"s": book}}, separators=(",", ":")).encode()


def delta(before: dict[str, Any], book: dict[str, Any]) -> bytes:
    data = {"c": packed(delta_of(before, book))}
    return json.dumps({"channel": "l2", "data": data}, separators=(",", ":")).encode()


BOOKS = [rows(i * 540, 1_000 + i) for i in range(6)]
FRAMES = [
    snapshot(BOOKS[0]),
    *(delta(a, b) for a, b in pairwise(BOOKS)),
]


def prices(raw: bytes | None) -> list[list[tuple[str, str]]]:
    assert raw is not None
    return [[(x["px"], x["sz"]) for x in side] for side in json.loads(raw)["data"]["levels"]]


def told(book: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return [[(x["px"], x["sz"]) for x in side] for side in book["levels"]]


def test_deltas_become_the_whole_books_that_they_make() -> None:
    unfolded = Unfolded(BTC)
    for raw, book in zip(FRAMES, BOOKS, strict=True):
        assert prices(unfolded.whole(raw)) == told(book)


def test_what_leads_to_no_book_shows_nothing() -> None:
    unfolded = Unfolded(BTC)
    assert unfolded.whole(FRAMES[1]) is None
    assert unfolded.whole(b'{"channel":"pong"}') is None
    assert unfolded.whole(b'{"channel":"l2","data":{"c":"?"}}') is None
    assert unfolded.whole(snapshot({**BOOKS[0], "coin": "ETH"})) is None
    unfolded.whole(FRAMES[0])
    jumped = delta(rows(0, 1_010), rows(540, 1_005))
    assert unfolded.whole(jumped) is None
    assert unfolded.whole(FRAMES[2]) is None
    assert unfolded.whole(FRAMES[0]) is not None


def test_a_segment_that_begins_between_two_deltas_goes_on_from_its_header() -> None:
    session = Session([Subscription("l2", "BTC")])
    for raw in FRAMES[:3]:
        session.receive(raw, 0)
    unfolded = Unfolded(BTC, msgspec.json.encode(session.state()))
    assert prices(unfolded.whole(FRAMES[3])) == told(BOOKS[3])


@pytest.mark.parametrize("session", [b"null", b"{}", b"no json", b'{"ladders":7}'])
def test_a_header_without_books_begins_with_none(session: bytes) -> None:
    assert Unfolded(BTC, session).whole(FRAMES[1]) is None


def test_a_tape_of_deltas_is_shown_as_every_kind_of_book(tmp_path: Path) -> None:
    lines = [frame_at(i * 540, raw) for i, raw in enumerate(FRAMES)]
    # One was passed over for a newer one in the same read; the next deltas build on it.
    lines[3] = b"f" + lines[3][1:]
    market = Playback(write_tape(tmp_path / "tape", lines))
    market.open(NOW_MS)
    fast, slow = Topic("l2Book", "BTC", fast=True), Topic("l2Book", "BTC")
    out = [each for _, raw in market.due(NOW_MS - 1, NOW_MS + 4_000, [fast]) for each in [raw]]
    assert [prices(raw) for raw in out] == [[side[:5] for side in told(book)] for book in BOOKS]
    assert told(market.book(slow, NOW_MS + 4_000) or {}) == told(BOOKS[-1])
    (raw,) = Ladders(market).first(Topic("l2", "BTC"), NOW_MS + 4_000)
    assert told(json.loads(raw)["data"]["s"]) == told(BOOKS[-1])

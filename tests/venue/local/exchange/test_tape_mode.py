"""A recording as the world: accounts match against what was recorded, with what is assumed stated.

Assumed: nobody in the recording reacts to us; what was in the book before us is served before us;
a print trades with us only after that; what we take is gone for a while and comes back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.venue.local.taping import START_MS, frame_at, level, trades, write_tape
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.notes import Note
from venue.local.exchange.views.merged_market import MergedMarket
from venue.local.market.contract import Row, Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.playback.playback import Playback
from venue.local.server.floor import floor_over

USER = "0x" + "a1" * 20
FUNDS_E6 = 100_000_000_000
# A moment on the block grid at which the tape is shown.
NOW_MS = 1_760_000_025_000
BTC = 9
TOPICS = [Topic("l2Book", "BTC"), Topic("trades", "BTC"), Topic("bbo", "BTC")]


def book_at(after_ms: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> bytes:
    sides = [[level(px, sz) for px, sz in side] for side in (bids, asks)]
    data = {"coin": "BTC", "time": START_MS + after_ms, "levels": sides}
    return frame_at(after_ms, json.dumps({"channel": "l2Book", "data": data}).encode())


def sold_at(after_ms: int, px: str, sz: str, tid: int) -> bytes:
    """Return a recorded print of a seller who took."""
    return frame_at(
        after_ms, trades((after_ms, px, sz, tid)).replace(b'"side": "B"', b'"side": "A"')
    )


BOOK = ([("100.0", "5.0"), ("99.0", "7.0")], [("102.0", "2.0"), ("103.0", "3.0"), ("104.0", "9.0")])
TAPE = [
    book_at(0, *BOOK),
    sold_at(1_000, "100.0", "4.0", 1),
    sold_at(2_000, "100.0", "2.0", 2),
    book_at(2_500, *BOOK),
    sold_at(3_000, "98.0", "1.0", 3),
    book_at(5_000, [("95.0", "5.0")], [("96.0", "2.0")]),
    frame_at(9_000, b'{"channel":"pong"}'),
]


class Desk:
    """An account on a tape; `heard` is what it was told, `shown` what the public saw."""

    def __init__(self, playback: Playback) -> None:
        self.exchange = Exchange(playback)
        self.market = MergedMarket(playback, self.exchange)
        self.market.open(NOW_MS)
        self.now_ms = NOW_MS
        self.heard: list[Row] = []
        self.shown: list[tuple[str, Any]] = []
        self.exchange.deposit(USER, FUNDS_E6, self.now_ms)
        self.wait(BLOCK_MS)

    def wait(self, length_ms: int) -> None:
        until_ms = self.now_ms + length_ms
        while self.now_ms < until_ms:
            before, self.now_ms = self.now_ms, self.now_ms + BLOCK_MS
            due = list(self.market.due(before, self.now_ms, TOPICS))
            self.exchange.advance(self.now_ms)
            for note in self.exchange.drain():
                if isinstance(note, Note) and note.kind == "fill":
                    self.heard.append(note.data)
            self.shown += [(topic.type, json.loads(raw)["data"]) for topic, raw in due]

    def order(self, px: str, size: str, tif: str, *, is_buy: bool = True) -> Any:
        row = {"a": self.asset, "b": is_buy, "p": px, "s": size, "r": False}
        order = {**row, "t": {"limit": {"tif": tif}}}
        action = {"type": "order", "orders": [order], "grouping": "na"}
        reply = self.exchange.act(USER, action, self.now_ms)
        assert reply["status"] == "ok", reply
        (status,) = reply["response"]["data"]["statuses"]
        return status

    @property
    def asset(self) -> int:
        return self.market.instruments["BTC"].index

    def fills(self) -> list[tuple[str, str, bool]]:
        return [(row["px"], row["sz"], row["crossed"]) for row in self.heard]


@contextmanager
def desk_on(folder: Path) -> Iterator[Desk]:
    with closing(Playback(write_tape(folder / "tape", TAPE))) as playback:
        yield Desk(playback)


def test_a_taker_walks_the_recorded_book(tmp_path: Path) -> None:
    with desk_on(tmp_path) as desk:
        status = desk.order("103", "4", "Ioc")
        assert status["filled"]["totalSz"] == "4.0"
        assert status["filled"]["avgPx"] == "102.5"
        desk.wait(BLOCK_MS)
        assert desk.fills() == [("102.0", "2.0", True), ("103.0", "2.0", True)]
        # What was taken is not there to be taken again, and comes back.
        soon = float(desk.order("103", "4", "Ioc")["filled"]["totalSz"])
        assert 1.0 <= soon < 1.5
        desk.wait(1_500)
        assert desk.order("103", "4", "Ioc")["filled"]["totalSz"] != "4.0"
        assert sum(float(size) for _, size, _ in desk.fills()) < 6.0


def test_an_order_waits_behind_the_recorded_book_and_is_filled_by_recorded_prints(
    tmp_path: Path,
) -> None:
    with desk_on(tmp_path) as desk:
        assert "resting" in desk.order("100", "1.5", "Alo")
        desk.wait(1_500)
        # Five rested there before; the first print took four of them.
        assert desk.fills() == []
        desk.wait(1_000)
        # The second print takes the fifth, then ours.
        assert desk.fills() == [("100.0", "1.0", False)]
        desk.wait(1_000)
        # The third goes through the price: ours is filled at its own.
        assert desk.fills() == [("100.0", "1.0", False), ("100.0", "0.5", False)]


def test_an_order_that_the_recorded_touch_crosses_is_filled(tmp_path: Path) -> None:
    with desk_on(tmp_path) as desk:
        desk.order("97", "3", "Gtc")
        desk.wait(4_500)
        assert desk.fills() == []
        desk.wait(1_000)
        # Two were offered at 96; it trades as maker, at its own price, the rest as more comes back.
        assert desk.fills()[0] == ("97.0", "2.0", False)
        assert {(px, crossed) for px, _, crossed in desk.fills()} == {("97.0", False)}
        assert sum(float(size) for _, size, _ in desk.fills()) < 3.0


def test_the_published_book_shows_both(tmp_path: Path) -> None:
    with desk_on(tmp_path) as desk:
        desk.order("101", "1", "Alo")
        book = desk.market.book(TOPICS[0], desk.now_ms)
        assert book is not None
        assert [(row["px"], row["sz"]) for row in book["levels"][0][:2]] == [
            ("101.0", "1.0"),
            ("100.0", "5.0"),
        ]
        assert book["levels"][1][0]["px"] == "102.0"


def test_the_same_tape_and_orders_make_the_same_fills(tmp_path: Path) -> None:
    def run(folder: Path) -> tuple[list[Row], list[tuple[str, Any]]]:
        folder.mkdir()
        with desk_on(folder) as desk:
            desk.order("103", "4", "Ioc")
            desk.order("100", "1.5", "Alo")
            desk.order("97", "3", "Gtc")
            desk.wait(8_000)
            return desk.heard, desk.shown

    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    assert first == second
    assert len(first[0]) >= 5


def test_a_venue_on_a_tape_has_an_exchange(tmp_path: Path) -> None:
    with closing(Playback(write_tape(tmp_path / "tape", TAPE))) as playback:
        shown, floor = floor_over(playback)
        shown.open(NOW_MS)
        floor.open(NOW_MS)
        assert "clearinghouseState" in floor.kinds
        assert list(shown.instruments) == list(playback.instruments)

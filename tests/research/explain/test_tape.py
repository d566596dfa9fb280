from __future__ import annotations

import base64
import json
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from market.book import Book as TheirBook
from market.events import BboUpdate, BookUpdate, Level
from market.fills import walk
from research.explain.tape import Book, Line, Place, first_book, lines, taken
from tests.support.shadow import SOL
from venue.hyperliquid.l2 import Ladder, unpack
from venue.hyperliquid.wire import L2Data

S = 10**9


def side(*levels: tuple[float, float]) -> list[dict[str, Any]]:
    return [{"px": f"{px:.2f}", "sz": f"{sz:.2f}", "n": 1} for px, sz in levels]


def l2(time_ms: int, bids: Any, asks: Any, coin: str = "SOL", *, fast: bool = False) -> bytes:
    data: dict[str, Any] = {"coin": coin, "time": time_ms, "levels": [side(*bids), side(*asks)]}
    data |= {"fast": True} if fast else {}
    return json.dumps({"channel": "l2Book", "data": data}).encode()


def bbo(time_ms: int, bid: Any, ask: Any) -> bytes:
    sides = [side(level)[0] if level else None for level in (bid, ask)]
    data = {"coin": "SOL", "time": time_ms, "bbo": sides}
    return json.dumps({"channel": "bbo", "data": data}).encode()


def fed(*frames: bytes) -> Book:
    book = Book()
    for at, frame in enumerate(frames):
        book.feed(Line(Place("", at, at), "F", frame), "SOL")
    return book


def test_the_newest_frame_leads_and_the_slow_one_lengthens_it() -> None:
    slow = l2(1000, [(99, 1), (98, 2), (97, 3)], [(101, 1), (102, 2), (103, 3)])
    fast = l2(1500, [(99.5, 4)], [(100.5, 4), (101, 9)], fast=True)
    book = fed(slow, fast)
    assert book.ok
    assert [float(px) for px, _ in book.side(True)] == [100.5, 101, 102, 103]
    assert [float(px) for px, _ in book.side(False)] == [99.5, 99, 98, 97]
    book = fed(slow, fast, bbo(1600, (99, 1), (101.5, 7)))
    assert [float(px) for px, _ in book.side(True)] == [101.5, 102, 103]
    assert [float(px) for px, _ in book.side(False)] == [99, 98, 97]


PRICE = st.integers(1, 6)
FRAME = st.tuples(
    st.sampled_from(("slow", "fast", "bbo")), st.integers(0, 4), PRICE, PRICE, st.integers(0, 3)
)


@settings(max_examples=100)
@given(st.lists(FRAME, min_size=1, max_size=12))
def test_the_same_frames_make_the_same_book_as_the_desk_s(frames: list[Any]) -> None:
    """Two readers written apart; the desk's is never imported by the other."""
    mine, theirs, time_ms = Book(), TheirBook(), 10_000
    for at, (kind, later, low, wide, depth) in enumerate(frames):
        time_ms += later * 4000 - 4000
        bids = [(100 - low - i, 1 + i) for i in range(depth + (kind == "slow"))]
        asks = [(99 - low + wide + i, 2 + i) for i in range(depth + (kind == "slow"))]
        if kind == "bbo":
            bid, ask = bids[0] if bids else None, asks[0] if asks else None
            raw = bbo(time_ms, bid, ask)
            theirs.apply_bbo(
                BboUpdate(
                    "SOL", time_ms, *(Level(*map(float, v)) if v else None for v in (bid, ask))
                )
            )
        else:
            raw = l2(time_ms, bids, asks, fast=kind == "fast")
            levels = [[Level(float(px), float(sz)) for px, sz in v] for v in (bids, asks)]
            theirs.apply_book(BookUpdate("SOL", time_ms, *levels, fast=kind == "fast"))
        mine.feed(Line(Place("", at, at), "F", raw), "SOL")
        assert mine.ok == theirs.ok
        for buys, levels in ((True, theirs.asks()), (False, theirs.bids())):
            assert [(float(p), float(s)) for p, s in mine.side(buys)] == [
                (level.px, level.sz) for level in levels
            ]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), max_size=6),
    st.integers(1, 2 * 10**6),
)
def test_an_order_takes_the_same_as_in_the_fill_model(book: list[Any], lots: int) -> None:
    levels = sorted({px: sz for px, sz in book}.items())
    mine = taken([(Decimal(px) / 10**4, Decimal(sz) / 100) for px, sz in levels], lots, 2)
    theirs = walk([Level(px / 1e4, sz / 100) for px, sz in levels], lots, SOL, fee_rate_e8=0)
    if mine[1]:
        assert mine == (theirs.lots, theirs.notional_e6, theirs.levels)


def tape(folder: Path, *rows: tuple[str, int, bytes], name: str = "1") -> Path:
    header = json.dumps({"instruments": [{"coin": "SOL", "sz_decimals": 2}]}).encode()
    text = b"".join(
        b"%s %d %s\n" % (kind.encode(), ns, raw) for kind, ns, raw in (("H", 0, header), *rows)
    )
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.tape.zst").write_bytes(zstandard.compress(text))
    return folder


BOOK = ([(99, 5)], [(101, 5)])


def test_an_order_meets_the_first_sound_book_once_it_is_due(tmp_path: Path) -> None:
    folder = tape(
        tmp_path / "tape",
        ("F", 1 * S, l2(1000, *BOOK)),
        ("F", 2 * S, l2(2000, *BOOK, coin="ETH")),
        ("f", 2 * S, l2(2000, [(98, 1)], [(102, 1)])),
        ("F", 3 * S, l2(3000, [(99, 5)], [])),
        ("F", 4 * S, l2(4000, [(98, 5)], [(103, 5)])),
        ("F", 5 * S, l2(5000, *BOOK)),
    )
    found, covered = first_book(folder, "SOL", buys=True, due_ns=2 * S, most_ns=9 * S)
    assert covered and found is not None
    assert (found.place.line, found.place.ns, found.decimals) == (6, 4 * S, 2)
    assert [float(px) for px, _ in found.levels] == [103]


def test_a_book_is_forgotten_when_its_connection_breaks(tmp_path: Path) -> None:
    def with_(down: dict[str, Any]) -> bool:
        folder = tape(
            tmp_path / "tape",
            ("F", 1 * S, l2(1000, *BOOK)),
            ("X", 2 * S, json.dumps({"type": "feed_down"} | down).encode()),
            ("F", 3 * S, bbo(900, (99, 1), (101, 1))),
        )
        found, _ = first_book(folder, "SOL", buys=True, due_ns=3 * S, most_ns=9 * S)
        return found is not None and len(found.levels) == 1 and found.levels[0][1] == 1

    assert with_({}) and with_({"coins": ["SOL"]}) and not with_({"coins": ["ETH"]})


def test_what_is_not_on_the_tape_is_not_covered(tmp_path: Path) -> None:
    folder = tape(tmp_path / "tape", ("F", 1 * S, l2(1000, *BOOK)))
    assert first_book(folder, "SOL", buys=True, due_ns=5 * S, most_ns=6 * S) == (None, False)
    assert first_book(tmp_path / "no", "SOL", buys=True, due_ns=1, most_ns=2) == (None, False)
    tape(folder, ("F", 7 * S, l2(7000, *BOOK)), name="2")
    found, _ = first_book(folder, "SOL", buys=True, due_ns=5 * S, most_ns=8 * S)
    assert found is not None and found.place.segment == "2.tape.zst"


def snapshot(time_ms: int, bids: Any, asks: Any) -> bytes:
    book = {"coin": "SOL", "time": time_ms, "levels": [side(*bids), side(*asks)]}
    return json.dumps({"channel": "l2", "data": {"s": book}}, separators=(",", ":")).encode()


def delta(time_ms: int, put: Any = ((), ()), gone: Any = ((), ()), coin: str = "SOL") -> bytes:
    sides = [[{"p": f"{px:.2f}", "s": f"{sz:.2f}"} for px, sz in levels] for levels in put]
    body = {"c": coin, "t": time_ms, "l": sides, "r": [list(at) for at in gone]}
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    text = base64.b64encode(packer.compress(json.dumps(body).encode()) + packer.flush()).decode()
    return json.dumps({"channel": "l2", "data": {"c": text}}, separators=(",", ":")).encode()


POSITIONS = st.sets(st.integers(0, 3), max_size=2)
PUT = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), max_size=3)


@settings(max_examples=60)
@given(st.lists(st.tuples(POSITIONS, POSITIONS, PUT, PUT), min_size=1, max_size=8))
def test_deltas_make_the_same_book_as_the_desk_s(changes: list[Any]) -> None:
    bids = [(99 - i, 1.0) for i in range(4)]
    asks = [(101 + i, 1.0) for i in range(4)]
    theirs = Ladder()
    frames = [snapshot(1000, bids, asks)]
    data = json.loads(frames[0])["data"]["s"]
    state = theirs.begin(msgspec.convert(data, L2Data, strict=False), 0)
    for at, (gone_bids, gone_asks, put_bids, put_asks) in enumerate(changes):
        gone = (
            sorted(i for i in gone_bids if i < len(state.bids)),
            sorted(i for i in gone_asks if i < len(state.asks)),
        )
        put = ([(99 - px, sz) for px, sz in put_bids], [(101 + px, sz) for px, sz in put_asks])
        frames.append(delta(1001 + at, put, gone))
        frames.append(delta(1001 + at, put, gone, coin="ETH"))
        state = theirs.apply(unpack(json.loads(frames[-2])["data"]["c"]), 0)
        mine = fed(*frames)
        for buys, levels in ((True, state.asks), (False, state.bids)):
            assert [(float(p), float(s)) for p, s in mine.side(buys)] == [
                (level.px, level.sz) for level in levels
            ]
        assert not mine.unsure


def test_deltas_without_the_book_they_change_make_it_unsure_until_the_next_snapshot() -> None:
    whole = snapshot(1000, *BOOK)
    assert fed(delta(1000)).unsure
    assert fed(whole, delta(1001, gone=([5], []))).unsure
    assert fed(whole, delta(999)).unsure
    assert not fed(delta(999), whole, delta(1001)).unsure


def test_a_stream_that_died_is_forgotten() -> None:
    book = fed(l2(1000, *BOOK), l2(1100, [(99, 7)], [(100, 7)], fast=True))
    down = {"type": "stream_down", "coin": "SOL", "stream": "fast"}
    for coin, best in (("ETH", 100), ("SOL", 101)):
        book.feed(Line(Place("", 1, 1), "X", json.dumps(down | {"coin": coin}).encode()), "SOL")
        assert float(book.side(True)[0][0]) == best
    book.feed(Line(Place("", 1, 1), "X", json.dumps(down | {"stream": "slow"}).encode()), "SOL")
    assert not book.ok


def test_a_torn_end_is_left_out_and_base64_is_read(tmp_path: Path) -> None:
    folder = tape(tmp_path / "tape", ("B", 1, b"aGVsbG8="), ("T", 2, b""))
    (path,) = folder.iterdir()
    assert [(line.kind, line.payload) for line in lines(path)][1:] == [("F", b"hello"), ("T", b"")]
    path.write_bytes(path.read_bytes()[:-3])
    assert len(list(lines(path))) <= 3


@pytest.mark.parametrize("raw", [b"no json SOL", b'{"channel":"pong"}', b'{"data":{"coin":"SOL"}}'])
def test_other_frames_change_no_book(raw: bytes) -> None:
    assert fed(raw).top is None

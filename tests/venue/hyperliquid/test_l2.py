from __future__ import annotations

import base64
import json
import random
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ProtocolViolation
from market.events import Level
from venue.hyperliquid import l2
from venue.hyperliquid.l2 import DELTA_BYTES_MAX, DEPTH, Delta, Ladder, Put, unpack
from venue.hyperliquid.wire import L2Data


def pack(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(raw) + packer.flush()).decode()


def book(time_ms: int = 1_000, mid: float = 100.0, depth: int = DEPTH) -> L2Data:
    bids = [Level(mid - 1.0 - i, 1.0 + i, 1) for i in range(depth)]
    asks = [Level(mid + 1.0 + i, 2.0 + i, 1) for i in range(depth)]
    return L2Data("BTC", time_ms, (bids, asks))


def delta(
    time_ms: int = 1_540,
    *,
    bids: tuple[Put, ...] = (),
    asks: tuple[Put, ...] = (),
    taken: tuple[list[int], list[int]] = ([], []),
) -> Delta:
    return Delta("BTC", time_ms, (list(bids), list(asks)), taken)


def begun(data: L2Data | None = None) -> Ladder:
    ladder = Ladder()
    ladder.begin(data or book(), 5)
    return ladder


def refused(ladder: Ladder, change: Delta) -> str:
    before = msgspec.msgpack.encode(ladder)
    with pytest.raises(ProtocolViolation) as caught:
        ladder.apply(change, 6)
    assert msgspec.msgpack.encode(ladder) == before
    assert caught.value.kind in (l2.MISFIT, "bad_level")
    return str(caught.value)


def test_a_packed_delta_is_read() -> None:
    text = pack({"c": "BTC", "t": 7, "l": [[{"p": "99.5", "s": "2"}], []], "r": [[19], []]})
    assert unpack(text) == Delta("BTC", 7, ([Put(99.5, 2.0)], []), ([19], []))
    # Grouped books carry a spread, which says nothing that the levels do not.
    assert (
        unpack(pack({"c": "X", "t": 0, "l": [[], []], "r": [[], []], "spread": "1.0"})).coin == "X"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "AAAA",
        "ünïcode",
        base64.b64encode(b"not deflate at all").decode(),
        pack(b"[]"),
        pack(b"\xff\xfe"),
        pack(b"[" * 5_000),
        pack({"c": "BTC", "t": -1, "l": [[], []], "r": [[], []]}),
        pack({"c": "BTC", "t": 1, "l": [[]], "r": [[], []]}),
        pack({"c": "BTC", "t": 1, "l": [[], []], "r": [["x"], []]}),
        pack({"c": "BTC", "t": 1, "l": [[], []], "r": [[], []]})[:-12],
    ],
)
def test_what_is_no_delta_is_a_violation_and_nothing_else(text: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        unpack(text)
    assert caught.value.kind == l2.UNREADABLE


def test_a_bomb_is_not_inflated_beyond_the_bound() -> None:
    bomb = pack(b" " * (64 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(ProtocolViolation, match=str(DELTA_BYTES_MAX)):
        unpack(bomb)


def test_positions_are_those_before_the_delta_and_what_is_put_comes_after() -> None:
    ladder = begun()
    update = ladder.apply(
        delta(bids=(Put(99.5, 7.0), Put(98.0, 0.5)), taken=([0], [])),
        6,
    )
    # The best bid of 99 went, 99.5 came, 98 has another size, and the others stand.
    assert [(level.px, level.sz) for level in update.bids[:3]] == [
        (99.5, 7.0),
        (98.0, 0.5),
        (97.0, 3.0),
    ]
    assert update.asks == book().levels[1]
    assert (update.coin, update.time_ms, update.recv_ns, update.fast) == ("BTC", 1_540, 6, True)
    assert len(update.bids) == len(update.asks) == DEPTH


def test_what_was_handed_out_before_does_not_change() -> None:
    ladder = Ladder()
    first = ladder.begin(book(), 5)
    kept = list(first.bids)
    ladder.apply(delta(bids=(Put(99.5, 7.0),), taken=([19], [])), 6)
    assert first.bids == kept


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (delta(taken=([20], []), bids=(Put(50.0, 1.0),)), "takes"),
        (delta(taken=([-1], []), bids=(Put(50.0, 1.0),)), "takes"),
        (delta(taken=([3, 3], []), bids=(Put(50.0, 1.0), Put(51.0, 1.0))), "takes"),
        (delta(taken=([3], [])), "19 levels"),
        (delta(bids=(Put(50.0, 1.0),)), "21 levels"),
        (delta(taken=([19], []), bids=(Put(101.0, 1.0),)), "bid 101.0 at ask 101.0"),
        (delta(999), "time goes back"),
        (delta(taken=([19], []), bids=(Put(50.0, 0.0),)), "50.0 x 0.0"),
        (delta(taken=([19], []), bids=(Put(float("nan"), 1.0),)), "nan"),
        (delta(taken=([19], []), bids=(Put(50.0, float("inf")),)), "inf"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused_whole(change: Delta, why: str) -> None:
    assert why in refused(begun(), change)


def test_a_delta_without_a_snapshot_is_refused() -> None:
    assert "before the snapshot" in refused(Ladder(), delta())


def test_a_thin_book_may_have_any_length_below_the_depth() -> None:
    ladder = begun(book(depth=3))
    assert len(ladder.apply(delta(bids=(Put(50.0, 1.0),)), 6).bids) == 4
    assert len(ladder.apply(delta(taken=([0, 1], [])), 7).bids) == 2


def test_a_snapshot_must_be_a_sound_book_of_the_depth() -> None:
    with pytest.raises(ProtocolViolation, match="more than 20"):
        Ladder().begin(book(depth=21), 5)
    data = book()
    data.levels[0].reverse()
    with pytest.raises(ProtocolViolation, match="bid"):
        Ladder().begin(data, 5)


def test_a_slow_book_of_the_same_time_must_be_the_same() -> None:
    ladder = begun()
    ladder.compare(book())
    ladder.apply(delta(bids=(Put(99.0, 9.0),)), 6)
    ladder.compare(book())
    assert ladder.met == 2
    # Of a time that no delta had there is nothing to compare.
    ladder.compare(book(1_200, mid=50.0))
    assert ladder.met == 2
    with pytest.raises(ProtocolViolation, match="differs from l2Book at 00:00:01Z"):
        ladder.compare(book(1_540))


def test_a_slow_book_ahead_of_the_deltas_is_compared_when_they_have_come_so_far() -> None:
    ladder = begun()
    ladder.compare(book(1_540))
    assert ladder.met == 0
    ladder.apply(delta(1_540), 6)
    assert ladder.met == 1
    ladder.compare(book(2_080))
    with pytest.raises(ProtocolViolation, match="differs"):
        ladder.apply(delta(2_080, bids=(Put(99.0, 9.0),)), 7)
    # One that the deltas stepped over is forgotten.
    ladder = begun()
    ladder.compare(book(1_541, mid=50.0))
    ladder.apply(delta(1_600), 6)
    assert ladder.unmet is None


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_walk_of_books_is_followed_exactly(seed: int) -> None:
    rng = random.Random(seed)

    def side(falling: bool) -> list[Level]:
        prices = rng.sample(range(1, 40) if falling else range(41, 80), DEPTH)
        return [Level(float(px), rng.randint(1, 3)) for px in sorted(prices, reverse=falling)]

    sides = side(True), side(False)
    ladder = begun(L2Data("BTC", 0, sides))
    for step in range(1, 8):
        after = side(True), side(False)
        taken, put = ([], []), ([], [])
        for s in (0, 1):
            new = {level.px: level.sz for level in after[s]}
            old = {level.px: level.sz for level in sides[s]}
            taken[s].extend(i for i, level in enumerate(sides[s]) if level.px not in new)
            put[s].extend(Put(px, sz) for px, sz in new.items() if old.get(px) != sz)
        update = ladder.apply(Delta("BTC", step, put, taken), step)
        assert [(b.px, b.sz) for b in update.bids] == [(b.px, b.sz) for b in after[0]]
        assert [(a.px, a.sz) for a in update.asks] == [(a.px, a.sz) for a in after[1]]
        ladder.compare(L2Data("BTC", step, after))
        sides = after
    assert ladder.met == 7


def test_a_ladder_survives_being_written_down() -> None:
    ladder = begun()
    ladder.compare(book(1_540))
    back = msgspec.json.decode(msgspec.json.encode(ladder), type=Ladder)
    assert back == ladder
    back.apply(delta(1_540), 6)
    assert back.met == 1

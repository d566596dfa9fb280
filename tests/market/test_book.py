from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.book import CLEAN_FRAMES_AFTER_CROSS, DEPTH_AGE_MS_MAX, Book
from market.events import BboUpdate, BookUpdate, Level
from tests.support.market import START_MS, bbo_update, book_update, levels

SLOW_LEVELS, FAST_LEVELS = 6, 3
STEP_MS = 3_000
MOMENTS = 10

Truth = tuple[list[Level], list[Level]]


@st.composite
def true_books(draw: st.DrawFn) -> list[Truth]:
    """The venue's book at MOMENTS moments: mostly sound, sometimes crossed, thin or one-sided.

    Frames of one venue time are views of one book, as in every recording of the venue.
    """
    books = []
    for _ in range(MOMENTS):
        middle = draw(st.integers(80, 120))
        gap = draw(st.sampled_from([1, 1, 1, 2, 3, 0, -1]))
        bid_steps = draw(st.lists(st.integers(1, 3), max_size=SLOW_LEVELS))
        ask_steps = draw(st.lists(st.integers(1, 3), max_size=SLOW_LEVELS))
        sizes = st.integers(1, 9)
        bids, px = [], middle
        for step in bid_steps:
            bids.append(Level(float(px), float(draw(sizes))))
            px -= step
        asks, px = [], middle + gap
        for step in ask_steps:
            asks.append(Level(float(px), float(draw(sizes))))
            px += step
        books.append((bids, asks))
    return books


frames = st.lists(
    st.tuples(
        st.sampled_from(["slow", "fast", "bbo", "bbo", "fast", "invalidate"]),
        st.integers(0, MOMENTS - 1),
        st.integers(0, 2),
    ),
    max_size=25,
)


def frame(kind: str, moment: int, truth: Truth, skipped: int) -> BookUpdate | BboUpdate:
    bids, asks = truth
    time_ms = START_MS + moment * STEP_MS
    if kind == "bbo":
        best_bid = (bids[0].px, bids[0].sz) if bids else None
        best_ask = (asks[0].px, asks[0].sz) if asks else None
        return bbo_update(best_bid, best_ask, time_ms=time_ms, skipped=skipped)
    depth = FAST_LEVELS if kind == "fast" else SLOW_LEVELS
    return book_update(
        bids[:depth], asks[:depth], time_ms=time_ms, fast=kind == "fast", skipped=skipped
    )


def apply(book: Book, update: BookUpdate | BboUpdate) -> bool:
    return book.apply_bbo(update) if isinstance(update, BboUpdate) else book.apply_book(update)


@dataclass
class Account:
    """What a reader of the frames alone would believe of the book."""

    latest: dict[str, int] = field(default_factory=dict)
    newest: int = -1
    out_of_order: int = 0
    skipped: int = 0
    crossed: int = 0
    clean: int = CLEAN_FRAMES_AFTER_CROSS
    sound: bool = False

    def hear(self, kind: str, moment: int, truth: Truth, skipped: int) -> bool:
        self.skipped += skipped
        if moment < self.latest.get(kind, -1):
            self.out_of_order += 1
            return False
        self.latest[kind] = moment
        if moment >= self.newest:
            self.newest = moment
            bids, asks = truth
            self.sound = bool(bids and asks) and bids[0].px < asks[0].px
            if self.sound:
                self.clean += 1
            elif bids and asks:
                self.crossed += 1
                self.clean = 0
        return True

    def lose(self) -> None:
        self.latest.clear()
        self.sound = False
        self.clean = CLEAN_FRAMES_AFTER_CROSS

    @property
    def ok(self) -> bool:
        return self.sound and self.clean >= CLEAN_FRAMES_AFTER_CROSS


@given(true_books(), frames)
@settings(max_examples=150)
def test_after_any_frames_the_merged_book_is_sorted_and_led_by_the_newest_source(
    truths: list[Truth], sequence: list[tuple[str, int, int]]
) -> None:
    book, account = Book(), Account()
    for kind, moment, skipped in sequence:
        if kind == "invalidate":
            book.invalidate()
            account.lose()
        else:
            taken = apply(book, frame(kind, moment, truths[moment], skipped))
            assert taken is account.hear(kind, moment, truths[moment], skipped)

        unmerged = book.best_bid(), book.best_ask()
        bids, asks = book.bids(), book.asks()
        assert unmerged == (bids[0] if bids else None, asks[0] if asks else None)
        assert all(a.px > b.px for a, b in pairwise(bids))
        assert all(a.px < b.px for a, b in pairwise(asks))
        assert book.ok is account.ok
        assert (book.skipped, book.out_of_order, book.crossed) == (
            account.skipped,
            account.out_of_order,
            account.crossed,
        )
        if account.sound:
            true_bid, true_ask = truths[account.newest][0][0], truths[account.newest][1][0]
            assert (book.bid, book.bid_sz) == (true_bid.px, true_bid.sz)
            assert (book.ask, book.ask_sz) == (true_ask.px, true_ask.sz)
            assert book.bid < book.mid < book.ask
            assert bids[0] == true_bid
            assert asks[0] == true_ask
            assert book.time_ms == START_MS + account.newest * STEP_MS
        said = [truths[moment] for moment in account.latest.values()]
        assert all(any(level in known[0] for known in said) for level in bids)
        assert all(any(level in known[1] for known in said) for level in asks)


def test_a_fresh_book_is_not_to_be_trusted() -> None:
    book = Book()
    assert not book.ok
    assert book.bids() == book.asks() == []


def test_the_quick_snapshot_is_lengthened_by_the_slow_one() -> None:
    book = Book()
    slow_bids = levels((100, 1), (99, 1), (98, 1), (97, 1), (96, 1))
    slow_asks = levels((101, 1), (102, 1), (103, 1), (104, 1), (105, 1))
    book.apply_book(book_update(slow_bids, slow_asks, fast=False))
    fast_bids, fast_asks = levels((99.5, 7), (98.5, 7)), levels((100.5, 7), (103.0, 7))
    book.apply_book(book_update(fast_bids, fast_asks, time_ms=START_MS + 500))
    assert [level.px for level in book.bids()] == [99.5, 98.5, 98, 97, 96]
    assert [level.px for level in book.asks()] == [100.5, 103.0, 104, 105]


@pytest.mark.parametrize(("age_ms", "depth"), [(DEPTH_AGE_MS_MAX, 3), (DEPTH_AGE_MS_MAX + 1, 1)])
def test_depth_that_is_too_old_is_not_lent(age_ms: int, depth: int) -> None:
    book = Book()
    slow = levels((99, 1), (98, 1), (97, 1)), levels((101, 1), (102, 1), (103, 1))
    book.apply_book(book_update(*slow, fast=False))
    quick = levels((99, 2)), levels((101, 2))
    book.apply_book(book_update(*quick, time_ms=START_MS + age_ms))
    assert len(book.bids()) == len(book.asks()) == depth


def test_levels_beyond_a_newer_touch_are_cut() -> None:
    book = Book()
    book.apply_book(
        book_update(levels((100, 1), (99, 2), (98, 3)), levels((101, 1), (102, 2), (103, 3)))
    )
    book.apply_bbo(bbo_update((98, 9), (102, 9), time_ms=START_MS + 50))
    assert [(level.px, level.sz) for level in book.bids()] == [(98, 9)]
    assert [(level.px, level.sz) for level in book.asks()] == [(102, 9), (103, 3)]
    assert (book.bid, book.ask, book.mid) == (98, 102, 100)


def test_a_touch_older_than_the_snapshot_changes_nothing_of_it() -> None:
    book = Book()
    book.apply_bbo(bbo_update((90, 1), (110, 1)))
    book.apply_book(book_update(levels((100, 1)), levels((101, 1)), time_ms=START_MS + 500))
    book.apply_bbo(bbo_update((95, 1), (105, 1), time_ms=START_MS + 400))
    assert (book.bid, book.ask) == (100, 101)
    assert (book.bids()[0].px, book.asks()[0].px) == (100, 101)


def test_a_touch_of_the_snapshot_s_own_time_changes_nothing_of_it() -> None:
    book = Book()
    book.apply_book(book_update(levels((100, 1), (99, 2)), levels((101, 1), (102, 2))))
    book.apply_bbo(bbo_update((99, 5), (102, 5)))
    assert [(level.px, level.sz) for level in book.bids()] == [(100, 1), (99, 2)]
    assert [(level.px, level.sz) for level in book.asks()] == [(101, 1), (102, 2)]


def test_an_older_frame_of_its_kind_is_counted_and_ignored() -> None:
    book = Book()
    assert book.apply_book(book_update(levels((100, 1)), levels((101, 1)), time_ms=START_MS + 10))
    version = book.version
    assert not book.apply_book(book_update(levels((1, 1)), levels((2, 1)), skipped=2))
    assert not book.apply_book(
        book_update(levels((1, 1)), levels((2, 1)), time_ms=START_MS + 9, skipped=1)
    )
    assert (book.bid, book.ask, book.version) == (100, 101, version)
    assert (book.out_of_order, book.skipped) == (2, 3)


@pytest.mark.parametrize("reconnected", [False, True])
def test_a_clock_set_back_costs_two_frames_and_not_the_book(reconnected: bool) -> None:
    book = Book()
    for kind in ("fast", "slow", "bbo"):
        apply(book, frame(kind, 1_000, (levels((7, 1)), levels((8, 1))), 0))
    if reconnected:
        book.invalidate()
    now = levels((100, 1), (99, 1)), levels((101, 1))
    for moment, kind in enumerate(("fast", "bbo")):
        apply(book, frame(kind, moment, now, 0))
        assert book.bid == 7
    assert apply(book, frame("fast", 2, now, 0))
    assert book.ok
    assert (book.bid, book.ask) == (100, 101)
    assert [level.px for level in book.bids()] == [100, 99]


def test_a_single_frame_of_long_ago_changes_nothing() -> None:
    book = Book()
    old, new = (levels((7, 1)), levels((8, 1))), (levels((100, 1)), levels((101, 1)))
    for moment in range(4):
        apply(book, frame("bbo", 1_000 + moment, new, 0))
        apply(book, frame("bbo", moment, old, 0))
    assert book.ok
    assert (book.bid, book.out_of_order) == (100, 4)


def test_the_same_frame_again_is_taken() -> None:
    book = Book()
    update = book_update(levels((100, 1)), levels((101, 1)))
    assert book.apply_book(update)
    assert book.apply_book(update)
    assert book.ok
    assert book.out_of_order == 0


@pytest.mark.parametrize("ask", [100.0, 99.0], ids=["locked", "crossed"])
def test_trust_returns_with_the_third_clean_frame_after_a_cross(ask: float) -> None:
    book = Book()
    book.apply_bbo(bbo_update((100, 1), (101, 1)))
    book.apply_bbo(bbo_update((100, 1), (ask, 1), time_ms=START_MS + 1))
    seen = [book.ok]
    for i in range(4):
        book.apply_bbo(bbo_update((100, 1), (101, 1), time_ms=START_MS + 2 + i))
        seen.append(book.ok)
    assert seen == [False, False, False, True, True]
    assert book.crossed == 1


def test_a_cross_among_the_clean_frames_starts_the_count_again() -> None:
    book = Book()
    trusted = []
    for i, ask in enumerate([99, 101, 101, 99, 101, 101, 101]):
        book.apply_bbo(bbo_update((100, 1), (ask, 1), time_ms=START_MS + i))
        trusted.append(book.ok)
    assert trusted == [False] * 6 + [True]


def test_an_invalidated_book_holds_nothing_until_the_next_frame() -> None:
    book = Book()
    book.apply_book(book_update(levels((100, 1), (99, 1)), levels((101, 1)), fast=False))
    book.apply_bbo(bbo_update((100, 1), (101, 1), time_ms=START_MS + 1))
    book.invalidate()
    assert not book.ok
    assert book.bids() == book.asks() == []
    book.apply_book(book_update(levels((97, 1)), levels((98, 1)), time_ms=START_MS + 9_000))
    assert book.ok
    assert [level.px for level in book.bids()] == [97]
    assert [level.px for level in book.asks()] == [98]


@pytest.mark.parametrize(
    ("dead", "left"),
    [(["fast"], [96, 90]), (["bbo"], [99, 98, 90]), (["slow"], [96]), (["fast", "slow"], [96])],
    ids=str,
)
def test_a_dead_kind_leaves_the_book_to_the_others(dead: list[str], left: list[int]) -> None:
    book = Book()
    apply(book, frame("slow", 0, (levels((90, 1)), levels((101, 1))), 0))
    apply(book, frame("fast", 1, (levels((99, 1), (98, 1)), levels((102, 1))), 0))
    apply(book, frame("bbo", 2, (levels((96, 1)), levels((97, 1))), 0))
    for kind in dead:
        book.forget(kind)
    assert book.ok
    assert [level.px for level in book.bids()] == left
    for kind in ("fast", "slow", "bbo"):
        book.forget(kind)
    assert not book.ok
    assert book.bids() == book.asks() == []


@pytest.mark.parametrize(("lost", "kind"), [("slow", "fast"), ("bbo", "fast"), ("bbo", "slow")])
def test_a_lost_frame_does_not_mask_a_new_one_of_its_venue_time(lost: str, kind: str) -> None:
    book = Book()
    truth = levels((100, 1), (99, 1)), levels((101, 1), (102, 1))
    apply(book, frame(lost, 1, truth, 0))
    book.invalidate()
    apply(book, frame(kind, 1, truth, 0))
    assert book.ok
    assert (len(book.bids()), len(book.asks())) == (2, 2)


def test_a_lost_connection_ends_the_wait_after_a_cross() -> None:
    book = Book()
    book.apply_bbo(bbo_update((100, 1), (99, 1)))
    book.invalidate()
    book.apply_bbo(bbo_update((100, 1), (101, 1), time_ms=START_MS + 1))
    assert book.ok


@pytest.mark.parametrize("kind", ["fast", "slow", "bbo"])
@pytest.mark.parametrize("sides", ["bid", "ask", "none"])
def test_a_book_that_lacks_a_side_is_not_to_be_trusted(kind: str, sides: str) -> None:
    book = Book()
    book.apply_bbo(bbo_update((100, 1), (101, 1)))
    truth = levels((100, 2)) if sides == "bid" else [], levels((101, 2)) if sides == "ask" else []
    apply(book, frame(kind, 1, truth, 0))
    assert not book.ok
    assert [level.sz for level in book.bids()] == ([2] if sides == "bid" else [])
    assert [level.sz for level in book.asks()] == ([2] if sides == "ask" else [])
    apply(book, frame(kind, 2, (levels((100, 1)), levels((101, 1))), 0))
    assert book.ok, "a missing side is no cross: the next whole book is trusted at once"


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_side_that_is_read_alone_is_as_new_as_the_last_frame(side: str) -> None:
    book = Book()
    for i in range(3):
        book.apply_bbo(bbo_update((100 - i, 1), (101 + i, 1), time_ms=START_MS + i))
        read = getattr(book, side)
        assert read()[0].px == (100 - i if side == "bids" else 101 + i)
        assert read() is read(), "merged once a frame"


def test_the_spread_is_told_in_basis_points_of_the_mid() -> None:
    book = Book()
    book.apply_bbo(bbo_update((99.95, 1), (100.05, 1)))
    assert book.spread_bps == pytest.approx(10.0)


def test_merging_leaves_the_frames_as_they_were() -> None:
    book = Book()
    bids, asks = levels((100, 1), (99, 1)), levels((101, 1), (102, 1))
    update = book_update(bids, asks, fast=False)
    book.apply_book(update)
    book.apply_book(book_update(levels((100, 3)), levels((101, 3)), time_ms=START_MS + 1))
    book.apply_bbo(bbo_update((99.5, 1), (101.5, 1), time_ms=START_MS + 2))
    book.bids()
    assert update.bids == levels((100, 1), (99, 1))
    assert update.asks == levels((101, 1), (102, 1))


def test_of_two_snapshots_of_one_time_the_best_level_is_that_of_the_merged_book() -> None:
    book = Book()
    for fast, bid, ask in ((False, 99.0, 101.0), (True, 98.0, 102.0)):
        bids, asks = levels((bid, 1.0)), levels((ask, 1.0))
        apply(book, book_update(bids, asks, time_ms=START_MS, fast=fast))
    assert (book.best_bid(), book.best_ask()) == (Level(99.0, 1.0, 1), Level(101.0, 1.0, 1))
    assert (book.best_bid(), book.best_ask()) == (book.bids()[0], book.asks()[0])

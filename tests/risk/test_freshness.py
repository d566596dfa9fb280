from __future__ import annotations

import pytest

from market.cadence import Cadence
from market.coin import LEARNED_FRAMES, Coin
from market.decision import Check
from market.events import NS_PER_MS, NS_PER_S
from risk.freshness import Freshness, Settings
from tests.support.shadow import T0, make_coin, make_proposal, make_view, put_book

MS = NS_PER_MS


def learned(stream: str, every_ms: float, *, frames: int = 10) -> tuple[Coin, int]:
    """Return a coin one of whose streams spoke at an even pace, and when it did last."""
    coin = make_coin()
    cadence: Cadence = getattr(coin.streams, stream)
    now_ns = T0
    for i in range(frames):
        now_ns = T0 + round(i * every_ms * MS)
        cadence.observe(now_ns)
    return coin, now_ns


def check(coin: Coin, now_ns: int, **settings: float) -> Check:
    f = Freshness(Settings(**settings), "enforce")
    return f.check(make_proposal(), make_view(coin, now_ns=now_ns))


# Each stream: its pace in ms, and the age it bears by the cap or by three intervals.
@pytest.mark.parametrize(
    ("stream", "every_ms", "limit_ms"),
    [
        ("fast", 400.0, 1_200.0),
        ("fast", 500.0, 1_500.0),
        ("fast", 900.0, 1_500.0),
        ("slow", 1_000.0, 3_000.0),
        ("slow", 5_000.0, 6_500.0),
        ("bbo", 700.0, 2_100.0),
        ("bbo", 9_000.0, 6_500.0),
        ("fast", 20.0, 1_000.0),
        ("bbo", 5.0, 1_000.0),
    ],
)
def test_age_is_judged_by_the_streams_own_pace_between_floor_and_cap(
    stream: str, every_ms: float, limit_ms: float
) -> None:
    coin, last_ns = learned(stream, every_ms)
    at_limit = check(coin, last_ns + round(limit_ms * MS))
    assert (at_limit.outcome, at_limit.value) == ("pass", limit_ms)
    assert at_limit.threshold == pytest.approx(limit_ms)
    beyond = check(coin, last_ns + round(limit_ms * MS) + MS)
    assert (beyond.outcome, beyond.value) == ("fail", limit_ms + 1)
    assert beyond.threshold == pytest.approx(limit_ms)


def test_how_many_intervals_are_borne_is_a_setting() -> None:
    coin, last_ns = learned("slow", 1_000.0)
    assert check(coin, last_ns + 5_000 * MS, cadences=5.0).outcome == "pass"
    assert check(coin, last_ns + 5_001 * MS, cadences=5.0).outcome == "fail"


def test_before_a_stream_is_learned_nothing_can_be_said() -> None:
    coin = make_coin()
    assert check(coin, T0).outcome == "no_data"
    for _ in range(LEARNED_FRAMES - 1):
        coin.streams.fast.observe(T0)
    found = check(coin, T0)
    assert (found.outcome, found.value, found.threshold) == ("no_data", None, None)
    coin.streams.fast.observe(T0)
    assert check(coin, T0).outcome == "pass"


def test_after_an_outage_a_stream_must_be_learned_anew() -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.streams.fast.interrupt()
    assert check(coin, last_ns).outcome == "no_data"


def test_the_freshest_kind_of_book_answers_for_the_book() -> None:
    coin, last_ns = learned("fast", 500.0)
    for i in range(10):
        coin.streams.slow.observe(last_ns + i * NS_PER_S)
    now_ns = last_ns + 9 * NS_PER_S
    found = check(coin, now_ns + 600 * MS)
    assert (found.outcome, found.value, found.threshold) == ("pass", 600.0, 3_000.0)
    assert check(coin, now_ns + 3_001 * MS).outcome == "fail"


# The venue changed the cadence of its books from 0.5 s to 5 s within two months.
@pytest.mark.parametrize(
    ("before_ms", "after_ms", "limit_ms"),
    [(540, 2_000, 2_600), (540, 5_000, 6_500), (5_000, 540, 1_500), (540, 60_000, 10_000)],
)
def test_a_new_cadence_is_learned_within_a_dozen_frames(
    before_ms: float, after_ms: float, limit_ms: float
) -> None:
    coin, now_ns = learned("fast", before_ms)
    for _ in range(12):
        now_ns += round(after_ms * MS)
        coin.streams.fast.observe(now_ns)
    # A tenth is lacking at most of what the usual gap has still to learn.
    assert check(coin, now_ns + round(0.9 * limit_ms * MS)).outcome == "pass"
    assert check(coin, now_ns + round(1.01 * limit_ms * MS)).outcome == "fail"


def test_one_long_silence_makes_no_cadence() -> None:
    coin, now_ns = learned("fast", 540.0, frames=100)
    coin.streams.fast.observe(now_ns := now_ns + 30 * NS_PER_S)
    assert check(coin, now_ns + 1_501 * MS).outcome == "fail"


def test_a_quote_that_comes_ten_times_a_second_keeps_a_slow_book_fresh() -> None:
    coin, now_ns = learned("fast", 5_000.0)
    for _ in range(30):
        coin.streams.bbo.observe(now_ns := now_ns + 100 * MS)
    found = check(coin, now_ns + 100 * MS)
    assert (found.outcome, found.value, found.threshold) == ("pass", 100.0, 1_000.0)


@pytest.mark.parametrize("off_s", [-30.0, -1.6, 1.6, 30.0])
def test_while_the_clocks_disagree_nothing_can_be_said(off_s: float) -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.venue_lag_ms = 5_000.0
    view = make_view(coin, now_ns=last_ns + 60 * NS_PER_S)
    view.clock.offset_ns = round(off_s * NS_PER_S)
    found = Freshness(Settings(), "enforce").check(make_proposal(), view)
    assert found.outcome == "no_data"
    way = "ahead of" if off_s > 0 else "behind"
    assert found.reason == f"our stamps are {abs(off_s):.1f} s {way} the venue's clock"
    view.clock.offset_ns = 0
    assert Freshness(Settings(), "enforce").check(make_proposal(), view).outcome == "fail"


def test_venue_lag_up_to_its_limit_passes() -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.venue_lag_ms = 2_000.0
    assert check(coin, last_ns).outcome == "pass"
    coin.venue_lag_ms = 2_000.5
    found = check(coin, last_ns)
    assert (found.outcome, found.value, found.threshold) == ("fail", 2_000.5, 2_000.0)
    assert check(coin, last_ns, lag_ms_max=3_000.0).outcome == "pass"


def test_a_lag_is_none_until_something_else_was_on_time() -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.venue_lag_ms, coin.late_ns = 90_000.0, last_ns
    view = make_view(coin, now_ns=last_ns)
    view.clock.known, view.clock.near_ns = True, last_ns - 1
    found = Freshness(Settings(), "enforce").check(make_proposal(), view)
    assert (found.outcome, found.reason[:14]) == ("no_data", "90000 ms late:")
    view.clock.near_ns = last_ns + 1
    assert Freshness(Settings(), "enforce").check(make_proposal(), view).outcome == "fail"


def test_a_clock_ahead_of_ours_is_no_lag() -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.venue_lag_ms = -400.0
    assert check(coin, last_ns).outcome == "pass"


def test_a_crossed_book_fails_until_clean_frames_have_come() -> None:
    coin, last_ns = learned("fast", 500.0)
    put_book(coin, 100.0, T0, bids=[(100.0, 1.0)], asks=[(100.0, 1.0)])
    assert check(coin, last_ns).outcome == "fail"
    outcomes = []
    for _ in range(4):
        put_book(coin, 100.0, T0)
        outcomes.append(check(coin, last_ns).outcome)
    assert outcomes == ["fail", "fail", "pass", "pass"]


@pytest.mark.parametrize("side", ["bids", "asks", "both"])
def test_a_one_sided_or_empty_book_fails(side: str) -> None:
    coin, last_ns = learned("fast", 500.0)
    bids = [] if side in ("bids", "both") else [(99.0, 1.0)]
    asks = [] if side in ("asks", "both") else [(101.0, 1.0)]
    put_book(coin, 100.0, T0, bids=bids, asks=asks)
    assert check(coin, last_ns).outcome == "fail"


def test_a_book_from_before_a_gap_fails() -> None:
    coin, last_ns = learned("fast", 500.0)
    coin.book.invalidate()
    assert check(coin, last_ns).outcome == "fail"

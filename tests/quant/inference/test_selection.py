from __future__ import annotations

import random
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant.inference.anytime import (
    Bounds,
    Guard,
    Sums,
    c2_anytime,
    c2_single,
    detection_limit,
    interval,
)
from quant.inference.selection import BotDay, Row, Selection, Totals, no_counterpart
from tests.support.worked_example import BEST, WORST, bots_of

SIX = {"abs": 6e-7, "rel": 0.0}
GUARD = Guard(up=BEST, down=WORST)
STRICT, EQUAL = 0.00625, 0.10

# The rows of the first twelve days, without the odds factor and with it.
PLAIN = (
    (0, -1.040000, -1.408355, -1.798857, -0.863880, -0.385950, -0.974931, 0.206444, -1.419752,
     -2.921299, -1.170457, -0.302903),
    (0, 1.300000, 1.822479, 2.158934, 1.616981, 1.447658, 3.377658, 1.587835, 1.605696, 2.821208,
     1.770472, 2.011823),
)  # fmt: skip
ODDS = (
    (0, -1.040000, -1.373156, -1.693853, -0.904478, -0.344801, -1.010144, 0.218625, -1.440557,
     -2.903358, -1.275554, -0.291936),
    (0, 1.300000, 1.852427, 2.245494, 1.613322, 1.447567, 3.447082, 1.611024, 1.614698, 2.808224,
     1.822563, 2.002476),
)  # fmt: skip


def run(days: int, *, odds: bool) -> tuple[Sums, list[tuple[float, float]]]:
    selection, sums, rows = Selection(), Sums(), []
    for day in range(days):
        row = selection.add(day, bots_of(day))
        rows.append((row.u, row.h) if odds else (row.slow_u, row.slow_h))
        sums.add(*rows[-1], adjacent=day > 0)
    return sums, rows


def anytime(sums: Sums, alpha: float) -> Bounds:
    return interval(sums, sums.inflation() * c2_anytime(sums.days, alpha), GUARD)


@pytest.mark.parametrize(("odds", "told"), [(False, PLAIN), (True, ODDS)])
def test_rows_of_the_worked_example(odds: bool, told: tuple[tuple[float, ...], ...]) -> None:
    _, rows = run(12, odds=odds)
    assert [u for u, _ in rows] == pytest.approx(told[0], **SIX)
    assert [h for _, h in rows] == pytest.approx(told[1], **SIX)


@pytest.mark.parametrize(
    ("days", "odds", "told", "once", "strict", "equal", "now"),
    [
        (60, False, (-0.560584, -63.746840, 113.715079, 141.914965, 53.673557, 1.098322),
         (-0.694899, -0.418797), (-0.862395, -0.129441), (-0.774568, -0.259011), 0.396653),
        (120, False, (-0.560507, -128.223353, 228.763214, 309.359265, 108.682570, 1),
         (-0.660392, -0.457590), (-0.764547, -0.312935), (-0.710502, -0.377945), 0.265365),
        (60, True, (-0.557558, -63.678615, 114.209892, 141.390706, 53.729445, 1.102549),
         (-0.691271, -0.416398), (-0.858154, -0.127863), (-0.770622, -0.257109), 0.395006),
        (120, True, (-0.558156, None, None, None, 108.757344, 1),
         (-0.657651, -0.455674), (-0.761430, -0.311629), (-0.707580, -0.376342), 0.264295),
    ],
)  # fmt: skip
def test_selection_of_the_worked_example(
    days: int,
    odds: bool,
    told: tuple[float | None, ...],
    once: tuple[float, float],
    strict: tuple[float, float],
    equal: tuple[float, float],
    now: float,
) -> None:
    sums, _ = run(days, odds=odds)
    found = (sums.estimate, sums.u, sums.h, sums.uu, sums.days, sums.inflation())
    for one, other in zip(found, told, strict=True):
        assert other is None or one == pytest.approx(other, **SIX)
    single = interval(sums, sums.inflation() * c2_single(sums.days))
    assert single == pytest.approx(once, **SIX)
    assert anytime(sums, STRICT) == pytest.approx(strict, **SIX)
    assert anytime(sums, EQUAL) == pytest.approx(equal, **SIX)
    assert detection_limit(sums, STRICT, GUARD) == pytest.approx(now, **SIX)


def test_twelve_days_of_the_worked_example_exclude_nothing() -> None:
    sums, _ = run(12, odds=False)
    found = (sums.estimate, sums.u, sums.h, sums.uu, sums.days, sums.inflation())
    told = (-0.561316, -12.079942, 21.520744, 20.200715, 10.061307, 3.476828)
    assert found == pytest.approx(told, **SIX)
    single = interval(sums, sums.inflation() * c2_single(sums.days))
    assert single == anytime(sums, STRICT) == anytime(sums, EQUAL) == (-inf, inf)
    assert detection_limit(sums, STRICT, GUARD) == inf
    assert c2_anytime(sums.days, STRICT) == pytest.approx(18.420669, **SIX)


@pytest.mark.parametrize(("days", "limit"), [(60, 0.200247), (120, 0.145313)])
def test_the_limit_of_thrice_the_days(days: int, limit: float) -> None:
    sums, _ = run(days, odds=False)
    assert detection_limit(sums, STRICT, GUARD, times=3.0) == pytest.approx(limit, **SIX)


# Where a bot's past is short.


def one(bot: str, judged: int, r: float, blocked: int, blocked_r: float, of: str = "d") -> BotDay:
    return BotDay(bot, of, judged, r, blocked, blocked_r)


def test_a_bot_is_measured_on_its_own_past_else_on_its_divisions_else_not() -> None:
    selection = Selection()
    assert not any(selection.add(0, [one("a", 9, 9.0, 3, 1.0), one("z", 50, 5.0, 5, 5.0, "far")]))
    # Nine of its own, nine of its division: not enough yet.
    assert not any(selection.add(1, [one("b", 1, 0.0, 1, 0.0)]))
    # Ten of the division, 4 blocked, mean 0.9: p 0.4.
    row = selection.add(2, [one("b", 2, 2.0, 1, 0.5)])
    assert row[2:] == pytest.approx(((0.5 - 0.9) - 0.4 * (2.0 - 1.8), 1 * (1 - 0.8) + 2 * 0.16))
    # A new bot of the other division has that one's past.
    row = selection.add(3, [one("y", 1, 1.0, 0, 0.0, "far")])
    assert row[2:] == pytest.approx((-0.1 * (1.0 - 0.1), 0.01))


def test_the_same_day_says_nothing_about_itself() -> None:
    """Totals are taken in when all bots of a day are done."""
    rows = [one("a", 20, 3.0, 5, 1.0), one("b", 20, -3.0, 5, -1.0)]
    assert not any(Selection().add(0, rows))
    there, back = Selection(), Selection()
    for day in range(4):
        assert there.add(day, rows) == pytest.approx(back.add(day, rows[::-1]))


def test_a_bot_that_is_always_blocked_has_no_weight() -> None:
    selection = Selection()
    selection.add(0, [one("a", 20, 3.0, 20, 3.0)])
    assert not any(selection.add(1, [one("a", 4, -9.0, 4, -9.0)]))
    assert no_counterpart(selection.bots.values()) == 1.0


def test_blocked_signals_without_counterpart_are_a_share() -> None:
    selection = Selection()
    selection.add(0, [one("a", 100, 0.0, 96, 0.0), one("b", 100, 0.0, 4, 0.0)])
    assert no_counterpart(selection.bots.values()) == 0.96
    selection.add(1, [one("a", 2, 0.0, 0, 0.0)])
    assert no_counterpart(selection.bots.values()) == 0.0
    assert no_counterpart([]) == no_counterpart([Totals()]) == 0.0


# The odds factor.


def test_the_odds_factor_moves_the_rates_to_those_of_late() -> None:
    """By hand: after one known day of 20 with 10 expected and 15 blocked, E ½, O (15 + 5)/30."""
    selection = Selection()
    selection.add(0, [one("a", 20, 0.0, 10, 0.0)])
    selection.add(1, [one("a", 20, 0.0, 15, 0.0)])
    fade = 0.5**0.1
    wa, we, wn = 20.0, 10.0, 15.0
    expected = we / wa
    seen = (wn + 10.0 * expected) / (wa + 10.0)
    factor = seen * (1 - expected) / (expected * (1 - seen))
    rate = 25 / 40
    p = rate * factor / (1 - rate + rate * factor)
    assert factor == pytest.approx(2.0)
    row = selection.add(2, [one("a", 4, 0.0, 1, 1.0)])
    assert row[:2] == pytest.approx((1.0, 1 - 2 * p + 4 * p * p))
    wa, we, wn = wa * fade + 4, we * fade + 4 * rate, wn * fade + 1
    # Three days without rows: everything fades, and the prior weighs the more.
    wa, we, wn = (x * fade**3 for x in (wa, we, wn))
    expected = we / wa
    seen = (wn + 10.0 * expected) / (wa + 10.0)
    factor = seen * (1 - expected) / (expected * (1 - seen))
    rate = 26 / 44
    p = rate * factor / (1 - rate + rate * factor)
    mean = 0.0
    row = selection.add(6, [one("a", 4, 2.0, 1, 1.0)])
    assert row[:2] == pytest.approx((1.0 - mean - p * 2.0, 1 - 2 * p + 4 * p * p))


def test_a_rate_of_none_or_all_stays_whatever_the_odds() -> None:
    selection = Selection()
    selection.add(0, [one("a", 20, 0.0, 0, 0.0), one("b", 20, 0.0, 20, 0.0)])
    selection.add(1, [one("a", 20, 0.0, 5, 0.0), one("b", 20, 0.0, 20, 0.0)])
    fresh = Selection()
    fresh.add(0, [one("a", 20, 2.0, 0, 0.0)])
    fresh.add(1, [one("a", 0, 0.0, 0, 0.0), one("c", 0, 0.0, 0, 0.0)])
    # Blocked for the first time ever: p is zero, the row is what it blocked less the mean.
    row = fresh.add(2, [one("a", 5, 1.0, 2, -3.0)])
    assert row == pytest.approx((-3.0 - 2 * 0.1, 2.0) * 2)
    last = selection.add(2, [one("b", 9, 1.0, 9, 1.0)])
    assert last == (0.0, 0.0, 0.0, 0.0)


# What cannot be.


@pytest.mark.parametrize(
    "row",
    [
        one("a", 3, nan, 1, 0.0), one("a", 3, 1.0, 1, nan), one("a", 3, inf, 1, 0.0),
        one("a", 3, 1.0, 4, 0.0), one("a", 3, 1.0, -1, 0.0), one("a", -1, 0.0, -1, 0.0),
    ],
)  # fmt: skip
def test_totals_that_cannot_be_are_refused(row: BotDay) -> None:
    selection = Selection()
    with pytest.raises(ValueError, match="cannot be"):
        selection.add(0, [row])
    selection.add(0, [one("a", 3, 1.0, 1, 0.0)])


def test_days_come_in_order_and_a_bot_once_a_day() -> None:
    selection = Selection()
    with pytest.raises(ValueError, match="twice"):
        selection.add(5, [one("a", 3, 1.0, 1, 0.0)] * 2)
    selection.add(5, [])
    for day in (5, 4):
        with pytest.raises(ValueError, match="come after"):
            selection.add(day, [])


# Properties.

days_of = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(0, 12),
            st.floats(-9.0, 9.0),
            st.floats(0.0, 1.0),
            st.floats(-9.0, 9.0),
        ),
        max_size=3,
        unique_by=lambda row: row[0],
    ),
    min_size=5,
    max_size=25,
)
Drawn = list[list[tuple[str, int, float, float, float]]]


def rows_of(drawn: Drawn, *, shift: float = 0.0, scale: float = 1.0) -> list[list[BotDay]]:
    days = []
    for drawn_day in drawn:
        day = []
        for bot, judged, r, share, blocked_r in drawn_day:
            blocked = int(judged * share)
            day.append(
                one(
                    bot,
                    judged,
                    (r * scale + shift * judged) if judged else 0.0,
                    blocked,
                    (blocked_r * scale + shift * blocked) if blocked else 0.0,
                )
            )
        days.append(day)
    return days


def all_rows(days: list[list[BotDay]]) -> list[Row]:
    selection = Selection()
    return [selection.add(i, day) for i, day in enumerate(days)]


@settings(max_examples=40)
@given(days_of, st.sampled_from([-1.0, 0.25, 3.0]), st.sampled_from([-2.0, 0.5]))
def test_units_and_what_all_signals_share_change_no_choice(
    drawn: Drawn, scale: float, shift: float
) -> None:
    """R in other units scales the rows; the same added to every signal changes nothing."""
    plain = all_rows(rows_of(drawn))
    for one_, other in zip(plain, all_rows(rows_of(drawn, scale=scale)), strict=True):
        assert other == pytest.approx(
            (one_.u * scale, one_.h, one_.slow_u * scale, one_.slow_h), rel=1e-9, abs=1e-9
        )
    for one_, other in zip(plain, all_rows(rows_of(drawn, shift=shift)), strict=True):
        assert other == pytest.approx(one_, rel=1e-6, abs=1e-6)


@settings(max_examples=40)
@given(days_of)
def test_the_weight_of_a_day_is_never_negative(drawn: Drawn) -> None:
    assert all(min(row.h, row.slow_h) >= -1e-12 for row in all_rows(rows_of(drawn)))


def test_a_coin_chooses_nothing_though_bots_and_rates_differ() -> None:
    """Simpson: the poorer bot is blocked more often, and the estimate stays near zero."""
    dice = random.Random(7)
    selection, sums = Selection(), Sums()
    for day in range(400):
        rows = []
        for bot, rate, mean in (("good", 0.1, 0.5), ("poor", 0.6, -0.5)):
            rs = [dice.gauss(mean, 1.0) for _ in range(6)]
            blocked = [dice.random() < rate for _ in rs]
            picked = [r for r, out in zip(rs, blocked, strict=True) if out]
            rows.append(one(bot, 6, sum(rs), len(picked), sum(picked)))
        row = selection.add(day, rows)
        sums.add(row.u, row.h, adjacent=day > 0)
    assert sums.estimate == pytest.approx(0.0, abs=0.08)
    low, high = interval(sums, sums.inflation() * c2_single(sums.days))
    assert low < 0.0 < high

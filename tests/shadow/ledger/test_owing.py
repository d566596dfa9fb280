from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.decision import BUY, SELL
from shadow.ledger.owing import OWED_MS, owe
from shadow.ledger.trade import Owed, Trade, TradeState
from tests.support.life import HOUR, Life, S, copy_of, what
from tests.support.shadow import T0, T0_MS, make_trade, minute

RATES = {22: 0.0001, 23: -0.00037, 24: 0.0000123, 25: 0.00055}


def lived(side: int, lots: int, close_s: float, told_s: float | None) -> tuple[Life, Trade]:
    """Return a trade that was open from 21:59:50 to a time, its rates told at once or later."""
    life = Life()
    stop, target = (90.0, 110.0) if side == BUY else (110.0, 90.0)
    plan = {"side": side, "lots": lots, "stop": stop, "target": target}
    trade = life.open(make_trade(decided_ns=T0 + 79_190 * S, **plan))  # type: ignore[arg-type]
    life.book(79_191)
    steps = sorted([*(h * 3600.0 for h in RATES), close_s, *([told_s] if told_s else [])])
    for at_s in steps:
        if trade.state == TradeState.OPEN:
            life.coin.book.recv_ns = life.ledger.marks["SOL"].last_ns = T0 + round((at_s - 8) * S)
            life.book(at_s - 5, 100.0 + at_s / 1e6)
        if at_s == told_s:
            life.rates({T0_MS + hour * HOUR: rate for hour, rate in RATES.items()})
        elif at_s == close_s:
            life.call(at_s, side)
            life.book(at_s + 1, 101.3)
        else:
            hour = round(at_s / 3600)
            if told_s is None:
                life.context(at_s - 4, RATES[hour], oracle=life.coin.book.mid)
            life.hour(hour)
            if hour == 24:
                life.day(1)
    return life, trade


@settings(max_examples=40)
@given(
    st.sampled_from([BUY, SELL]),
    st.integers(1, 5_000),
    st.integers(79_300, 91_000).filter(lambda s: s % 3600),
    st.integers(86_300, 95_000).filter(lambda s: s % 3600),
)
def test_what_is_settled_late_is_what_would_have_been_settled_at_once(
    side: int, lots: int, close_s: int, told_s: int
) -> None:
    """To the micro-dollar, on every day, whether the trade closed before or after."""
    told_s += told_s == close_s
    known, prompt = lived(side, lots, close_s, None)
    life, late = lived(side, lots, close_s, told_s)
    again = [c for c in life.changes if c.what == "owed" and c.at_ns > T0 + told_s * S]
    if again:
        assert late.owes, "hours that ended after the answer are still owed"
        life.rates({T0_MS + hour * HOUR: rate for hour, rate in RATES.items()})
    assert late.owes == [] and late.flags == prompt.flags == []
    assert (late.funding_e6, late.net_e6, late.r) == (prompt.funding_e6, prompt.net_e6, prompt.r)
    assert by_day(life, late) == by_day(known, prompt)
    assert late.attributed_e6 == late.net_e6
    assert what(life.changes).count("settled") == (told_s > close_s or bool(again))


def by_day(life: Life, trade: Trade) -> dict[int, int]:
    """Return a trade's parts by day, those of one day added up."""
    days: dict[int, int] = {}
    for day, amount in life.days(trade):
        days[day] = days.get(day, 0) + amount
    return days


def owing() -> tuple[Life, Trade]:
    """Return a closed trade that owes the hour that ended at 01:00."""
    life = Life()
    trade = life.opened(3590)
    life.hour(1)
    life.call(3601)
    life.book(3602)
    assert trade.state == TradeState.CLOSED
    return life, trade


def test_a_trade_that_owes_closes_and_is_held_until_its_hour_is_told() -> None:
    life, trade = owing()
    assert what(life.changes)[-1] == "closed" and life.ledger.trades == {}
    assert life.ledger.owing.find(trade.trade_id) is trade
    assert life.ledger.owing.hours() == {"SOL": (T0_MS + HOUR, T0_MS + HOUR)}
    assert life.rates({T0_MS + 2 * HOUR: 0.5}) == [], "that of another hour settles nothing"
    found = life.rates({T0_MS + HOUR: 0.0001})
    assert what(found) == ["paid", "day", "settled"]
    assert (trade.funding_e6, life.ledger.owing.hours()) == (100_000, {})
    assert life.ledger.owing.unsettled() == []


def test_it_is_taken_up_after_a_restart() -> None:
    _, trade = owing()
    fresh = Life()
    for take_up in (fresh.ledger.resume, lambda found: fresh.ledger.restore(found, T0)):
        take_up([copy_of(trade)])
        (found,) = fresh.ledger.owing.unsettled()
        assert (found, fresh.ledger.trades) == (trade, {})


def test_what_the_venue_never_tells_is_given_up_after_a_fortnight() -> None:
    life, trade = owing()
    hours = OWED_MS // HOUR
    assert life.hour(1 + hours) == []
    assert trade.flags == []
    assert what(life.hour(2 + hours)) == ["doubted", "settled"]
    assert (trade.flags, trade.owes) == (["no_funding"], [])


@pytest.mark.parametrize("timeframe", ["1m", "1h"])
def test_an_hour_of_a_gap_is_owed_at_the_close_of_the_bar_that_ended_with_it(
    timeframe: str,
) -> None:
    life = Life()
    trade = life.opened(0)
    step_ms = life.coin.bars.series[timeframe].step_ms
    at_ms = 2 * HOUR - step_ms
    bar = minute(at_ms, 90.0, 99.0, open_=91.0, close=98.5)
    life.coin.bars.series[timeframe].append(bar)
    hours = range(T0_MS + HOUR, T0_MS + 3 * HOUR, HOUR)
    assert what(owe(trade, hours, life.coin, T0 + 7_300 * S)) == ["owed"]
    assert trade.owes == [Owed(hours[0], 1_000, 100.0), Owed(hours[1], 1_000, 98.5)]

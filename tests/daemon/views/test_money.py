from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.views.money import equity_line, money
from tests.support.closed_trades import DAY_NS, HOUR_NS, MONDAY_NS, empty_db, put_trade


def test_each_slice_has_its_price_fees_and_funding_and_they_make_the_net() -> None:
    db = empty_db()
    put_trade(db, bot="a", coin="BTC", gross_e6=5_000_000, fees_e6=400_000, funding_e6=100_000)
    put_trade(db, bot="a", coin="ETH", gross_e6=-1_000_000, fees_e6=300_000, funding_e6=-50_000)
    put_trade(db, bot="b", coin="BTC", gross_e6=-2_000_000, fees_e6=200_000)
    a, b = money(db, by="bot")
    assert (a.name, a.trades, a.price_usd, a.fees_usd, a.funding_usd) == ("a", 2, 4.0, -0.7, -0.05)
    assert (a.net_usd, a.win_rate, a.mean_r, a.hold_s) == (3.25, 0.5, 0.1625, 3_599.0)
    assert (a.fees_share, a.drawdown_usd) == (0.175, 1.25)
    # Without a price profit there is nothing that fees are a share of.
    assert (b.name, b.net_usd, b.fees_share, b.drawdown_usd) == ("b", -2.2, None, 2.2)
    assert [m.name for m in money(db, by="coin")] == ["BTC", "ETH"]
    assert [m.trades for m in money(db)] == [3]


def test_a_trade_counts_on_the_time_it_closed_and_the_window_is_half_open() -> None:
    db = empty_db()
    for day in range(3):
        put_trade(db, closed_ns=MONDAY_NS + day * DAY_NS, gross_e6=1_000_000)
    names = [m.name for m in money(db, by="day")]
    assert names == ["2026-11-30", "2026-12-01", "2026-12-02"]
    until = money(db, since_ns=MONDAY_NS + DAY_NS, until_ns=MONDAY_NS + 2 * DAY_NS)
    assert [m.trades for m in until] == [1]
    assert money(db, since_ns=MONDAY_NS + 3 * DAY_NS) == []


def test_open_trades_twins_trials_and_what_waits_for_its_funding_are_in_nothing() -> None:
    db = empty_db()
    put_trade(db, status="open")
    put_trade(db, status="exiting")
    put_trade(db, kind="twin", gross_e6=9_000_000)
    put_trade(db, kind="phantom", cause="trial", gross_e6=9_000_000)
    put_trade(db, kind="phantom", cause="stage", gross_e6=9_000_000)
    assert money(db) == money(db, kind="phantom") == []
    put_trade(db, kind="phantom", cause="block", gross_e6=2_000_000, fees_e6=500_000)
    assert [(m.kind, m.net_usd) for m in money(db, kind="phantom")] == [("phantom", 1.5)]
    assert money(db) == []


PARTS = st.tuples(*[st.integers(-(10**12), 10**12)] * 3, st.sampled_from("abc"))


@settings(max_examples=30)
@given(st.lists(PARTS, max_size=12))
def test_slices_add_up_to_the_whole_to_the_micro_dollar(
    parts: list[tuple[int, int, int, str]],
) -> None:
    db = empty_db()
    for at, (gross, fees, funding, bot) in enumerate(parts):
        put_trade(db, bot=bot, gross_e6=gross, fees_e6=fees, funding_e6=funding,
                  closed_ns=MONDAY_NS + at * HOUR_NS)  # fmt: skip
    net_e6 = sum(gross - fees - funding for gross, fees, funding, _ in parts)
    for by in ("", "day", "bot", "division", "coin", "exit"):
        slices = money(db, by=by)  # type: ignore[arg-type]
        assert round(sum(m.net_usd for m in slices) * 1e6) == net_e6
        assert sum(m.trades for m in slices) == len(parts)
        for m in slices:
            made = m.price_usd + m.fees_usd + m.funding_usd
            assert round(made * 1e6) == round(m.net_usd * 1e6)
    running = peak = fall = 0
    for gross, fees, funding, _ in parts:
        running += gross - fees - funding
        peak = max(peak, running)
        fall = max(fall, peak - running)
    assert [m.drawdown_usd for m in money(db)] == ([fall / 1e6] if parts else [])


def test_the_equity_line_knows_every_minute_whatever_it_shows() -> None:
    db = empty_db()
    assert equity_line(db).equity_usd == [] and equity_line(db).fall_usd is None
    levels = [100, 104, 90, 110, 107, 108]
    for at, level in enumerate(levels):
        db.execute(
            "INSERT INTO equity VALUES (?, ?, 0, 0, 0, 0, 0, 0)",
            (MONDAY_NS + at * 60 * 10**9, level * 10**6),
        )
    line = equity_line(db, points=3)
    assert line.equity_usd == [104.0, 110.0, 108.0]
    assert (line.peak_usd, line.fall_usd, line.drawdown_usd) == (110.0, 2.0, 14.0)
    assert equity_line(db, points=300).equity_usd == [float(level) for level in levels]
    later = equity_line(db, since_ns=MONDAY_NS + 4 * 60 * 10**9)
    assert (later.equity_usd, later.peak_usd, later.drawdown_usd) == ([107.0, 108.0], 108.0, 0.0)
    assert equity_line(db, until_ns=MONDAY_NS + 60 * 10**9).equity_usd == [100.0]

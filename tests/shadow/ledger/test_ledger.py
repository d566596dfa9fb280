from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engine import snapshot
from market.coin import Coin
from market.decision import BUY, SELL, TradeKind
from market.events import (
    MS_PER_DAY,
    MS_PER_HOUR,
    MS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    BookUpdate,
    Candle,
    ContextUpdate,
)
from market.fills import Fill
from market.money import fee_e6, notional_e6
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import Change, Trade, TradeState
from tests.support.rows import cells, without
from tests.support.shadow import (
    ETH,
    LATENCY_NS,
    MODEL,
    SOL,
    T0,
    T0_MS,
    Puppet,
    Stage,
    flat,
    make_trade,
    minute,
    put_book,
    rows_of,
)

S = NS_PER_S
MS = NS_PER_MS
MINUTE = MS_PER_MINUTE
HOUR = MS_PER_HOUR
Pairs = Sequence[tuple[float, float]]


class Life:
    """A ledger of one coin, moved by hand; times in seconds after the first midnight."""

    def __init__(self) -> None:
        self.coin = Coin(SOL)
        self.ledger = Ledger({"SOL": self.coin}, MODEL)
        self.changes: list[Change] = []

    def open(self, *trades: Trade) -> Trade:
        for trade in trades:
            self.ledger.open(trade)
        return trades[0]

    def opened(self, at_s: float = 0.0, **plan: float) -> Trade:
        """Return a trade decided at a time and filled half a second later, at 100.01."""
        trade = self.open(make_trade(decided_ns=T0 + round(at_s * S), **plan))  # type: ignore[arg-type]
        self.book(at_s + 0.5)
        assert trade.state == TradeState.OPEN
        return trade

    def book(
        self,
        at_s: float,
        mid: float = 100.0,
        *,
        bids: Pairs | None = None,
        asks: Pairs | None = None,
    ) -> list[Change]:
        now_ns = T0 + round(at_s * S)
        put_book(self.coin, mid, now_ns, bids=bids, asks=asks)
        return self._keep(self.ledger.on_book(self.coin, now_ns)) if self.coin.book.ok else []

    def second(self, at_s: float) -> list[Change]:
        return self._keep(self.ledger.on_second(T0 + round(at_s * S)))

    def context(self, at_s: float, rate: float, oracle: float = 100.0) -> None:
        now_ns = T0 + round(at_s * S)
        self.coin.on_context(
            ContextUpdate("SOL", rate, 1.0, oracle, oracle, None, 1.0, 1.0, now_ns)
        )

    def hour(self, hours: int, at_s: float | None = None) -> list[Change]:
        at = hours * 3600.0 if at_s is None else at_s
        return self._keep(self.ledger.on_hour(T0_MS + hours * HOUR, T0 + round(at * S)))

    def day(self, days: int) -> list[Change]:
        return self._keep(self.ledger.on_day(T0_MS + days * MS_PER_DAY, T0 + days * 86_400 * S))

    def call(self, at_s: float, side: int = BUY, bot: str = "alpha") -> list[Change]:
        found = self.ledger.call_exit(bot, "SOL", side, "told to", T0 + round(at_s * S))
        return self._keep(found)

    def repair(self, at_s: float, rows: list[Candle]) -> list[Change]:
        return self._keep(self.ledger.repair(self.coin, rows, T0 + round(at_s * S)))

    def _keep(self, changes: Sequence[Change]) -> list[Change]:
        self.changes += changes
        return list(changes)

    def days(self, trade: Trade) -> list[tuple[int, int]]:
        """Return a trade's parts by day, days counted from the first one."""
        return [
            ((c.day_ms - T0_MS) // MS_PER_DAY, c.amount_e6)
            for c in self.changes
            if c.what == "day" and c.trade is trade
        ]


def what(changes: list[Change]) -> list[str]:
    return [change.what for change in changes]


# One whole life, to the micro-dollar.


def test_a_trade_computed_by_hand(tmp_path: Path) -> None:
    """Buy 10 SOL on 2025-09-01 at 22:58, be stopped out on 2025-09-02 at 00:05.

    Entry, 0.5 s after the decision, from three levels:
        3.00 at 100.02 =  300.060000
        4.50 at 100.05 =  450.225000
        2.50 at 100.10 =  250.250000   sum 1,000.535000, average 100.0535
        fee 4.5 bps of it = 0.45024075 -> 0.450241
    Risk: 10 x |100.00 - 98.00| = 20.000000, from the decision's mid and not the entry's price.
    Funding, longs pay a positive rate:
        23:00  10 x 100.40 x  0.0000125 =  0.0125500
        24:00  10 x 101.30 x -0.0000417 = -0.0422421 -> -0.042242   sum -0.029692
    At midnight the mid is 101.25: 1,012.50 - 1,000.535 - 0.450241 + 0.029692 = 11.544451.
    Exit, 0.6 s after the mid reached the stop, into two levels:
        6.00 at  97.80 =  586.800000
        4.00 at  97.75 =  391.000000   sum 977.800000, average 97.78
        fee 4.5 bps of it = 0.44001
    Gross 977.80 - 1,000.535 = -22.735; fees 0.890251; net -22.735 - 0.890251 + 0.029692
    = -23.595559; second day -23.595559 - 11.544451 = -35.140010.
    """
    stage = Stage(now_ns=T0 + (22 * 3600 + 58 * 60) * S)
    stage.book(100.0)
    signal_id = stage.signal(lots=1_000, stop=2.0, horizon_s=86_400)
    stage.wait(0.3)
    stage.book(bids=[(1.0, 1.0)], asks=[(99.0, 1e6)])
    stage.wait(0.2)
    stage.book(
        bids=[(99.98, 50.0)], asks=[(100.02, 3.0), (100.05, 4.5), (100.10, 50.0), (101.0, 9e9)]
    )
    stage.books(100, 102.0, every=20)
    stage.context(0.0000125, oracle=100.40)
    stage.books(3600, 101.25, every=20)
    stage.context(-0.0000417, oracle=101.30)
    stage.books(240, 101.25, every=20)
    stage.context(0.5, oracle=5.0)
    stage.books(80, 101.25, every=20)
    stage.wait(1)
    stage.book(97.90)
    stage.wait(0.3)
    stage.book(bids=[(97.30, 1e6)], asks=[(97.50, 1e6)])
    stage.wait(0.3)
    stage.book(bids=[(97.80, 6.0), (97.75, 20.0)], asks=[(97.84, 50.0)])
    assert not stage.engine.ledger.trades
    path = stage.finish(tmp_path / "gnomon.db")

    trades = rows_of(path, "SELECT * FROM trade ORDER BY trade_id")
    assert [t["kind"] for t in trades] == ["paper", "twin"]
    for trade in trades:
        assert trade["signal_id"] == signal_id
        assert (trade["bot"], trade["division"], trade["coin"]) == ("alpha", "trend", "SOL")
        assert (trade["cause"], trade["side"], trade["status"]) == ("admit", "buy", "closed")
        assert (trade["asked_lots"], trade["qty_lots"]) == (1_000, 1_000)
        assert trade["decision_mid"] == 100.0
        assert trade["entry_px"] == pytest.approx(100.0535, abs=1e-12)
        assert trade["exit_px"] == pytest.approx(97.78, abs=1e-12)
        assert trade["entry_notional_e6"] == 1_000_535_000
        assert trade["gross_e6"] == -22_735_000
        assert trade["fees_e6"] == 890_251
        assert trade["funding_e6"] == -29_692
        assert trade["net_e6"] == -23_595_559
        assert trade["risk_e6"] == 20_000_000
        assert trade["r"] == -23_595_559 / 20_000_000
        assert trade["bps"] == pytest.approx(-23.595559 / 1000.535 * 1e4)
        assert trade["mae_bps"] == pytest.approx((97.40 / 100.0535 - 1) * 1e4)
        assert trade["mfe_bps"] == pytest.approx((102.0 / 100.0535 - 1) * 1e4)
        assert (trade["exit_reason"], trade["flags"]) == ("stop", "")
        assert trade["opened_ns"] == T0 + round((22 * 3600 + 58 * 60 + 0.5) * S)
        assert trade["closed_ns"] == trade["opened_ns"] + round((100 + 3600 + 320 + 1.6) * S)
        days = rows_of(
            path, "SELECT day, mtm_e6 FROM trade_day WHERE trade_id = ?", trade["trade_id"]
        )
        assert days == [
            {"day": "2025-09-01", "mtm_e6": 11_544_451},
            {"day": "2025-09-02", "mtm_e6": -35_140_010},
        ]
        fills = rows_of(
            path,
            "SELECT action, side, lots, notional_e6, fee_e6, levels FROM fill WHERE trade_id = ?",
            trade["trade_id"],
        )
        assert [tuple(fill.values()) for fill in fills] == [
            ("entry", "buy", 1_000, 1_000_535_000, 450_241, 3),
            ("exit", "sell", 1_000, 977_800_000, 440_010, 2),
        ]
    assert stage.engine.desk.cash_e6 == 1_000_000 * 10**6 - 23_595_559


def test_a_short_sells_the_bids_and_is_paid_a_positive_rate() -> None:
    """Sell 10 at 99.99, buy back at 99.01: gross 9.80.

    Fees 999.90 x 4.5 bps = 0.449955 and 990.10 x 4.5 bps = 0.445545; an hour at 0.00001 on an
    oracle of 100 pays 0.01: net 9.80 - 0.8955 + 0.01 = 8.9145.
    """
    life = Life()
    trade = life.open(make_trade(side=SELL, stop=101.0, target=99.0, decided_ns=T0 + 3590 * S))
    life.book(3590.5)
    life.context(3595, 0.00001)
    life.book(3599)
    life.hour(1)
    life.book(3605, 99.0)
    life.book(3606, 99.0)
    assert (trade.gross_e6, trade.fees_e6, trade.funding_e6) == (9_800_000, 895_500, -10_000)
    assert (trade.net_e6, trade.exit_reason) == (8_914_500, "target")


# Entry.


def test_an_order_finds_the_first_book_at_or_after_its_latency() -> None:
    life = Life()
    trade = life.open(make_trade())
    assert life.book(0.0, 90.0) == []
    assert life.book(0.399_999, 95.0) == []
    assert trade.state == TradeState.PENDING
    changes = life.book(0.4, 100.0)
    assert what(changes) == ["filled"]
    assert (trade.opened_ns, trade.entry_px) == (T0 + LATENCY_NS, 100.01)


def test_a_book_at_the_last_moment_still_counts() -> None:
    life = Life()
    trade = life.open(make_trade(wait_s=2.0))
    assert what(life.book(2.4)) == ["filled"]
    assert trade.exit_reason == ""


@pytest.mark.parametrize("by", ["book", "second"])
def test_without_a_book_in_time_a_trade_is_unavailable_and_its_money_unknown(by: str) -> None:
    life = Life()
    trade = life.open(make_trade(wait_s=2.0))
    assert life.second(2.4) == []
    changes = life.book(2.400_001) if by == "book" else life.second(2.400_001)
    assert what(changes) == ["closed"]
    assert (trade.exit_reason, trade.state) == ("UNAVAILABLE", TradeState.CLOSED)
    assert (trade.filled_lots, trade.r, trade.bps) == (0, None, None)
    assert trade.trade_id not in life.ledger.trades
    assert life.book(3.0) == []


def test_a_book_without_a_single_lot_makes_a_trade_unavailable() -> None:
    life = Life()
    trade = life.open(make_trade())
    changes = life.book(1.0, bids=[(99.99, 1.0)], asks=[(100.01, 0.009)])
    assert what(changes) == ["closed"]
    assert trade.exit_reason == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("every_s", "frames", "wait_s"), [(5.0, 4, 10.0), (0.5, 30, 1.0), (5.0, 2, 10.8)]
)
def test_an_entry_waits_for_twice_the_learned_cadence(
    every_s: float, frames: int, wait_s: float
) -> None:
    """Before three frames nothing is learned, and the slow book's 5.4 s are assumed."""
    stage = Stage()
    for _ in range(frames):
        stage.wait(every_s)
        stage.book()
    trade = stage.trade(stage.signal(), TradeKind.PAPER)
    assert trade.due_ns == stage.now_ns + LATENCY_NS
    assert trade.expires_ns - trade.due_ns == pytest.approx(wait_s * S, abs=1)


def test_an_unavailable_pair_is_on_record_without_money(tmp_path: Path) -> None:
    stage = Stage()
    stage.book()
    stage.signal()
    stage.wait(30)
    stage.second()
    path = stage.finish(tmp_path / "gnomon.db")
    for trade in rows_of(path, "SELECT * FROM trade"):
        assert (trade["status"], trade["exit_reason"]) == ("closed", "UNAVAILABLE")
        money = ("gross_e6", "fees_e6", "funding_e6", "net_e6", "r", "bps", "mae_bps", "mfe_bps")
        assert {trade[name] for name in (*money, "entry_px", "exit_px", "risk_e6")} == {None}
        assert (trade["qty_lots"], trade["opened_ns"]) == (0, None)
    assert stage.engine.desk.cash_e6 == 1_000_000 * 10**6
    assert stage.engine.desk.gross_e6 == 0
    assert rows_of(path, "SELECT * FROM trade_day") == []


def test_what_the_visible_levels_cannot_give_stays_unfilled() -> None:
    life = Life()
    trade = life.open(make_trade(lots=1_000, stop=98.0))
    life.book(1.0, bids=[(99.0, 1.0)], asks=[(100.0, 2.5), (100.5, 1.5)])
    assert (trade.filled_lots, trade.flags) == (400, ["partial"])
    assert trade.entry_notional_e6 == 250_000_000 + 150_750_000
    # 4.00 x |100 - 98|
    assert trade.risk_e6 == 8_000_000
    life.book(2.0)
    assert trade.filled_lots == 400


def test_risk_is_from_the_decisions_mid_to_the_first_stop_and_frozen() -> None:
    life = Life()
    trade = life.opened(stop=97.0, trail=1.0, mid=100.0)
    assert trade.risk_e6 == 30_000_000
    life.book(1.0, 110.0)
    life.second(1.0)
    life.book(1.5, 109.0)
    life.book(2.0, 109.0)
    assert trade.exit_reason == "trail"
    assert trade.risk_e6 == 30_000_000
    assert trade.r == trade.net_e6 / 30_000_000


@pytest.mark.parametrize(("side", "mid"), [(BUY, 99.0), (BUY, 95.0), (SELL, 101.0), (SELL, 105.0)])
def test_a_trade_already_through_its_stop_at_the_fill_is_closed_at_once_and_counted(
    side: int, mid: float
) -> None:
    life = Life()
    trade = life.open(make_trade(side=side, stop=100.0 - side))
    assert what(life.book(0.5, mid)) == ["filled", "exiting"]
    assert (trade.flags, trade.exit_reason) == (["through_stop"], "stop")
    assert what(life.book(0.9, mid)) == ["sold", "day", "closed"]
    assert trade.net_e6 < 0
    assert trade.risk_e6 == 10_000_000


def test_a_clamped_remainder_takes_only_what_the_admitted_part_left() -> None:
    life = Life()
    rest = life.open(make_trade(lots=600, skip_lots=400))
    life.book(1.0, bids=[(99.9, 99.0)], asks=[(100.0, 3.0), (100.1, 4.0), (100.2, 9.0)])
    # The admitted 4.00 take 3 at 100.0 and 1 at 100.1; left are 3 at 100.1 and 3 at 100.2.
    assert rest.entry_notional_e6 == 300_300_000 + 300_600_000
    assert rest.filled_lots == 600


def test_a_remainder_that_finds_nothing_left_is_unavailable() -> None:
    life = Life()
    rest = life.open(make_trade(lots=600, skip_lots=400))
    life.book(1.0, bids=[(99.9, 99.0)], asks=[(100.0, 4.0)])
    assert rest.exit_reason == "UNAVAILABLE"


# Exits.


@pytest.mark.parametrize(
    ("side", "mid", "reason"),
    [
        (BUY, 99.0, "stop"),
        (BUY, 98.0, "stop"),
        (BUY, 102.0, "target"),
        (BUY, 103.0, "target"),
        (SELL, 101.0, "stop"),
        (SELL, 98.0, "target"),
    ],
)
def test_stop_and_target_trigger_on_the_merged_mid(side: int, mid: float, reason: str) -> None:
    life = Life()
    trade = life.opened(side=side, stop=100.0 - side, target=100.0 + 2 * side)
    assert life.book(1.0, 100.0 - 0.99 * side) == []
    assert life.book(2.0, 100.0 + 1.99 * side) == []
    assert what(life.book(3.0, mid)) == ["exiting"]
    assert trade.exit_reason == reason


def test_an_exit_walks_the_first_book_after_the_same_latency() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.0)
    assert life.book(3.399_999, 50.0) == []
    assert what(life.book(3.4, 97.0)) == ["sold", "day", "closed"]
    assert trade.exit_px == 96.99
    assert trade.closed_ns == T0 + round(3.4 * S)


def test_mids_on_the_way_out_count_as_extremes() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.0)
    life.book(3.2, 96.0)
    life.book(3.4, 97.0)
    assert (trade.lo, trade.hi) == (96.0, 100.0)


def test_a_mid_that_comes_back_does_not_recall_the_exit() -> None:
    life = Life()
    trade = life.opened()
    life.book(3.0, 98.9)
    life.book(4.0, 105.0)
    assert (trade.state, trade.exit_px) == (TradeState.CLOSED, pytest.approx(104.99))


def test_an_exit_goes_on_over_as_many_books_as_it_takes() -> None:
    life = Life()
    trade = life.opened(lots=1_000)
    entry_fee = trade.fees_e6
    life.book(3.0, 98.0)
    life.book(4.0, bids=[(98.0, 3.0)], asks=[(98.1, 1.0)])
    assert (trade.exit_lots, trade.state) == (300, TradeState.EXITING)
    assert life.book(4.5, bids=[(97.0, 0.001)], asks=[(98.1, 1.0)]) == []
    life.book(5.0, bids=[(97.0, 2.0)], asks=[(98.1, 1.0)])
    changes = life.book(6.0, bids=[(96.0, 9.0)], asks=[(98.1, 1.0)])
    assert what(changes) == ["sold", "day", "closed"]
    # 3 x 98 + 2 x 97 + 5 x 96
    assert trade.exit_notional_e6 == 968_000_000
    assert trade.exit_px == pytest.approx(96.8)
    fees = [fee_e6(n * 10**6, MODEL.taker_e8) for n in (294, 194, 480)]
    assert trade.fees_e6 == entry_fee + sum(fees)


def test_a_horizon_ends_a_trade_on_the_second_it_passes() -> None:
    life = Life()
    trade = life.opened(horizon_s=60.0)
    for at_s in (20, 40, 59):
        life.book(at_s)
    assert life.second(59.9) == []
    assert what(life.second(60.0)) == ["exiting"]
    life.book(61.0)
    assert (trade.exit_reason, trade.state) == ("horizon", TradeState.CLOSED)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_trailing_stop_ratchets_once_a_second_behind_the_best_mid(side: int) -> None:
    life = Life()
    trade = life.opened(side=side, stop=100.0 - 2 * side, trail=1.0)
    life.book(1.0, 100.0 + 3 * side)
    # Between two seconds a spike moves nothing yet.
    assert life.book(1.1, 100.0 + 1.5 * side) == []
    life.second(2.0)
    assert what(life.book(2.1, 100.0 + 2 * side)) == ["exiting"]
    assert trade.exit_reason == "trail"


def test_a_bots_call_ends_all_it_has_on_coin_and_side_whatever_the_kind() -> None:
    life = Life()
    kinds = [make_trade(8 + k, kind=k) for k in range(4)]
    other_side = make_trade(16, side=SELL, stop=101.0)
    other_bot = make_trade(20, bot="beta")
    life.open(*kinds, other_side, other_bot)
    life.book(0.5)
    changes = life.call(5.0)
    assert [c.trade.trade_id for c in changes] == [8, 9, 10, 11]
    assert set(what(changes)) == {"exiting"}
    life.book(5.4)
    assert {t.exit_reason for t in kinds} == {"bot"}
    assert set(life.ledger.trades) == {16, 20}


def test_a_call_reaches_an_order_on_its_way_and_ends_it_once_filled() -> None:
    life = Life()
    trade = life.open(make_trade())
    assert life.call(0.2) == []
    assert what(life.book(0.5)) == ["filled", "exiting"]
    assert trade.exit_reason == "bot"
    life.book(1.0)
    assert trade.state == TradeState.CLOSED


def test_a_call_on_a_trade_already_leaving_changes_nothing() -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    assert life.call(1.1) == []
    assert (trade.exit_reason, trade.exit_due_ns) == ("stop", T0 + round(1.4 * S))


# Funding and days.


def test_an_hour_is_charged_to_what_was_open_across_it() -> None:
    life = Life()
    life.context(3590, 0.0001, oracle=100.0)
    early = life.open(make_trade(8, decided_ns=T0 + 3595 * S))
    life.book(3599)
    leaving = life.open(make_trade(12, decided_ns=T0 + 3598 * S, bot="beta"))
    life.book(3599.9)
    life.call(3599.95, bot="beta")
    late = life.open(make_trade(16, decided_ns=T0 + round(3599.9 * S)))
    life.hour(1)
    life.book(3600.5)
    # 10 x 100 x 0.0001
    assert (early.funding_e6, leaving.funding_e6, late.funding_e6) == (100_000, 100_000, 0)
    assert early.flags == []


@pytest.mark.parametrize("seen_s", [None, 2999.0, 3600.0])
def test_an_hour_without_known_terms_is_flagged_and_never_guessed(seen_s: float | None) -> None:
    """Terms are known from a context in the last ten minutes before the hour's end."""
    life = Life()
    trade = life.opened(3590)
    life.context(10, 0.0001)
    if seen_s is not None:
        life.context(seen_s, 0.0001)
    life.hour(1)
    assert (trade.funding_e6, trade.flags, trade.excluded) == (0, ["no_funding"], True)


def test_the_terms_of_an_hour_are_the_last_before_it() -> None:
    life = Life()
    trade = life.opened(3590)
    life.context(3595, 0.0001)
    life.context(3601, 0.9)
    life.hour(1, 3602)
    assert trade.funding_e6 == 100_000


def test_funding_is_on_what_is_still_held() -> None:
    life = Life()
    trade = life.opened(3590, lots=1_000)
    life.context(3591, 0.0001)
    life.book(3592, 98.0)
    life.book(3593, bids=[(98.0, 7.5)], asks=[(98.1, 1.0)])
    life.hour(1)
    assert trade.funding_e6 == 25_000


def test_days_get_what_the_mark_made_of_them_and_add_up_to_net() -> None:
    life = Life()
    trade = life.opened(86_390)
    life.book(86_395, 100.5)
    assert what(life.day(1)) == ["day"]
    life.book(86_405, 101.0)
    life.book(86_410, 99.0)
    life.book(86_411, 99.0)
    # Ten bought at 100.01 for a fee of 0.450045; 0.49 a piece in hand at midnight.
    assert life.days(trade) == [(0, 4_900_000 - 450_045), (1, trade.net_e6 - 4_449_955)]


def test_a_trade_that_is_not_filled_yet_has_no_day() -> None:
    life = Life()
    life.open(make_trade(decided_ns=T0 + 86_399 * S))
    assert life.day(1) == []
    assert life.hour(24) == []


# Gaps.


def test_thirty_seconds_without_a_book_are_borne() -> None:
    life = Life()
    trade = life.opened()
    life.second(30.5)
    assert trade.gap_ns == 0
    assert life.book(30.5, 99.5) == []
    assert (trade.gap_ns, trade.flags) == (0, [])


@pytest.mark.parametrize("by", ["book", "second"])
def test_more_than_thirty_suspend_a_trade_until_it_is_repaired(by: str) -> None:
    life = Life()
    trade = life.opened()
    if by == "book":
        assert life.book(30.6, 50.0) == []
    else:
        assert life.second(30.6) == []
    assert trade.gap_ns == T0 + round(0.5 * S)
    assert life.ledger.gaps() == {"SOL": trade.gap_ns}
    assert life.book(31.0, 50.0) == []
    assert trade.state == TradeState.OPEN


@pytest.mark.parametrize(("pause_s", "flags"), [(10.0, []), (10.1, ["gap"])])
def test_an_exit_seen_late_says_so(pause_s: float, flags: list[str]) -> None:
    life = Life()
    trade = life.opened()
    life.book(0.5 + pause_s, 98.0)
    assert (trade.exit_reason, trade.flags) == ("stop", flags)


@pytest.mark.parametrize(("pause_s", "flags"), [(30.0, []), (30.1, ["gap"])])
def test_an_exit_that_waited_long_for_its_book_says_so(pause_s: float, flags: list[str]) -> None:
    life = Life()
    trade = life.opened()
    life.book(1.0, 98.0)
    life.book(1.4 + pause_s, 97.0)
    assert (trade.state, trade.flags) == (TradeState.CLOSED, flags)


def suspended(at_s: float = 0.0, *, gone_s: float = 600.0, **plan: float) -> tuple[Life, Trade]:
    """Return a trade whose coin fell silent right after the entry, and has a book again."""
    life = Life()
    trade = life.opened(at_s, **plan)
    life.second(at_s + 40)
    life.book(at_s + gone_s)
    assert life.ledger.gaps()
    return life, trade


def test_a_harmless_gap_is_walked_and_marking_goes_on() -> None:
    life, trade = suspended()
    assert life.repair(600, flat(0, 600_000)) == []
    assert (trade.gap_ns, trade.flags, trade.state) == (0, ["repaired"], TradeState.OPEN)
    assert what(life.book(601, 98.0)) == ["exiting"]


def test_the_walk_sees_the_extremes_of_the_gap() -> None:
    life, trade = suspended(stop=95.0)
    rows = flat(0, 600_000)
    rows[3] = minute(180_000, 96.0, 104.0, open_=100.0, close=100.0)
    life.repair(600, rows)
    life.ledger.marks["SOL"].write_back()
    assert (trade.lo, trade.hi) == (96.0, 104.0)


def test_the_stop_is_assumed_before_the_target() -> None:
    life, trade = suspended(stop=99.0, target=102.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 98.0, 103.0, open_=100.0, close=101.0)
    assert what(life.repair(600, rows)) == ["sold", "day", "closed"]
    assert (trade.exit_px, trade.exit_reason) == (99.0, "stop")
    assert trade.closed_ns == T0 + 300 * S - 1
    assert (trade.lo, trade.hi) == (98.0, 103.0)
    assert trade.gross_e6 == 990_000_000 - 1_000_100_000
    assert trade.fees_e6 == fee_e6(1_000_100_000, MODEL.taker_e8) + 445_500
    assert trade.flags == ["repaired"]
    assert life.ledger.trades == {}
    assert life.ledger.gaps() == {}


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    life, trade = suspended(stop=99.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 96.0, 98.0, open_=97.5, close=97.0)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (97.5, "stop")


def test_a_target_alone_is_believed() -> None:
    life, trade = suspended(target=102.0)
    rows = flat(0, 600_000)
    rows[4] = minute(240_000, 100.0, 105.0, open_=100.0, close=104.0)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (102.0, "target")


def test_a_horizon_within_the_gap_ends_at_that_minutes_close() -> None:
    life, trade = suspended(horizon_s=200.0)
    rows = flat(0, 600_000)
    rows[3] = minute(180_000, 100.0, 101.0, open_=100.0, close=100.7)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (100.7, "horizon")


def test_a_trailing_stop_follows_from_minute_to_minute() -> None:
    life, trade = suspended(stop=98.0, trail=1.0)
    rows = flat(0, 600_000)
    rows[2] = minute(120_000, 100.0, 104.0, open_=100.0, close=104.0)
    # A dip below the ratcheted stop of 103, above the first one.
    rows[3] = minute(180_000, 102.0, 104.0, open_=104.0, close=103.5)
    life.repair(600, rows)
    assert (trade.exit_px, trade.exit_reason) == (103.0, "stop")


def test_minutes_before_the_gap_are_not_walked() -> None:
    life = Life()
    trade = life.opened(120)
    life.second(200)
    life.book(600)
    rows = flat(0, 600_000)
    rows[0] = minute(0, 1.0, 1e6, open_=100.0, close=100.0)
    life.repair(600, rows)
    assert (trade.state, trade.flags) == (TradeState.OPEN, ["repaired"])


def test_candles_that_begin_after_the_gap_did_prove_nothing() -> None:
    life, trade = suspended(125)
    assert life.repair(725, flat(180_000, 725_000)) == []
    assert trade.gap_ns > 0
    assert life.repair(725, flat(120_000, 725_000)) == []
    assert trade.gap_ns == 0


def test_no_candles_prove_nothing() -> None:
    life, trade = suspended()
    assert life.repair(600, []) == []
    assert trade.gap_ns > 0


def test_while_the_book_is_away_the_walk_goes_on_from_where_it_was() -> None:
    life, trade = suspended()
    life.coin.book.invalidate()
    life.repair(600, flat(0, 600_000))
    assert trade.gap_ns == T0 + 600 * S
    life.book(700)
    rows = flat(600_000, 700_000)
    rows[0] = minute(600_000, 98.0, 100.0, open_=100.0, close=98.5)
    life.repair(700, rows)
    assert trade.exit_reason == "stop"


def test_only_the_minutes_asked_for_are_walked() -> None:
    life, trade = suspended(gone_s=100.0)
    rows = flat(0, 600_000)
    rows[5] = minute(300_000, 1.0, 1.0, open_=1.0, close=1.0)
    life.repair(100, rows)
    assert trade.state == TradeState.OPEN


def test_hours_in_a_gap_are_charged_from_settled_rates_on_the_price_of_their_minute() -> None:
    life, trade = suspended(3000, gone_s=8000.0)
    assert life.hour(1) == []
    assert life.hour(2) == []
    assert life.hour(3) == []
    rates = {1: 0.0001, 2: 0.0003, 3: -0.0002}
    life.ledger.on_rates("SOL", [(T0_MS + h * HOUR, rate) for h, rate in rates.items()])
    rows = flat(3_000_000, 11_000_000)
    at = 7_140_000 - 3_000_000
    rows[at // MINUTE] = minute(7_140_000, 100.0, 110.0, open_=100.0, close=110.0)
    changes = life.repair(11_000, rows)
    assert [c.amount_e6 for c in changes if c.what == "funded"] == [100_000, 330_000, -200_000]
    assert (trade.funding_e6, trade.flags) == (230_000, ["repaired"])


def test_an_hour_after_the_exit_in_the_gap_is_not_charged() -> None:
    life, trade = suspended(3000, gone_s=8000.0)
    life.ledger.on_rates("SOL", [(T0_MS + h * HOUR, 0.0001) for h in (1, 2, 3)])
    rows = flat(3_000_000, 11_000_000)
    rows[60] = minute(6_600_000, 98.0, 100.0, open_=100.0, close=98.0)
    life.repair(11_000, rows)
    assert (trade.exit_reason, trade.funding_e6) == ("stop", 100_000)


def test_an_hour_charged_before_the_silence_was_noticed_is_not_charged_again() -> None:
    """The last book came 15 s before the hour, so the trade was not suspended yet when it ended."""
    life = Life()
    trade = life.opened(3580)
    life.context(3582, 0.0001)
    life.book(3585)
    life.hour(1)
    assert trade.funding_e6 == 100_000
    life.second(3616)
    assert trade.gap_ns == T0 + 3585 * S
    life.book(3700)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3700, flat(3_540_000, 3_700_000))
    assert (trade.funding_e6, trade.gap_ns, trade.flags) == (100_000, 0, ["repaired"])


def test_an_hour_charged_before_the_silence_was_noticed_is_not_missing_either() -> None:
    life = Life()
    trade = life.opened(3580)
    life.context(3582, 0.0001)
    life.book(3585)
    life.hour(1)
    life.second(3616)
    silent(life, 3700, 3762)
    assert (trade.funding_e6, trade.flags) == (100_000, ["gap"])


def test_an_hour_that_ended_after_the_candles_were_asked_for_is_not_lost() -> None:
    """Asked ten seconds before the hour, answered after it."""
    life, trade = suspended(3000, gone_s=590.0)
    life.hour(1)
    life.book(3601)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3590, flat(3_000_000, 3_590_000))
    # It is still theirs to charge, so the trade waits for the next answer.
    assert trade.gap_ns == T0 + 3590 * S
    life.book(3611)
    life.repair(3610, flat(3_540_000, 3_610_000))
    assert (trade.funding_e6, trade.gap_ns) == (100_000, 0)


def test_candles_wait_for_the_rates_of_their_hours() -> None:
    """Both are asked for at once; whichever comes first, the hour is charged and not missing."""
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    rows = flat(3_000_000, 3_700_000)
    assert life.repair(3700, rows) == []
    assert (trade.gap_ns > 0, trade.flags) == (True, [])
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0001)])
    life.repair(3705, flat(3_000_000, 3_705_000))
    assert (trade.funding_e6, trade.gap_ns, trade.flags) == (100_000, 0, ["repaired"])


def test_candles_do_not_wait_for_rates_for_ever() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    life.second(3700)
    assert life.repair(3700, flat(3_000_000, 3_700_000)) == []
    life.book(3720)
    assert life.repair(3729, flat(3_000_000, 3_729_000)) == []
    assert what(life.repair(3730, flat(3_000_000, 3_730_000))) == ["funded"]
    assert (trade.gap_ns, trade.flags) == (0, ["repaired", "no_funding"])


def test_midnight_in_a_gap_splits_the_days() -> None:
    """Bought at 100.01 for a fee of 0.450045; at midnight the minute closes at 100.50."""
    life, trade = suspended(86_100, gone_s=600.0)
    assert life.hour(24) == []
    assert life.day(1) == []
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0001)])
    rows = flat(86_100_000, 86_700_000)
    rows[4] = minute(86_340_000, 100.0, 100.5, open_=100.0, close=100.5)
    life.repair(86_700, rows)
    # 10 x 100.50 x 0.0001 of funding belongs to the day that ended.
    assert life.days(trade) == [(0, 4_900_000 - 450_045 - 100_500)]
    life.book(86_701, 98.0)
    life.book(86_702, 98.0)
    assert sum(amount for _, amount in life.days(trade)) == trade.net_e6
    assert [day for day, _ in life.days(trade)] == [0, 1]


@pytest.mark.parametrize("end_ms", [86_400_000, 86_460_000])
def test_a_walk_that_ends_with_the_day_splits_it_too(end_ms: int) -> None:
    """No trade may have printed since midnight, so that the newest candle is the day's last."""
    life, trade = suspended(86_100, gone_s=301.0)
    life.hour(24)
    life.day(1)
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0)])
    life.repair(86_401, flat(86_100_000, end_ms))
    assert trade.gap_ns == 0
    assert life.days(trade) == [(0, -100_000 - 450_045)]


def test_an_exit_in_the_last_minute_of_a_day_is_that_days() -> None:
    life, trade = suspended(86_100, gone_s=600.0)
    life.hour(24)
    life.day(1)
    life.ledger.on_rates("SOL", [(T0_MS + MS_PER_DAY, 0.0)])
    rows = flat(86_100_000, 86_700_000)
    rows[4] = minute(86_340_000, 98.0, 100.0, open_=100.0, close=98.0)
    life.repair(86_700, rows)
    assert life.days(trade) == [(0, trade.net_e6)]
    assert trade.funding_e6 == 0


def silent(life: Life, from_s: float, until_s: float) -> None:
    """Let books come and seconds pass, but no candles."""
    for at_s in range(round(from_s), round(until_s)):
        life.book(at_s)
        life.second(at_s)


def test_without_candles_patience_runs_out_a_minute_after_the_book_is_back() -> None:
    life, trade = suspended()
    silent(life, 600, 661)
    assert (trade.gap_ns > 0, trade.flags) == (True, [])
    silent(life, 661, 662)
    assert (trade.gap_ns, trade.flags) == (0, ["gap"])
    assert what(life.book(662, 98.0)) == ["exiting"]


def test_a_long_outage_does_not_use_patience_up() -> None:
    """However long the stream was down, candles have a minute to come once it is back."""
    life = Life()
    trade = life.opened()
    life.coin.book.invalidate()
    for at_s in range(1, 900):
        life.second(at_s)
    life.book(900)
    assert life.second(900) == []
    rows = flat(0, 900_000)
    rows[5] = minute(300_000, 98.0, 100.0, open_=100.0, close=100.0)
    life.repair(901, rows)
    assert (trade.exit_reason, trade.flags) == ("stop", ["repaired"])


def test_while_there_is_no_book_to_go_on_with_a_trade_stays_suspended() -> None:
    """Not even candles put it back: its next mid could be an hour away."""
    life = Life()
    trade = life.opened()
    life.second(40)
    life.second(4_000)
    life.ledger.on_rates("SOL", [(T0_MS + HOUR, 0.0)])
    life.repair(4_000, flat(0, 4_000_000))
    assert trade.gap_ns == T0 + 4_000 * S
    life.book(4_010)
    life.repair(4_011, flat(3_960_000, 4_011_000))
    assert (trade.gap_ns, trade.flags) == (0, ["repaired"])


def test_a_gap_is_walked_once_although_the_stream_stays_silent() -> None:
    """A stop that trailed up along the gap must not meet the low prices it began with."""
    life = Life()
    trade = life.opened(stop=98.0, trail=1.0)
    life.second(40)
    rows = [minute(0, 100.0, 100.0, open_=100.0, close=100.0)]
    rows += [
        minute(i * MINUTE, 100.0 + i - 0.5, 100.0 + i, open_=100.0 + i - 0.5, close=100.0 + i)
        for i in range(1, 5)
    ]
    life.repair(300, rows)
    life.second(301)
    life.repair(320, [*rows, *flat(300_000, 320_000, 104.0)])
    assert (trade.state, trade.stop_px) == (TradeState.OPEN, 103.0)
    life.book(321, 104.0)
    life.repair(322, [*rows, *flat(300_000, 322_000, 104.0)])
    assert (trade.state, trade.gap_ns) == (TradeState.OPEN, 0)


def test_hours_of_a_gap_nobody_repaired_lack_their_funding() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    silent(life, 3700, 3762)
    assert what(life.changes)[-1] == "funded"
    assert trade.flags == ["no_funding", "gap"]


def test_a_call_on_a_suspended_trade_ends_it_with_the_gap_on_record() -> None:
    life, trade = suspended()
    changes = life.call(601)
    assert what(changes) == ["exiting"]
    assert (trade.gap_ns, trade.flags) == (0, ["gap"])
    assert life.ledger.gaps() == {}
    life.book(602)
    assert (trade.exit_reason, trade.state) == ("bot", TradeState.CLOSED)


def test_a_call_on_a_suspended_trade_does_not_hide_an_unpaid_hour() -> None:
    life, trade = suspended(3000, gone_s=700.0)
    life.hour(1)
    assert what(life.call(3701)) == ["funded", "exiting"]
    assert trade.flags == ["no_funding", "gap"]


def test_hours_while_an_exit_waits_for_its_book_are_charged() -> None:
    life = Life()
    trade = life.opened(3590)
    life.context(3591, 0.0001)
    life.book(3599.9, 98.0)
    life.hour(1)
    life.book(3601)
    assert trade.funding_e6 == 100_000


def test_suspension_is_by_coin() -> None:
    coins = {"SOL": Coin(SOL), "ETH": Coin(ETH)}
    ledger = Ledger(coins, MODEL)
    ledger.open(make_trade(8))
    ledger.open(make_trade(12, coin="ETH"))
    for at_s in (0.5, 20.0, 40.0):
        for coin in coins.values():
            if coin.name == "ETH" or at_s < 1:
                put_book(coin, 100.0, T0 + round(at_s * S))
                ledger.on_book(coin, T0 + round(at_s * S))
    ledger.on_second(T0 + 41 * S)
    assert list(ledger.gaps()) == ["SOL"]


# Restarts.


def copy_of(trade: Trade) -> Trade:
    return msgspec.json.decode(msgspec.json.encode(trade), type=Trade)


def test_after_a_crash_open_trades_wait_for_repair_and_orders_go_on() -> None:
    before = Life()
    still = before.opened(0)
    leaving = before.open(make_trade(12, decided_ns=T0 + 1 * S, stop=99.9))
    before.book(2)
    before.book(3, 99.5)
    pending = before.open(make_trade(16, decided_ns=T0 + 3 * S, wait_s=10))
    assert (leaving.state, pending.state) == (TradeState.EXITING, TradeState.PENDING)
    before.ledger.marks["SOL"].write_back()

    after = Life()
    trades = [copy_of(t) for t in (still, leaving, pending)]
    after.ledger.restore(trades, T0 + 3 * S)
    assert after.ledger.gaps() == {"SOL": T0 + 3 * S}
    after.book(5)
    assert [t.state for t in trades] == [TradeState.OPEN, TradeState.CLOSED, TradeState.OPEN]
    rows = [minute(0, 98.0, 100.0, open_=100.0, close=98.5)]
    after.repair(5, rows)
    assert (trades[0].exit_reason, trades[0].flags) == ("stop", ["repaired"])


def test_after_a_long_stop_an_order_that_was_on_its_way_is_unavailable() -> None:
    after = Life()
    pending = make_trade(wait_s=10)
    after.ledger.restore([pending], T0)
    after.book(3600)
    assert pending.exit_reason == "UNAVAILABLE"


def test_a_trade_that_was_suspended_before_the_crash_keeps_its_older_gap() -> None:
    trade = make_trade()
    trade.state, trade.gap_ns = TradeState.OPEN, T0 + 5
    life = Life()
    life.ledger.restore([trade], T0 + 999)
    assert life.ledger.gaps() == {"SOL": T0 + 5}


def test_a_written_state_goes_on_exactly() -> None:
    """From a state with every kind of trade the same books lead to the same changes."""
    one = Life()
    one.open(make_trade(8, trail=1.0), make_trade(12, side=SELL, stop=101.5, target=98.0))
    one.book(0.5)
    one.open(make_trade(16, decided_ns=T0 + 1 * S, stop=99.9))
    one.book(1.5, 101.2)
    one.second(2)
    one.book(2.5, 99.85)
    one.open(make_trade(20, decided_ns=T0 + round(2.5 * S), trail=0.5))
    states = {t.trade_id: TradeState(t.state).name for t in one.ledger.trades.values()}
    assert states == {8: "EXITING", 12: "OPEN", 16: "EXITING", 20: "PENDING"}

    other = Life()
    one.ledger.marks["SOL"].write_back()
    other.coin = msgspec.json.decode(msgspec.json.encode(one.coin), type=Coin)
    other.ledger = Ledger({"SOL": other.coin}, MODEL)
    other.ledger.resume([copy_of(t) for t in reversed(one.ledger.trades.values())])
    other.ledger.marks["SOL"].last_ns = one.ledger.marks["SOL"].last_ns

    def go_on(life: Life) -> list[object]:
        life.changes.clear()
        for i, mid in enumerate((100.3, 101.0, 100.4, 99.2, 98.8, 98.0)):
            life.book(4 + i, mid)
            life.second(4.5 + i)
        life.second(60)
        life.book(61)
        life.repair(61, flat(0, 61_000))
        return [(c.what, c.at_ns, c.amount_e6, c.fill, copy_of(c.trade)) for c in life.changes]

    assert go_on(one) == go_on(other)
    assert one.changes


def test_open_phantoms_survive_being_killed(tmp_path: Path) -> None:
    stage = Stage()
    stage.open_store(tmp_path / "gnomon.db")
    stage.script(limit="fail")
    stage.book()
    signal_id = stage.signal(stop=1.0, horizon_s=7200)
    stage.books(2)
    stage.commit()
    stage.books(5, 150.0)  # never committed
    again = stage.restart(600)
    phantom = again.trade(signal_id, TradeKind.PHANTOM)
    assert (phantom.state, phantom.filled_lots) == (TradeState.OPEN, 1_000)
    again.up()
    again.book()
    again.second()
    asked = [r for o in again.outcomes for r in o.requests if r.what == "candles"]
    assert any(r.from_ms <= phantom.gap_ns // MS for r in asked)
    rows = flat(0, 660_000)
    rows[5] = minute(300_000, 98.0, 103.0, open_=100.0, close=100.0)
    again.candles(rows)
    again.commit()
    assert again.store is not None
    again.store.close()
    (row,) = rows_of(tmp_path / "gnomon.db", "SELECT * FROM trade")
    assert (row["status"], row["exit_reason"], row["flags"]) == ("closed", "stop", "repaired")
    assert row["exit_px"] == 99.0
    assert again.engine.keys["alpha|SOL|1"].phantom_id == 0


def test_a_restart_over_an_hour_asks_for_its_rate_and_charges_it(tmp_path: Path) -> None:
    """The history that a new connection asks for comes before the answer on funding does."""
    stage = Stage(now_ns=T0 + 3500 * S)
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    signal_id = stage.signal(horizon_s=7200)
    stage.books(2)
    stage.commit()
    again = stage.restart(600)
    trade = again.trade(signal_id, TradeKind.PAPER)
    again.up()
    again.book()
    again.candles(flat(0, 4_100_000))
    assert trade.flags == []
    again.second()
    asked = [r.what for o in again.outcomes for r in o.requests]
    assert "funding" in asked
    again.rates([(T0_MS + HOUR, 0.0001)])
    again.wait(1)
    again.book()
    again.candles(flat(3_480_000, 4_110_000))
    assert (trade.flags, trade.funding_e6, trade.gap_ns) == (["repaired"], 100_000, 0)
    assert again.store is not None
    again.store.close()


# Whole lives.


def test_a_twin_equals_its_paper_trade_over_every_way_to_end() -> None:
    stage = Stage()
    for mid, seconds in ((98.0, 3), (103.0, 3), (100.0, 70)):
        stage.wait(60)
        stage.book()
        stage.signal(stop=1.0, target=2.0, trail=1.5, horizon_s=60)
        stage.books(2)
        stage.books(seconds, mid)
        assert not stage.engine.ledger.trades
    updates = {row.trade_id: row for row in stage.rows.trade_updates}
    paper, twins = (
        [without(row, "trade_id") for i, row in updates.items() if i % 4 == kind]
        for kind in (TradeKind.PAPER, TradeKind.TWIN)
    )
    assert paper == twins
    assert [row["exit_reason"] for row in paper] == ["stop", "target", "horizon"]


MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("signal"),
            st.tuples(
                st.sampled_from(["alpha", "beta"]),
                st.sampled_from([BUY, SELL]),
                st.sampled_from(["pass", "fail", "no_data"]),
                st.integers(1, 3_000),
                st.sampled_from([0.0, 0.7]),
                st.sampled_from([0.0, 0.6]),
            ),
        ),
        st.tuples(
            st.just("book"),
            st.tuples(
                st.floats(98.0, 102.0),
                st.lists(st.floats(0.001, 12.0), min_size=1, max_size=4),
                st.sampled_from([0.2, 0.5, 3.0, 9.0, 25.0]),
            ),
        ),
        st.tuples(st.just("exit"), st.tuples(st.sampled_from(["alpha", "beta"]), st.just(BUY))),
        st.tuples(st.just("context"), st.floats(-0.001, 0.001)),
        st.tuples(st.just("silence"), st.sampled_from([35.0, 400.0])),
    ),
    min_size=5,
    max_size=40,
)


def play(stage: Stage, moves: list[tuple[str, object]]) -> None:
    """Play moves across midnight; a silence is repaired, or at times is not."""
    for number, (move, how) in enumerate(moves):
        if move == "signal":
            bot, side, say, lots, target, trail = how  # type: ignore[misc]
            stage.script(limit=say)
            stage.signal(bot, side, lots=lots, stop=0.8, target=target, trail=trail, horizon_s=40.0)
        elif move == "book":
            mid, sizes, pause_s = how  # type: ignore[misc]
            stage.wait(pause_s)
            stage.book(
                bids=[(round(mid - 0.01 * (i + 1), 2), s) for i, s in enumerate(sizes)],
                asks=[(round(mid + 0.01 * (i + 1), 2), s) for i, s in enumerate(sizes)],
            )
            stage.second()
        elif move == "exit":
            stage.call_exit(*how)  # type: ignore[misc]
        elif move == "context":
            stage.context(how)  # type: ignore[arg-type]
        else:
            began_ms = stage.now_ns // MS - T0_MS
            stage.wait(how)  # type: ignore[arg-type]
            stage.book()
            stage.second()
            if number % 3:
                if number % 2:
                    stage.rates([(T0_MS + h * HOUR, 1e-4) for h in range(23, 27)])
                stage.candles(flat(began_ms - 60_000, stage.now_ns // MS - T0_MS))
    for _ in range(200):
        stage.wait(1)
        stage.book()
        stage.second()
        if not stage.engine.ledger.trades:
            break


@settings(max_examples=200)
@given(MOVES)
def test_money_adds_up_over_any_life(moves: list[tuple[str, object]]) -> None:
    stage = Stage(
        bots=[Puppet("alpha"), Puppet("beta")], now_ns=T0 + (86_400 - 60) * S, equity_usd=100_000.0
    )
    stage.book()
    play(stage, moves)
    assert not stage.engine.ledger.trades
    days: dict[int, int] = {}
    for part in stage.rows.trade_days:
        days[part.trade_id] = days.get(part.trade_id, 0) + part.mtm_e6
    bought: dict[int, int] = {}
    for fill in stage.rows.fills:
        lots = fill.lots if fill.action == "entry" else -fill.lots
        bought[fill.trade_id] = bought.get(fill.trade_id, 0) + lots
    cash = 100_000 * 10**6
    final = {row.trade_id: row for row in stage.rows.trade_updates}
    asked = {row.trade_id: row for row in stage.rows.trades}
    assert set(final) == set(asked)
    for trade_id, row in final.items():
        gross, fees, funding, net = cells(row, "gross_e6 fees_e6 funding_e6 net_e6")
        assert row.status == "closed"
        if row.exit_reason == "UNAVAILABLE":
            assert (gross, fees, funding, net) == (None,) * 4
            assert trade_id not in days
            continue
        assert net == gross - fees - funding
        assert net == days[trade_id]
        assert bought[trade_id] == 0
        assert row.risk_e6 == pytest.approx(0.8 * row.qty_lots / 100 * 1e6, abs=1)
        if trade_id % 4 == TradeKind.PAPER:
            cash += net
            twin = final[trade_id - TradeKind.PAPER + TradeKind.TWIN]
            own = ("later_trade_id", "trade_id")
            assert without(row, *own) == without(twin, *own)
    desk = stage.engine.desk
    assert (desk.cash_e6, desk.open_e6) == (cash, 0)
    assert (desk.gross_e6, desk.net_e6) == (0, 0)


def test_a_written_fill_is_what_the_walk_gave() -> None:
    life = Life()
    life.open(make_trade(lots=300))
    (change,) = life.book(1.0, bids=[(99.0, 9.0)], asks=[(100.0, 1.0), (101.0, 9.0)])
    total = notional_e6(100.0, 100, 2) + notional_e6(101.0, 200, 2)
    fee = fee_e6(total, MODEL.taker_e8)
    assert change.fill == Fill(300, pytest.approx(302 / 3), total, fee, 2)


def test_a_state_written_whole_goes_on_to_the_same_digest() -> None:
    def tail(stage: Stage) -> str:
        for i in range(40):
            stage.wait(1)
            stage.book(100.0 - i / 20)
            stage.second()
            if i == 12:
                stage.script(limit="fail")
            stage.signal(stop=1.0, trail=0.5)
        return stage.engine.digest

    one = Stage(now_ns=T0 + 86_390 * S)
    one.book()
    one.signal(trail=0.4)
    one.books(3)
    one.step(BookUpdate("SOL", one.now_ns // MS, [], []))
    written = snapshot.whole(one.engine)
    other = Stage(now_ns=one.now_ns)
    snapshot.restore(other.engine, written)
    assert tail(one) == tail(other)

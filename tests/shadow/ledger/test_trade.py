from __future__ import annotations

import msgspec
import pytest

from shadow.ledger.trade import Trade
from tests.support.shadow import SOL, make_trade


def filled(side: int = 1, *, lots: int = 1_000, px: float = 100.0) -> Trade:
    trade = make_trade(side=side, lots=lots)
    trade.filled_lots = lots
    trade.entry_px = trade.hi = trade.lo = px
    trade.entry_notional_e6 = round(px * lots / 100 * 1e6)
    return trade


def test_the_key_is_bot_coin_and_side() -> None:
    assert make_trade(side=-1, bot="beta", coin="ETH").key == "beta|ETH|-1"


@pytest.mark.parametrize(("side", "gross"), [(1, 20_000_000), (-1, -20_000_000)])
def test_net_is_gross_less_fees_less_funding(side: int, gross: int) -> None:
    trade = filled(side)
    trade.exit_notional_e6 = 1_020_000_000
    trade.exit_lots = 1_000
    trade.fees_e6, trade.funding_e6 = 909_000, -1_234
    assert trade.gross_e6 == gross
    assert trade.net_e6 == gross - 909_000 + 1_234
    trade.risk_e6 = 10_000_000
    assert trade.r == trade.net_e6 / 10_000_000
    assert trade.bps == trade.net_e6 / 1_000_000_000 * 1e4
    assert trade.open_lots == 0


def test_ratios_of_what_never_filled_are_unknown() -> None:
    trade = make_trade()
    assert (trade.r, trade.bps) == (None, None)


@pytest.mark.parametrize(("side", "mae", "mfe"), [(1, -300.0, 200.0), (-1, -200.0, 300.0)])
def test_excursions_are_from_the_entry_price_in_the_trades_direction(
    side: int, mae: float, mfe: float
) -> None:
    trade = filled(side)
    for mid in (101.0, 97.0, 102.0, 99.0):
        trade.see(mid)
    assert trade.mae_bps == pytest.approx(mae)
    assert trade.mfe_bps == pytest.approx(mfe)


def test_a_trade_that_was_never_ahead_has_no_favourable_excursion() -> None:
    trade = filled(1)
    trade.hi = trade.lo = 99.0
    assert trade.mfe_bps == 0.0
    trade.hi = trade.lo = 101.0
    assert trade.mae_bps == 0.0


@pytest.mark.parametrize(("side", "mark"), [(1, 3_880_000), (-1, -4_120_000)])
def test_a_mark_counts_what_was_sold_and_values_the_rest(side: int, mark: int) -> None:
    trade = filled(side)
    trade.exit_lots, trade.exit_notional_e6 = 400, 401_000_000
    trade.fees_e6, trade.funding_e6 = 100_000, 20_000
    # 4.00 sold for 401, 6.00 left at 100.50: 401 + 603 - 1000 = 4.
    assert trade.mark_e6(100.5, SOL) == mark


def test_a_flag_is_kept_once_and_only_missing_facts_exclude() -> None:
    trade = make_trade()
    for name in ("partial", "gap", "repaired", "through_stop", "partial"):
        trade.flag(name)
    assert trade.flags == ["partial", "gap", "repaired", "through_stop"]
    assert not trade.excluded
    trade.flag("no_funding")
    assert trade.excluded
    doubted = make_trade()
    doubted.flag("suspect_price")
    assert doubted.excluded


def test_a_trade_survives_being_written_down() -> None:
    trade = filled(-1, px=100.0 / 3.0)
    trade.days.append((1_756_684_800_000, -5))
    trade.flag("gap")
    assert msgspec.json.decode(msgspec.json.encode(trade), type=Trade) == trade


@pytest.mark.parametrize("side", [1, -1])
def test_a_trailing_stop_follows_the_extreme_and_never_goes_back(side: int) -> None:
    trade = make_trade(side=side, stop=100.0 - side, trail=0.5)
    trade.hi = trade.lo = 100.0
    trade.ratchet()
    assert trade.stop_px == 100.0 - 0.5 * side
    trade.see(100.0 + 3.0 * side)
    trade.ratchet()
    assert trade.stop_px == 100.0 + 2.5 * side
    trade.ratchet()
    assert trade.stop_px == 100.0 + 2.5 * side


def test_a_fixed_stop_stays() -> None:
    trade = make_trade(stop=99.0)
    trade.hi, trade.lo = 150.0, 50.0
    trade.ratchet()
    assert trade.stop_px == 99.0

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.screen.panels.holdings import holdings, price
from daemon.screen.seen import Seen
from daemon.views.positions import HeldTrade

HELD = HeldTrade(
    trade_id=1, signal_id=1, kind="paper", cause="admit", status="open", bot="donchian",
    division="trend", coin="BTC", side="buy", lots=10, size=0.01, entry_px=98_000.0,
    mark_px=98_328.0, pnl_usd=3.28, fees_usd=0.4, funding_usd=0.0, age_s=71.0, stop_px=97_500.0,
    target_px=None, exit_reason=None,
)  # fmt: skip


def test_a_trade_has_its_profit_and_how_far_its_stop_is(seen: Seen) -> None:
    phantom = replace(HELD, kind="phantom", side="sell", pnl_usd=None, mark_px=None)
    told = replace(seen, held=[phantom, HELD])
    lines = [line.plain for line in holdings(told, 140, 10)]
    assert lines[0].startswith("What do I hold?  1 trade +3.28 USD, 1 phantoms; gross ")
    assert lines[2].split() == [
        "donchian", "BTC", "long", "983", "98,000", "98,328", "+3.28", "84", "1", "min",
    ]  # fmt: skip
    # Without a book nobody knows what it is worth.
    assert lines[3].split()[:5] == ["◌", "donchian", "BTC", "short", "980"]
    assert lines[3].count("–") == 3


def test_what_does_not_fit_is_counted(seen: Seen) -> None:
    told = replace(seen, held=[replace(HELD, trade_id=at, age_s=float(at)) for at in range(9)])
    lines = [line.plain for line in holdings(told, 100, 5)]
    assert len(lines) == 5 and lines[-1] == "⋯ 7 more"
    assert [line.split()[-2] for line in lines[2:4]] == ["0", "1"]
    assert holdings(replace(seen, held=[]), 80, 5)[1].plain == "nothing is open"


@pytest.mark.parametrize(
    ("value", "text"),
    [(98_328.4, "98,328"), (1_234.56, "1,234.6"), (135.19, "135.19"), (2.0026, "2.0026"),
     (0.15149, "0.15149"), (None, "–"), (0.0, "–")],
)  # fmt: skip
def test_a_price_has_five_digits_that_count(value: float | None, text: str) -> None:
    assert price(value) == text

from __future__ import annotations

from msgspec.structs import replace

from daemon.screen.panels.money import money
from daemon.screen.seen import Seen
from daemon.views.money import EquityLine, Money

TODAY = Money(name="", kind="taken", trades=14, net_usd=67.64, price_usd=83.1, fees_usd=-15.42,
              funding_usd=-0.04, win_rate=0.71, fees_share=0.19)  # fmt: skip


def test_equity_today_and_what_took_its_part(seen: Seen) -> None:
    assert seen.books is not None
    line = EquityLine([0, 86_400 * 10**9], [100.0, 200.0], 250.0, 50.0, 50.0)
    books = replace(seen.books, today=TODAY, week=TODAY, phantoms=TODAY, equity=line)
    status = replace(seen.status, equity_usd=10_614.47, day_start_usd=10_546.83)
    told = replace(seen, books=books, status=status)
    first, drawn, parts = (line.plain for line in money(told, 120, tall=True))
    assert first.startswith(" 10,614.47 USD   today +67.64   7 days, closed +67.64")
    assert "from the day's peak −20.00 %" in first and first.endswith("phantoms +67.64 USD")
    assert drawn == " ▁█  24 h, USD"
    assert parts.startswith(" today: price +83.10   fees −15.42   funding −0.04   14 closed, 71 %")
    assert parts.endswith(" won   fees 19 % of gross")
    assert len(money(told, 120, tall=False)) == 2
    # Pieces go whole.
    assert money(told, 40, tall=True)[0].plain == " 10,614.47 USD   today +67.64"


def test_where_nothing_was_measured_a_sentence_stands(seen: Seen) -> None:
    assert seen.books is not None
    nothing = EquityLine([], [], None, None, None)
    told = replace(seen, books=replace(seen.books, equity=nothing, today=None, week=None))
    first, drawn, parts = (line.plain for line in money(told, 120, tall=True))
    assert "7 days, closed –" in first
    assert drawn == " equity: its first point is a minute away"
    assert parts == " today: no trade has closed yet"
    assert len(money(replace(seen, books=None), 80, tall=True)) == 1

from __future__ import annotations

from daemon.cli.shortfall_text import shortfall_lines
from shadow.report.shortfall import NotSplit, Shortfall

PAID = Shortfall(
    trades=714,
    notional_usd=1_234_567.0,
    decided_usd=1_120.004,
    delay_usd=-3.004,
    impact_usd=40.004,
    fees_usd=600.004,
    funding_usd=1.004,
    net_usd=481.996,
)


def test_the_way_from_decision_to_money_adds_up_line_by_line() -> None:
    assert shortfall_lines(PAID) == [
        "From decision to money: 714 trades of 1,234,567.00 USD",
        "  decided at mid     +1,120.00 USD  +9.07 bps",
        "  waiting cost           +3.01 USD  +0.03 bps",
        "  spread and impact     -40.01 USD  -0.33 bps",
        "  fees                 -600.00 USD  -4.86 bps",
        "  funding                -1.00 USD  -0.01 bps",
        "  money                +482.00 USD  +3.90 bps",
    ]


def test_what_is_not_split_is_said_apart() -> None:
    one = Shortfall(not_split=NotSplit(1, -2.0, 1.0, 0.0, -3.0))
    assert shortfall_lines(one) == [
        "  not split: 1 trade that met no book at a fill, or closed before mids were kept: "
        "-3.00 USD"
    ]
    assert shortfall_lines(Shortfall()) == []

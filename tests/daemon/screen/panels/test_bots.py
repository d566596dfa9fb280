from __future__ import annotations

from msgspec.structs import replace

from daemon.screen.panels.bots import bots
from daemon.screen.seen import Seen
from daemon.views.money import Money


def made(name: str, net_usd: float, share: float | None) -> Money:
    return Money(name=name, kind="taken", trades=3, net_usd=net_usd, fees_share=share, mean_r=0.1)


def test_the_best_and_the_worst_are_shown_and_whose_fees_exceed_gross_is_marked(
    seen: Seen,
) -> None:
    rows = [made(f"bot{at}", 10.0 - at, 0.19) for at in range(9)]
    rows += [made("eater", -50.0, 1.4), made("loser", -60.0, None)]
    assert seen.books is not None
    told = replace(seen, books=replace(seen.books, bots=rows))
    lines = [line.plain for line in bots(told, 60, 7)]
    silent = len(seen.status.bots) - 11
    assert lines[0].startswith(f"Which bots pay?  9 of 11; {silent} have closed nothing ─")
    assert [line.split()[0] for line in lines[2:]] == ["bot0", "bot1", "⋯", "eater", "loser"]
    assert lines[4] == "⋯ 7 more"
    assert lines[5].endswith("1.4× ▲") and lines[6].endswith("no gross ▲")
    assert lines[2].split()[1:3] == ["3", "+10.00"] and "19 %" in lines[2]
    assert len(bots(told, 60, 40)) == 13


def test_before_a_trade_has_closed_a_sentence_says_so(seen: Seen) -> None:
    assert bots(replace(seen, books=None), 60, 9)[1].plain == "no trade has closed yet"

from __future__ import annotations

from msgspec.structs import replace

from daemon.cli.lens_text import coin_lines, coin_rows
from daemon.views.lens import CoinLenses, CoinReading

NOW_MS = 1_700_000_000_000
NOTHING = CoinLenses(coin="BTC", now_ns=NOW_MS * 1_000_000)


def test_a_row_has_the_age_of_its_value_and_of_its_rank() -> None:
    ranked = CoinReading(
        "rqa", 0.6, 0.5, 512, {}, [], NOW_MS - 240_000, NOW_MS - 660_000, 180.0, "as in nulls"
    )
    plain = replace(ranked, null_rank=None, rank_bar_ms=None, verdict="no null to compare with")
    assert coin_rows(replace(NOTHING, readings=[ranked, plain])) == [
        ("rqa", "0.6", "3 min", "0.500", "10 min", "as in nulls"),
        ("rqa", "0.6", "3 min", "–", "–", "no null to compare with"),
    ]


def test_a_coin_begins_with_its_alarm() -> None:
    assert coin_lines(NOTHING) == ["BTC: no composite; no ranks yet"]
    few = replace(NOTHING, composite_reason="too few")
    assert coin_lines(few) == ["BTC: no composite; too few"]
    known = replace(NOTHING, composite=0.75, composite_bar_ms=NOW_MS - 120_000)
    assert coin_lines(known) == ["BTC: composite 0.750, 60 s old"]
    assert coin_lines(replace(known, threshold=0.8)) == [
        "BTC not flagged: composite 0.750 against a threshold of 0.800, 60 s old"
    ]
    loud = replace(known, flagged=True, threshold=0.7, surge=4.5, burst=True)
    assert coin_lines(loud) == [
        "BTC FLAGGED: composite 0.750 against a threshold of 0.700, 60 s old",
        "trades arrive at 4.50 times their usual pace, a BURST",
    ]

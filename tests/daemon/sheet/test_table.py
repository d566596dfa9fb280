from __future__ import annotations

import pytest

from daemon.sheet.series import Seen
from daemon.sheet.table import (
    age,
    as_data,
    coin_lines,
    coin_rows,
    figure,
    judged,
    measure_lines,
    series_rows,
    share,
    verdict,
)
from daemon.views.lens_coin import nothing
from quant.lens import Reading

READING = Reading("rqa", 0.63, 512, {"dim": 3}, ("a remark",), {"lam": 0.25})
NOW_MS = 1_700_000_000_000


def test_the_keys_of_the_contract_and_no_rank_that_was_not_asked_for() -> None:
    plain = {
        "lens": "rqa",
        "value": 0.63,
        "n": 512,
        "params": {"dim": 3},
        "flags": ["a remark"],
        "measures": {"lam": 0.25},
    }
    assert as_data(Seen(READING), null=False, check=False) == plain
    seen = Seen(READING, 0.5, 0.5)
    assert as_data(seen, null=True, check=False) == {**plain, "null_rank": 0.5}
    found = as_data(seen, null=False, check=True)
    assert found == {**plain, "reference": 0.5, "difference": pytest.approx(0.13)}


def test_a_row_says_what_was_asked_or_what_is_to_be_said() -> None:
    quiet = Reading("rqa", 0.63, 512, {})
    silent = Reading("rqa", None, 3, {}, ("too short", "by far"))
    rows = series_rows([Seen(quiet, 0.25), Seen(silent)], {"rqa": "Does it return?"})
    assert rows == [
        ("rqa", "0.63", "0.250", "–", "Does it return?"),
        ("rqa", "–", "–", "–", "too short; by far"),
    ]


def test_measures_are_lines_and_long_lists_are_cut() -> None:
    measures = {"lag": 2, "bars": [[0.5, 1.0]], "e1": [float(i) for i in range(9)], "ok": True,
                "p": None, "state": "calm"}  # fmt: skip
    assert measure_lines(measures) == [
        "  lag    2",
        "  bars   [[0.5, 1]]",
        "  e1     [0, 1, 2, 3, 4, 5, … (9)]",
        "  ok     yes",
        "  p      –",
        "  state  calm",
    ]
    assert measure_lines({}) == []


@pytest.mark.parametrize(
    ("value", "rank", "flags", "said"),
    [
        (None, None, ["needs 50 values, got 3"], "abstains: needs 50 values, got 3"),
        (None, None, [], "abstains: no reason given"),
        (1.0, None, [], "no null to compare with"),
        (1.0, 0.9875, [], "higher than 99% of nulls"),
        (1.0, 0.0125, [], "lower than 99% of nulls"),
        (1.0, 0.5, ["ties"], "as in nulls; ties"),
        (1.0, 0.97, [], "as in nulls"),
    ],
)
def test_verdicts_in_words(
    value: float | None, rank: float | None, flags: list[str], said: str
) -> None:
    assert verdict(value, rank, flags) == said


def test_ages_count_from_the_close_of_the_minute() -> None:
    row = {
        "lens": "rqa", "value": 0.6, "null_rank": 0.5, "flags": [], "bar_ms": NOW_MS - 240_000,
        "rank_bar_ms": NOW_MS - 660_000,
    }  # fmt: skip
    said = ("rqa", "0.6", "3 min", "0.500", "10 min", "as in nulls")
    assert coin_rows([row], NOW_MS) == [said]
    plain = coin_rows([{**row, "null_rank": None, "rank_bar_ms": None}], NOW_MS)
    assert plain[0][3:] == ("–", "–", "no null to compare with")
    found = judged([row], NOW_MS)
    assert (found[0]["age_s"], found[0]["verdict"]) == (180.0, "as in nulls")
    assert judged([row], 0)[0]["age_s"] == 0.0, "a clock that is behind makes nothing younger"


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s"), (119_000, "119 s"), (120_000, "2 min"), (7_100_000, "118 min"),
     (7_200_000, "2 h"), (172_800_000, "2 d"), (864_000_000, "10 d")],
)  # fmt: skip
def test_ages_for_a_person(ms: int, said: str) -> None:
    assert age(ms) == said


def test_a_coin_begins_with_its_alarm() -> None:
    found = nothing("BTC")
    assert coin_lines(found, NOW_MS) == ["BTC: no composite; no ranks yet"]
    assert coin_lines({**found, "composite_reason": "too few"}, NOW_MS) == [
        "BTC: no composite; too few"
    ]
    found |= {"composite": 0.75, "composite_bar_ms": NOW_MS - 120_000}
    assert coin_lines(found, NOW_MS) == ["BTC: composite 0.750, 60 s old"]
    assert coin_lines({**found, "threshold": 0.8}, NOW_MS) == [
        "BTC not flagged: composite 0.750 against a threshold of 0.800, 60 s old"
    ]
    found |= {"flagged": True, "threshold": 0.7, "surge": 4.5, "burst": True}
    assert coin_lines(found, NOW_MS) == [
        "BTC FLAGGED: composite 0.750 against a threshold of 0.700, 60 s old",
        "trades arrive at 4.50 times their usual pace, a BURST",
    ]


def test_figures() -> None:
    assert (figure(None), figure(1234.56789), figure(1234.56789, 4)) == ("–", "1234.57", "1235")
    assert (share(None), share(0.98765)) == ("–", "0.988")

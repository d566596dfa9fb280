from __future__ import annotations

import numpy as np
import pytest

from research.regimes.known import Extreme, Known
from research.regimes.labels import DIRECTION, WILD
from research.regimes.study import detection, study, summaries, truth
from tests.support.planted import SETTINGS

DAYS = np.arange("2020-01-01", "2020-12-31", dtype="datetime64[D]")
RNG = np.random.default_rng(4)


def known(name: str, direction: str, wild: bool, begins: str, ends: str) -> Known:
    return Known(
        name, direction, wild, Extreme("", "", "", begins), Extreme("", "", "", ends), "By hand."
    )


BULL = known("bull", "up", False, "2020-01-31", "2020-06-30")
BEAR = known("bear", "down", False, "2020-06-30", "2020-12-20")
CRASH = known("crash", "down", True, "2020-03-01", "2020-03-11")
ALL = [CRASH, BULL, BEAR]


def test_the_truth_is_the_shortest_regime_a_day_lies_in() -> None:
    wild, direction = truth("wild", ALL, DAYS), truth("direction", ALL, DAYS)
    assert wild.sum() == 10 and wild[np.datetime64("2020-03-11") == DAYS] == 1.0
    assert wild[np.datetime64("2020-03-01") == DAYS] == 0.0
    assert np.isnan(direction[np.datetime64("2020-01-31") >= DAYS]).all()
    assert (direction == -1.0).sum() == 173 + 10 and (direction == 1.0).sum() == 151 - 10


def test_lag_whipsaws_and_agreement_by_hand() -> None:
    said = np.zeros(len(DAYS))
    inside = np.flatnonzero(CRASH.days(DAYS))
    said[inside[[2, 3, 5, 6, 9]]] = 1.0
    said[200:207] = 1.0
    row = detection("BTC", CRASH, "wild", "hmm", DAYS, said, ALL)
    assert row is not None
    assert (row.days, row.lag, row.whipsaws, row.agreement) == (10, 3, 2, 0.5)
    assert row.elsewhere == pytest.approx(7 / (len(DAYS) - 10))
    never = detection("BTC", CRASH, "wild", "hmm", DAYS, np.zeros(len(DAYS)), ALL)
    assert never is not None and never.lag is None and never.agreement == 0.0
    down = detection("BTC", CRASH, "direction", "x", DAYS, -np.ones(len(DAYS)), ALL)
    assert down is not None and (down.kind, down.lag, down.agreement) == ("down", 1, 1.0)


def test_a_regime_the_label_does_not_cover_is_left_out() -> None:
    said = np.ones(len(DAYS))
    said[np.flatnonzero(CRASH.days(DAYS))[0]] = np.nan
    assert detection("BTC", CRASH, "wild", "hmm", DAYS, said, ALL) is None
    early = known("early", "up", False, "2019-11-01", "2020-02-01")
    assert detection("BTC", early, "direction", "x", DAYS, np.ones(len(DAYS)), ALL) is None


def test_a_label_that_knows_adds_and_one_that_guesses_does_not() -> None:
    was = truth("direction", ALL, DAYS)
    noisy = np.where(RNG.random(len(DAYS)) < 0.5, was, -was)
    said = dict(zip(DIRECTION, (noisy, was, np.ones(len(DAYS))), strict=True))
    plain, knows, constant = summaries("BTC", "direction", said, was, SETTINGS, 1)
    assert plain.verdict == "" and plain.added == plain.low == plain.high == 0.0
    assert knows.accuracy == 1.0 and knows.verdict == "better than momentum"
    assert constant.accuracy == pytest.approx(0.5)
    assert constant.said == knows.said == knows.right == 1.0
    assert constant.right == pytest.approx(141 / 324)
    assert constant.verdict == "no better than momentum" and constant.flips_a_year == 0.0
    said[DIRECTION[2]] = np.where(np.arange(len(DAYS)) % 2, was, 0.0)
    shy = summaries("BTC", "direction", said, was, SETTINGS, 1)[2]
    assert shy.said == pytest.approx(0.5, abs=0.01) and shy.right == 1.0
    said[DIRECTION[0]], said[DIRECTION[2]] = was, np.ones(len(DAYS))
    assert summaries("BTC", "direction", said, was, SETTINGS, 1)[2].verdict == "worse than momentum"


def test_one_class_alone_cannot_be_told_apart() -> None:
    said = {name: np.zeros(len(DAYS)) for name in WILD}
    assert summaries("BTC", "wild", said, np.zeros(len(DAYS)), SETTINGS, 1) == []


def test_both_kinds_are_in_the_study() -> None:
    was = truth("direction", ALL, DAYS)
    said = {name: truth("wild", ALL, DAYS) for name in WILD} | dict.fromkeys(DIRECTION, was)
    found, totals = study("BTC", DAYS, said, ALL, SETTINGS, 1)
    assert len(found) == 1 * len(WILD) + 3 * len(DIRECTION)
    assert {row.label for row in totals} == {*WILD, *DIRECTION}
    assert all(row.accuracy == 1.0 for row in totals)

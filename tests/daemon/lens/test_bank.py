from __future__ import annotations

import json
from functools import cache

import msgspec
import numpy as np
import pytest

from daemon.lens.bank import BRANCHING_MAX, RQA, Bank, N, seed_of, shift_of
from market.decision import LensAsk
from market.events import MS_PER_MINUTE, LensKind, LensReading, LensUpdate
from quant import efficiency, hmm, phase_space, realised, rqa
from quant.hawkes import Hawkes, simulate
from tests.support.market import START_MS

SURROGATES = 19
NAMES = list(phase_space.NAMES)


@cache
def closes(seed: int = 3, count: int = 800) -> tuple[float, ...]:
    """Return closes of minutes whose volatility wanders."""
    rng = np.random.default_rng(seed)
    wild = np.exp(0.5 * np.sin(np.arange(count) / 60.0))
    returns = 6e-4 * wild * rng.standard_normal(count)
    return tuple((60_000.0 * np.exp(np.cumsum(returns))).tolist())


def ask(
    kind: LensKind = "raw", minute: int = 650, *, coin: str = "BTC", keep: int = 600
) -> LensAsk:
    """Return a question at the close of a minute counted from the start, a full hour."""
    row = list(closes()[max(0, minute + 1 - keep) : minute + 1])
    return LensAsk(coin, START_MS + minute * MS_PER_MINUTE, kind, "bar", row)


def of(update: LensUpdate, lens: str) -> LensReading:
    return next(reading for reading in update.readings if reading.lens == lens)


def bank() -> Bank:
    return Bank(surrogates=SURROGATES)


# Raw values.


def test_raw_values_are_those_of_the_lenses_themselves() -> None:
    question = ask()
    update = bank().answer(question)
    assert (update.coin, update.bar_ms) == ("BTC", question.bar_ms)
    assert (update.kind, update.cause) == ("raw", "bar")
    assert [r.lens for r in update.readings] == ["volatility", "efficiency_ratio", *NAMES]
    row = np.array(question.closes)
    returns = np.diff(np.log(row))
    assert of(update, "volatility").value == realised.LENS.read(returns).value
    assert of(update, "efficiency_ratio").value == efficiency.LENS.read(row, {"n": 60}).value
    values = phase_space.statistics(phase_space.prepare(returns[-N:]))
    for name, value in zip(NAMES, values, strict=True):
        if name != "rqa":
            assert of(update, name).value == value
    assert all(r.null_rank is None and not r.params for r in update.readings)


def test_the_recurrence_plot_has_the_threshold_of_the_coins_own_minute_of_the_hour() -> None:
    minute = 650
    returns = np.diff(np.log(ask(minute=minute).closes))
    since = (minute + shift_of("BTC")) % 60
    assert since
    then = rqa.LENS.read(returns[-N - since : -since], RQA)
    fixed = {**RQA, "threshold": then.measures["threshold"]}
    expected = rqa.LENS.read(returns[-N:], fixed).value
    found = of(bank().answer(ask(minute=minute)), "rqa").value
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_coins_thresholds_are_set_in_different_minutes() -> None:
    shifts = {shift_of(f"COIN{number}") for number in range(150)}
    assert len(shifts) > 40 and shifts <= set(range(60))


def test_rolled_on_or_drawn_anew_the_values_are_the_same() -> None:
    rolling = bank()
    sets = 720 - shift_of("BTC")
    for minute in range(sets - 65, sets + 5):
        rolled = rolling.answer(ask(minute=minute))
        # Before, at and after the threshold is set, and after a minute that was asked twice.
        if abs(minute - sets) < 2 or abs(minute + 60 - sets) < 2 or minute % 20 == 0:
            assert rolled == bank().answer(ask(minute=minute))
            assert rolled == rolling.answer(ask(minute=minute))


def test_after_a_hole_or_a_corrected_close_the_plot_is_drawn_anew() -> None:
    rolling = bank()
    rolling.answer(ask(minute=650))
    assert rolling.answer(ask(minute=655)) == bank().answer(ask(minute=655))
    changed = ask(minute=656)
    changed.closes[-2] *= 1.001
    assert rolling.answer(changed) == bank().answer(changed)


def test_coins_do_not_disturb_each_other() -> None:
    shared = bank()
    for minute in range(650, 653):
        for coin in ("A", "B"):
            question = ask(minute=minute if coin == "A" else minute + 40, coin=coin)
            assert shared.answer(question) == bank().answer(question)


@pytest.mark.parametrize("keep", [1, 2, 30, N])
def test_with_too_few_minutes_every_lens_says_why(keep: int) -> None:
    answers = {kind: bank().answer(ask(kind, keep=keep)) for kind in ("raw", "rank")}  # type: ignore[arg-type]
    for name in NAMES:
        reading = of(answers["raw"], name)
        assert reading.value is None
        assert reading.flags == [f"needs {N + 1} closed minutes, got {keep}"]
    assert (answers["rank"].score, answers["rank"].readings) == (None, [])
    assert answers["rank"].reason == f"needs {N + 1} closed minutes, got {keep}"
    if keep < 60:
        reading = of(bank().answer(ask("hmm", keep=keep)), "hmm")
        assert reading.value is None and reading.flags[0].startswith("needs ")


ODD = {
    "constant": np.full(600, 100.0),
    "two prices": np.where(np.arange(600) % 2, 100.0, 100.1),
    "one jump": np.repeat([100.0, 200.0], 300),
    "coarse ticks": np.round(np.array(closes()[:600]), -2),
    "one spike": np.where(np.arange(600) == 500, 1e9, closes()[:600]),
    "silent since": np.append(closes()[:400], np.full(200, closes()[399])),
}


@pytest.mark.parametrize("name", ODD)
def test_no_prices_break_it_and_no_value_is_unsound(name: str) -> None:
    one = bank()
    for kind in ("hmm", "raw", "rank"):
        update = one.answer(LensAsk("BTC", START_MS, kind, "bar", ODD[name].tolist()))  # type: ignore[arg-type]
        assert msgspec.json.decode(msgspec.json.encode(update), type=LensUpdate) == update
        for reading in update.readings:
            assert reading.value is None or np.isfinite(reading.value)
            assert reading.value is not None or reading.flags
        if kind == "rank":
            assert update.score is not None or update.reason


# Ranks.


def test_ranks_come_with_their_parameters_and_a_score() -> None:
    update = bank().answer(ask("rank"))
    returns = np.diff(np.log(ask().closes))[-N:]
    window = phase_space.prepare(returns)
    ranked = phase_space.rank(window, count=SURROGATES, seed=seed_of(ask("rank")))
    assert update.score == pytest.approx(1.0 - ranked.p) and not update.reason
    assert [r.lens for r in update.readings] == NAMES
    for reading, rank in zip(update.readings, ranked.ranks, strict=True):
        assert reading.null_rank == rank and 0.0 < rank < 1.0 and reading.n == N
        params = json.loads(reading.params)
        assert params.pop("surrogates") == SURROGATES
        assert params == phase_space.PARAMS[reading.lens]


def test_ranks_depend_on_coin_and_minute_alone() -> None:
    worn = bank()
    for kind in ("raw", "hmm"):
        worn.answer(ask(kind, minute=649))  # type: ignore[arg-type]
    first = worn.answer(ask("rank"))
    assert first == bank().answer(ask("rank"))
    other = bank().answer(ask("rank", coin="ETH"))
    assert [r.value for r in other.readings] == [r.value for r in first.readings]
    assert [r.null_rank for r in other.readings] != [r.null_rank for r in first.readings]
    assert len({seed_of(ask(minute=i, coin=c)) for i in range(9) for c in ("A", "B")}) == 18


# The hidden Markov model.


def test_an_opinion_steps_on_as_if_filtered_over_all_minutes() -> None:
    one = bank()
    fitted = one.answer(ask("hmm", minute=650))
    model = one._watches["BTC"].model
    assert model is not None
    assert [r.lens for r in fitted.readings] == ["hmm"]
    assert of(one.answer(ask(minute=650)), "hmm").value == of(fitted, "hmm").value
    for minute in range(651, 690):
        found = of(one.answer(ask(minute=minute)), "hmm").value
        features = hmm.market_features(np.diff(np.log(ask(minute=minute, keep=700).closes)))
        expected = hmm.filtered(model, features)[0][-1, -1]
        assert found == pytest.approx(expected, abs=1e-6)
    # After a hole it looks at all of the window again.
    after = of(one.answer(ask(minute=700)), "hmm").value
    features = hmm.market_features(np.diff(np.log(ask(minute=700).closes)))
    assert after == hmm.filtered(model, features)[0][-1, -1]


def test_an_opinion_needs_a_model_and_a_market_that_moves() -> None:
    one = bank()
    assert "hmm" not in [r.lens for r in one.answer(ask()).readings]
    one.answer(ask("hmm"))
    still = LensAsk("BTC", START_MS + 651 * MS_PER_MINUTE, "raw", "bar", [100.0] * 600)
    reading = of(one.answer(still), "hmm")
    assert reading.value is None and "zero" in reading.flags[0]
    assert of(one.answer(ask(minute=652)), "hmm").value is not None
    one.answer(LensAsk("BTC", START_MS, "hmm", "bar", [100.0] * 600))
    assert "hmm" not in [r.lens for r in one.answer(ask(minute=653)).readings]


# The pace of arrivals.


def paced(times_s: np.ndarray) -> LensUpdate:
    """Return what is found of arrivals at these seconds."""
    times_ms = (START_MS + np.round(1e3 * times_s)).astype(int)
    return bank().answer(
        LensAsk("BTC", START_MS, "arrivals", "bar", times_ms=np.unique(times_ms).tolist())
    )


def test_the_pace_is_fitted_in_seconds() -> None:
    model = Hawkes(0.4, 0.6, 1.2)
    update = paced(simulate(model, 3_600.0, np.random.default_rng(2)))
    assert [r.lens for r in update.readings] == ["hawkes"]
    found = update.arrivals
    assert found is not None
    assert found.mu == pytest.approx(0.4, rel=0.15)
    assert found.alpha == pytest.approx(0.6, rel=0.15)
    assert found.beta == pytest.approx(1.2, rel=0.15)
    assert update.readings[0].value == pytest.approx(found.alpha / found.beta)


def test_a_pace_that_cannot_be_told_has_no_terms() -> None:
    # Each quarter of an hour ten times as fast as the one before: a drift, not excitement.
    rng = np.random.default_rng(4)
    waits = np.concatenate([rng.exponential(10.0**-k, 90 * 10**k) for k in range(3)])
    update = paced(np.cumsum(waits))
    value = update.readings[0].value
    assert update.arrivals is None
    assert value is None or value >= BRANCHING_MAX


# All of it.


def test_to_warm_up_leaves_no_memory_of_a_coin() -> None:
    one = bank()
    one.warm()
    assert not one._watches
    assert one.answer(ask()) == bank().answer(ask())

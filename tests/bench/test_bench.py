"""The bench works: a short slice of each measurement, with goals some 30 % below the real ones.

Absolute times are never asserted; they belong to a machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache, partial
from math import isfinite
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import (
    admission,
    bots,
    branches,
    decode,
    deltas,
    header,
    hot_engine,
    lens_close,
    lens_closes,
    lens_stock,
    lenses,
    loopback,
    marking,
    matching,
    replay,
    soak,
    store,
    world,
)
from bench.market import Stretch, stretch
from bench.result import Figure, Result
from bench.rounds import in_turns, percentile
from bench.sides import Naive, Real
from bench.table import MEASUREMENTS
from market.decision import LensAsk
from market.errors import InvariantBroken

# Whose worker has made the market for one of them goes on with the others.
ON_THE_MARKET = pytest.mark.xdist_group("bench: market")


@cache
def slice_of_market() -> Stretch:
    return stretch(4, 125.0, 30.0)


SHORT: dict[str, Callable[[int], Result]] = {
    "decode": lambda rounds: decode.measure(rounds, slice_of_market()),
    "deltas": partial(deltas.measure, minutes=0.5, orders=50),
    "engine": lambda rounds: hot_engine.measure(rounds, slice_of_market()),
    "admission": lambda rounds: admission.measure(rounds, slice_of_market()),
    "bots": lambda rounds: bots.measure(rounds, slice_of_market()),
    "marking": partial(marking.measure, phantoms=10_000, coins=30),
    "matching": partial(matching.measure, orders=2_000),
    "replay": lambda rounds: replay.measure(rounds, slice_of_market()),
    "branches": lambda rounds: branches.measure(rounds, slice_of_market(), seconds=0.1),
    "store": lambda rounds: store.measure(rounds, slice_of_market()),
    "header": lambda rounds: header.measure(rounds, slice_of_market()),
    "world": partial(world.measure, seconds=3.0, days=1),
    "loopback": lambda rounds: loopback.measure(
        rounds, slice_of_market(), seconds=0.4, rates=(500,)
    ),
    "soak": partial(soak.measure, seconds=1.0, coins=2),
    "lenses": partial(lenses.measure, coins=2, windows=1),
    "lens-close": partial(lens_close.measure, coins=2, cold=False),
}
FLOORS = {
    "decode": ("json and float() / ours", 2.4),
    "engine": ("naive / ours", 2.4),
    "marking": ("objects / columns", 20.0),
    "lenses": ("the set by libraries as they come / ours", 50.0),
}


@pytest.fixture(autouse=True)
def no_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GNOMON_DATA", str(tmp_path))


def test_a_short_slice_of_every_measurement_is_here() -> None:
    assert list(SHORT) == list(MEASUREMENTS)


@ON_THE_MARKET
def test_the_whole_bench_runs_and_writes_its_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Result] = {}

    def keep(name: str, rounds: int) -> Result:
        found[name] = SHORT[name](rounds)
        return found[name]

    monkeypatch.setattr(command, "MEASUREMENTS", {n: partial(keep, n) for n in SHORT})
    monkeypatch.setattr(command.soak, "measure", lambda rounds, seconds: keep("soak", rounds))
    monkeypatch.setattr(command, "RESULTS", tmp_path / "RESULTS.md")
    command.main(["--rounds", "1", "--write"])
    assert list(found) == list(MEASUREMENTS)
    for result in found.values():
        assert result.figures
        assert all(isfinite(figure.value) for figure in result.figures)
        # In so short a run the collector may never have had to pause.
        goals = [figure for figure in result.figures if figure.must is not None]
        assert all(figure.value > 0.0 or (figure.lower and not figure.value) for figure in goals)
    for name, (what, floor) in FLOORS.items():
        assert found[name].value(what) > floor, name
    page, said = (tmp_path / "RESULTS.md").read_text(), capsys.readouterr().out
    for name, result in found.items():
        assert f"## {name}: {result.title}" in page
        for figure in result.figures:
            assert f"| {figure.what} | {figure.text()} |" in page
            assert figure.what in said
    assert str(tmp_path) not in page


@ON_THE_MARKET
def test_both_engines_decide_alike_and_a_difference_would_be_seen() -> None:
    market = slice_of_market()
    sides = {"ours": Real(market), "naive": Naive(market)}
    hot_engine.one_round(market, sides, 0)
    assert len(sides["ours"].decisions) > 5
    assert {d[4] for d in sides["ours"].decisions} == {"admitted", "blocked"}
    hot_engine.same_decisions(sides)
    last = sides["naive"].decisions.pop()
    with pytest.raises(InvariantBroken, match="decisions, ours"):
        hot_engine.same_decisions(sides)
    sides["naive"].decisions.append((*last[:5], "another filter"))
    with pytest.raises(InvariantBroken, match="decided otherwise"):
        hot_engine.same_decisions(sides)


@ON_THE_MARKET
def test_every_bot_is_charged_and_the_dearest_are_named() -> None:
    result = bots.measure(1, slice_of_market())
    values = {figure.what: figure.value for figure in result.figures}
    divisions = {what: v for what, v in values.items() if what.endswith(" bots)")}
    assert list(divisions) == [
        "trend (6 bots)", "reversion (5 bots)", "flow (5 bots)", "carry (5 bots)",
        "relative (5 bots)",
    ]  # fmt: skip
    assert values["all bots, an event"] == pytest.approx(sum(divisions.values()))
    dearest = [v for what, v in values.items() if what.startswith("dearest")]
    assert len(dearest) == 3
    assert dearest == sorted(dearest, reverse=True)


def test_a_slow_bot_is_the_dearest() -> None:
    account = bots.Account()
    account.charged(lambda: sum(range(10_000)))()
    assert account.calls == 1
    assert account.ns > 10 * bots.clock_cost_ns(1_000)


@pytest.mark.parametrize(
    ("value", "lower", "said"),
    [
        (5.2, False, "must >= 3.5 x, stretch >= 5: stretch met"),
        (4.0, False, "must >= 3.5 x, stretch >= 5: met"),
        (2.8, False, "must >= 3.5 x, stretch >= 5: MISSED by 20%"),
        (7.0, True, "must <= 3.5 x, stretch <= 5: MISSED by 100%"),
    ],
)
def test_a_verdict_says_by_how_much_a_goal_is_missed(value: float, lower: bool, said: str) -> None:
    figure = Figure("a", value, "x", must=3.5, stretch=5.0, lower=lower)
    assert figure.verdict() == said.replace(" x", "x")


def test_the_lens_measurements_look_at_what_the_engine_would_ask_about() -> None:
    """The engine's own questions at a close are those that the bench of one look makes up."""

    async def asked() -> list[LensAsk]:
        desk = lens_close.Desk(lens_closes.closes(2, 3))
        desk.history()
        assert {ask.kind for ask in desk.asked} == {"raw", "hmm", "rank"}
        desk.asked.clear()
        desk.close()
        desk.close()
        return [ask for ask in desk.asked if ask.kind == "raw"]

    found = asyncio.run(asked())
    table = lens_closes.closes(2, 3)
    assert found == lens_closes.asks(table, 1) + lens_closes.asks(table, 2)


@ON_THE_MARKET
def test_an_absent_pyunicorn_is_said_and_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lens_stock, "PYUNICORN", tmp_path / "python")
    result = lenses.measure(1, coins=2, windows=1)
    assert lens_stock.ABSENT in result.notes
    assert not any(figure.what.startswith("rqa: library") for figure in result.figures)


def test_every_round_begins_with_another_side() -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[], float]:
        return lambda: float(bool(order.append(name)))

    in_turns(3, {name: side(name) for name in "abc"})
    assert "".join(order) == "abcbcacab"


def test_a_percentile_of_one_is_the_largest() -> None:
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--write", "--only", "decode"]])
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2

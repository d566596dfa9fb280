from __future__ import annotations

import datetime
from enum import Enum
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.vetting import HORIZON_NS_MAX, _is_plain, vet_action
from market.decision import BUY, SELL, ExitCall, ExitPlan, Signal
from market.events import NS_PER_S, TradesUpdate
from tests.support.shadow import Puppet, make_coin, quoted, said, short_plan


@pytest.mark.parametrize(
    "action",
    [
        said(),
        said(side=SELL, plan=short_plan(stop_px=101.0)),
        said(conviction=1),
        said(reason="größer als 3 σ", saw={"z": 3.0, "n": 4}),
        said(plan=short_plan(horizon_ns=HORIZON_NS_MAX, target_px=1e9, trail=5.0)),
        ExitCall("SOL", BUY, "enough"),
    ],
    ids=str,
)
def test_a_sound_action_passes(action: Any) -> None:
    vet_action(action, make_coin())


class Word(Enum):
    """No text, though it is written as one."""

    UP = "up"


BAD = [
    None,
    "buy",
    {"coin": "SOL", "side": 1},
    ExitCall("ETH", BUY, "of another coin"),
    ExitCall("SOL", "buy", "a side in words"),  # type: ignore[arg-type]
    said(coin="ETH"),
    said(side=0),
    said(side=1.0),
    said(side=True),
    said(conviction=0.0),
    said(conviction=1.1),
    said(conviction="1"),
    said(plan=short_plan(stop_px=100.0)),
    said(side=SELL, plan=short_plan(stop_px=99.0)),
    said(plan=short_plan(horizon_ns=0)),
    said(plan=short_plan(horizon_ns=1e9)),
    said(saw={"z": float("nan")}),
    said(saw={"z": float("-inf")}),
    said(saw={"z": None}),
    said(saw={1: 1.0}),
    said(reason=None),
    # What each of these says could not be written, or not be counted with, once admitted.
    said(reason=b"bytes"),
    said(reason=datetime.date(2025, 9, 1)),
    said(reason=Word.UP),
    said(reason="half a pair: \ud800"),
    said(saw={"\ud800": 1.0}),
    said(plan=short_plan(horizon_ns=HORIZON_NS_MAX + 1)),
    said(plan=short_plan(horizon_ns=2**63 - 1)),
    said(plan=short_plan(horizon_ns=2**70)),
    said(side=SELL, plan=short_plan(stop_px=1e12)),
    said(side=SELL, plan=short_plan(stop_px=1e308)),
]


@pytest.mark.parametrize("action", BAD, ids=ascii)
def test_what_nobody_could_carry_out_or_write_down_is_the_bots_error(action: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        vet_action(action, make_coin())


@pytest.mark.parametrize("action", BAD[1:], ids=ascii)
def test_a_bad_action_stops_its_bot_and_nobody_else(action: Any) -> None:
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    stage.bots["alpha"].next = action
    stage.bots["beta"].next = said(conviction=0.01)
    stage.wait(1)
    rows = stage.engine.step(TradesUpdate("SOL", [], stage.now_ns)).rows
    lanes = stage.engine.market.lanes
    assert lanes["alpha"].fault
    assert not lanes["beta"].fault
    assert [row.bot for row in rows.signals] == ["beta"]
    assert [row.kind for row in rows.alarms] == ["bot_fault"]
    assert list(stage.engine.branch.keys) == ["beta|SOL|1"]


# Ids.


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.sampled_from([Word.UP, Fraction(1, 2), datetime.date(2025, 9, 1), {}, [], {"z": 1}]),
)
KEYS = st.one_of(st.text(max_size=3), st.integers(0, 3), st.binary(max_size=2), st.none())


def some(**usual: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return the usual values, at most two of them changed to anything."""
    changed = st.dictionaries(st.sampled_from(sorted(usual)), ANYTHING, max_size=2)
    return changed.map(lambda found: {**usual, **found})


PLANS = some(stop_px=99.0, horizon_ns=NS_PER_S, target_px=0.0, trail=0.0).map(
    lambda fields: ExitPlan(**fields)
)
SAW = st.dictionaries(KEYS, st.one_of(st.floats(), ANYTHING), max_size=2)
CALLS = some(coin="SOL", side=BUY, reason="").map(lambda fields: ExitCall(**fields))
SIGNALS = st.builds(
    lambda fields, plan, saw: Signal(**{"plan": plan, "saw": saw, **fields}),
    some(coin="SOL", side=BUY, conviction=0.5, reason=""),
    PLANS,
    SAW,
)


@given(st.one_of(CALLS, SIGNALS))
def test_an_action_that_is_not_read_back_would_read_back_as_itself(action: Any) -> None:
    """The quick look at types passes nothing that the slow one would refuse or change."""
    if _is_plain(action):
        again = msgspec.convert(msgspec.to_builtins(action), type(action))
        assert repr(again) == repr(action)


def test_an_ordinary_signal_is_not_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msgspec, "to_builtins", None)
    vet_action(said(saw={"z": 3.0}), make_coin())
    vet_action(ExitCall("SOL", BUY, "enough"), make_coin())
    with pytest.raises(TypeError):
        vet_action(said(conviction=1), make_coin())

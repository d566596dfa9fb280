from __future__ import annotations

from typing import Any

import msgspec
import pytest

from daemon.config.load import parse
from daemon.config.sections import Config
from daemon.engine.factory import build_engine
from daemon.engine.series.terms import series_id, terms_of
from shadow.report.terms import Terms as Constants


def ids(data: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the series' id of every limit that a configuration measures."""
    found = build_engine(parse(data or {}, "test"), {})
    terms = terms_of(parse(data or {}, "test"), found.branch.gate.filters)
    return {name: series_id(text) for name, text in terms.limits.items()}


USUAL = ids()


def changed(data: dict[str, Any]) -> set[str]:
    """Return the limits that begin a new series when a configuration is changed."""
    found = ids(data)
    return {name for name in USUAL if name in found and found[name] != USUAL[name]}


def test_every_limit_but_rules_and_what_is_off_is_measured() -> None:
    assert {"cooldown", "control", "phase_space"} <= set(USUAL)
    assert not {"halt", "minimum", "stage"} & set(USUAL)
    assert set(ids({"gate": {"cooldown": {"mode": "off"}}})) == set(USUAL) - {"cooldown"}
    assert len(set(USUAL.values())) == len(USUAL)


@pytest.mark.parametrize(
    "data",
    [
        {"verdict": {"margin_s_r": 0.4}},
        {"verdict": {"margin_v_r": 0.4}},
        {"verdict": {"alpha_v": 0.01}},
        {"verdict": {"slots": 32}},
        {"verdict": {"booking_delay_days": 7}},
        {"fees": {"taker_bps": 3.0}},
        {"fills": {"latency_ms": 100.0}},
        {"desk": {"vol_target_daily": 0.01}},
        {"bots": {}},
    ],
    ids=str,
)
def test_what_all_limits_are_measured_by_begins_all_anew(data: dict[str, Any]) -> None:
    if "bots" in data:
        bot, settings = next(iter(parse({}, "test").bots.items()))
        name = next(k for k, v in settings.items() if type(v) is float)
        data = {"bots": {bot: {name: settings[name] * 1.01}}}
    assert changed(data) == set(USUAL)


def test_a_limit_s_own_settings_begin_it_alone_anew() -> None:
    for name in ("cooldown", "disagreement", "control"):
        settings = parse({}, "test").gate[name]
        key = next(k for k, v in settings.items() if isinstance(v, int | float))
        value = settings[key]
        smaller = value * 0.9 if isinstance(value, float) else value + 1
        assert changed({"gate": {name: {key: smaller}}}) == {name}


@pytest.mark.parametrize(
    "data",
    [
        {"gate": {"cooldown": {"mode": "observe"}}},
        {"gate": {"disagreement": {"mode": "off"}}},
        {"desk": {"equity_usd": 50_000.0}},
        {"coins": ["BTC"]},
        {"store": {"detail_days": 3.0}},
    ],
    ids=str,
)
def test_modes_other_limits_and_what_changes_no_outcome_begin_nothing(data: dict[str, Any]) -> None:
    assert changed(data) == set()


def test_which_bots_run_begins_nothing() -> None:
    bot = next(iter(parse({}, "test").bots))
    for change in ({"enabled": False}, {"stage": "admit"}, {"stage": "shadow"}):
        assert changed({"bots": {bot: change}}) == set()


def test_the_seed_is_the_coin_s_and_lens_settings_are_of_those_that_read_lenses() -> None:
    assert changed({"seed": 8}) == {"control"}
    assert changed({"lens": {"surrogates": 59}}) == {"phase_space", "volatility", "intensity"}


def test_margins_and_constants_stand_in_the_terms_as_the_verdict_takes_them() -> None:
    config: Config = parse({}, "test")
    terms = terms_of(config, build_engine(config, {}).branch.gate.filters)
    for text in terms.limits.values():
        found = msgspec.json.decode(text)["verdict"]
        assert msgspec.convert(found, Constants) == Constants()
    assert terms.delay_days == found["booking_delay_days"] == 14

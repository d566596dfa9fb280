from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from daemon.views.lens import (
    CoinLenses,
    CoinReading,
    age_ms,
    alarm_spans,
    coin_lenses,
    coin_lenses_at_rest,
    coins_looked_at,
)
from market.errors import InputDamaged
from market.events import ArrivalTerms, LensReading, LensUpdate
from market.lenses import SLOT_MS
from risk.phase_space import PhaseSpace, Settings
from shadow.store.schema import MIGRATIONS
from tests.support.market import MINUTE_MS, START_MS, append_closes
from tests.support.shadow import Stage

BAR_MS = START_MS - MINUTE_MS


def stage(mode: str = "observe", **settings: object) -> Stage:
    """Return an engine whose coin has some minutes."""
    filters = [] if mode == "off" else [PhaseSpace(Settings(**settings), mode)]  # type: ignore[arg-type]
    found = Stage(filters={}, real=filters)
    append_closes(found.engine.market.coins["SOL"], [100.0, 101.0, 102.0])
    found.wait(30)
    found.second()
    return found


def seen(there: Stage) -> CoinLenses:
    """Return what is said of the stage's coin."""
    found = coin_lenses(there.engine, "SOL")
    assert found is not None
    return found


def answered(found: Stage, *scores: float | None, reason: str = "") -> None:
    """Answer with values, and with ranks a slot apart of which the last is of the newest minute."""
    values = [LensReading("rqa", 0.7, n=512), LensReading("volatility", None, flags=["too short"])]
    found.step(LensUpdate("SOL", BAR_MS, "raw", "bar", values))
    for place, score in enumerate(scores, 1 - len(scores)):
        readings = [LensReading("rqa", 0.6, 0.9, 512, '{"dim":3}')]
        found.step(
            LensUpdate("SOL", BAR_MS + place * SLOT_MS, "rank", "bar", readings, score, reason)
        )


def test_a_coin_at_which_no_lens_has_looked() -> None:
    found = seen(stage())
    assert found.closes == [100.0, 101.0, 102.0] and found.bar_ms == BAR_MS
    assert (found.readings, found.scores) == ([], [])
    assert (found.composite, found.composite_bar_ms) == (None, 0)
    assert "no lens has looked" in found.composite_reason
    assert (found.flagged, found.threshold) == (False, None)
    assert (found.surge, found.burst) == (None, False)


def test_a_coin_without_a_minute() -> None:
    assert seen(Stage()).bar_ms == 0


def test_every_lens_is_told_with_value_rank_and_age() -> None:
    there = stage()
    answered(there, 0.5)
    found = seen(there)
    # The minute after the bar has just closed.
    age_s = (there.now_ns - (BAR_MS + MINUTE_MS) * 1_000_000) // 1_000_000 / 1e3
    assert found.readings == [
        CoinReading(
            "rqa", 0.6, 0.9, 512, {"dim": 3}, [], BAR_MS, BAR_MS, age_s, "as in nulls"
        ),
        CoinReading(
            "volatility", None, None, 0, {}, ["too short"], BAR_MS, None, age_s,
            "abstains: too short",
        ),
    ]  # fmt: skip
    assert (found.composite, found.composite_bar_ms) == (0.5, BAR_MS)
    assert found.scores == [0.5] and found.now_ns == there.now_ns
    assert msgspec.json.decode(msgspec.json.encode(found), type=CoinLenses) == found


def test_the_alarm_is_that_of_the_filter_with_its_settings() -> None:
    for settings, flagged, threshold in (
        ({}, True, 0.8),
        ({"leave": 0.9}, False, 0.95),
        ({"enter": 0.99}, False, 0.99),
    ):
        there = stage(**settings)
        answered(there, 0.975, 0.85)
        found = seen(there)
        assert (found.flagged, found.threshold) == (flagged, threshold), settings
        check = there.engine.branch.gate.filters[0]
        assert check.settings == Settings(**settings)  # type: ignore[arg-type]


def test_with_the_filter_off_the_alarm_is_that_of_its_defaults() -> None:
    there = stage("off", enter=0.5)
    answered(there, 0.9)
    assert seen(there).flagged is False


def test_an_abstaining_score_raises_nothing() -> None:
    there = stage()
    answered(there, 0.99, None, reason="too few sound lenses")
    found = seen(there)
    assert (found.composite, found.flagged) == (None, False)
    assert found.composite_reason == "too few sound lenses"


def test_the_surge_is_told_once_the_pace_is_known() -> None:
    there = stage()
    terms = ArrivalTerms(0.5, 0.6, 1.2)
    there.step(LensUpdate("SOL", BAR_MS, "arrivals", "bar", [], arrivals=terms))
    there.second()
    surge = seen(there).surge
    assert (
        surge is not None
        and surge == pytest.approx(there.engine.market.coins["SOL"].arrivals.surge)
        and surge > 0.0
    )


def test_of_an_unknown_coin_nothing_is_said() -> None:
    assert coin_lenses(stage().engine, "PEPE") is None


@pytest.mark.parametrize(
    ("after_ms", "age"), [(0, 0), (MINUTE_MS, 0), (MINUTE_MS + 1, 1), (-MINUTE_MS, 0)]
)
def test_ages_count_from_the_close_of_the_minute(after_ms: int, age: int) -> None:
    assert age_ms(BAR_MS, (BAR_MS + after_ms) * 1_000_000) == age


# At rest.

MINUTE_NS = MINUTE_MS * 1_000_000
NOW_NS = BAR_MS * 1_000_000 + 10 * MINUTE_NS
Row = tuple[int, str, str, float | None, float | None, int, str, str]


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        for migration in MIGRATIONS:
            made.executescript(migration)
        yield made


def put(db: sqlite3.Connection, *rows: Row) -> None:
    db.executemany("INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", rows)


def row(minute: int, lens: str, value: float | None, flags: str = "", coin: str = "BTC") -> Row:
    """Return a row written as the minute after `BAR_MS` + minute closed."""
    ts_ns = BAR_MS * 1_000_000 + (minute + 1) * MINUTE_NS
    return (ts_ns, coin, lens, value, 0.5, 512, json.dumps({"dim": 3}), flags)


def test_without_rows_there_is_nothing(db: sqlite3.Connection) -> None:
    assert coins_looked_at(db) == []
    assert coin_lenses_at_rest(db, "BTC", NOW_NS) == CoinLenses(coin="BTC", now_ns=NOW_NS)


def test_the_newest_of_each_lens_is_told_with_its_own_age(db: sqlite3.Connection) -> None:
    put(
        db,
        row(0, "rqa", 0.1),
        row(5, "rqa", 0.2),
        row(3, "homology", None, "needs 50 values, got 3"),
        row(9, "rqa", 0.9, coin="SOL"),
    )
    found = coin_lenses_at_rest(db, "BTC", NOW_NS)
    assert coins_looked_at(db) == ["BTC", "SOL"]
    third, fifth = BAR_MS + 3 * MINUTE_MS, BAR_MS + 5 * MINUTE_MS
    assert found.bar_ms == fifth and found.closes == []
    why = "needs 50 values, got 3"
    assert found.readings == [
        CoinReading("homology", None, 0.5, 512, {"dim": 3}, [why], third, third, 360.0,
                    f"abstains: {why}"),
        CoinReading("rqa", 0.2, 0.5, 512, {"dim": 3}, [], fifth, fifth, 240.0, "as in nulls"),
    ]  # fmt: skip


def test_composite_and_surge_are_no_lenses(db: sqlite3.Connection) -> None:
    put(db, row(0, "composite", 0.8), row(1, "surge", 4.0, "burst begins"))
    found = coin_lenses_at_rest(db, "BTC", NOW_NS)
    assert found.readings == []
    assert (found.composite, found.composite_bar_ms) == (0.8, BAR_MS)
    assert (found.surge, found.burst) == (4.0, True)
    put(db, row(2, "surge", 1.0, "burst ends"), row(3, "composite", None, "too few lenses"))
    found = coin_lenses_at_rest(db, "BTC", NOW_NS)
    assert (found.burst, found.composite, found.composite_reason) == (
        False,
        None,
        "too few lenses",
    )


def test_a_row_without_a_rank_has_no_age_of_one(db: sqlite3.Connection) -> None:
    db.execute(
        "INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", (1, "BTC", "hmm", 1.0, None, 9, "{}", "")
    )
    (reading,) = coin_lenses_at_rest(db, "BTC", NOW_NS).readings
    assert reading.rank_bar_ms is None and reading.verdict == "no null to compare with"


def test_parameters_that_cannot_be_read_are_damage(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", (1, "BTC", "hmm", 1.0, None, 9, "", ""))
    with pytest.raises(InputDamaged):
        coin_lenses_at_rest(db, "BTC", NOW_NS)


def test_an_alarm_lasts_until_the_next_composite(db: sqlite3.Connection) -> None:
    values = {0: 0.99, 15: 0.5, 30: 0.95, 45: 0.97, 60: None, 75: 0.99}
    put(db, *(row(minute, "composite", value) for minute, value in values.items()))
    put(db, row(31, "rqa", 0.99), row(31, "composite", 0.99, coin="SOL"))

    def at(minute: int) -> int:
        return BAR_MS + (minute + 1) * MINUTE_MS

    spans = [(at(0), at(15)), (at(30), at(45)), (at(45), at(60))]
    assert alarm_spans(db, "BTC", 0, 0.95) == spans
    assert alarm_spans(db, "BTC", at(20), 0.96) == [(at(45), at(60))]

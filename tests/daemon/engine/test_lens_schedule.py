from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from msgspec.structs import astuple

from daemon.engine.lens_schedule import ARRIVALS_MIN, LensRule, LensSchedule
from daemon.engine.outcome import Outbox
from market.arrivals import TOPS_MIN, BurstRule
from market.coin import Coin
from market.decision import LensAsk
from market.events import (
    MS_PER_MINUTE,
    NS_PER_MS,
    ArrivalTerms,
    LensReading,
    LensUpdate,
    Print,
)
from market.series import KEEP_MINUTES
from shadow.store.tables.lenses import LensRow
from tests.support.market import START_MS, append_closes, make_coin
from tests.support.rows import cells

TERMS = ArrivalTerms(0.5, 0.6, 1.2)
NAMES = ("BTC", "ETH", "SOL")
EVERY = 15


class Watcher:
    """An observation of three coins, its clock, and what it asks."""

    def __init__(self, rule: LensRule = LensRule(), *, bars: int = 520) -> None:  # noqa: B008
        self.coins = {
            name: make_coin(name, closes=[100.0 + i for i in range(bars)]) for name in NAMES
        }
        self.out = Outbox()
        self.watched: set[str] = set()
        self.observation = LensSchedule(self.coins, self.out, rule, lambda: self.watched)
        self.now_ms = START_MS
        self.rows: list[LensRow] = []

    def taken(self) -> list[LensAsk]:
        """Return the questions since the last call; keep rows."""
        outcome = self.out.take()
        self.rows += outcome.rows.lenses
        return outcome.lenses

    def minute(self, *closed: str) -> list[LensAsk]:
        """Close a minute of some coins (of all)."""
        self.now_ms += MS_PER_MINUTE
        self.out.vitals.now_ns = self.now_ms * NS_PER_MS
        coins = [self.coins[name] for name in closed or NAMES]
        for coin in coins:
            append_closes(coin, [100.0], end_ms=self.now_ms)
        self.observation.on_minute(coins, self.now_ms)
        return self.taken()

    def ranked(self, score: float = 0.5, cause: str = "bar", **more: Any) -> None:
        """Answer with ranks of the newest minute, for every coin."""
        for coin in self.coins.values():
            self.observation.on_update(rank_of(coin, score, cause, **more))


def rank_of(coin: Coin, score: float | None, cause: str = "bar", **more: Any) -> LensUpdate:
    bar_ms = coin.bars.series["1m"].start_ms[-1]
    readings = [LensReading("rqa", 0.6, 0.9, 512, '{"dim":3}')]
    return LensUpdate(coin.name, bar_ms, "rank", cause, readings, score, **more)  # type: ignore[arg-type]


def about(asks: list[LensAsk], kind: str) -> list[str]:
    return [ask.coin for ask in asks if ask.kind == kind]


# Who is asked what, and when.


def test_raw_values_are_asked_for_whenever_a_minute_closes_of_who_closed_one() -> None:
    watcher = Watcher()
    assert about(watcher.minute(), "raw") == list(NAMES)
    assert about(watcher.minute("ETH"), "raw") == ["ETH"]
    watcher.observation.on_minute([], watcher.now_ms)
    assert watcher.taken() == []


def test_a_question_holds_the_closes_up_to_the_minute_that_closed() -> None:
    watcher = Watcher(bars=700)
    ask = watcher.minute()[0]
    series = watcher.coins["BTC"].bars.series["1m"]
    assert (ask.coin, ask.kind, ask.cause) == ("BTC", "raw", "bar")
    assert ask.bar_ms == START_MS and ask.bar_ms == series.start_ms[-1]
    assert ask.closes == series.close[-KEEP_MINUTES:] and len(ask.closes) == KEEP_MINUTES
    assert ask.closes is not series.close
    assert not ask.times_ms


def test_ranks_are_asked_for_until_there_are_some() -> None:
    watcher = Watcher()
    for _ in range(3):
        assert about(watcher.minute(), "rank") == list(NAMES)
    watcher.ranked()
    assert len(about(watcher.minute(), "rank")) <= 1
    # An abstention is an answer too.
    other = Watcher()
    for coin in other.coins.values():
        other.observation.on_update(rank_of(coin, None, reason="too few minutes"))
    assert len(about(other.minute(), "rank")) <= 1


def test_ranks_come_in_rotation_each_coin_at_a_minute_of_its_own() -> None:
    watcher = Watcher(LensRule(rank_every_minutes=EVERY))
    watcher.ranked()
    when: dict[str, list[int]] = {name: [] for name in NAMES}
    for minute in range(3 * EVERY):
        for name in about(watcher.minute(), "rank"):
            when[name].append(minute)
    assert all(len(found) == 3 for found in when.values())
    assert all(b - a == EVERY for found in when.values() for a, b in pairwise(found))
    assert len({found[0] for found in when.values()}) == len(NAMES)


def test_ranks_of_a_coin_on_which_something_is_open_come_every_minute() -> None:
    watcher = Watcher()
    watcher.ranked()
    watcher.watched = {"SOL"}
    for _ in range(20):
        assert "SOL" in about(watcher.minute(), "rank")


def test_models_are_asked_for_once_an_hour_not_all_in_one_minute() -> None:
    watcher = Watcher()
    minutes = [about(watcher.minute(), "hmm") for _ in range(120)]
    assert sorted(name for found in minutes for name in found) == sorted(NAMES * 2)
    assert max(map(len, minutes)) == 1


def test_the_pace_is_asked_for_only_where_trades_came() -> None:
    watcher = Watcher()
    trades = [Print(START_MS + 10 * i, 100.0, 1.0, 1) for i in range(ARRIVALS_MIN)]
    watcher.observation.on_prints(watcher.coins["ETH"], trades[1:])
    assert about(watcher.minute(), "arrivals") == []
    watcher.observation.on_prints(watcher.coins["ETH"], [Print(watcher.now_ms, 100.0, 1.0, 1)])
    ask = next(ask for ask in watcher.minute() if ask.kind == "arrivals")
    assert ask.coin == "ETH" and not ask.closes
    times_ms = watcher.coins["ETH"].arrivals.times_ms
    assert ask.times_ms == times_ms and ask.times_ms is not times_ms
    # Until it is known; from then on every ten minutes.
    assert about(watcher.minute(), "arrivals") == ["ETH"]
    watcher.observation.on_update(pace_of("ETH"))
    minutes = [about(watcher.minute(), "arrivals") for _ in range(30)]
    assert [i % 10 for i, found in enumerate(minutes) if found] == [
        next(i for i, found in enumerate(minutes) if found)
    ] * 3


def pace_of(name: str, terms: ArrivalTerms | None = TERMS) -> LensUpdate:
    readings = [LensReading("hawkes", 0.5)]
    return LensUpdate(name, START_MS, "arrivals", "bar", readings, arrivals=terms)


def test_history_has_the_coin_looked_at_at_once() -> None:
    watcher = Watcher()
    watcher.observation.on_history(watcher.coins["ETH"])
    asks = watcher.taken()
    assert [(ask.coin, ask.kind, ask.cause) for ask in asks] == [
        ("ETH", kind, "history") for kind in ("raw", "hmm", "rank")
    ]
    empty = Watcher(bars=0)
    empty.observation.on_history(empty.coins["ETH"])
    assert empty.taken() == []


def test_where_lenses_are_off_nothing_is_asked_and_filters_are_told_why() -> None:
    watcher = Watcher(LensRule(enabled=False))
    assert all("switched off" in coin.lenses.reason for coin in watcher.coins.values())
    watcher.observation.on_history(watcher.coins["BTC"])
    assert watcher.minute() == [] and watcher.taken() == []


# Bursts.


def in_burst(watcher: Watcher, name: str = "SOL") -> list[LensAsk]:
    """Let a burst begin on a coin whose usual pace is known; return what is asked."""
    coin = watcher.coins[name]
    watcher.observation.on_update(pace_of(name))
    coin.arrivals.tops = [1.0] * TOPS_MIN
    watcher.minute()
    prints = [Print(watcher.now_ms + 10 * i, 100.0, 1.0, 1) for i in range(100)]
    watcher.observation.on_prints(coin, prints)
    assert coin.arrivals.burst
    return watcher.taken()


def test_a_burst_has_the_coin_looked_at_and_is_put_on_record() -> None:
    watcher = Watcher()
    asks = in_burst(watcher)
    assert [(ask.coin, ask.kind, ask.cause) for ask in asks] == [
        ("SOL", kind, "burst") for kind in ("raw", "hmm", "rank")
    ]
    now_ns, coin, lens, value, null_rank, n, params, flags = astuple(watcher.rows[-1])
    assert (now_ns, coin, lens, flags) == (
        watcher.now_ms * NS_PER_MS,
        "SOL",
        "surge",
        "burst begins",
    )
    assert (value, null_rank, n) == (watcher.coins["SOL"].arrivals.surge, None, 0)
    assert json.loads(params) == {"threshold": BurstRule().least}
    # More of it is the same burst.
    later = [Print(watcher.now_ms + 2_000 + 10 * i, 100.0, 1.0, 1) for i in range(50)]
    watcher.observation.on_prints(watcher.coins["SOL"], later)
    assert watcher.taken() == [] and len(watcher.rows) == 1


def test_a_burst_ends_as_time_passes_and_is_put_on_record_once() -> None:
    watcher = Watcher()
    in_burst(watcher)
    for second in range(30):
        watcher.observation.on_second(watcher.now_ms + second * 1_000)
    assert watcher.taken() == []
    assert [row.flags for row in watcher.rows] == ["burst begins", "burst ends"]
    assert not watcher.coins["SOL"].arrivals.burst


def test_a_burst_that_an_outage_cuts_off_ends_on_record() -> None:
    watcher = Watcher()
    in_burst(watcher)
    for coin in watcher.coins.values():
        watcher.observation.interrupt(coin)
        watcher.observation.interrupt(coin)
    assert watcher.taken() == []
    assert [row.flags for row in watcher.rows] == ["burst begins", "burst ends"]
    assert all(not coin.arrivals.times_ms for coin in watcher.coins.values())


def test_with_lenses_off_a_burst_is_recorded_but_nothing_is_asked() -> None:
    watcher = Watcher(LensRule(enabled=False))
    assert in_burst(watcher) == []
    assert [row.flags for row in watcher.rows] == ["burst begins"]


def test_a_burst_before_the_first_bar_asks_nothing() -> None:
    watcher = Watcher(bars=0)
    watcher.observation.on_update(pace_of("SOL"))
    coin = watcher.coins["SOL"]
    coin.arrivals.threshold = 3.0
    prints = [Print(START_MS + 10 * i, 100.0, 1.0, 1) for i in range(100)]
    watcher.observation.on_prints(coin, prints)
    assert coin.arrivals.burst and watcher.taken() == []


# Answers.


# All of a row but its time.
REST = "coin lens value null_rank n params flags"


def test_ranks_are_written_once_a_quarter_of_an_hour_with_the_score() -> None:
    watcher = Watcher()
    written = []
    for minute in range(45):
        watcher.minute()
        watcher.observation.on_update(rank_of(watcher.coins["BTC"], 0.5, reason=""))
        watcher.taken()
        written.append(len(watcher.rows))
        assert minute or written == [2]
    assert written[-1] == 2 * 3
    rqa, composite = watcher.rows[:2]
    assert cells(rqa, REST) == ("BTC", "rqa", 0.6, 0.9, 512, '{"dim":3}', "")
    assert cells(composite, REST) == ("BTC", "composite", 0.5, 0.5, 0, "{}", "")


def test_what_a_burst_led_to_is_always_written() -> None:
    watcher = Watcher()
    watcher.minute()
    for cause in ("bar", "burst", "bar", "burst"):
        watcher.observation.on_update(rank_of(watcher.coins["BTC"], 0.5, cause))
    watcher.taken()
    assert [row.lens for row in watcher.rows] == ["rqa", "composite"] * 3


def test_an_abstention_is_written_with_its_reason() -> None:
    watcher = Watcher()
    watcher.observation.on_update(rank_of(watcher.coins["BTC"], None, reason="too few minutes"))
    watcher.taken()
    assert cells(watcher.rows[-1], "lens value null_rank n params flags") == (
        "composite",
        None,
        None,
        0,
        "{}",
        "too few minutes",
    )


def test_values_are_kept_but_not_written() -> None:
    watcher = Watcher()
    watcher.observation.on_update(
        LensUpdate("BTC", START_MS, "raw", "bar", [LensReading("rqa", 0.7)])
    )
    assert watcher.coins["BTC"].lenses.value("rqa") == 0.7
    assert watcher.taken() == [] and watcher.rows == []


def test_a_pace_that_could_not_be_fitted_leaves_the_last_one() -> None:
    watcher = Watcher()
    watcher.observation.on_update(pace_of("BTC"))
    watcher.observation.on_update(pace_of("BTC", None))
    assert watcher.coins["BTC"].arrivals.terms == TERMS


def test_an_answer_about_an_unknown_coin_is_passed_over() -> None:
    watcher = Watcher()
    watcher.observation.on_update(pace_of("PEPE"))
    assert watcher.taken() == []

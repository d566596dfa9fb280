"""Lenses of one coin: readings, composite, alarm and pace of trades, live or at rest.

A daemon at rest left the newest rows of the table `lens`; ages then count from their writing.
"""

from __future__ import annotations

from sqlite3 import Connection

import msgspec
from msgspec import Struct, field

from daemon.engine.engine import Engine
from daemon.sheet.verdict import verdict
from daemon.views.at_rest import decoded
from market.events import MS_PER_MINUTE, NS_PER_MS, LensReading
from market.lenses import Lenses
from risk.alarm import Rule, judge
from risk.phase_space import PhaseSpace, Settings

Params = dict[str, int | float]

NEWEST = """
SELECT MAX(ts_ns), lens, value, null_rank, n, params, flags FROM lens
WHERE coin = ? GROUP BY lens ORDER BY lens
"""
# What is kept in the same table, but is no lens.
COMPOSITE, SURGE = "composite", "surge"


class CoinReading(Struct):
    """One lens's newest value and rank, each with the opening time of its minute.

    `value` is null when the lens abstains, `null_rank` when there is nothing to compare with.
    `age_s` counts from the close of the minute, `verdict` is the same in words.
    """

    lens: str
    value: float | None
    null_rank: float | None
    n: int
    params: Params
    flags: list[str]
    bar_ms: int
    rank_bar_ms: int | None
    age_s: float
    verdict: str


class CoinLenses(Struct, kw_only=True):
    """Everything the lenses say of one coin, as of `now_ns`.

    `bar_ms` is the opening time of the newest of `closes`; both are empty at rest until the tape
    is read. `composite` in [0, 1] is null while it abstains, `threshold` while nothing is known;
    `scores` are the composites the threshold rests on. `surge` is the pace of trades over the
    usual, null until it is known.
    """

    coin: str
    now_ns: int
    closes: list[float] = field(default_factory=list)
    bar_ms: int = 0
    readings: list[CoinReading] = field(default_factory=list)
    composite: float | None = None
    composite_bar_ms: int = 0
    composite_reason: str = ""
    scores: list[float] = field(default_factory=list)
    flagged: bool = False
    threshold: float | None = None
    surge: float | None = None
    burst: bool = False


def coin_lenses(engine: Engine, name: str) -> CoinLenses | None:
    """Return what the lenses of a running engine say of a coin, None when it has no such coin."""
    coin = engine.market.coins.get(name)
    if coin is None:
        return None
    lenses, arrivals, now_ns = coin.lenses, coin.arrivals, engine.vitals.now_ns
    minutes = coin.bars.series["1m"]
    raised, threshold = _alarm(engine, lenses)
    return CoinLenses(
        coin=name,
        now_ns=now_ns,
        closes=list(minutes.close),
        bar_ms=minutes.start_ms[-1] if len(minutes) else 0,
        readings=[_of_engine(r, lenses, now_ns) for r in lenses.readings.values()],
        composite=lenses.score,
        composite_bar_ms=lenses.rank_bar_ms,
        composite_reason=lenses.reason,
        scores=list(lenses.scores.values),
        flagged=raised,
        threshold=threshold,
        surge=arrivals.surge if arrivals.terms is not None else None,
        burst=arrivals.burst,
    )


def coin_lenses_at_rest(db: Connection, coin: str, now_ns: int) -> CoinLenses:
    """Return the newest of each lens from the database; what only a running engine knows is not."""
    found = CoinLenses(coin=coin, now_ns=now_ns)
    for ts_ns, lens, value, null_rank, n, params, flags in db.execute(NEWEST, (coin,)):
        bar_ms = ts_ns // NS_PER_MS - MS_PER_MINUTE
        if lens == COMPOSITE:
            found.composite, found.composite_bar_ms = value, bar_ms
            found.composite_reason = flags
        elif lens == SURGE:
            found.surge, found.burst = value, "burst begins" in flags
        else:
            found.bar_ms = max(found.bar_ms, bar_ms)
            said = LensReading(lens, value, null_rank, n, params, [flags] if flags else [])
            rank_bar_ms = None if null_rank is None else bar_ms
            told = decoded(params, Params)
            found.readings.append(_reading(said, told, bar_ms, rank_bar_ms, now_ns))
    return found


def coins_looked_at(db: Connection) -> list[str]:
    """Return the coins that any lens has looked at."""
    return [row[0] for row in db.execute("SELECT DISTINCT coin FROM lens ORDER BY coin")]


def alarm_spans(
    db: Connection, coin: str, since_ms: int, threshold: float
) -> list[tuple[int, int]]:
    """Return the spans [from, to) in ms since `since_ms` in which the composite reached a level.

    A composite holds until the next; nothing is known of the last one's end, so it has none.
    """
    rows = db.execute(
        "SELECT ts_ns / 1000000, value FROM lens WHERE coin = ? AND lens = ? AND ts_ns >= ?"
        " ORDER BY ts_ns",
        (coin, COMPOSITE, since_ms * NS_PER_MS),
    ).fetchall()
    ends = [ts_ms for ts_ms, _ in rows[1:]]
    return [
        (at, end)
        for (at, value), end in zip(rows, ends, strict=False)
        if value is not None and value >= threshold
    ]


def age_ms(bar_ms: int, now_ns: int) -> int:
    """Return how long ago the minute that opened at `bar_ms` closed; never less than 0."""
    return max(0, now_ns // NS_PER_MS - bar_ms - MS_PER_MINUTE)


def _of_engine(reading: LensReading, lenses: Lenses, now_ns: int) -> CoinReading:
    params = msgspec.json.decode(reading.params or "{}", type=Params)
    rank_bar_ms = lenses.rank_bar_ms if reading.null_rank is not None else None
    return _reading(reading, params, lenses.bar_ms, rank_bar_ms, now_ns)


def _reading(
    said: LensReading, params: Params, bar_ms: int, rank_bar_ms: int | None, now_ns: int
) -> CoinReading:
    flags = list(said.flags)
    return CoinReading(
        lens=said.lens,
        value=said.value,
        null_rank=said.null_rank,
        n=said.n,
        params=params,
        flags=flags,
        bar_ms=bar_ms,
        rank_bar_ms=rank_bar_ms,
        age_s=age_ms(bar_ms, now_ns) / 1000.0,
        verdict=verdict(said.value, said.null_rank, flags),
    )


def _alarm(engine: Engine, lenses: Lenses) -> tuple[bool, float | None]:
    found = next((f for f in engine.branch.gate.filters if isinstance(f, PhaseSpace)), None)
    s = found.settings if found is not None else Settings()
    if lenses.score is None:
        return False, None
    rule = Rule(s.enter, s.leave, s.percentile, s.history_min)
    return judge(lenses.scores, lenses.rank_bar_ms, lenses.score, rule)

"""Speed of the synthetic world: days built, virtual time, the share of a core in real time.

Without sockets: frames are made as the server's clock would ask for them, block by block, and
thrown away. What sockets and clients add is measured by `loopback` and `soak`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.result import Figure, Result
from bench.rounds import cpu_s, in_turns, over_rounds, settled_gc
from daemon.live.startup import subscriptions
from market.errors import require
from market.events import MS_PER_DAY, MS_PER_HOUR
from tests.support.virtual import MIDNIGHT_MS
from venue.hyperliquid.streams import BBO, TRADES
from venue.hyperliquid.universe import load_instruments
from venue.local.market.contract import Topic
from venue.local.market.grid import BLOCK_MS
from venue.local.world.archive import Archive
from venue.local.world.virtual import frames, topics_of
from venue.local.world.world import World

SEED = 7
HISTORY_DAYS = 30
START_MS = MIDNIGHT_MS + 10 * MS_PER_HOUR
FEW, MANY, BUILT = 10, 50, 8
SECONDS = 120.0
DEPTH = 20


def measure(rounds: int, *, seconds: float = SECONDS, days: int = 4) -> Result:
    """Build days, then let the world run in virtual time, for ten coins and for fifty."""
    coins = tuple(load_instruments())
    world = World(SEED, MIDNIGHT_MS - HISTORY_DAYS * MS_PER_DAY)
    for _ in world.warm(coins[:MANY], START_MS, START_MS + int(seconds * 1_000)):
        pass
    few, many = coins[:FEW], coins[:MANY]
    flows = [Topic(kind, coin) for coin in few for kind in (TRADES, BBO)]
    sides = {
        "every stream of ten coins": (world, topics_of(subscriptions(few)), seconds),
        "trades and touches of ten coins": (world, flows, seconds),
        "every stream of fifty coins": (world, topics_of(subscriptions(many)), seconds),
    }
    told = {name: _count(*side) for name, side in sides.items()}
    require(all(told.values()), "the world said nothing")
    with settled_gc():
        spent = in_turns(
            rounds,
            {
                **{name: _running(*side) for name, side in sides.items()},
                "days": lambda: cpu_s(lambda: _build(coins[:BUILT], days)),
            },
        )
    result = Result("World: days built, and virtual time without sockets", "world")
    every, flow, busy = ([seconds / s for s in spent[name]] for name in sides)
    result.figures = [
        over_rounds(f"{FEW} coins, every stream, times real time", every, "x", must=200.0),
        over_rounds(f"{FEW} coins, trades and touches, times real time", flow, "x"),
        over_rounds(
            f"{MANY} coins at the real cadences, share of a core",
            [100.0 / times for times in busy],
            "%",
            must=25.0,
            lower=True,
        ),
        over_rounds("days of a coin built per CPU s", [BUILT * days / s for s in spent["days"]]),
    ]
    changes, prints = _events(world, few, min(seconds, 60.0))
    result.figures += [
        Figure(f"changes of the book per coin and s ({DEPTH} levels a side)", changes),
        Figure("prints per coin and s", prints),
    ]
    result.counts = [
        f"{seconds:g} s of {name}: {number:,} frames, {number / seconds:.0f} a second"
        for name, number in told.items()
    ]
    result.notes = [
        "An order event is counted as a level that differs between two blocks: orders that come "
        "and go show so, and so do levels that enter the window as the touch moves. Prints are "
        "rarer, as the profiles of the coins say.",
    ]
    return result


def _count(world: World, topics: Sequence[Topic], seconds: float) -> int:
    return sum(1 for _ in frames(world, topics, START_MS, START_MS + int(seconds * 1_000)))


def _running(world: World, topics: Sequence[Topic], seconds: float) -> Callable[[], float]:
    return lambda: cpu_s(lambda: _count(world, topics, seconds))


def _build(coins: Sequence[str], days: int) -> None:
    """Build days as a starting venue does, coin by coin; nothing is kept from before."""
    instruments = load_instruments()
    archive = Archive(SEED, [instruments[coin] for coin in coins])
    for coin in coins:
        for number in range(days):
            archive.record(coin, number)


def _events(world: World, coins: Sequence[str], seconds: float) -> tuple[float, float]:
    """Return changes of the book and prints, per coin and second."""
    changed = prints = 0
    until_ms = START_MS + int(seconds * 1_000)
    for coin in coins:
        before: list[set[tuple[int, int, int]]] | None = None
        for at in range(START_MS, until_ms, BLOCK_MS):
            now = [set(side) for side in world.levels(coin, at, DEPTH)]
            if before is not None:
                # A level that changed is in both differences, one that came or went in one.
                changed += sum(
                    len({lv[0] for lv in a ^ b}) for a, b in zip(before, now, strict=True)
                )
            before = now
        for _, raw in frames(world, [Topic(TRADES, coin)], START_MS, until_ms):
            prints += raw.count(b'"tid"')
    # Each stream begins with the trades of the recent past.
    prints -= len(coins) * 30
    return changed / len(coins) / seconds, prints / len(coins) / seconds

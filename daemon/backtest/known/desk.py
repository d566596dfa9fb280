"""The real engine and database on a layout: bots that say what is due, limits that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from daemon.backtest.known.episodes import (
    BOTS,
    CONVICTION,
    DAY_S,
    HALF_SPREAD,
    INSTRUMENTS,
    MIDS,
    MODES,
    RATES,
    RUN_S,
    STEP_S,
    STOP_SHARE,
    Episode,
    Layout,
    path,
)
from daemon.engine import snapshot
from daemon.engine.branches.variant import standard
from daemon.engine.engine import Engine
from daemon.engine.series.terms import Terms
from divisions.bot import Action, Bot, NoMemory
from divisions.lane import Lane
from market.coin import PRIOR_DAILY_VOL, Coin
from market.decision import Check, ExitPlan, Mode, Proposal, Signal
from market.desk import DeskView
from market.events import (
    NS_PER_MS,
    NS_PER_S,
    BookUpdate,
    ContextUpdate,
    Event,
    FeedUp,
    Level,
    Timer,
)
from market.fills import FillModel
from market.plausibility import PriceRule
from market.view import View
from risk.filter import Filter, NoSettings
from risk.gate import Gate
from shadow.store.bookkeeper import Identity
from shadow.store.rows import Rows
from shadow.store.store import Store

EQUITY_USD = 1_000_000.0
TAKER_BPS = 4.5
LATENCY_MS = 400.0
DEEP = 1e6
HELD_S = 3_600
EVENING_S = 600


class Teller(Bot[NoMemory, NoMemory]):
    """Bot that says what was laid out for this very moment."""

    params_type = NoMemory

    def __init__(self, name: str, division: str, due: dict[tuple[int, str], Episode]) -> None:
        super().__init__(NoMemory())
        self.name = name  # type: ignore[misc]
        self.division = division  # type: ignore[misc]
        self._due = due

    def on_book(self, memory: NoMemory, coin: Coin, view: View) -> Action | None:
        """Say what is due on this coin."""
        name = coin.instrument.coin
        episode = self._due.get((view.now_ns, name))
        if episode is None:
            return None
        mid, side = MIDS[name], episode.side
        plan = ExitPlan(
            round(mid * (1.0 - side * STOP_SHARE), 2),
            HELD_S * NS_PER_S,
            round(mid * (1.0 + side * 0.005), 2),
        )
        said = [*(f"{name}!" for name in episode.fails), *(f"{name}?" for name in episode.lacks)]
        return Signal(name, side, CONVICTION, plan, " ".join(sorted(said)))


class Reader(Filter[NoSettings]):
    """Limit that fails whatever names it in its reason, and lacks data where it is in doubt."""

    asks = "does the layout name it?"
    rank = 1

    def __init__(self, name: str, mode: Mode) -> None:
        super().__init__(NoSettings(), mode)
        self.name = name  # type: ignore[misc]

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Answer as was laid out."""
        said = proposal.signal.reason.split()
        if f"{self.name}?" in said:
            return self.no_data("the layout says so")
        if f"{self.name}!" in said:
            return self.failed(1.0, 0.0, "the layout says so")
        return self.passed(0.0, 0.0)


def run(layout: Layout, start_ns: int, database: Path, terms: dict[str, Any]) -> None:
    """Play a layout from a midnight (UTC nanoseconds) on, and write all of its rows."""
    engine = _engine(layout, start_ns, terms)
    store = Store(database, mode="local", network="testnet")
    try:
        store.begin_run(
            started_ns=start_ns, mode="local", network="testnet", config_hash="known",
            policy_hash="known", code_version="0", seed=7, first_seq=1, last_seq=0,
            config=msgspec.json.encode({"shadow": {"enabled": True}}).decode(),
        )  # fmt: skip
        for events in _days(layout, start_ns):
            rows = Rows()
            for event in events:
                rows.extend(engine.step(event).rows)
            store.write(rows, snapshot.durable(engine))
    finally:
        store.close()


def _engine(layout: Layout, start_ns: int, terms: dict[str, Any]) -> Engine:
    due: dict[str, dict[tuple[int, str], Episode]] = {name: {} for name in BOTS}
    for episode in layout.episodes:
        due[episode.bot][start_ns + episode.at_s * NS_PER_S, episode.coin] = episode
    filters: list[Filter[Any]] = [Reader(name, mode) for name, mode in MODES.items()]
    gate = Gate(filters)
    text = {
        name: msgspec.json.encode({"filter": name, "verdict": terms}).decode() for name in MODES
    }
    return Engine(
        instruments=INSTRUMENTS,
        lanes=[Lane(Teller(name, of, due[name]), "admit") for name, of in BOTS.items()],
        gate=gate,
        model=FillModel.of(latency_ms=LATENCY_MS, taker_bps=TAKER_BPS, maker_bps=1.5),
        identity=Identity("known", "known"),
        start_e6=round(EQUITY_USD * 1e6),
        seed=7,
        vol_target=PRIOR_DAILY_VOL,
        shadow=True,
        terms=Terms(text),
        variants=standard(gate.filters),
        # A book in some seconds may well be percents away.
        price_rule=PriceRule(share=0.5),
    )


def _days(layout: Layout, start_ns: int) -> list[list[Event]]:
    """Return the events of each day that is run."""
    books: dict[int, list[tuple[str, float]]] = {}
    for episode in layout.episodes:
        for at_s, mid in path(episode):
            books.setdefault(at_s, []).append((episode.coin, mid))
    nights = {e.day for e in layout.episodes if e.night_share is not None}
    found = []
    for day in range(layout.days + 1):
        if day < layout.days and not layout.runs(day):
            continue
        begin = day * DAY_S
        # The last day ends as the next begins.
        spans = [(begin, begin + (RUN_S if day < layout.days else STEP_S))]
        if day in nights:
            spans.append((begin + DAY_S - EVENING_S, begin + DAY_S))
        events: list[Event] = []
        for first, end in spans:
            now_ns = start_ns + first * NS_PER_S
            events.append(FeedUp(now_ns))
            events += [_context(coin, now_ns) for coin in MIDS]
            shown = {s for s in books if first <= s < end}
            for s in sorted({*range(first, end, STEP_S), *shown}):
                now_ns = start_ns + s * NS_PER_S
                events.append(Timer(now_ns))
                events += [_book(coin, mid, now_ns) for coin, mid in books.get(s, ())]
        found.append(events)
    return found


def _book(coin: str, mid: float, now_ns: int) -> BookUpdate:
    below, above = round(mid - HALF_SPREAD, 2), round(mid + HALF_SPREAD, 2)
    bids, asks = [Level(below, DEEP)], [Level(above, DEEP)]
    return BookUpdate(coin, now_ns // NS_PER_MS, bids, asks, False, now_ns)


def _context(coin: str, now_ns: int) -> ContextUpdate:
    mid = MIDS[coin]
    return ContextUpdate(coin, RATES[coin], 1.0, mid, mid, None, 1.0, 1.0, now_ns)

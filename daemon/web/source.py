"""Answers for the page: read once for all viewers, and only when there is something new.

Views run on the thread of aiosqlite's connection, one after the other, so that a page however busy
takes no more than one reader's time from the disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from sqlite3 import Connection
from typing import Any

import aiosqlite
import msgspec

from daemon.instance import control
from daemon.instance.control import Refused, Request
from daemon.instance.paths import StateDir
from daemon.views.coin import CoinChart
from daemon.views.health import Health, asked, health
from daemon.views.panels.blocked import blocked_panel
from daemon.views.panels.bots import bots_panel
from daemon.views.panels.coin import coin_panel
from daemon.views.panels.feed import feed_panel
from daemon.views.panels.holdings import holdings_panel
from daemon.views.panels.limits import LimitsPanel, limit_detail, limits_panel
from daemon.views.panels.money import money_panel
from daemon.views.panels.settings import settings_of
from daemon.views.panels.system import system_panel
from daemon.views.panels.weights import WeightsPanel, weights_panel
from daemon.views.panels.why import why_panel
from daemon.views.positions import Positions, at_rest
from daemon.views.status import RunningStatus
from daemon.web.metrics import exposition
from market.errors import GnomonError, OperatorError, VenueUnreachable
from shadow.store.store import open_readonly

# What a panel may cost of a second, and how often it is read at most.
SHARE_MAX = 0.05
LEAST_S = 2.0
STATUS_S = 0.9
# A tick fits two kilobytes; the panel of holdings has the rest.
MARKS_MAX = 30

View = Callable[[Connection], Any]


class Reader(aiosqlite.Connection):
    """A read-only connection that runs a view on its own thread."""

    async def look(self, view: View) -> Any:
        """Return what a view finds."""
        return await self._execute(view, self._conn)  # type: ignore[no-untyped-call]


class Kept(msgspec.Struct):
    """An answer as it was sent last, what it was made of, and when it may be made again."""

    data: bytes
    stamp: object
    again: float


class Source:
    """Panels of one state as JSON."""

    def __init__(self, state: StateDir) -> None:
        self.state = state
        self._kept: dict[str, Kept] = {}
        self._busy: dict[str, asyncio.Lock] = {}
        self._health: Health | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def health(self) -> Health:
        """Return the daemon's state, asked at most once a second for all viewers."""
        async with self._asking:
            if self._health is None or time.monotonic() - self._asked_at > STATUS_S:
                self._health = await asyncio.to_thread(self._look_after)
                self._asked_at = time.monotonic()
            return self._health

    def _look_after(self) -> Health:
        return health(self.state, asked(self.state), time.time_ns())

    async def panel(self, name: str) -> bytes:
        """Return a panel; raises KeyError for a name there is not, GnomonError without data."""
        now_ns = time.time_ns()
        views: dict[str, View] = {
            "money": lambda db: money_panel(db, now_ns),
            "limits": limits_panel,
            "blocked": blocked_panel,
            "bots": bots_panel,
            "feed": feed_panel,
            "weights": weights_panel,
        }
        if name == "holdings":
            return await self._holdings()
        if name == "system":
            status = (await self.health()).status
            state = self.state
            return await self._made(
                name, lambda db: system_panel(db, state.database, state.tape, status, now_ns)
            )
        return await self._made(name, views[name])

    async def metrics(self) -> bytes:
        """Return the figures for a scrape; without a database those of the daemon alone."""
        found = await self.health()
        try:
            limits = msgspec.json.decode(await self.panel("limits"), type=LimitsPanel)
            weights = msgspec.json.decode(await self.panel("weights"), type=WeightsPanel)
        except GnomonError:
            return exposition(found, None, None)
        return exposition(found, limits, weights)

    async def limit(self, name: str) -> bytes | None:
        """Return one limit opened, None where there is none of that name."""
        data = await self._made(f"limit/{name}", lambda db: limit_detail(db, name))
        return None if data == b"null" else data

    async def why(self, signal_id: int) -> bytes | None:
        """Return one signal's record, None where there is none of that number."""
        data = await self._made(f"why/{signal_id}", lambda db: why_panel(db, signal_id))
        return None if data == b"null" else data

    async def live(self) -> tuple[Health, Positions | None]:
        """Return what moves from second to second."""
        found = await self.health()
        held = await asyncio.to_thread(self._positions) if found.status is not None else None
        return found, held

    async def coin(self, name: str) -> bytes:
        """Return a coin's chart; the first coin traded where none is named."""
        status = (await self.health()).status
        coins = [feed.coin for feed in status.feeds] if status is not None else []
        chart = None
        wanted = name or (coins[0] if coins else "")
        if wanted in coins:
            chart = await asyncio.to_thread(self._chart, wanted)

        def view(db: Connection) -> object:
            known = coins or settings_of(db).coins
            return coin_panel(db, wanted or (known[0] if known else ""), known, chart)

        return await self._made(f"coin/{wanted}", view)

    def _chart(self, name: str) -> CoinChart | None:
        try:
            return control.ask(self.state.socket, Request("coin", name), CoinChart)
        except VenueUnreachable:
            return None

    async def _holdings(self) -> bytes:
        status = (await self.health()).status
        held = await asyncio.to_thread(self._positions) if status is not None else None
        folder, now_ns = self.state.folder, time.time_ns()
        equity = None if status is None else status.equity_usd

        def view(db: Connection) -> object:
            found = held or at_rest(db, folder, now_ns, phantoms=True)
            return holdings_panel(db, found, equity)

        return await self._made("holdings", view)

    def _positions(self) -> Positions | None:
        try:
            return control.ask(self.state.socket, Request("positions", phantoms=True), Positions)
        except (Refused, VenueUnreachable):
            return None

    def stamp(self) -> object:
        """Return what changes whenever the database does, or another takes its place."""
        found = []
        for suffix in ("", "-wal"):
            path = self.state.database.with_name(self.state.database.name + suffix)
            try:
                seen = path.stat()
            except OSError:
                continue
            # An empty log is only the trace of somebody who read.
            if seen.st_size:
                found.append((suffix, seen.st_ino, seen.st_size, seen.st_mtime_ns))
        return tuple(found)

    async def _made(self, key: str, view: View) -> bytes:
        """Return an answer, made anew where the database has changed and it is time to."""
        async with self._busy.setdefault(key, asyncio.Lock()):
            kept, stamp, now = self._kept.get(key), self.stamp(), time.monotonic()
            if kept is not None and (kept.stamp == stamp or now < kept.again):
                return kept.data
            path = self.state.database
            if not path.exists():
                # Said without a thread that opens it in vain.
                raise OperatorError(f"{path}: no such database")
            reader = Reader(lambda: open_readonly(path), iter_chunk_size=64)
            async with reader:
                data = msgspec.json.encode(await reader.look(view))
            cost = time.monotonic() - now
            again = now + max(LEAST_S, cost / SHARE_MAX)
            self._kept[key] = Kept(data, stamp, again)
            return data


def tick_of(found: Health, held: Positions | None) -> dict[str, Any]:
    """Return what is sent every second: small, and only what moves."""
    status: RunningStatus | None = found.status
    tick: dict[str, Any] = {"now_ms": found.now_ms, "state": found.state}
    if status is None:
        return tick
    ages = [min(f.ages_ms.values(), default=0) for f in status.feeds]
    tick |= {
        "equity_usd": round(status.equity_usd, 2),
        "day_usd": round(status.equity_usd - status.day_start_usd, 2),
        "feed": {
            "ok": sum(f.ok for f in status.feeds),
            "of": len(status.feeds),
            "newest_ms": min(ages, default=None),
        },
        "clock_ms": status.clock.wall_ms,
        "halted": "; ".join(f"{who}: {why}" for who, why in status.halts.items()),
        "latched": status.latched,
    }
    if held is not None:
        known = [t for t in held.trades if t.mark_px is not None and t.pnl_usd is not None]
        tick["marks"] = {
            str(t.trade_id): [t.mark_px, round(t.pnl_usd or 0.0, 2)] for t in known[:MARKS_MAX]
        }
    return tick

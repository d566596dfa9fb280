"""The venue's listing, asked again now and then: coins that go, and rules that change.

One answer is not believed: a coin is gone when a second one, a while later, says so too. An answer
without most of the coins is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from daemon.engine.engine import Engine
from daemon.live.telemetry import log
from market.errors import VenueUnreachable
from market.events import Command, Notice, Verb
from market.instrument import Instrument
from venue.hyperliquid.info import InfoClient

CONFIRM_S = 60.0
DELISTED = "the venue has delisted it"
UNLISTED = "the venue lists it no more"


class Listing:
    """Watch over the coins of an engine; `gone` says which were found gone at the start, and why.

    `consume` takes the order to wind one down, or the notice that one is left out.
    """

    def __init__(
        self,
        info: InfoClient,
        engine: Engine,
        gone: Mapping[str, str],
        consume: Callable[[Command | Notice], object],
        *,
        every_s: float,
    ) -> None:
        self._info = info
        self._engine = engine
        self._gone = gone
        self._consume = consume
        self._every_s = every_s
        self._leverage: dict[str, int] = {}

    def traded(self) -> dict[str, Instrument]:
        """Return the coins that are listened to."""
        coins = self._engine.market.coins.items()
        return {
            name: coin.instrument
            for name, coin in coins
            if not coin.closed and name not in self._gone
        }

    def announce(self) -> None:
        """Put on record which coins were found gone; end what is still held on them."""
        for coin, why in self._gone.items():
            if coin in self._engine.market.coins:
                self._wind_down(coin, why)
            else:
                log.warning("coin is left out", coin=coin, why=why)
                self._consume(Notice("delisted", f"{coin} is left out: {why}"))

    def _wind_down(self, coin: str, why: str) -> None:
        log.warning("coin is wound down", coin=coin, why=why)
        self._consume(Command(Verb.WIND_DOWN, f"{coin} {why}", "venue"))

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Ask how the coins stand; wind down those that two answers say are gone."""
        first = await self._endings()
        if not first:
            return
        log.warning("coins seem to be gone, asking once more", coins=first)
        await asyncio.sleep(min(CONFIRM_S, self._every_s))
        for coin, why in (await self._endings()).items():
            if coin in first:
                self._wind_down(coin, why)

    async def _endings(self) -> dict[str, str]:
        traded = self.traded()
        try:
            listed = await self._info.instruments()
        except VenueUnreachable as error:
            log.warning("the listing could not be read, trying again later", error=error)
            return {}
        self._note_leverage(traded, listed)
        missing = traded.keys() - listed.keys()
        if not listed or 2 * len(missing) > max(len(traded), 2):
            log.warning("a listing without most of the coins is not believed", lacks=len(missing))
            return {}
        return endings(traded, listed)

    def _note_leverage(
        self, traded: Mapping[str, Instrument], listed: Mapping[str, Instrument]
    ) -> None:
        """Say that a leverage limit has changed: sizes do not depend on it, but margins do."""
        for coin, mine in traded.items():
            if coin not in listed:
                continue
            before = self._leverage.get(coin, mine.max_leverage)
            now = self._leverage[coin] = listed[coin].max_leverage
            if now != before:
                log.warning("leverage limit changed", coin=coin, before=before, now=now)


def endings(traded: Mapping[str, Instrument], listed: Mapping[str, Instrument]) -> dict[str, str]:
    """Return why coins cannot be traded as they were, by coin."""
    found = {}
    for coin, mine in traded.items():
        now = listed.get(coin)
        if now is None or now.is_delisted:
            found[coin] = ending(listed, coin)
        elif now.sz_decimals != mine.sz_decimals:
            found[coin] = resized(mine, now)
    return found


def ending(listed: Mapping[str, Instrument], coin: str) -> str:
    """Return in words how a coin left."""
    return DELISTED if coin in listed else UNLISTED


def resized(mine: Instrument, now: Instrument) -> str:
    """Return in words why lots of a coin cannot be counted on: one lot is another size."""
    return f"its sizes have {now.sz_decimals} decimals now, they had {mine.sz_decimals}"

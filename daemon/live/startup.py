"""Start-up of anything that listens to the venue: a plan, a venue, its rules."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from daemon.config.sections import DEFAULT_COINS, Books, Config, Mode, Network
from daemon.instance.paths import StateDir
from daemon.live.child import Child, local_venue, remember_world
from daemon.live.clock import Reading
from daemon.live.listing import ending, resized
from daemon.live.notify import notify
from daemon.live.telemetry import log
from daemon.live.venue_time import first_reading
from market.errors import OperatorError, VenueUnreachable
from market.instrument import Instrument
from venue.hyperliquid.info import InfoClient
from venue.hyperliquid.names import not_ours
from venue.hyperliquid.streams import COIN_STREAMS, L2_BOOK, Subscription
from venue.hyperliquid.universe import load_instruments

T = TypeVar("T")

# Each asks for an orderly end: a terminal that goes away is no reason for another.
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Plan:
    """Mode, place and duration of a run (seconds of readiness; None: until told to stop)."""

    config: Config
    mode: Mode
    network: Network
    state: StateDir
    for_s: float | None = None

    @property
    def venue(self) -> str:
        """Return what a database is marked with beside its mode: the network on paper."""
        return self.network if self.mode == "paper" else self.mode


@dataclass(frozen=True)
class Endpoint:
    """URLs of the venue, and the child process when it is our own."""

    ws: str
    rest: str
    child: Child | None = None


@asynccontextmanager
async def open_endpoint(plan: Plan) -> AsyncIterator[Endpoint]:
    """Start the local venue in local mode, else name the network's URLs."""
    if plan.mode == "local":
        world = remember_world(plan.state.path / "world.json", plan.config.seed)
        async with local_venue(world, plan.state.path / "venue.log") as child:
            yield Endpoint(child.ws, child.http, child)
    else:
        urls = plan.config.venue.endpoint(plan.network)
        yield Endpoint(urls.ws_url, urls.rest_url)


async def list_instruments(
    info: InfoClient, *, waiting: Callable[[str], None] = lambda text: None
) -> dict[str, Instrument]:
    """Return what the venue lists, asking until it answers: a service outlives its venue."""
    pause_s = 1.0
    while True:
        try:
            listed = await info.instruments()
            if listed:
                return listed
            raise VenueUnreachable("meta: lists nothing")
        except VenueUnreachable as error:
            log.warning("venue unreachable, asking again", error=error, in_s=pause_s)
            waiting(f"venue unreachable ({error}), asking again in {pause_s:g} s")
            notify(f"STATUS=waiting for the venue: {error}", "EXTEND_TIMEOUT_USEC=90000000")
        await asyncio.sleep(pause_s)
        pause_s = min(60.0, pause_s * 2)


async def meet_venue(
    info: InfoClient, *, waiting: Callable[[str], None]
) -> tuple[dict[str, Instrument], Reading | None]:
    """Return what the venue lists, and its time: it is the judge of this machine's clock."""
    listed = await list_instruments(info, waiting=waiting)
    return listed, await first_reading(info)


async def until_stopped(work: Coroutine[Any, Any, T], *, within_s: float | None) -> T | str:
    """Return what comes of `work`, or the name of the signal that ended the wait for it.

    Raises VenueUnreachable when it takes longer than `within_s` (None: however long).
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[str] = loop.create_future()
    for number in STOP:
        loop.add_signal_handler(number, _tell, told, number)
    task = asyncio.create_task(work)
    try:
        await asyncio.wait((task, told), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if told.done():
            return told.result()
        raise VenueUnreachable(f"the venue did not answer within {within_s:g} s")
    finally:
        for number in STOP:
            loop.remove_signal_handler(number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell(told: asyncio.Future[str], number: int) -> None:
    if not told.done():
        told.set_result(signal.Signals(number).name)


@dataclass(frozen=True)
class Choice:
    """Coins of a run: what is listened to or still held, and by coin why it is traded no more.

    A coin that is gone is among the instruments as long as something is held on it.
    """

    instruments: dict[str, Instrument]
    gone: dict[str, str]


def choose_coins(
    config: Config,
    listed: Mapping[str, Instrument],
    held: Mapping[str, Instrument],
    known: Collection[str] = (),
) -> Choice:
    """Return the coins to trade: the configured ones that the venue still has, and those held.

    `held` are the rules by which trades that are held were bought, `known` coins that were once
    traded here. Raises OperatorError for a coin that there never was, as far as anyone can tell,
    because subscribing to it would make the venue close the connection, and when none is left.
    """
    tradable = {name: i for name, i in listed.items() if not i.is_delisted}
    wanted = config.coins or tuple(c for c in DEFAULT_COINS if c in tradable)
    gone = {c: ending(listed, c) for c in wanted if c not in tradable}
    once = listed.keys() | set(known) | held.keys() | load_instruments().keys()
    unknown = [coin for coin in gone if coin not in once]
    if unknown:
        sentences = [said for coin in unknown if (said := not_ours(coin))]
        rest = [coin for coin in unknown if not not_ours(coin)]
        near = [c for c in tradable if c.lower() in {u.lower() for u in rest}]
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        if rest:
            sentences.append(f"the venue does not trade {', '.join(rest)}{hint}")
        raise OperatorError(f"coins: {'; '.join(sentences)}")
    instruments = {coin: tradable[coin] for coin in wanted if coin in tradable}
    for coin, bought in sorted(held.items()):
        now = tradable.get(coin)
        if now is None:
            gone[coin] = ending(listed, coin)
        elif bought.sz_decimals != now.sz_decimals and bought.sz_decimals:
            gone[coin] = resized(bought, now)
        instruments[coin] = bought if now is None or coin in gone else now
    if not instruments.keys() - gone.keys():
        why = "; ".join(f"{coin}: {why}" for coin, why in gone.items())
        raise OperatorError(
            f"coins: none is left to trade ({why}); name others"
            if gone
            else "coins: none of the default coins is listed; name some"
        )
    return Choice(instruments, gone)


def subscriptions(coins: Iterable[str], books: Books = "l2Book") -> list[Subscription]:
    """Return every stream the daemon listens to, coin by coin.

    By deltas the quick book is as deep as the slow one, against which they are checked.
    """
    spared = "l2" if books == "l2Book" else "fast"
    kinds = [kind for kind in COIN_STREAMS if kind.name != spared]
    return [Subscription(kind.type, coin, kind.fast) for coin in coins for kind in kinds]


def standby(coins: Iterable[str], books: Books) -> list[Subscription]:
    """Return the streams that are asked for only while others are dead."""
    return [Subscription(L2_BOOK, coin, fast=True) for coin in coins if books == "auto"]

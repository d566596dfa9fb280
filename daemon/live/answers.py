"""Answers of the control socket: questions from the views, commands through the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from difflib import get_close_matches

from daemon.engine.outcome import Outcome
from daemon.instance import control
from daemon.instance.control import Refusal, Reply, Request
from daemon.instance.paths import StateDir
from daemon.views.coin import CoinChart, coin_chart
from daemon.views.lens import CoinLenses, coin_lenses
from daemon.views.positions import Positions, positions
from daemon.views.rim import Rim
from daemon.views.status import RunningStatus, status
from market.events import Command, Verb

Answer = RunningStatus | Positions | CoinLenses | CoinChart | Reply | Refusal


class Answers:
    """Answers to requests about one running daemon.

    `obey` takes a command as an event, `commit` returns once everything up to an event is on disk.
    """

    def __init__(
        self,
        rim: Rim,
        obey: Callable[[Command], Outcome],
        commit: Callable[[int], Awaitable[None]],
    ) -> None:
        self._rim = rim
        self._obey = obey
        self._commit = commit

    async def serve(self, state: StateDir) -> None:
        """Answer at a state's socket until cancelled; the socket is gone afterwards."""
        server = await control.serve(state.socket, self.answer)
        async with server:
            try:
                await server.serve_forever()
            finally:
                state.socket.unlink(missing_ok=True)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to one request; a command is on disk before it is answered."""
        if request.verb == "status":
            return status(self._rim)
        if request.verb == "positions":
            return positions(self._rim, phantoms=request.phantoms)
        if request.verb == "lens":
            return self._lens(request.argument)
        if request.verb == "coin":
            chart = coin_chart(self._rim, request.argument)
            return chart or _no_coin(request.argument, self._rim.engine.market.coins)
        verb = next((verb for verb in Verb if verb == request.verb), None)
        if verb is None:
            return Refusal(f"unknown verb {request.verb!r}")
        refusal = self._unknown(verb, request)
        if refusal is not None:
            return refusal
        # A longer argument is cut.
        argument = request.argument[: verb.argument_max]
        outcome = self._obey(Command(verb, argument, bot=request.bot, coin=request.coin))
        await self._commit(self._rim.engine.vitals.seq)
        return Reply(outcome.reply)

    def _unknown(self, verb: Verb, request: Request) -> Refusal | None:
        """Refuse an order that names a bot or a coin that is not here."""
        market, argument = self._rim.engine.market, request.argument
        bot, coin = request.bot, request.coin
        if verb is Verb.REARM:
            bot = argument
        if (verb is Verb.REARM or bot) and bot not in market.lanes:
            return _no_bot(bot, market.lanes)
        names_coin = bool(coin)
        if verb is Verb.WIND_DOWN or (verb is Verb.RESUME and argument):
            names_coin, coin = True, argument.partition(" ")[0]
        return _no_coin(coin, market.coins) if names_coin and coin not in market.coins else None

    def _lens(self, name: str) -> CoinLenses | Refusal:
        engine = self._rim.engine
        found = coin_lenses(engine, name)
        if found is not None:
            return found
        return _no_coin(name, engine.market.coins)


def _no_bot(name: str, bots: Iterable[str]) -> Refusal:
    there = list(bots)
    return Refusal(f"no bot {name!r}{_nearest(name, there)}; there are {', '.join(there)}", there)


def _no_coin(name: str, coins: Iterable[str]) -> Refusal:
    there = list(coins)
    known = ", ".join(there)
    return Refusal(f"{name!r} is not traded here{_nearest(name, there)}; there are {known}", there)


def _nearest(name: str, there: Iterable[str]) -> str:
    """Return a guess at the name that was meant, whatever its capitals; "" without one."""
    known = {known.casefold(): known for known in there}
    close = get_close_matches(name.casefold(), known, n=1)
    return f"; did you mean {known[close[0]]}?" if close else ""

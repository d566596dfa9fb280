"""Answers of the control socket: questions from the views, commands through the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

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
        refusal = self._unknown(verb, request.argument)
        if refusal is not None:
            return refusal
        # A longer argument is cut.
        outcome = self._obey(Command(verb, request.argument[: verb.argument_max]))
        await self._commit(self._rim.engine.vitals.seq)
        return Reply(outcome.reply)

    def _unknown(self, verb: Verb, argument: str) -> Refusal | None:
        """Refuse an order that names a bot or a coin that is not here."""
        market = self._rim.engine.market
        if verb is Verb.REARM and argument not in market.lanes:
            known = ", ".join(market.lanes)
            return Refusal(f"no bot {argument!r}; there are {known}", list(market.lanes))
        coin = argument.partition(" ")[0]
        names_coin = verb is Verb.WIND_DOWN or (verb is Verb.RESUME and argument)
        return _no_coin(coin, market.coins) if names_coin and coin not in market.coins else None

    def _lens(self, name: str) -> CoinLenses | Refusal:
        engine = self._rim.engine
        found = coin_lenses(engine, name)
        if found is not None:
            return found
        return _no_coin(name, engine.market.coins)


def _no_coin(name: str, coins: Iterable[str]) -> Refusal:
    there = list(coins)
    return Refusal(f"{name!r} is not traded here; there are {', '.join(there)}", there)

"""Lobby: what the control socket answers while the daemon starts.

A daemon that waits for its venue or its database is alive, and says so. A halt that comes
meanwhile is kept and is the first thing the engine hears; everything else is asked to come again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daemon.instance import control
from daemon.instance.control import Refusal, Reply, Request
from daemon.instance.paths import StateDir
from market.events import Command, Verb


class Lobby:
    """Answers before there is an engine; `orders` is what it must be told first."""

    def __init__(self) -> None:
        self.phase = "starting"
        self.orders: list[Command] = []

    def say(self, text: str) -> None:
        """Take what the start waits for, in words."""
        self.phase = text

    async def answer(self, request: Request) -> Reply | Refusal:
        """Return the answer to one request."""
        if request.verb == Verb.HALT and not (request.bot or request.coin):
            argument = request.argument[: Verb.HALT.argument_max]
            self.orders.append(Command(Verb.HALT, argument))
            return Reply(f"the daemon is starting ({self.phase}); it begins with entries halted")
        return Refusal(self.phase, starting=True)


@asynccontextmanager
async def receiving(state: StateDir) -> AsyncIterator[Lobby]:
    """Answer at a state's socket until the block ends or somebody else answers there."""
    lobby = Lobby()
    server = await control.serve(state.socket, lobby.answer)
    inode = state.socket.stat().st_ino
    async with server:
        try:
            yield lobby
        finally:
            if state.socket.exists() and state.socket.stat().st_ino == inode:
                state.socket.unlink(missing_ok=True)

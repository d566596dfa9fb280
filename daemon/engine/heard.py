"""Signals as heard: what a bot said, with weights and vote as they stood at that moment.

The market half makes one for every sound signal and passes it to whatever desks there are. It
holds nothing of a desk, and no desk changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from divisions.lane import Lane
from market.coin import Coin
from market.decision import ExitCall, Signal, Vote


class Heard:
    """One signal as heard. `weights` are the division's and the bot's.

    The vote is cast by the first desk that asks and is the same for all: every desk asks within
    the call that delivers the signal.
    """

    __slots__ = ("_cast", "_vote", "coin", "lane", "signal", "weights")

    def __init__(
        self,
        lane: Lane,
        coin: Coin,
        signal: Signal,
        weights: tuple[float, float],
        cast: Callable[[Coin], Vote],
    ) -> None:
        self.lane = lane
        self.coin = coin
        self.signal = signal
        self.weights = weights
        self._cast = cast
        self._vote: Vote | None = None

    @property
    def key(self) -> str:
        """Return the episode key: bot, coin and side."""
        return f"{self.lane.name}|{self.signal.coin}|{self.signal.side}"

    @property
    def vote(self) -> Vote:
        """Return the divisions' vote on the coin."""
        if self._vote is None:
            self._vote = self._cast(self.coin)
        return self._vote


class Listener(Protocol):
    """A desk that acts on bots' signals and exit calls."""

    def hear(self, heard: Heard) -> None:
        """Take a bot's signal."""

    def try_out(self, heard: Heard, trial_id: int) -> None:
        """Take a signal of one arm of a trial."""

    def doubted(self, coin: Coin) -> None:
        """Learn that a coin's quotes are not believed from now on."""

    def exit_called(self, bot: str, call: ExitCall) -> None:
        """Take a bot's wish to end what it has on a coin and side."""

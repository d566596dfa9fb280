"""Placebo limit: it would block a fifth of all episodes at random, and never does.

Its verdict must read UNDETERMINED about 95 % of the time; if it does not, the inference is
broken, not the market. One draw an episode: a hash of the seed, the episode's key and its
opening time, so that neither restarts nor other signals move it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from risk.filter import Filter


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`share` is the fraction of episodes it would block."""

    share: Annotated[float, Meta(gt=0.0, lt=1.0)] = 0.2


def draw(seed: int, key: str, opened_ns: int) -> float:
    """Return the episode's uniform draw in [0, 1)."""
    text = f"{seed}|{key}|{opened_ns}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64


class Control(Filter[Settings]):
    """The random filter, in observe mode only."""

    name = "control"
    asks = "placebo: would a coin toss have blocked this episode?"
    blocks = "below"
    rank = 99
    default_mode = "observe"
    may_enforce = False
    rests_on = ("seed",)
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        # The newest draw of each key with what it was drawn from: a cache, never state.
        self._draws: dict[tuple[str, str, int], tuple[int, int, float]] = {}

    def drawn(self, proposal: Proposal, view: DeskView) -> float:
        """Return the draw of a proposal's episode, hashed once an episode."""
        seed, opened_ns = view.desk.seed, view.opened_ns
        episode = proposal.bot, proposal.coin, proposal.side
        known = self._draws.get(episode)
        if known is not None and known[0] == opened_ns and known[1] == seed:
            return known[2]
        value = draw(seed, f"{proposal.bot}|{proposal.coin}|{proposal.side}", opened_ns)
        self._draws[episode] = opened_ns, seed, value
        return value

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Fail the episodes whose draw falls below the share."""
        value = self.drawn(proposal, view)
        if value < self.settings.share:
            return self.failed(value, self.settings.share, "drawn by the placebo")
        return self.passed(value, self.settings.share)

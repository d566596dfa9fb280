"""Placebo limit: it would block a fifth of all episodes at random, and never does.

Its verdict must read UNDETERMINED about 95 % of the time; if it does not, the inference is
broken, not the market. One draw an episode: a hash of the seed, the episode's key and its
opening time, so that neither restarts nor other signals move it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from market.decision import Check, Proposal
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
    rank = 99
    default_mode = "observe"
    may_enforce = False
    settings_type = Settings

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Fail the episodes whose draw falls below the share."""
        key = f"{proposal.bot}|{proposal.coin}|{proposal.side}"
        value = draw(view.desk.seed, key, view.opened_ns)
        if value < self.settings.share:
            return self.failed(value, self.settings.share, "drawn by the placebo")
        return self.passed(value, self.settings.share)

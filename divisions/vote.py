"""Vote of the divisions on one coin, weighted and with its evidence.

A bot's opinion of a coin is its last signal. It stands until the signal's horizon ends, the
price has passed its stop or target, the bot calls its exit, or it says something else. A
division's stance is the mean of its bots' opinions, side × conviction, by bot weight; its
confidence is the share of its bots' weight that has an opinion at all. Divisions vote by their
weight times their confidence.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from divisions.roster import DIVISIONS
from market.decision import BUY, Signal, Stance, Voice, Vote


class Opinion(Struct, gc=False):
    """A bot's last word on a coin; times in nanoseconds, prices in USD, 0.0 for no target."""

    side: int
    conviction: float
    at_ns: int
    until_ns: int
    stop_px: float
    target_px: float
    reason: str


# By coin and bot.
Opinions = dict[str, dict[str, Opinion]]


def hold(opinions: Opinions, bot: str, signal: Signal, now_ns: int) -> None:
    """Remember a signal as what its bot thinks of the coin."""
    plan = signal.plan
    opinions.setdefault(signal.coin, {})[bot] = Opinion(
        signal.side,
        signal.conviction,
        now_ns,
        now_ns + plan.horizon_ns,
        plan.stop_px,
        plan.target_px,
        signal.reason,
    )


def withdraw(opinions: Opinions, bot: str, coin: str, side: int) -> None:
    """Forget what a bot thought of a coin, when it was of that side."""
    found = opinions.get(coin, {})
    if bot in found and found[bot].side == side:
        del found[bot]


def stands(opinion: Opinion, mid: float, now_ns: int) -> bool:
    """Say whether time and price have left an opinion standing."""
    if now_ns >= opinion.until_ns or opinion.side * (mid - opinion.stop_px) <= 0.0:
        return False
    return not opinion.target_px or opinion.side * (opinion.target_px - mid) > 0.0


def together(bots: Mapping[str, float], homes: Mapping[str, str]) -> dict[str, float]:
    """Return by division what its bots weigh together."""
    totals: dict[str, float] = {}
    for bot, home in homes.items():
        totals[home] = totals.get(home, 0.0) + bots.get(bot, 1.0)
    return totals


def cast(
    opinions: Mapping[str, Opinion],
    *,
    mid: float,
    now_ns: int,
    divisions: Mapping[str, float],
    bots: Mapping[str, float],
    homes: Mapping[str, str],
    totals: Mapping[str, float],
) -> Vote:
    """Return the vote on a coin; weights by division and by bot, `homes` from bot to division.

    `totals` is what `together` makes of bots and homes.
    """
    spoken: dict[str, list[Voice]] = {}
    for bot in sorted(opinions):
        opinion, home = opinions[bot], homes.get(bot)
        if home is not None and stands(opinion, mid, now_ns):
            voice = Voice(bot, opinion.side, opinion.conviction, opinion.at_ns, opinion.reason)
            spoken.setdefault(home, []).append(voice)
    stances = []
    for name in DIVISIONS:
        voices = spoken.get(name)
        if voices:
            said = present = 0.0
            for voice in voices:
                w = bots.get(voice.bot, 1.0)
                said += w * voice.side * voice.conviction
                present += w
            weight = divisions.get(name, 1.0)
            stances.append(Stance(name, weight, said / present, present / totals[name], voices))
    return count(stances)


def count(stances: list[Stance]) -> Vote:
    """Return the vote that stances make.

    `value` in [−1, 1] is their mean by weight × confidence. `disagreement` in [0, 1] is
    1 − |Σ a| / Σ |a| over a = weight × confidence × stance: 0 when all pull one way, 1 when they
    cancel.
    """
    heard = net = gross = 0.0
    for s in stances:
        voice = s.weight * s.confidence
        pull = voice * s.stance
        heard += voice
        net += pull
        gross += abs(pull)
    value = net / heard if heard else 0.0
    return Vote(value, 1.0 - abs(net) / gross if gross else 0.0, stances)


def plain(vote: Vote, now_ns: int) -> dict[str, object]:
    """Return a vote as it is written down: ages in seconds instead of times."""
    return {
        "value": vote.value,
        "disagreement": vote.disagreement,
        "divisions": {
            s.division: {
                "weight": s.weight,
                "stance": s.stance,
                "confidence": s.confidence,
                "bots": {
                    voice.bot: {
                        "side": "buy" if voice.side == BUY else "sell",
                        "conviction": voice.conviction,
                        "age_s": (now_ns - voice.at_ns) / 1e9,
                        "reason": voice.reason,
                    }
                    for voice in s.voices
                },
            }
            for s in vote.stances
        },
    }

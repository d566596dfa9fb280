"""The asset context: oracle, mark, premium, funding, open interest, the day's volume.

The oracle is the fair price, smoothed over three seconds and renewed every three; the mark lies
between it and the mid; the premium is measured from the impact prices of the very book that is
shown. Funding is the venue's formula over the hour's mean premium so far.
"""

from __future__ import annotations

from msgspec import Struct

from market.events import MS_PER_HOUR, MS_PER_MINUTE
from venue.local.market.contract import Row
from venue.local.market.dice import hash_of
from venue.local.market.grid import HOURS, STEP_MS
from venue.local.market.levels import impact_px
from venue.local.market.ticks import RATE_DECIMALS, rate_text, text_of
from venue.local.world.archive import Archive
from venue.local.world.coins import Profile
from venue.local.world.day import Day
from venue.local.world.depth import Depth
from venue.local.world.premium import funding_rate, premium_of

ORACLE_MS = 3_000
ORACLE_CELLS = 5
MARK_MEAN_MS = 150_000
IMPACT_DEPTH = 20
SETTLE_DELAY_MS = 118


class Settlement(Struct, frozen=True):
    """One settled hour: when (ms since the epoch), the hourly rate, the hour's mean premium."""

    ms: int
    rate: float
    premium: float


class Contexts:
    """Asset contexts read off the days of an archive."""

    def __init__(self, archive: Archive, depths: dict[str, Depth]) -> None:
        self._archive = archive
        self._depths = depths

    def at(self, coin: str, number: int, ms: int) -> Row:
        """Return the context at a time of a day."""
        profile = self._archive.profiles[coin]
        px_decimals = profile.instrument.px_decimals
        day = self._archive.day(coin, number)
        bid, ask, _, _ = day.touch(ms)
        oracle, mark = _references(day, ms)
        impact_bid, impact_ask = self._impact(profile, day, ms)
        premium = premium_of(impact_bid, impact_ask, oracle)
        base, notional, opening = self._past_day(profile, number, ms)
        held = day.at_knots(day.open_interest, ms) * 10**profile.instrument.sz_decimals
        return {
            "funding": rate_text(funding_rate(round(day.mean_premium(ms), RATE_DECIMALS))),
            "openInterest": text_of(round(held), profile.instrument.sz_decimals),
            "prevDayPx": text_of(opening, px_decimals),
            "dayNtlVlm": rate_text(notional),
            "premium": rate_text(premium),
            "oraclePx": text_of(oracle, px_decimals),
            "markPx": text_of(mark, px_decimals),
            "midPx": text_of(5 * (bid + ask), px_decimals + 1),
            "impactPxs": [text_of(px, px_decimals) for px in (impact_bid, impact_ask)],
            "dayBaseVlm": text_of(base, profile.instrument.sz_decimals),
        }

    def settlement(self, coin: str, hour: int) -> Settlement:
        """Return the settlement at an hour mark, counted from the epoch, the first being 1."""
        number, index = divmod(hour - 1, HOURS)
        premium = round(float(self._archive.record(coin, number).premium[index]), RATE_DECIMALS)
        delay_ms = 1 + hash_of(coin, "settled", hour) % SETTLE_DELAY_MS
        return Settlement(hour * MS_PER_HOUR + delay_ms, funding_rate(premium), premium)

    def _impact(self, profile: Profile, day: Day, ms: int) -> tuple[int, int]:
        instrument = profile.instrument
        sides = self._depths[instrument.coin].book(day, ms, IMPACT_DEPTH)
        scale = 10.0 ** -(instrument.px_decimals + instrument.sz_decimals)
        bid, ask = (round(impact_px(side, profile.impact_usd, scale)) for side in sides)
        return bid, ask

    def _past_day(self, profile: Profile, number: int, ms: int) -> tuple[int, float, int]:
        """Return lots, USD and the opening price in units of the 24 hours up to now.

        Counted by whole minutes, and from the epoch while the world is younger than a day.
        """
        minute = ms // MS_PER_MINUTE
        coin = profile.instrument.coin
        today = self._archive.record(coin, number).minutes
        lots = int(today.lots[:minute].sum())
        notional = float(today.notional[:minute].sum())
        if not number:
            return lots, notional, int(today.open[0])
        before = self._archive.record(coin, number - 1).minutes
        lots += int(before.lots[minute:].sum())
        notional += float(before.notional[minute:].sum())
        return lots, notional, int(before.open[minute])


def _references(day: Day, ms: int) -> tuple[int, int]:
    """Return oracle and mark in units, as of the last oracle update."""
    at = ms - ms % ORACLE_MS
    oracle = day.mid(at, ORACLE_CELLS) / (1.0 + day.at_knots(day.premium, at))
    first, last = max(at - MARK_MEAN_MS, 0) // STEP_MS, at // STEP_MS
    usual = sum(day.premium[first : last + 1]) / (last + 1 - first)
    mark = sorted((oracle, oracle * (1.0 + usual), day.mid(at)))[1]
    return round(oracle), round(mark)

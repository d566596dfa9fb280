"""The cache of built days, by coin.

Building takes some ten milliseconds and always gives the same. Kept are the two newest-used days
of each coin, the factor of a month, and the small records of many.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from market.instrument import Instrument
from quant.heston import Heston
from venue.local.market.dice import Singles
from venue.local.world.coins import FACTOR_DAILY_VOL, FACTOR_VARIANCE, Profile, profile_of
from venue.local.world.day import Day, Record, build_day
from venue.local.world.path import Levels, Walk, cells_of, draft, lagged

DAYS_PER_COIN = 2
# A month of factors, 0.6 MB each: every coin's history asks for them anew.
FACTORS_MAX = 32
RECORDS_MAX = 800


class Archive:
    """The days of one world; a day is counted from the world's epoch."""

    def __init__(self, seed: int, instruments: Iterable[Instrument]) -> None:
        self._seed = seed
        self.profiles = {i.coin: profile_of(i) for i in instruments}
        self._factor_levels = Levels(
            seed,
            "factor",
            daily_vol=FACTOR_DAILY_VOL,
            draft=self._drafts("factor", FACTOR_DAILY_VOL, FACTOR_VARIANCE),
        )
        self._own_levels = {
            coin: Levels(
                seed,
                coin,
                daily_vol=profile.own_daily_vol,
                draft=self._drafts(coin, profile.own_daily_vol, profile.variance),
            )
            for coin, profile in self.profiles.items()
        }
        self._factors: OrderedDict[int, tuple[Singles, Walk]] = OrderedDict()
        self._days: dict[str, OrderedDict[int, Day]] = {c: OrderedDict() for c in self.profiles}
        self._records: OrderedDict[tuple[str, int], Record] = OrderedDict()

    def _drafts(self, series: str, daily_vol: float, model: Heston) -> Callable[[int], Walk]:
        return lambda day: draft(self._seed, series, day=day, daily_vol=daily_vol, model=model)

    def day(self, coin: str, number: int) -> Day:
        """Return a day, from now on kept until two others of the coin were used after it."""
        days = self._days[coin]
        found = days.get(number)
        if found is None:
            found = days[number] = self._build(self.profiles[coin], number)
            if len(days) > DAYS_PER_COIN:
                days.popitem(last=False)
            self._remember(coin, number, found.record)
        else:
            days.move_to_end(number)
        return found

    def record(self, coin: str, number: int) -> Record:
        """Return what stays of a day, without keeping the day."""
        record = self._records.get((coin, number))
        if record is None:
            record = self._build(self.profiles[coin], number).record
            self._remember(coin, number, record)
        else:
            self._records.move_to_end((coin, number))
        return record

    def warm(self, coins: Iterable[str], first: int, last: int) -> Iterator[None]:
        """Build what is missing of the records from `first` on and the day `last`, one a step."""
        for coin in coins:
            for number in range(first, last):
                if (coin, number) not in self._records:
                    self.record(coin, number)
                    yield
            if last not in self._days[coin]:
                self.day(coin, last)
                yield

    def _remember(self, coin: str, number: int, record: Record) -> None:
        self._records[coin, number] = record
        if len(self._records) > RECORDS_MAX:
            self._records.popitem(last=False)

    def _build(self, profile: Profile, number: int) -> Day:
        coin = profile.instrument.coin
        factor_cells, factor = self._factor(number)
        levels = self._own_levels[coin]
        start = profile.beta * self._factor_levels.start(number) + levels.start(number)
        return build_day(
            self._seed,
            profile,
            number,
            start_px=profile.base_px * math.exp(start),
            own=levels.walk(number),
            factor=factor,
            factor_cells=lagged(factor_cells, profile.lag_cells),
        )

    def _factor(self, number: int) -> tuple[Singles, Walk]:
        found = self._factors.get(number)
        if found is None:
            path = self._factor_levels.walk(number)
            found = self._factors[number] = (cells_of(path), path)
            if len(self._factors) > FACTORS_MAX:
                self._factors.popitem(last=False)
        else:
            self._factors.move_to_end(number)
        return found

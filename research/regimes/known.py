"""Known regimes of the market, by rules fixed beforehand in `known.toml`."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FILE = Path(__file__).with_suffix(".toml")


class Extreme(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """The day of the highest or lowest daily close of a span of dates, both included."""

    extreme: str
    since: str
    to: str
    date: str


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One regime: after the day of `begins`, until the day of `ends`."""

    name: str
    direction: str
    wild: bool
    begins: Extreme
    ends: Extreme
    source: str

    def days(self, days: Days) -> Bools:
        """Return which of the days belong to it."""
        inside: Bools = (days > np.datetime64(self.begins.date)) & (
            days <= np.datetime64(self.ends.date)
        )
        return inside


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of hourly candles under the data folder, and its coin."""

    coin: str
    file: str


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of the labels; the file says what each number is."""

    train_days: int
    refit_days: int
    hmm_hours: int
    hmm_states: int
    hmm_starts: int
    hmm_probability: float
    rv_z: float
    quantile: float
    composite: float
    window: int
    trend_days: int
    trend_z: float
    block_days: int
    bootstraps: int


class Regimes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    candles: list[Wanted]
    settings: Settings
    regime: list[Known]


def registered() -> Regimes:
    """Return the file; raises msgspec.ValidationError for one that is not such a file."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Regimes)


def digest() -> str:
    """Return the first twelve digits of the file's SHA-256."""
    return sha256(FILE.read_bytes()).hexdigest()[:12]


def by_rule(extreme: Extreme, days: Days, closes: Floats) -> str:
    """Return the date that the rule gives on daily closes; raises ValueError without the span."""
    inside = np.flatnonzero(
        (days >= np.datetime64(extreme.since)) & (days <= np.datetime64(extreme.to))
    )
    if not len(inside):
        raise ValueError(f"no daily closes from {extreme.since} to {extreme.to}")
    found = closes[inside].argmax() if extreme.extreme == "highest" else closes[inside].argmin()
    return str(days[inside[found]])

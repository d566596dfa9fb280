"""Protocol of the rehearsal, fixed before the lenses were looked at: `protocol.toml`, digest."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

FILE = Path(__file__).with_suffix(".toml")


class Garch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """σ² = 1 − α − β + α r² + β σ², with Student innovations of unit variance."""

    alpha: float
    beta: float
    degrees: float


class HestonWorld(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Heston's parameters per bar; variance begins at its mean."""

    kappa: float
    theta: float
    sigma: float
    rho: float


class Iid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Independent Student returns."""

    degrees: float


class Chaos(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Noise on the map, length of its drive, and when and how fast prices slide.

    `slide_sd` is in deviations of a bar, `quiet_bars_mean` the time between two stretches.
    """

    noise_share: float
    driven_bars: int
    lead_bars: int
    slide_sd: float
    quiet_bars_mean: float


class Crash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """One recorded window: the file under the data folder, and the UTC dates to keep of it."""

    event: str
    coin: str
    file: str
    since: str = ""
    to: str = ""


class Protocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's numbers by their names; bars are bars of whatever length."""

    window: int
    stride: int
    horizons: list[int]
    horizon: int
    large_quantile: float
    alarm_rate: float
    block_rate: float
    holdout_share: float
    holdout_coins: list[str]
    shifts: int
    bootstraps: int
    random_gates: int
    level: float
    false_rejection_max: float
    power_windows: int
    path_points: int
    sub_periods: int
    sub_periods_min: int
    garch: Garch
    heston: HestonWorld
    iid: Iid
    chaos: Chaos
    crash: list[Crash]


def registered() -> Protocol:
    """Return the protocol; raises msgspec.ValidationError for a file that is not one."""
    return msgspec.toml.decode(FILE.read_bytes(), type=Protocol)


def digest() -> str:
    """Return the first twelve digits of the file's SHA-256."""
    return sha256(FILE.read_bytes()).hexdigest()[:12]

"""Settings that panels hold figures against: caps and loss limits of the newest run."""

from __future__ import annotations

from sqlite3 import Connection

import msgspec
from msgspec import Struct, field


class _Drawdown(Struct):
    daily_loss_share_max: float = 0.03
    peak_loss_share_max: float = 0.10


class _Position(Struct):
    coin_cap_share: float | None = None


class _Exposure(Struct):
    gross_cap_share: float | None = None
    net_cap_share: float | None = None


class _Gate(Struct):
    drawdown: _Drawdown = field(default_factory=_Drawdown)
    position: _Position = field(default_factory=_Position)
    exposure: _Exposure = field(default_factory=_Exposure)


class Settings(Struct):
    """Parts of a run's configuration; what an older run did not have yet is None."""

    gate: _Gate = field(default_factory=_Gate)
    coins: list[str] = field(default_factory=list)


def settings_of(db: Connection) -> Settings:
    """Return the settings of the newest run, defaults before any."""
    row = db.execute("SELECT config FROM run ORDER BY run_id DESC LIMIT 1").fetchone()
    return Settings() if row is None else msgspec.json.decode(row[0], type=Settings)

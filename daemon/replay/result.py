"""Result of a replay."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.views.money import Money
from venue.tape.continuity import torn_end


@dataclass
class DeskResult:
    """What came of one desk over a tape: money in USD, open trades at their last mark.

    `net_r` is in units of what the desk's trades usually risk, None until there are enough;
    `drawdown_usd` is the largest fall from a highest equity.
    """

    name: str
    net_usd: float
    net_r: float | None
    drawdown_usd: float
    trades: int

    def line(self) -> str:
        """Return it for a person."""
        in_r = "" if self.net_r is None else f" ({self.net_r:+.2f} R)"
        plural = "" if self.trades == 1 else "s"
        return (
            f"{self.name}: {self.net_usd:+,.2f} USD{in_r}, drawdown {self.drawdown_usd:,.2f} USD, "
            f"{self.trades:,} trade{plural} closed"
        )


@dataclass
class Result:
    """Findings of a replay. `mismatch` describes the first digest that differs.

    `same_code_mismatch` says whether any digest differs in a segment that this very code
    recorded; a tape may hold segments of several versions. `torn`, `dropped_bytes`,
    `missing_events` and `damage` say what of the tape could not be seen, as in a survey; with
    damage, equal digests prove nothing of the whole, so `digest_match` is None. `desks` are the
    desk and the branch beside it, where one was asked for; `pnl` has what the closed trades made,
    and what the phantoms of blocked signals would have.
    """

    digest: str = ""
    branch_digest: str = ""
    recorded_digest: str | None = None
    digest_match: bool | None = None
    frames: int = 0
    events: int = 0
    signals: int = 0
    admitted: int = 0
    blocked: int = 0
    phantoms: int = 0
    trades: int = 0
    alarms: int = 0
    wall_s: float = 0.0
    events_per_s: float = 0.0
    cpu_s: float = 0.0
    code_version: str = ""
    recorded_by: str = ""
    instruments_from: str = ""
    mismatch: str = ""
    same_code_mismatch: bool = False
    torn: list[str] = field(default_factory=list)
    dropped_bytes: int = 0
    missing_events: list[tuple[int, int]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    idle_bots: list[str] = field(default_factory=list)
    violations: dict[str, int] = field(default_factory=dict)
    desks: list[DeskResult] = field(default_factory=list)
    pnl: list[Money] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures for a person."""
        match = {True: "equal", False: "DIFFERENT", None: "none recorded"}[self.digest_match]
        if self.digest_match is None and self.recorded_digest:
            match = "equal where there is something to compare, but part of the tape is lost"
        out = [
            f"{self.frames:,} frames, {self.events:,} events in {self.wall_s:.2f} s "
            f"({self.events_per_s:,.0f} events/s)",
            f"{self.signals} signals: {self.admitted} admitted, {self.blocked} blocked; "
            f"{self.phantoms} phantoms, {self.trades} trades, {self.alarms} alarms",
            f"digest {self.digest}, recorded {self.recorded_digest or '–'}: {match}",
            f"rules of the instruments: {self.instruments_from}",
        ]
        if self.mismatch:
            out.append(f"the digest {self.mismatch}")
        if self.recorded_by != self.code_version:
            out.append(f"recorded by {self.recorded_by}, replayed by {self.code_version}")
        if self.idle_bots:
            out.append(f"idle, their feed is missing: {', '.join(self.idle_bots)}")
        if self.violations:
            counts = ", ".join(f"{n} {kind}" for kind, n in self.violations.items())
            out.append(f"frames refused: {counts}")
        out.extend(desk.line() for desk in self.desks)
        out.extend(f"{name}: {torn_end(self.dropped_bytes)}" for name in self.torn)
        return [*out, *self.damage, *(line_of(made) for made in self.pnl)]


def line_of(made: Money) -> str:
    """Return what trades or phantoms have made, for a person."""
    plural = "" if made.trades == 1 else "s"
    if made.kind == "phantom":
        return (
            f"blocked: {made.trades:,} phantom{plural} closed, they would have made"
            f" {made.net_usd:+,.2f} USD"
        )
    won = "" if made.win_rate is None else f", {100 * made.win_rate:.0f} % won"
    return (
        f"P&L {made.net_usd:+,.2f} USD: price {made.price_usd:+,.2f}, fees {made.fees_usd:+,.2f},"
        f" funding {made.funding_usd:+,.2f}; {made.trades:,} trade{plural} closed{won}"
    )

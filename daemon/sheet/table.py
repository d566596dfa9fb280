"""Lens readings in words and rows, and as the plain data that --json prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.sheet.series import Seen
from market.events import MS_PER_MINUTE

# Two-sided five per cent, the level at which a rank says more than "as in nulls".
TAIL = 0.025
LIST_SHOWN = 6
SERIES_COLUMNS = ("lens", "value", "null rank", "reference", "says")
COIN_COLUMNS = ("lens", "value", "age", "null rank", "rank age", "verdict")

Row = tuple[str, ...]


def as_data(seen: Seen, *, null: bool, check: bool) -> dict[str, Any]:
    """Return the keys of the contract; `null_rank` and the reference only where asked for."""
    reading = seen.reading
    found: dict[str, Any] = {"lens": reading.lens, "value": reading.value}
    if null:
        found["null_rank"] = seen.null_rank
    if check:
        found |= {"reference": seen.reference, "difference": seen.difference}
    return found | {
        "n": reading.n,
        "params": reading.params,
        "flags": list(reading.flags),
        "measures": reading.measures,
    }


def series_rows(found: list[Seen], asks: Mapping[str, str]) -> list[Row]:
    """Return rows of `SERIES_COLUMNS`: what was asked beside the value, or why there is none."""
    return [
        (
            seen.reading.lens,
            figure(seen.reading.value),
            share(seen.null_rank),
            figure(seen.reference),
            "; ".join(seen.reading.flags) or asks[seen.reading.lens],
        )
        for seen in found
    ]


def measure_lines(measures: Mapping[str, Any]) -> list[str]:
    """Return a line for each further measure; long lists are cut, and say how long they are."""
    width = max((len(name) for name in measures), default=0)
    return [f"  {name.ljust(width)}  {_short(value)}" for name, value in measures.items()]


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, int | float):
        return figure(value)
    if isinstance(value, list | tuple):
        shown = ", ".join(_short(v) for v in value[:LIST_SHOWN])
        more = f", … ({len(value)})" if len(value) > LIST_SHOWN else ""
        return f"[{shown}{more}]"
    return str(value)


def coin_lines(found: Mapping[str, Any], now_ms: int) -> list[str]:
    """Return what is said of a coin before its readings: alarm, composite, pace of trades."""
    name, composite, threshold = found["coin"], found["composite"], found["threshold"]
    if composite is None:
        lines = [f"{name}: no composite; {found['composite_reason'] or 'no ranks yet'}"]
    else:
        known = threshold is not None
        against = f" against a threshold of {threshold:.3f}" if known else ""
        said = (" FLAGGED" if found["flagged"] else " not flagged") if known else ""
        old = age(_age_ms(found["composite_bar_ms"], now_ms))
        lines = [f"{name}{said}: composite {composite:.3f}{against}, {old} old"]
    if found["surge"] is not None:
        burst = ", a BURST" if found["burst"] else ""
        lines.append(f"trades arrive at {found['surge']:.2f} times their usual pace{burst}")
    return lines


def coin_rows(readings: list[dict[str, Any]], now_ms: int) -> list[Row]:
    """Return rows of `COIN_COLUMNS`."""
    return [
        (
            row["lens"],
            figure(row["value"]),
            age(_age_ms(row["bar_ms"], now_ms)),
            share(row["null_rank"]),
            "–" if row["rank_bar_ms"] is None else age(_age_ms(row["rank_bar_ms"], now_ms)),
            verdict(row["value"], row["null_rank"], row["flags"]),
        )
        for row in readings
    ]


def judged(readings: list[dict[str, Any]], now_ms: int) -> list[dict[str, Any]]:
    """Return readings with `age_s`, since their minute closed, and `verdict` in words."""
    return [
        {
            **row,
            "age_s": _age_ms(row["bar_ms"], now_ms) / 1000.0,
            "verdict": verdict(row["value"], row["null_rank"], row["flags"]),
        }
        for row in readings
    ]


def _age_ms(bar_ms: int, now_ms: int) -> int:
    return max(0, now_ms - bar_ms - MS_PER_MINUTE)


def verdict(value: float | None, rank: float | None, flags: list[str]) -> str:
    """Return in words what a reading is worth."""
    if value is None:
        return f"abstains: {flags[0] if flags else 'no reason given'}"
    if rank is None:
        said = "no null to compare with"
    elif rank >= 1.0 - TAIL:
        said = f"higher than {rank:.0%} of nulls"
    elif rank <= TAIL:
        said = f"lower than {1.0 - rank:.0%} of nulls"
    else:
        said = "as in nulls"
    return "; ".join((said, *flags))


def figure(value: float | None, digits: int = 6) -> str:
    """Return a number to so many digits, a dash for none."""
    return "–" if value is None else f"{value:.{digits}g}"


def share(value: float | None) -> str:
    """Return a rank to three digits, a dash for none."""
    return "–" if value is None else f"{value:.3f}"


def age(ms: int) -> str:
    """Return a time span for a person: 40 s, 12 min, 5 h, 3 d."""
    seconds = ms / 1000.0
    for unit, size, limit in (("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0)):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400.0:.0f} d"

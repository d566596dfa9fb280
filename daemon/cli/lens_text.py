"""Lens readings of a coin as text for the terminal."""

from __future__ import annotations

from daemon.sheet.table import Row, age, figure, share
from daemon.views.lens import CoinLenses, age_ms

COIN_COLUMNS = ("lens", "value", "age", "null rank", "rank age", "verdict")


def coin_lines(found: CoinLenses) -> list[str]:
    """Return what is said of a coin before its readings: alarm, composite, pace of trades."""
    name, composite, threshold = found.coin, found.composite, found.threshold
    if composite is None:
        lines = [f"{name}: no composite; {found.composite_reason or 'no ranks yet'}"]
    else:
        known = threshold is not None
        against = f" against a threshold of {threshold:.3f}" if known else ""
        said = (" FLAGGED" if found.flagged else " not flagged") if known else ""
        old = age(age_ms(found.composite_bar_ms, found.now_ns))
        lines = [f"{name}{said}: composite {composite:.3f}{against}, {old} old"]
    if found.surge is not None:
        burst = ", a BURST" if found.burst else ""
        lines.append(f"trades arrive at {found.surge:.2f} times their usual pace{burst}")
    return lines


def coin_rows(found: CoinLenses) -> list[Row]:
    """Return rows of `COIN_COLUMNS`."""
    return [
        (
            reading.lens,
            figure(reading.value),
            age(age_ms(reading.bar_ms, found.now_ns)),
            share(reading.null_rank),
            "–" if reading.rank_bar_ms is None else age(age_ms(reading.rank_bar_ms, found.now_ns)),
            reading.verdict,
        )
        for reading in found.readings
    ]

"""The way from decisions to money in a trader's words."""

from __future__ import annotations

from shadow.report.shortfall import Shortfall, steps


def shortfall_lines(s: Shortfall) -> list[str]:
    """Return a line for each step from decision to money; none before a trade has closed."""
    lines = []
    if s.trades:
        lines.append(f"From decision to money: {_trades(s.trades)} of {s.notional_usd:,.2f} USD")
        shown = [(f"{c / 100:+,.2f}", f"{b / 100:+,.2f}") for _, c, b in steps(s)]
        usd, bps = (max(map(len, column)) for column in zip(*shown, strict=True))
        lines += [
            f"  {step.words:<17}  {cents:>{usd}} USD  {share:>{bps}} bps"
            for step, (cents, share) in zip(steps(s), shown, strict=True)
        ]
    if s.not_split.trades:
        lines.append(
            f"  not split: {_trades(s.not_split.trades)} that met no book at a fill, or closed "
            f"before mids were kept: {s.not_split.net_usd:+,.2f} USD"
        )
    return lines


def _trades(count: int) -> str:
    return f"{count:,} trade{'s' * (count != 1)}"

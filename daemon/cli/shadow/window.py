"""Options that the report and its explanation share: how it is grouped, and from when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import typer

from daemon.cli.common import parse_span

GROUPS = ("filter", "division", "bot", "coin", "regime", "day")


def one_of(value: str, allowed: tuple[str, ...], option: str) -> None:
    """Refuse a value that is none of those allowed; raises BadParameter with them."""
    if value not in allowed:
        raise typer.BadParameter(f"{value!r}: one of {', '.join(allowed)}", param_hint=option)


def since_day(since: str | None) -> str:
    """Return the UTC day so long ago, "" for all days there are; raises BadParameter."""
    if since is None:
        return ""
    return (datetime.now(UTC) - timedelta(seconds=parse_span(since))).strftime("%Y-%m-%d")

"""Options that the report and its explanation share: how it is grouped, and from when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.cli.common import parse_span

GROUPS = ("filter", "division", "bot", "coin", "regime", "day")


def since_day(since: str | None) -> str:
    """Return the UTC day so long ago, "" for all days there are; raises BadParameter."""
    if since is None:
        return ""
    return (datetime.now(UTC) - timedelta(seconds=parse_span(since))).strftime("%Y-%m-%d")

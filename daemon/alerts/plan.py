"""Plan of a delivery: what a target gets now, alone or folded, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from msgspec import Struct

from daemon.alerts.outbox import NS_PER_HOUR, Waiting

LINES_MAX = 12


class Quiet(Struct, frozen=True):
    """Hours of the day in which only what is urgent is told; from = to is never."""

    begin: time
    end: time
    zone: ZoneInfo

    def holds(self, now_ns: int) -> bool:
        """Say whether it is quiet now."""
        at = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


class Delivery(Struct, frozen=True):
    """One push: what it says, and the messages it stands for."""

    title: str
    body: str
    urgent: bool
    pages: list[str]
    messages: list[int]


def plan(
    waiting: Sequence[Waiting],
    *,
    mode: str,
    sent: int,
    per_hour: int,
    quiet: bool,
    now_ns: int,
) -> list[Delivery]:
    """Return what is pushed now, of which `sent` have been within the last hour.

    What is urgent goes first, and at any hour. What may be silent waits for an hour, and then goes
    as one. Where fewer pushes are left than there is to say, the rest is folded into the last.
    """
    urgent = [m for m in waiting if m.urgent]
    plain = [m for m in waiting if not m.urgent and m.way == "on" and not quiet]
    silent = [m for m in waiting if m.way == "silent" and not m.urgent and not quiet]
    due = silent if silent and now_ns - silent[0].found_ns >= NS_PER_HOUR else []
    groups = [[m] for m in (*urgent, *plain)] + ([due] if due else [])
    left = per_hour - sent
    if not groups or left <= 0:
        return []
    if len(groups) > left:
        folded = [m for group in groups[left - 1 :] for m in group]
        groups = [*groups[: left - 1], folded]
    return [_delivery(group, mode) for group in groups]


def _delivery(group: list[Waiting], mode: str) -> Delivery:
    urgent = any(m.urgent for m in group)
    pages = [m.page for m in group if m.page]
    ids = [m.message_id for m in group]
    if len(group) == 1:
        (only,) = group
        often = f" ({only.count} times)" if only.count > 1 else ""
        body = f"{only.body}\n{_when(only.found_ns)} UTC · #{only.message_id}"
        return Delivery(f"{mode}: {only.title}{often}", body, urgent, pages, ids)
    lines = [
        f"{_when(m.found_ns)} {m.title}{f' ({m.count} times)' if m.count > 1 else ''}:"
        f" {m.body.splitlines()[0] if m.body else ''}"
        for m in group[:LINES_MAX]
    ]
    if len(group) > LINES_MAX:
        lines.append(f"and {len(group) - LINES_MAX} more; gnomon status")
    return Delivery(f"{mode}: {len(group)} messages", "\n".join(lines), urgent, pages, ids)


def _when(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%d %b %H:%M")

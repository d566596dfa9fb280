"""Contract of a kind of alert, what it sees, and the discovery of all there are.

A kind is a file in `kinds/` with a function `look` and a `KIND`. It remembers what it has told as
plain data, which is kept in the same transaction as its messages; so nothing is told twice or
forgotten, whenever the service dies.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from daemon.views.health import Health

Way = Literal["on", "silent", "off"]
Memory = dict[str, Any]


class AlarmSeen(Struct, frozen=True):
    """A row of the table `alarm`; `number` rises with every row."""

    number: int
    ts_ns: int
    kind: str
    message: str


class TrialSeen(Struct, frozen=True):
    """A trial that has been decided."""

    trial_id: int
    bot: str
    change: str
    decision: str


class VerdictSeen(Struct, frozen=True):
    """The verdict on a limit, "UNDETERMINED" while there is none."""

    limit: str
    verdict: str
    sentence: str
    value_usd: float | None


class Seen(Struct, frozen=True, kw_only=True):
    """What a look at daemon and database has found, at `now_ns`.

    `alarms` are the rows that no look has seen before. `runs_ns` are the starts of the last hour,
    `last_signal_ns` is None before the first. `week` makes the report of the last whole week.
    `verdicts`, `trials` and `week` are None where this look has not read them.
    """

    now_ns: int
    mode: str
    health: Health
    alarms: list[AlarmSeen]
    runs_ns: list[int]
    last_signal_ns: int | None
    verdicts: list[VerdictSeen] | None
    trials: list[TrialSeen] | None
    week: Callable[[], tuple[str, str]] | None


class Message(Struct, frozen=True):
    """What is told: a title and a body for a phone. Messages of one `key` are folded into one.

    `page` is an HTML file to attach, "" for none.
    """

    key: str
    title: str
    body: str
    page: str = ""


class Kind(Struct, frozen=True):
    """A kind: its name in the configuration, what it tells, how, and whether it may wake somebody.

    `look` returns what is to be told and what to remember.
    """

    name: str
    tells: str
    look: Callable[[Seen, Memory], tuple[list[Message], Memory]]
    way: Way = "on"
    urgent: bool = False


def discover() -> list[Kind]:
    """Return every kind in the order of their names."""
    package = importlib.import_module("daemon.alerts.kinds")
    found = [
        importlib.import_module(f"{package.__name__}.{info.name}").KIND
        for info in pkgutil.iter_modules(package.__path__)
    ]
    return sorted(found, key=lambda kind: kind.name)


def of_alarms(
    seen: Seen, memory: Memory, kinds: tuple[str, ...], title: str, mend: str
) -> tuple[list[Message], Memory]:
    """Return a message for each new alarm of some kinds, with what to do about it."""
    found = [alarm for alarm in seen.alarms if alarm.kind in kinds]
    return [
        Message(f"{alarm.kind}/{title}", title, f"{alarm.message}\n{mend}".strip())
        for alarm in found
    ], memory

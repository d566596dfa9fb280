"""What limits judged, made again from trades, signals and checks alone.

Which series a signal belongs to is told by `spell`, when an outcome was final by the trade, or by
`final_day` where that was later. Nothing here is shared with the engine's own bookkeeping.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import blake2b
from itertools import pairwise
from math import inf
from typing import NamedTuple

DAY_S = 86_400
FOREVER = 1 << 62
# The limit whose days count while it holds the desk latched.
LATCHING = "drawdown"


def _flag(name: str) -> str:
    return f"INSTR(',' || t.flags || ',', ',{name},') > 0"


# Episodes with the epoch they opened in: a time in which the same series judged. `due` is the day
# on which an outcome counts, `lack` why it never will; `failed` is how many limits refused.
_EPISODES = f"""
epoch AS MATERIALIZED (
  SELECT json_extract(value, '$[0]') AS number, json_extract(value, '$[1]') AS from_seq,
         json_extract(value, '$[2]') AS until_seq, json_extract(value, '$[3]') AS from_ns,
         json_extract(value, '$[4]') AS until_ns, json_extract(value, '$[5]') AS delay_s
  FROM json_each(?)
), episode AS (
  SELECT e.number AS epoch, t.trade_id, t.signal_id, t.kind, t.bot, t.r,
         date(t.decided_ns / 1000000000, 'unixepoch') AS opened,
         MAX(date(t.closed_ns / 1000000000, 'unixepoch'),
             date(t.decided_ns / 1000000000 + e.delay_s, 'unixepoch'),
             COALESCE((SELECT f.day FROM final_day f WHERE f.trade_id = t.trade_id), '')) AS due,
         CASE WHEN {_flag("repaired")} OR {_flag("gap")} THEN 'repaired' ELSE 'clean' END AS sample,
         (s.failing <> '') + LENGTH(s.failing) - LENGTH(REPLACE(s.failing, ',', '')) AS failed,
         CASE WHEN t.status <> 'closed' THEN 'open'
              WHEN t.exit_reason = 'UNAVAILABLE'
                THEN CASE WHEN {_flag("cancelled")} THEN 'called_off' ELSE 'no_book' END
              WHEN {_flag("no_funding")} THEN 'unfunded'
              WHEN {_flag("suspect_price")} THEN 'suspect'
              WHEN {_flag("wound_down")} THEN 'wound_down'
              WHEN t.r IS NULL THEN 'no_risk' ELSE '' END AS lack
  FROM trade t JOIN signal s ON s.signal_id = t.signal_id
  CROSS JOIN epoch e ON s.seq >= e.from_seq AND s.seq < e.until_seq
    AND t.decided_ns >= e.from_ns AND t.decided_ns < e.until_ns
  WHERE t.kind = 'twin' OR (t.kind = 'phantom' AND t.cause = 'block')
)
"""
_SUMS = "epoch, bot, lack, sample, opened, due, COUNT(*), SUM(r), MAX(r), MIN(r)"
_GROUP = "GROUP BY epoch, bot, lack, sample, opened, due"

# What was let through: by every limit that had data.
_ADMITTED = f"WITH {_EPISODES} SELECT {_SUMS} FROM episode WHERE kind = 'twin' {_GROUP}"
_ADMITTED_BY = f"""WITH {_EPISODES} SELECT {_SUMS} FROM episode e WHERE kind = 'twin' AND NOT EXISTS
  (SELECT 1 FROM check_result c WHERE c.signal_id = e.signal_id AND c.filter = ?
   AND c.outcome = 'no_data') {_GROUP}
"""
_BLIND = "SELECT DISTINCT filter FROM check_result WHERE outcome = 'no_data'"

# What a limit refused, cut or could not tell: `beside` says that others refused too.
_REFUSED = f"""WITH {_EPISODES}
SELECT c.filter, c.outcome, e.kind,
       e.failed > (c.mode = 'enforce' AND c.outcome <> 'pass') AS beside, {_SUMS}
FROM episode e JOIN check_result c ON c.signal_id = e.signal_id
GROUP BY c.filter, c.outcome, e.kind, beside, epoch, bot, lack, sample, opened, due
"""

_COMPANIONS = f"""WITH {_EPISODES}
SELECT c.filter, o.filter, e.epoch, e.bot, '', '', e.opened, '', COUNT(*), 0.0, 0.0, 0.0
FROM episode e JOIN check_result c ON c.signal_id = e.signal_id AND c.outcome <> 'no_data'
JOIN check_result o ON o.signal_id = e.signal_id AND o.filter <> c.filter
  AND o.mode = 'enforce' AND o.outcome <> 'pass'
WHERE e.failed > 0 GROUP BY c.filter, o.filter, e.epoch, e.bot, e.opened
"""

OPEN = f"""WITH {_EPISODES}
SELECT e.epoch, e.trade_id, e.kind, e.failed,
       (SELECT json_group_object(c.filter, json_array(c.mode, c.outcome)) FROM check_result c
        WHERE c.signal_id = e.signal_id)
FROM episode e JOIN trade t ON t.trade_id = e.trade_id WHERE t.status <> 'closed'
"""


class Sums(NamedTuple):
    """What a series has of a bot, sample and day."""

    judged: int
    judged_r: float
    blocked: int
    blocked_r: float
    best_r: float
    worst_r: float

    def plus(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums(
            self.judged + other.judged,
            self.judged_r + other.judged_r,
            self.blocked + other.blocked,
            self.blocked_r + other.blocked_r,
            max(self.best_r, other.best_r),
            min(self.worst_r, other.worst_r),
        )

    def differs(self, other: Sums) -> bool:
        """Say whether they are not the same but for the last digits of sums."""
        near = all(
            abs(a - b) <= 1e-6 * (1 + abs(a))
            for a, b in ((self.judged_r, other.judged_r), (self.blocked_r, other.blocked_r))
        )
        same = (self.judged, self.blocked, self.best_r, self.worst_r)
        return not near or same != (other.judged, other.blocked, other.best_r, other.worst_r)


NOTHING = Sums(0, 0.0, 0, 0.0, 0.0, 0.0)
Key = tuple[str, str, str, str, str]


Counted = dict[Key, Sums]
Counts = dict[tuple[str, ...], int]


class Group(NamedTuple):
    """Episodes of one epoch, bot and day that ended alike, and their R."""

    epoch: int
    bot: str
    lack: str
    sample: str
    opened: str
    due: str
    episodes: int
    r: float
    best: float
    worst: float


class Epoch(NamedTuple):
    """A time in which the same series judged, by limit: event numbers, and decisions by time."""

    from_seq: int
    until_seq: int
    from_ns: int
    until_ns: int
    delay_s: int
    series: dict[str, str]


class Days:
    """Days that were run, by their seconds open and latched, and the one that runs."""

    def __init__(self, ran: dict[str, list[int]], running: str) -> None:
        self._ran = ran
        self._running = running
        self._known: dict[tuple[bool, str], str] = {}

    def booked(self, name: str, due: str) -> str:
        """Return on which day an outcome counts that was due on one."""
        key = name == LATCHING, due
        if key not in self._known:
            day = due
            while day < self._running and not self._was_run(name, day):
                day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
            self._known[key] = day
        return self._known[key]

    def _was_run(self, name: str, day: str) -> bool:
        run_s, latched_s = self._ran.get(day, (0, 0))
        return 2 * (run_s + (latched_s if name == LATCHING else 0)) >= DAY_S


class Made:
    """Outcomes that count by day, and how many episodes were left out by reason."""

    def __init__(self, epochs: list[Epoch], days: Days) -> None:
        self.counted: Counted = {}
        self.left_out: Counts = {}
        self._epochs = epochs
        self._days = days

    def leave(self, name: str, group: Group, reason: str) -> None:
        """Leave episodes out of what a limit judges."""
        if name in self._epochs[group.epoch].series:
            key = group.opened, name, reason, group.bot
            self.left_out[key] = self.left_out.get(key, 0) + group.episodes

    def take(self, name: str, group: Group, *, hit: bool, judged: bool) -> None:
        """Take in episodes that a limit judged, hit, or both; those that lack something are not."""
        series = self._epochs[group.epoch].series.get(name)
        if series is None:
            return
        if group.lack:
            if judged and group.lack != "open":
                self.leave(name, group, group.lack)
            return
        key = name, series, self._days.booked(name, group.due), group.bot, group.sample
        sums = Sums(
            judged * group.episodes,
            judged * group.r,
            hit * group.episodes,
            hit * group.r,
            group.best if judged else -inf,
            group.worst if judged else inf,
        )
        self.counted[key] = sums.plus(self.counted[key]) if key in self.counted else sums


def epochs_of(db: sqlite3.Connection) -> tuple[list[str], list[Epoch]]:
    """Return what is wrong with series, and which of them judged when."""
    found, terms = [], {}
    for key, name, number, from_ns, text in db.execute(
        "SELECT series_id, filter, number, from_ns, terms FROM series ORDER BY filter, number"
    ):
        if blake2b(text.encode(), digest_size=8).hexdigest() != key:
            found.append(f"series {key} of {name} is not that of its terms")
        delay = json.loads(text)["verdict"]["booking_delay_days"]
        terms[key] = name, from_ns, delay * DAY_S
        others = db.execute(
            "SELECT COUNT(*) FROM series WHERE filter = ? AND number <= ?", (name, number)
        )
        if others.fetchone()[0] != number:
            found.append(f"series {key} is not number {number} of {name}")
    spells = [tuple(r) for r in db.execute("SELECT from_seq, filter, series_id FROM spell")]
    spells.sort()
    epochs: list[Epoch] = []
    running: dict[str, str] = {}
    for at, (from_seq, name, key) in enumerate(spells):
        if key and terms.get(key, ("",))[0] != name:
            found.append(f"{name} was measured in series {key}, which is none of its own")
            continue
        running[name] = key
        until_seq = spells[at + 1][0] if at + 1 < len(spells) else FOREVER
        if from_seq < until_seq:
            series = {n: (k, *terms[k][1:]) for n, k in running.items() if k}
            epochs += _cut(from_seq, until_seq, series)
    return found, epochs


def _cut(from_seq: int, until_seq: int, series: dict[str, tuple[str, int, int]]) -> Iterator[Epoch]:
    """Yield the epochs of some events: a series judges from its beginning on."""
    for delay_s in sorted({delay for _, _, delay in series.values()}):
        mine = {n: (k, ns) for n, (k, ns, delay) in series.items() if delay == delay_s}
        starts = sorted({ns for _, ns in mine.values()})
        for start, end in pairwise([*starts, FOREVER]):
            judging = {n: k for n, (k, ns) in mine.items() if ns <= start}
            yield Epoch(from_seq, until_seq, start, end, delay_s, judging)


def numbered(epochs: list[Epoch]) -> str:
    """Return epochs as the queries take them."""
    return json.dumps([(number, *epoch[:5]) for number, epoch in enumerate(epochs)])


def made(db: sqlite3.Connection, epochs: list[Epoch], days: Days) -> Made:
    """Return what trades and checks make: outcomes by day, and episodes left out by reason."""
    found, told = Made(epochs, days), numbered(epochs)
    blind = {name for (name,) in db.execute(_BLIND)}
    for row in db.execute(_ADMITTED, (told,)):
        group = Group(*row)
        for name in epochs[group.epoch].series:
            if name not in blind:
                found.take(name, group, hit=False, judged=True)
    for name in blind:
        for row in db.execute(_ADMITTED_BY, (told, name)):
            found.take(name, Group(*row), hit=False, judged=True)
    for name, outcome, kind, beside, *row in db.execute(_REFUSED, (told,)):
        group = Group(*row)
        if outcome == "no_data":
            found.leave(name, group, "no_data")
        elif beside:
            found.leave(name, group, "joint")
        else:
            # What a twin's limit would have refused was counted as judged with all the others.
            found.take(name, group, hit=True, judged=kind != "twin")
    for name, other, *row in db.execute(_COMPANIONS, (told,)):
        found.leave(name, Group(*row), f"joint:{other}")
    return found

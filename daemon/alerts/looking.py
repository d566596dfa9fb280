"""A look at daemon and database for what is new since the last one."""

from __future__ import annotations

from sqlite3 import Connection, Error

from daemon.alerts.kind import AlarmSeen, Kind, Memory, Message, Seen, TrialSeen, VerdictSeen
from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from daemon.page.report import last_week, page
from daemon.views.health import Health, asked, health
from daemon.views.money import money
from daemon.views.panels.limits import limits_panel
from market.errors import GnomonError

CURSOR = "cursor"
ALARMS_MAX = 500
NS_PER_DAY = 86_400 * 10**9
# Verdicts change once a day; reading them costs more than all else.
VERDICTS_EVERY_NS = 600 * 10**9

Found = tuple[str, str, bool, Message]


class Looker:
    """Looks again and again; `memory` is what was remembered before."""

    def __init__(self, state: StateDir, kinds: list[Kind], memory: dict[str, Memory]) -> None:
        self._state = state
        self._kinds = kinds
        self.memory = memory
        self._judged_ns = 0
        self._broken: set[str] = set()

    def look(self, now_ns: int) -> tuple[list[Found], dict[str, Memory]]:
        """Return what is to be told, and what to remember; memory is as before until `keep`."""
        told = health(self._state, asked(self._state), now_ns)
        cursor = dict(self.memory.get(CURSOR, {}))
        seen = Seen(
            now_ns=now_ns, mode=self._state.folder, health=told, alarms=[], runs_ns=[],
            last_signal_ns=None, verdicts=None, trials=None, week=None,
        )  # fmt: skip
        try:
            with reading(self._state) as db:
                return self._judged(self._seen(db, told, cursor, now_ns), cursor)
        except (GnomonError, Error):
            # Not there yet, busy, or being written anew: what is in it is seen by a later look.
            return self._judged(seen, cursor)

    def _judged(self, seen: Seen, cursor: Memory) -> tuple[list[Found], dict[str, Memory]]:
        found: list[Found] = []
        memory: dict[str, Memory] = {CURSOR: cursor}
        for kind in self._kinds:
            before = self.memory.get(kind.name, {})
            try:
                messages, memory[kind.name] = kind.look(seen, before)
            except Exception as error:
                # One that fails keeps the others from nothing, and says so once.
                messages, memory[kind.name] = self._failed(kind, error), before
            found += [(kind.name, kind.way, kind.urgent, m) for m in messages if kind.way != "off"]
        return found, memory

    def _failed(self, kind: Kind, error: Exception) -> list[Message]:
        if kind.name in self._broken:
            return []
        self._broken.add(kind.name)
        body = f"It cannot be told of: {kind.tells} ({type(error).__name__}). The others go on."
        return [Message("failed", f"Alerts of {kind.name} fail", body)]

    def _seen(self, db: Connection, told: Health, cursor: Memory, now_ns: int) -> Seen:
        newest = db.execute("SELECT COALESCE(MAX(rowid), 0) FROM alarm").fetchone()[0]
        # Nobody wants to hear on the first day what happened before it.
        last = cursor.get("alarm", newest)
        if newest < last:
            # Another database has taken this one's place.
            last = 0
        rows = db.execute(
            "SELECT rowid, ts_ns, kind, message FROM alarm WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (last, ALARMS_MAX),
        )
        alarms = [AlarmSeen(*row) for row in rows]
        cursor["alarm"] = alarms[-1].number if alarms else last
        return Seen(
            now_ns=now_ns,
            mode=self._state.folder,
            health=told,
            alarms=alarms,
            runs_ns=[
                ns
                for (ns,) in db.execute(
                    "SELECT started_ns FROM run WHERE started_ns > ?", (now_ns - NS_PER_DAY // 24,)
                )
            ],
            last_signal_ns=db.execute("SELECT MAX(ts_ns) FROM signal").fetchone()[0],
            verdicts=self._verdicts(db, now_ns),
            trials=[
                TrialSeen(*row)
                for row in db.execute(
                    "SELECT trial_id, bot, change, decision FROM experiment"
                    " WHERE decision IS NOT NULL ORDER BY trial_id"
                )
            ],
            week=lambda: week_text(db, now_ns, self._state.folder),
        )

    def _verdicts(self, db: Connection, now_ns: int) -> list[VerdictSeen] | None:
        if now_ns - self._judged_ns < VERDICTS_EVERY_NS:
            return None
        self._judged_ns = now_ns
        return [
            VerdictSeen(row.name, row.verdict, row.sentence, row.value_usd)
            for row in limits_panel(db).rows
            if row.kind in ("decided", "undecided")
        ]


def week_text(db: Connection, now_ns: int, mode: str) -> tuple[str, str]:
    """Return the last seven whole days in a few lines, and the page to go with them."""
    until = now_ns - now_ns % NS_PER_DAY
    made = next(iter(money(db, since_ns=until - 7 * NS_PER_DAY, until_ns=until)), None)
    panel = limits_panel(db)
    lines = ["No trade has closed."]
    if made is not None:
        parts = ("price", made.price_usd), ("fees", made.fees_usd), ("funding", made.funding_usd)
        split = ", ".join(f"{name} {usd:+,.2f}" for name, usd in parts)
        lines = [f"{made.net_usd:+,.2f} USD with {made.trades} trades: {split}"]
    lines.append(f"{panel.decided} of {panel.watched} limits are decided.")
    rows = {row.name: row.value_usd for row in panel.rows}
    for name, did in ((panel.best, "saved"), (panel.worst, "cost")):
        if name is not None:
            lines.append(f"{name} {did} most: {rows[name] or 0.0:+,.0f} USD")
    text = "\n".join([*lines, "All of it: gnomon shadow report"])
    return text, page(db, last_week(now_ns), mode)

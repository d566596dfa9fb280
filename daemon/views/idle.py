"""Why nothing trades: a ladder from the feed to the fills, the lowest broken rung first.

A rung is ok, a finding, or unknown: without a running daemon nobody knows how its feed is, and what
is not known is not said to be fine.
"""

from __future__ import annotations

from collections import Counter
from sqlite3 import Connection
from typing import Literal

from msgspec import Struct

from daemon.views.status import RunningStatus

State = Literal["ok", "finding", "unknown"]
HOURS = 24
NS_PER_HOUR = 3_600 * 10**9
NAMED_MAX = 6


class Rung(Struct):
    """One question on the way from the market to a trade."""

    question: str
    state: State
    words: str


class Idle(Struct):
    """The ladder of one bot, or of all where `bot` is ""; `answer` is its lowest finding."""

    bot: str
    answer: str
    rungs: list[Rung]


def idle(db: Connection | None, status: RunningStatus | None, bot: str, now_ns: int) -> Idle:
    """Return why nothing trades, as far as daemon and database tell."""
    rungs = [*_market(status), *_desk(status, bot), *_bots(status, bot), *_signals(db, bot, now_ns)]
    broken = [rung for rung in rungs if rung.state == "finding"]
    unknown = any(rung.state == "unknown" for rung in rungs)
    if broken:
        answer = broken[0].words
    elif unknown:
        answer = "nothing found in the database; start the daemon to see the rest"
    else:
        answer = "nothing stands in the way: it trades"
    return Idle(bot, answer, rungs)


def _rung(question: str, trouble: str, fine: str) -> Rung:
    return Rung(question, "finding" if trouble else "ok", trouble or fine)


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _market(status: RunningStatus | None) -> list[Rung]:
    """Return the rungs of what comes in."""
    names = ("daemon runs", "feed is up", "books are sound", "clock agrees", "history is there")
    if status is None:
        gone = Rung(names[0], "finding", "no daemon answers; `gnomon run` starts one")
        return [gone, *(Rung(name, "unknown", "only a running daemon knows") for name in names[1:])]
    unsound = [f.coin for f in status.feeds if not f.ok]
    dead = [f"{f.coin} {stream}" for f in status.feeds for stream in f.dead]
    lacking = [f"{f.coin} ({' '.join(f.lacks)})" for f in status.feeds if f.lacks]
    books = f"no sound book of {_listed(unsound)}" if unsound else ""
    if dead and not books:
        books = f"streams do not speak: {_listed(dead)}"
    return [
        _rung(names[0], "" if status.ready else "it is warming up", "ready"),
        _rung(names[1], "" if status.connected else "no connection to the venue", "connected"),
        _rung(names[2], books, f"{len(status.feeds)} coins"),
        _rung(names[3], status.clock.trouble, "within the tolerance"),
        _rung(names[4], f"missing: {_listed(lacking)}" if lacking else "", "every timeframe"),
    ]


def _desk(status: RunningStatus | None, bot: str) -> list[Rung]:
    """Return whether entries are open, of the bot if one is named."""
    question = "entries are open"
    if status is None:
        return [Rung(question, "unknown", "only a running daemon knows")]
    why = [f"halted by {who}: {reason}" for who, reason in status.halts.items()]
    mine = [h for h in status.halted if bot and h.bot in ("", bot)]
    why += [f"{h.coin or h.bot} halted by {h.by}: {h.why} ({h.resume})" for h in mine]
    if status.latched:
        why.insert(0, f"latched: {status.latched}")
    way = " (gnomon resume)" if status.halts or status.latched else ""
    return [_rung(question, f"{'; '.join(why)}{way}" if why else "", "no halt, no latch")]


def _bots(status: RunningStatus | None, bot: str) -> list[Rung]:
    """Return whether the bot, or any of them, is at work and hears its data."""
    working = "bot is at work" if bot else "bots are at work"
    if status is None:
        return [Rung(working, "unknown", "only a running daemon knows")]
    faulted = {name: b.fault for name, b in status.bots.items() if b.fault}
    if bot:
        one = status.bots.get(bot)
        if one is None:
            return [Rung(working, "finding", f"{bot} is not in the configuration")]
        trouble = f"faulted: {one.fault} (gnomon rearm {bot})" if one.fault else ""
        if one.stage != "admit" and not trouble:
            trouble = f"its stage is {one.stage}: phantoms alone, no trades"
        deaf = "none of the data it listens to has come" if bot in status.idle_bots else ""
        return [
            _rung(working, trouble, f"stage {one.stage}, {one.signals} signals so far"),
            _rung("bot hears its data", deaf, "yes"),
        ]
    trouble = f"faulted: {_listed(list(faulted))} (gnomon rearm BOT)" if faulted else ""
    if status.idle_bots and not trouble:
        trouble = f"no data for {_listed(status.idle_bots)}"
    return [_rung(working, trouble, f"{len(status.bots)} of them")]


def _signals(db: Connection | None, bot: str, now_ns: int) -> list[Rung]:
    """Return whether there were signals, whether they were let through, and filled."""
    names = ("signals were made", "the gate let some through", "orders were filled")
    if db is None:
        return [Rung(name, "unknown", "no database yet") for name in names]
    since = now_ns - HOURS * NS_PER_HOUR
    which, values = ("", [since]) if not bot else (" AND bot = ?", [since, bot])
    rows = db.execute(
        f"SELECT verdict, failing, COUNT(*) FROM signal WHERE ts_ns >= ?{which}"
        " GROUP BY verdict, failing",
        values,
    ).fetchall()
    total = sum(count for *_, count in rows)
    if not total:
        words = f"no setup in the last {HOURS} h: its conditions were not met"
        return [
            Rung(names[0], "finding", words),
            *(Rung(n, "unknown", "no signal") for n in names[1:]),
        ]
    admitted = sum(count for verdict, _, count in rows if verdict == "admitted")
    blockers: Counter[str] = Counter()
    for verdict, failing, count in rows:
        if verdict == "blocked":
            blockers.update({name: count for name in failing.split(",")})
    most = ", ".join(f"{name} {count}" for name, count in blockers.most_common(3))
    gate = f"all {total} were blocked, most by {most}" if not admitted else ""
    filled = db.execute(
        "SELECT COUNT(*) FROM trade WHERE kind IN ('paper', 'real') AND opened_ns >= ?" + which,
        values,
    ).fetchone()[0]
    fills = f"{admitted} were let through, none was filled" if admitted and not filled else ""
    through = f"{admitted} of {total}" + (f"; blocked most by {most}" if most else "")
    return [
        _rung(names[0], "", f"{total} in the last {HOURS} h"),
        _rung(names[1], gate, through),
        _rung(names[2], fills, f"{filled} trades opened")
        if admitted
        else Rung(names[2], "unknown", "nothing was let through"),
    ]

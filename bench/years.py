"""Reports on a database of years: ten million closed trades, 50 coins, 26 bots, 14 limits.

The database is made by SQL in a minute or two: trades, the daily sums that a daemon would have kept
of them, days of limits and desks. Signals, details, fills and days of trades are left out; no
report reads them. It is of the schema before the sums over years, and opening it brings it up to
date, as an upgrade would. CPU seconds of a command are those of its process less those of
`gnomon --version`.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import msgspec

from bench.result import Result
from bench.rounds import over_rounds
from daemon.engine.outcome import Vitals
from shadow.report.folds import renewed
from shadow.store.rows import Rows
from shadow.store.store import Store, migrate, open_readonly

TRADES, DAYS = 10_000_000, 1_095
COINS, BOTS, LIMITS = 50, 26, 14
BEFORE_SUMS = 9
MODE = "local"
DAY_NS = 86_400_000_000_000
TERMS = '{"verdict":{"booking_delay_days":14}}'

COMMANDS = {
    "shadow report": ("shadow", "report"),
    "shadow report --json --wide": ("shadow", "report", "--json", "--wide"),
    "shadow report --series all": ("shadow", "report", "--series", "all"),
    "shadow report --since 30d": ("shadow", "report", "--since", "30d"),
    "shadow report --since 365d": ("shadow", "report", "--since", "365d"),
    "shadow report --since the start": ("shadow", "report", "--since", "11000d"),
    **{f"shadow report --by {by}": ("shadow", "report", "--by", by)
       for by in ("division", "bot", "coin", "regime", "day")},
    "status": ("status",),
}  # fmt: skip

# One row a number below :n; what looks random is a hash of it.
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :n)"

_TRADES = f"""
{_NUMBERS}, t AS (
  SELECT i, (i * 2654435761) % 1000003 AS h, :first + i * (:days * :day_ns / :n) AS at FROM n
)
INSERT INTO trade SELECT i, CASE i % 10 WHEN 0 THEN 'twin' WHEN 1 THEN 'paper' ELSE 'phantom' END,
  CASE WHEN i % 10 < 2 THEN 'admit' ELSE 'block' END, 'closed', i, NULL, NULL,
  'bot' || (h % :bots), 'division' || (h % :bots % 5), 'COIN' || (h / 31 % :coins),
  CASE WHEN h % 2 THEN 'buy' ELSE 'sell' END, 10, 10, at, at, MIN(at + 3600000000000,
    :first + :days * :day_ns - 1),
  100.0, 100.01, 100.5, 1000100000, (h % 2001 - 1000) * 10000, 900000, 0,
  (h % 2001 - 1000) * 10000 - 900000, 10000000, ((h % 2001 - 1000) * 10000 - 900000) / 1e7,
  ((h % 2001 - 1000) * 10000 - 900000) * 1e4 / 1000100000, -5.0, 5.0, 'horizon', 0, ''
FROM t
"""

_DAYS_OF = """
day AS MATERIALIZED (SELECT i AS d, date(:first / 1000000000 + i * 86400, 'unixepoch') AS day
                     FROM n WHERE i < :days),
bot AS MATERIALIZED (SELECT i AS b, 'bot' || i AS bot FROM n WHERE i < :bots),
lim AS MATERIALIZED (SELECT i AS f, CASE i WHEN 0 THEN 'control' ELSE 'limit' || i END AS filter
                     FROM n WHERE i < :limits)
"""

_ROLLUP = f"""
{_NUMBERS}, {_DAYS_OF},
scope(mode, scope) AS (VALUES ('enforce', 'sole'), ('enforce', 'shared'),
  ('enforce', 'fail_closed'), ('left_out', 'joint'), ('left_out', 'joint:limit1'),
  ('left_out', 'no_data'), ('left_out', 'unfunded'))
INSERT INTO rollup SELECT day, filter, mode, scope, bot, 3, 3, 0.5, 10.0, 1000000
FROM day, lim, scope, bot ORDER BY day, filter, mode, scope, bot
"""

_HEAD = f"""
{_NUMBERS}, {_DAYS_OF},
scope(mode, scope) AS (VALUES ('admit', 'twin'), ('head', 'bias'), ('score', 'limits'))
INSERT INTO rollup SELECT day, '', mode, scope, bot, 3, 3, 0.0, 0.0, 0 FROM day, scope, bot
UNION ALL SELECT day, '', 'run', 'seconds', '', 86400, 0, 0.0, 0.0, 0 FROM day
UNION ALL SELECT day, '', 'regime', 'division' || d / 90 % 5, '', 1, 0, 0.0, 0.0, 0 FROM day
"""

_JUDGED = f"""
{_NUMBERS}, {_DAYS_OF},
row AS (SELECT day, filter, filter || ' 1' AS key, bot, 5 + (d * 7 + b * 3 + f) % 6 AS a,
  (d * 7 + b * 5 + f * 11) % 3 AS k, ((d * 37 + b * 101 + f * 53) % 2001 - 1000) / 400.0 AS r
  FROM day, lim, bot)
INSERT INTO {{table}} SELECT day, filter, key, bot, 'clean', a, r, k, k * r / a, r / a + 1.0,
  r / a - 1.0 FROM row ORDER BY filter, key, day, bot
"""

# Every limit has two branches, and four are of none; all are forked on Mondays.
_BRANCHES = f"""
{_NUMBERS}, {_DAYS_OF},
kind(k, kind, own) AS (VALUES (0, 'observed', 1), (1, 'data', 1), (2, 'open', 0),
  (3, 'direction', 0), (4, 'phase_space', 0), (5, 'limits', 0)),
side AS (SELECT filter, filter || ' 1' AS key, kind, f * 6 + k AS s FROM lim, kind WHERE own
  UNION ALL SELECT '', '', kind, 100 + k FROM kind WHERE NOT own)
"""

_FORKS = f"""{_BRANCHES}
INSERT INTO branch SELECT d / 7 * 128 + s, filter, kind, key, :first + d * :day_ns, NULL, 'Monday'
FROM day, side WHERE d % 7 = 0
"""

_DESKS = f"""{_BRANCHES}
INSERT INTO branch_day SELECT day, d / 7 * 128 + s, filter, key,
  (d * 31 % 41 - 20) / 10.0, ((d * 31 + s * 7) % 41 - 20) / 10.0,
  (d * 31 % 41 - 20) * 1000000, ((d * 31 + s * 7) % 41 - 20) * 1000000, 9, 0, 0, 1.0, 0
FROM day, side
"""


def write_years(path: Path, *, trades: int = TRADES, days: int = DAYS) -> None:
    """Write the database as the version before the sums over years would have."""
    given = {
        "n": max(trades, days), "days": days, "coins": COINS, "bots": BOTS, "limits": LIMITS,
        "first": _first_ns(days), "day_ns": DAY_NS,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        migrate(db, 0, BEFORE_SUMS)
        db.execute("DROP INDEX trade_by_signal")
        db.execute("BEGIN")
        db.execute("INSERT INTO about VALUES ('mode', ?), ('network', ?)", (MODE, MODE))
        db.execute(_TRADES, {**given, "n": trades})
        by_day = {**given, "n": max(days, BOTS, LIMITS)}
        for statement in (
            *(_ROLLUP, _HEAD, _FORKS, _DESKS),
            *(_JUDGED.format(table=name) for name in ("limit_day", "matched_day")),
        ):
            db.execute(statement, by_day)
        for number in range(LIMITS):
            name = f"limit{number}" if number else "control"
            series = (f"{name} 1", name, 1, given["first"], 10_000_000, TERMS)
            db.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?, ?)", series)
            db.execute("INSERT INTO spell VALUES (?, 1, ?)", (name, f"{name} 1"))
        for number in range(BOTS):
            home = (f"bot{number}", f"division{number % 5}")
            db.execute(
                "INSERT INTO return_day VALUES ('2023-01-01', '2023-01-02', ?, ?, 0, 1)", home
            )
        db.execute("COMMIT")
        db.execute("CREATE INDEX trade_by_signal ON trade (signal_id)")


def _first_ns(days: int) -> int:
    """Return the 00:00 UTC so many days before this one's."""
    return (time.time_ns() // DAY_NS - days) * DAY_NS


def bring_up_to_date(path: Path) -> None:
    """Open it as its daemon would: sums over years, folds of series, counters."""
    vitals = Vitals(admitted=2, blocked=8, phantoms=8, now_ns=time.time_ns())
    store = Store(path, mode=MODE, network=MODE)
    store.write(Rows(), {"vitals": msgspec.json.encode(vitals).decode()})
    while True:
        with closing(open_readonly(path)) as db:
            folds = renewed(db)
        if not folds:
            break
        store.keep(folds)
    store.close()


def measure(rounds: int, trades: int = TRADES, days: int = DAYS) -> Result:
    """Time every report on a database of years, and `gnomon status`."""
    with tempfile.TemporaryDirectory(prefix="gnomon-bench-") as folder:
        state = Path(folder)
        path = state / MODE / "gnomon.db"
        began = time.perf_counter()
        write_years(path, trades=trades, days=days)
        written, began = time.perf_counter() - began, time.perf_counter()
        bring_up_to_date(path)
        migrated = time.perf_counter() - began
        result = Result(f"Reports on {trades:,} closed trades of {days:,} days, beyond --version")
        idle = median(_cpu_s("--version") for _ in range(max(3, rounds)))
        for name, words in COMMANDS.items():
            spent = [_cpu_s(*words, "--state", str(state)) - idle for _ in range(rounds)]
            result.figures.append(over_rounds(f"{name}, CPU", spent, "s"))
        size = path.stat().st_size / 1e9
    result.counts = [
        f"{size:.1f} GB; written in {written:.0f} s, brought up to date in {migrated:.0f} s",
    ]
    result.notes = ["signals, details, fills and days of trades are left out: no report reads them"]
    return result


def _cpu_s(*words: str) -> float:
    """Return the CPU seconds that a command takes in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "daemon", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    from bench.report import section

    print("\n".join(section("years", measure(3, *map(int, sys.argv[1:])))))

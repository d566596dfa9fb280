"""Messages that wait to be told, in a file of their own: at least once each, and never a flood.

What a look found and what it remembers are written in one transaction; a message counts as told to
a target only once that target has taken it. So a kill between the two repeats a message, and loses
none. Messages of one key that wait are one message with a count.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.alerts.kind import Memory, Message
from market.errors import OperatorError

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
  message_id INTEGER PRIMARY KEY,
  found_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  page TEXT NOT NULL,
  way TEXT NOT NULL,
  urgent INTEGER NOT NULL,
  count INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS told (
  target TEXT NOT NULL,
  message_id INTEGER NOT NULL,
  told_ns INTEGER NOT NULL,
  PRIMARY KEY (target, message_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
NS_PER_HOUR = 3_600 * 10**9
# What was told stays for a month.
KEEP_NS = 30 * 24 * NS_PER_HOUR


class Waiting(Struct, frozen=True):
    """A message that a target has not taken yet; `count` is how often it happened."""

    message_id: int
    found_ns: int
    kind: str
    title: str
    body: str
    page: str
    way: str
    urgent: bool
    count: int


class Outbox:
    """The file; one process writes it."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
            # A second service would tell everything twice.
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise OperatorError(
                f"{path}: cannot be used ({error}); another `gnomon notify`, or damage: "
                "stop the other, or move the file away"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def memory(self) -> dict[str, Memory]:
        """Return what each kind remembers."""
        rows = self._db.execute("SELECT name, value FROM memory").fetchall()
        return {name: msgspec.json.decode(value) for name, value in rows}

    def take(
        self,
        found: Iterable[tuple[str, str, bool, Message]],
        memory: Mapping[str, Any],
        now_ns: int,
    ) -> None:
        """Take what a look found (kind, way, urgent, message) with what it remembers."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for kind, way, urgent, message in found:
                self._put(kind, way, urgent, message, now_ns)
            for name, value in memory.items():
                self._db.execute(
                    "INSERT INTO memory VALUES (?, ?) ON CONFLICT DO UPDATE SET value ="
                    " excluded.value",
                    (name, msgspec.json.encode(value).decode()),
                )
            self._db.execute("DELETE FROM message WHERE found_ns < ?", (now_ns - KEEP_NS,))
            self._db.execute(
                "DELETE FROM told WHERE message_id NOT IN (SELECT message_id FROM message)"
            )
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _put(self, kind: str, way: str, urgent: bool, message: Message, now_ns: int) -> None:
        waiting = self._db.execute(
            "SELECT message_id FROM message m WHERE kind = ? AND key = ? AND NOT EXISTS"
            " (SELECT 1 FROM told t WHERE t.message_id = m.message_id) ORDER BY 1 DESC LIMIT 1",
            (kind, message.key),
        ).fetchone()
        if waiting is not None:
            self._db.execute(
                "UPDATE message SET count = count + 1, title = ?, body = ?, page = ?"
                " WHERE message_id = ?",
                (message.title, message.body, message.page, waiting[0]),
            )
            return
        self._db.execute(
            "INSERT INTO message (found_ns, kind, key, title, body, page, way, urgent, count)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (now_ns, kind, message.key, message.title, message.body, message.page, way, urgent),
        )

    def waiting(self, target: str) -> list[Waiting]:
        """Return what a target has not taken yet, the oldest first."""
        rows = self._db.execute(
            "SELECT message_id, found_ns, kind, title, body, page, way, urgent, count"
            " FROM message m WHERE NOT EXISTS (SELECT 1 FROM told t WHERE t.target = ?"
            " AND t.message_id = m.message_id) ORDER BY message_id",
            (target,),
        )
        return [
            Waiting(number, found_ns, kind, title, body, page, way, bool(urgent), count)
            for number, found_ns, kind, title, body, page, way, urgent, count in rows
        ]

    def told_within_hour(self, target: str, now_ns: int) -> int:
        """Return how many deliveries a target has had within the last hour."""
        (count,) = self._db.execute(
            "SELECT COUNT(DISTINCT told_ns) FROM told WHERE target = ? AND told_ns > ?",
            (target, now_ns - NS_PER_HOUR),
        ).fetchone()
        return int(count)

    def mark(self, target: str, messages: Iterable[int], now_ns: int) -> None:
        """Note that a target has taken messages, all in one delivery."""
        self._db.executemany(
            "INSERT OR REPLACE INTO told VALUES (?, ?, ?)",
            [(target, message_id, now_ns) for message_id in messages],
        )

"""Table alarm: what an operator was warned of."""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row


class AlarmRow(Row, frozen=True):
    """One alarm."""

    table: ClassVar[str] = "alarm"

    ts_ns: int
    seq: int
    kind: str
    message: str


ALARMS_1 = """\
CREATE TABLE alarm (
  ts_ns INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_by_time ON alarm (ts_ns);

"""

"""Table experiment: the register of trials, which only grows.

A row begins undecided, one at a time; its decision is written once, and nothing else of it ever
again.
"""

from __future__ import annotations

from typing import ClassVar

from shadow.store.tables.row import Row, Update


class ExperimentRow(Row, frozen=True):
    """A trial as it begins; `change` and `detail` are JSON."""

    table: ClassVar[str] = "experiment"

    trial_id: int
    bot: str
    change: str
    started_ns: int
    control_hash: str
    challenger_hash: str
    detail: str


class DecisionUpdate(Update, frozen=True):
    """Decision on a trial: keep or revert; `result` is JSON."""

    table: ClassVar[str] = "experiment"

    ended_ns: int
    decision: str
    naive_decision: str
    result: str
    trial_id: int


TRIALS_1 = """\
CREATE TABLE experiment (
  trial_id INTEGER PRIMARY KEY,
  bot TEXT NOT NULL,
  change TEXT NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  control_hash TEXT NOT NULL,
  challenger_hash TEXT NOT NULL,
  decision TEXT,
  naive_decision TEXT,
  detail TEXT NOT NULL
) STRICT;

"""

TRIALS_4 = """
ALTER TABLE experiment ADD COLUMN result TEXT;

CREATE TRIGGER experiment_begins BEFORE INSERT ON experiment
WHEN NEW.decision IS NOT NULL OR NEW.ended_ns IS NOT NULL OR NEW.result IS NOT NULL
  OR EXISTS (SELECT 1 FROM experiment WHERE trial_id >= NEW.trial_id OR decision IS NULL)
BEGIN SELECT RAISE(ABORT, 'trials begin undecided, one at a time, in order'); END;

CREATE TRIGGER experiment_ends BEFORE UPDATE ON experiment
WHEN OLD.decision IS NOT NULL OR NEW.decision IS NULL OR NEW.decision NOT IN ('keep', 'revert')
  OR NEW.ended_ns IS NULL OR (NEW.trial_id, NEW.bot, NEW.change, NEW.started_ns, NEW.control_hash,
    NEW.challenger_hash, NEW.detail) IS NOT (OLD.trial_id, OLD.bot, OLD.change, OLD.started_ns,
    OLD.control_hash, OLD.challenger_hash, OLD.detail)
BEGIN SELECT RAISE(ABORT, 'a trial is decided once and its past is not rewritten'); END;

CREATE TRIGGER experiment_stays BEFORE DELETE ON experiment
BEGIN SELECT RAISE(ABORT, 'the register of trials forgets nothing'); END;
"""

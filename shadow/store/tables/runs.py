"""Tables about, run and state: whose database it is, its runs, and where the newest stands."""

from __future__ import annotations

RUNS_1 = """
CREATE TABLE about (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
  run_id INTEGER PRIMARY KEY,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  ended_why TEXT,
  mode TEXT NOT NULL,
  network TEXT NOT NULL,
  config_hash TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  code_version TEXT NOT NULL,
  seed INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  frames INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  digest TEXT NOT NULL DEFAULT '',
  config TEXT NOT NULL
) STRICT;

"""

STATE_1 = """\
CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

"""

# Pieces are about a thousand bytes long. In a tree of keys alone each of those had a page of its
# own besides, in an ordinary table four of them share one. Only for a file without any: one that
# has some is written anew (`shadow.store.rebuild`).
STATE_5 = """\
DROP TABLE state;

CREATE TABLE state (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

"""

# The checksum of a piece; the row `whole` holds the one over all (see `shadow.store.seal`).
STATE_8 = """
ALTER TABLE state ADD COLUMN sum INTEGER;
"""

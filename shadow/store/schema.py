"""The database, as numbered migrations. The names of tables and columns are a contract.

All times are UTC nanoseconds (`_ns`) or UTC dates (`day`, YYYY-MM-DD); money is micro-USDC
(`_e6`); sizes are lots. Every table is STRICT. What was released is never edited: a new table is
a struct and its statements in a file of `tables`, and a migration of its own behind these.
"""

from __future__ import annotations

from shadow.store.tables.alarms import ALARMS_1
from shadow.store.tables.branches import BRANCHES_9
from shadow.store.tables.decisions import DECISIONS_1, DECISIONS_3, DECISIONS_5
from shadow.store.tables.desk import DESK_1
from shadow.store.tables.details import DETAILS_5
from shadow.store.tables.folds import FOLDS_9, FOLDS_10
from shadow.store.tables.lenses import LENSES_1
from shadow.store.tables.limits import LIMITS_9
from shadow.store.tables.rollups import ROLLUPS_1, ROLLUPS_2, ROLLUPS_3, ROLLUPS_5, ROLLUPS_7
from shadow.store.tables.runs import RUNS_1, STATE_1, STATE_5, STATE_8
from shadow.store.tables.series import SERIES_9
from shadow.store.tables.shortfalls import SHORTFALLS_11
from shadow.store.tables.sums import SUMS_10
from shadow.store.tables.trades import TRADES_1, TRADES_11
from shadow.store.tables.trials import TRIALS_1, TRIALS_4
from shadow.store.tables.views import BLOCKED, VIEWS_1, VIEWS_9
from shadow.store.tables.weights import WEIGHTS_1, WEIGHTS_3, WEIGHTS_9

MIGRATIONS: tuple[str, ...] = (
    RUNS_1
    + DECISIONS_1
    + TRADES_1
    + DESK_1
    + WEIGHTS_1
    + LENSES_1
    + TRIALS_1
    + ALARMS_1
    + STATE_1
    + ROLLUPS_1
    + VIEWS_1,
    ROLLUPS_2,
    WEIGHTS_3 + DECISIONS_3 + ROLLUPS_3,
    TRIALS_4,
    DECISIONS_5 + DETAILS_5 + STATE_5 + BLOCKED,
    ROLLUPS_5,
    ROLLUPS_7,
    STATE_8,
    SERIES_9 + LIMITS_9 + FOLDS_9 + VIEWS_9 + BRANCHES_9 + WEIGHTS_9,
    FOLDS_10 + SUMS_10,
    TRADES_11 + SHORTFALLS_11,
)
# What is older is brought up to this version by being written anew.
REBUILT = 5
SCHEMA_VERSION = len(MIGRATIONS)

"""Folds of day rows, renewed beside the rest of the housekeeping."""

from __future__ import annotations

from contextlib import closing

from market.errors import OperatorError
from shadow.report.folds import renewed
from shadow.store.store import Store, open_readonly


def keep_folds(store: Store) -> bool:
    """Renew the folds of one series that lag behind; return whether there may be more.

    Reads the database beside the writer, and writes what came of it in one short transaction.
    """
    try:
        db = open_readonly(store.path)
    except OperatorError:
        # The file has lost its name; the guard looks after that.
        return False
    with closing(db):
        folds = renewed(db)
    if folds:
        store.keep(folds)
    return bool(folds)

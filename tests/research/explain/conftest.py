from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.branched import branched, whole

Damaged = Callable[..., sqlite3.Connection]


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of six days with branches."""
    path = tmp_path_factory.mktemp("explain") / "told.db"
    branched(path)
    return path


@pytest.fixture
def db(told: Path) -> Iterator[sqlite3.Connection]:
    """That database, sound."""
    with closing(sqlite3.connect(f"file:{told}?mode=ro", uri=True)) as connection:
        yield connection


@pytest.fixture(scope="session")
def whole_db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database with something in every column of the report."""
    path = tmp_path_factory.mktemp("explain") / "whole.db"
    whole(path)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield connection


@pytest.fixture
def damaged(told: Path, tmp_path: Path) -> Iterator[Damaged]:
    """A copy of that database after some SQL, each piece of which must change something."""
    with closing(sqlite3.connect(tmp_path / "damaged.db")) as connection:

        def damage(*scripts: str) -> sqlite3.Connection:
            for script in scripts:
                before = connection.total_changes
                connection.executescript(script)
                assert connection.total_changes > before, "the damage did nothing"
            return connection

        shutil.copy(told, tmp_path / "damaged.db")
        yield damage

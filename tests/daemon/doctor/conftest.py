from __future__ import annotations

from pathlib import Path

import pytest

from daemon.instance.paths import StateDir
from tests.support.shadow import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a state in which a daemon has run."""
    place = StateDir(tmp_path / "state", "local")
    place.create()
    told(place.database)
    return place.root

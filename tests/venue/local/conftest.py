from __future__ import annotations

import pytest

from tests.venue.local.serving import EPOCH_MS, SEED
from venue.local.world.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """Return one world for all tests that only read; what it kept must not matter."""
    return World(SEED, EPOCH_MS)

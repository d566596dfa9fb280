from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.venue import run_on
from tests.venue.scripts import Test


@pytest.fixture(params=["asyncio", "uvloop"])
def on_loop(request: pytest.FixtureRequest) -> Callable[[Test], None]:
    """Run a test's coroutine on each of the two loops that the daemon may run on."""
    return lambda test: run_on(request.param, test())

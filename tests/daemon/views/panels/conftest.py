from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from daemon.views.coin import CoinChart, coin_chart
from daemon.views.positions import Positions, positions
from daemon.views.status import RunningStatus, status
from tests.support.daemons import busy


class Traded(NamedTuple):
    """A state that was traded in, and what its daemon said of itself before it ended."""

    state: StateDir
    status: RunningStatus
    positions: Positions
    chart: CoinChart


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traded]:
    made = busy(tmp_path_factory.mktemp("panels"))
    told, held = status(made), positions(made, phantoms=True)
    chart = coin_chart(made, "BTC")
    assert chart is not None and coin_chart(made, "NONE") is None
    asyncio.run(made.close("over"))
    with reading(made.state):
        yield Traded(made.state, told, held, chart)

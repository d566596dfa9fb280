"""Watch over what measures: once a day, whether an instrument of the report has died."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from market.events import NS_PER_DAY, NS_PER_S, Notice, Recorded
from shadow.report.instruments import dead_instruments
from shadow.store.store import open_readonly

# After a day's end its rows are in the file before anybody looks.
LATE_S = 900.0
KIND = "instrument"


class Instruments:
    """A look at each day's end; what was told once is told again only after it was well."""

    def __init__(self, database: Path, consume: Callable[[Recorded], object]) -> None:
        self._database = database
        self._consume = consume
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look once a day, for ever."""
        while True:
            await asyncio.sleep(until_next(time.time_ns()))
            self.tell(await asyncio.to_thread(self._look))

    def _look(self) -> list[str]:
        with closing(open_readonly(self._database)) as db:
            return [one.words for one in dead_instruments(db)]

    def tell(self, found: list[str]) -> None:
        """Raise an alarm for each instrument that was not dead at the last look."""
        # Its figures are others every day.
        lines = {re.sub(r"[0-9]", "", line): line for line in found}
        for words, line in lines.items():
            if words not in self._told:
                self._consume(Notice(KIND, f"an instrument may be dead: {line}"))
        self._told = set(lines)


def until_next(now_ns: int) -> float:
    """Return how many seconds it is until the next look, a while after 00:00 UTC."""
    into_s = now_ns % NS_PER_DAY / NS_PER_S
    return (LATE_S - into_s) % (NS_PER_DAY / NS_PER_S) or NS_PER_DAY / NS_PER_S

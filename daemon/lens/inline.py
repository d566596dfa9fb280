"""Inline lenses, for tapes without lens results: computed in the replay as bars close.

Whatever a recorder wrote without a lens process (a recording, an import, an old tape) is answered
here by the same arithmetic, and delivered a fixed time after the close, as if a process had
needed it. So two replays of a tape agree, but not with a run that had lenses of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.config.sections import LensConfig
from market.decision import LensAsk
from market.events import MS_PER_MINUTE, NS_PER_MS, LensUpdate

if TYPE_CHECKING:
    from daemon.lens.bank import Bank


class InlineLenses:
    """Answers waiting for their delivery time."""

    def __init__(self, config: LensConfig) -> None:
        self._config = config
        self._bank: Bank | None = None
        self._waiting: list[LensUpdate] = []

    def ask(self, asks: list[LensAsk], now_ns: int) -> None:
        """Answer questions put at `now_ns`."""
        if self._bank is None:
            from daemon.lens.bank import Bank  # noqa: PLC0415 - for tapes that need it

            self._bank = Bank(surrogates=self._config.surrogates)
        delay_ns = round(self._config.delay_ms * NS_PER_MS)
        for ask in asks:
            update = self._bank.answer(ask)
            asked_ns = now_ns
            if ask.cause == "bar":
                asked_ns = (ask.bar_ms + MS_PER_MINUTE) * NS_PER_MS
            update.recv_ns = max(now_ns, asked_ns + delay_ns)
            self._waiting.append(update)
        self._waiting.sort(key=lambda update: update.recv_ns)

    def due(self, until_ns: int) -> list[LensUpdate]:
        """Return, and forget, the answers that would have come by `until_ns`, in order."""
        count = 0
        while count < len(self._waiting) and self._waiting[count].recv_ns <= until_ns:
            count += 1
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        return ready

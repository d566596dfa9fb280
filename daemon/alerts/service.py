"""The service: look, take, plan, send, mark; again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from daemon.alerts.looking import Looker
from daemon.alerts.outbox import Outbox
from daemon.alerts.plan import Quiet, plan
from daemon.alerts.targets import Target

EVERY_S = 10.0
RETRY_S, RETRY_MAX_S = 30.0, 1_800.0


class Service:
    """Alerts of one state; `say` gets a line about what could not be delivered."""

    def __init__(
        self,
        looker: Looker,
        outbox: Outbox,
        targets: Sequence[Target],
        *,
        mode: str,
        per_hour: int,
        quiet: Quiet,
        say: Callable[[str], None],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._looker, self._outbox, self._targets = looker, outbox, targets
        self._mode, self._per_hour, self._quiet = mode, per_hour, quiet
        self._say, self._now_ns = say, now_ns
        # When a target that did not take a message is asked again, and after how long then.
        self._again: dict[str, tuple[int, float]] = {}

    def step(self) -> None:
        """Look once, and deliver what is due."""
        now_ns = self._now_ns()
        found, memory = self._looker.look(now_ns)
        self._outbox.take(found, memory, now_ns)
        self._looker.memory = memory
        for target in self._targets:
            self._deliver(target)

    def _deliver(self, target: Target) -> None:
        now_ns = self._now_ns()
        again_ns, pause_s = self._again.get(target.name, (0, RETRY_S))
        if now_ns < again_ns:
            return
        due = plan(
            self._outbox.waiting(target.name),
            mode=self._mode,
            sent=self._outbox.told_within_hour(target.name, now_ns),
            per_hour=self._per_hour,
            quiet=self._quiet.holds(now_ns),
            now_ns=now_ns,
        )
        for at, delivery in enumerate(due):
            trouble = target.send(delivery)
            if trouble:
                self._again[target.name] = (
                    now_ns + int(pause_s * 1e9), min(2 * pause_s, RETRY_MAX_S),
                )  # fmt: skip
                self._say(f"target {target.name}: {trouble}; again in {pause_s:g} s")
                return
            self._again.pop(target.name, None)
            # Deliveries of one moment are told apart, so that they are counted apart.
            self._outbox.mark(target.name, delivery.messages, now_ns + at)

    def run(self, over: Callable[[float], bool]) -> None:
        """Go on until `over`, which waits so many seconds, says that it is."""
        while True:
            self.step()
            if over(EVERY_S):
                return

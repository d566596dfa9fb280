"""A plan of faults under way: which are on, and what they make of frames and requests.

Time is ms since the start and is handed in, so a plan runs the same in real and in virtual time.
Nothing is random but by the seed: a draw depends on the fault, the client and how many frames or
requests the fault has seen of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from venue.local.faults.asked import Asked, Reply
from venue.local.faults.fault import Fault, Moment, spoils
from venue.local.faults.outgoing import Outgoing
from venue.local.faults.plan import Plan
from venue.local.market.contract import LocalMarket, Row
from venue.local.market.dice import share_of

# Requests come from no connection that could be told from another.
NOBODY = 0


class Running:
    """A plan under way.

    `counts` says how many frames, requests and connections each fault has hit.

    `tell` is told once when a fault first hits something.
    """

    def __init__(self, plan: Plan, tell: Callable[[str], None] = lambda _: None) -> None:
        self.counts: Counter[str] = Counter()
        self._seed = plan.seed
        self._tell = tell
        self._told: set[int] = set()
        numbered = list(enumerate(plan.faults))
        self._frames = _Windows([(n, f) for n, f in numbered if spoils(type(f), "frames")])
        requests = [
            (n, f) for n, f in numbered if spoils(type(f), "before") or spoils(type(f), "after")
        ]
        self._requests = _Windows(requests)
        self._actions = _Windows([(n, f) for n, f in numbered if spoils(type(f), "act")])
        self._breaking = [
            (n, f) for n, f in numbered if spoils(type(f), "breaks") or spoils(type(f), "freezes")
        ]
        self._delisting = [item for item in numbered if spoils(type(item[1]), "delists")]
        self._around = [f for _, f in numbered if spoils(type(f), "around")]
        self._memory: dict[tuple[int, int], dict[Any, Any]] = {}
        self._seen: Counter[tuple[int, int]] = Counter()

    def market(self, market: LocalMarket, now_ms: Callable[[], int]) -> LocalMarket:
        """Return the market with all faults of markets around it."""
        for fault in self._around:
            market = fault.around(market, now_ms)
        return market

    def is_calm(self, now_ms: int) -> bool:
        """Say whether no fault spoils frames now."""
        return not self._frames.at(now_ms)

    def frames(self, client: int, frame: Outgoing, now_ms: int) -> list[Outgoing]:
        """Return what a client is sent instead of a frame."""
        out = [frame]
        for number, fault in self._frames.at(now_ms):
            if fault.client in (NOBODY, client):
                out = [
                    made for one in out for made in self._spoil(number, fault, client, one, now_ms)
                ]
        return out

    def _spoil(
        self, number: int, fault: Fault, client: int, frame: Outgoing, now_ms: int
    ) -> list[Outgoing]:
        if not fault.concerns(frame):
            return [frame]
        moment = self.moment(number, fault, client, now_ms)
        if moment is None:
            return [frame]
        out = fault.frames(frame, moment)
        if len(out) != 1 or out[0] is not frame:
            self.hit(number, fault)
        return out

    def request(self, asked: Asked, now_ms: int) -> list[tuple[Fault, Moment]]:
        """Return the faults that hit a request, drawn once for its way there and back."""
        hit = []
        for number, fault in self._requests.at(now_ms):
            if fault.is_about(asked):
                moment = self.moment(number, fault, NOBODY, now_ms)
                if moment is not None:
                    hit.append((fault, moment))
                    self.hit(number, fault)
        return hit

    def act(self, action: Row, do: Callable[[Row], Row], now_ms: int) -> Row:
        """Return the reply to an action that the gate let through; `do` has it done."""
        for number, fault in self._actions.at(now_ms):
            moment = self.moment(number, fault, NOBODY, now_ms)
            if moment is not None and fault.request in ("", action.get("type")):
                self.hit(number, fault)
                return fault.act(action, do, moment)
        return do(action)

    def delisted(self, now_ms: int) -> list[str]:
        """Return the coins that are to go off the list and were not returned before."""
        due = [item for item in self._delisting if item[1].begin_ms <= now_ms]
        self._delisting = [item for item in self._delisting if item[1].begin_ms > now_ms]
        for number, fault in due:
            self.hit(number, fault)
        return [fault.delists() for _, fault in due]

    def breaking(self) -> list[tuple[int, Fault]]:
        """Return the faults that end or freeze connections, with their numbers."""
        return self._breaking

    def hit(self, number: int, fault: Fault) -> None:
        """Count that a fault has hit something."""
        self.counts[fault.name] += 1
        if number not in self._told:
            self._told.add(number)
            self._tell(f"fault {fault.name} (from {fault.at_s:g} s for {fault.for_s:g} s)")

    def forget(self, client: int) -> None:
        """Forget a client that is gone."""
        for key in [key for key in self._memory if key[1] == client]:
            del self._memory[key]
        for key in [key for key in self._seen if key[1] == client]:
            del self._seen[key]

    def moment(self, number: int, fault: Fault, client: int, now_ms: int) -> Moment | None:
        """Draw; return the moment of a hit, None when the fault misses."""
        key = (number, client)
        self._seen[key] += 1
        count = self._seen[key]
        if fault.share < 1.0 and share_of(self._seed, number, client, count) >= fault.share:
            return None
        memory = self._memory.setdefault(key, {})
        draw = share_of(self._seed, number, client, count, "how")
        return Moment(now_ms, fault.begin_ms, fault.end_ms, memory, draw)


class _Windows:
    """Windows of faults: which are on, without a look at those over or yet to come."""

    def __init__(self, faults: list[tuple[int, Fault]]) -> None:
        self._coming = sorted(faults, key=lambda item: (item[1].begin_ms, item[0]), reverse=True)
        self._on: list[tuple[int, Fault]] = []
        self._next_ms = -1

    def at(self, now_ms: int) -> list[tuple[int, Fault]]:
        """Return what is on; time must not go back."""
        if now_ms < self._next_ms:
            return self._on
        while self._coming and self._coming[-1][1].begin_ms <= now_ms:
            self._on.append(self._coming.pop())
        self._on = [item for item in self._on if item[1].end_ms > now_ms]
        edges = [fault.end_ms for _, fault in self._on]
        if self._coming:
            edges.append(self._coming[-1][1].begin_ms)
        self._next_ms = min(edges, default=1 << 62)
        return self._on


def reply_to(hit: list[tuple[Fault, Moment]], asked: Asked) -> Reply | None:
    """Return the reply to a request that faults keep from the venue, None when none does."""
    for fault, moment in hit:
        reply = fault.before(asked, moment)
        if reply is not None:
            return reply
    return None


def made_of(hit: list[tuple[Fault, Moment]], asked: Asked, reply: Reply) -> Reply:
    """Return what faults make of the venue's reply."""
    for fault, moment in hit:
        reply = fault.after(asked, reply, moment)
    return reply

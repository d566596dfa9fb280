from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from daemon.backtest.phantoms import Phantoms
from shadow.store.rows import Rows


@dataclass
class Signal:
    signal_id: int
    verdict: str
    sole: str = ""


@dataclass
class Check:
    signal_id: int
    filter: str
    mode: str
    outcome: str


@dataclass
class Update:
    trade_id: int
    net_e6: int | None
    status: str = "closed"


def absorbed(*, signals: Any = (), checks: Any = (), updates: Any = ()) -> Rows:
    return Rows(signals=list(signals), checks=list(checks), trade_updates=list(updates))


def test_a_refusal_counts_for_the_limit_that_stood_alone() -> None:
    phantoms = Phantoms()
    signals = [
        Signal(1, "blocked", "position"), Signal(2, "blocked"), Signal(3, "admitted"),
        Signal(4, "blocked", "position"), Signal(5, "blocked", "cooldown"),
    ]  # fmt: skip
    phantoms.absorb(absorbed(signals=signals))
    # Phantoms are 4n + 2; one of a shared refusal, and the admitted trade itself, are no phantom's.
    ended = [Update(6, 100), Update(10, 7), Update(12, 9), Update(18, -30), Update(22, None)]
    phantoms.absorb(absorbed(updates=[Update(6, None, "open"), *ended, Update(6, 100)]))
    assert phantoms.sums_e6 == {"position": 70}


def test_of_an_observing_limit_the_twins_tell_that_it_would_have_refused() -> None:
    phantoms = Phantoms()
    checks = [
        Check(3, "control", "observe", "fail"), Check(3, "volatility", "observe", "fail"),
        Check(3, "intensity", "observe", "no_data"), Check(3, "position", "enforce", "pass"),
        Check(4, "control", "observe", "fail"), Check(4, "position", "enforce", "fail"),
    ]  # fmt: skip
    signals = [Signal(3, "admitted"), Signal(4, "blocked", "position")]
    phantoms.absorb(absorbed(signals=signals, checks=checks))
    # Twins are 4n + 1.
    phantoms.absorb(absorbed(updates=[Update(13, 5), Update(17, 1000), Update(18, -8)]))
    assert phantoms.sums_e6 == {"control": 5, "volatility": 5, "position": -8}


@dataclass
class Open:
    coin: str
    state: int
    mark_px: float = 0.0
    entry_px: float = 50.0

    def mark_e6(self, px: float, instrument: Any) -> int:
        return int(px) + instrument


@dataclass
class Book:
    ok: bool
    mid: float = 60.0


@dataclass
class Coin:
    book: Book
    instrument: int = 1000


def test_what_is_open_counts_at_its_last_mark() -> None:
    phantoms = Phantoms()
    phantoms.absorb(absorbed(signals=[Signal(n, "blocked", "position") for n in (1, 2, 3)]))
    trades = {6: Open("BTC", 1), 10: Open("ETH", 2, 55.0), 14: Open("BTC", 0), 18: Open("BTC", 1)}
    coins = {"BTC": Coin(Book(True)), "ETH": Coin(Book(False))}
    phantoms.mark(cast(Any, trades.get), cast(Any, coins))
    assert phantoms.sums_e6 == {"position": 1060 + 1055}

from __future__ import annotations

from typing import Any

from venue.local.faults.acting import TroubledTrading
from venue.local.faults.plan import Plan
from venue.local.faults.post_only_window import PostOnlyWindow
from venue.local.faults.running import Running

ORDER = {"type": "order", "orders": [{"a": 0, "t": {"limit": {"tif": "Gtc"}}}]}


class Recording:
    """An exchange that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*args: Any) -> Any:
            self.asked.append((name, *args))
            return name

        return ask


def test_an_action_meets_the_faults_that_are_on() -> None:
    inner, now = Recording(), [0]
    trading = TroubledTrading(inner, Running(Plan((PostOnlyWindow(for_s=1.0),))), lambda: now[0])
    assert "error" in trading.act("0xa", ORDER, 5)["response"]["data"]["statuses"][0]
    assert inner.asked == []
    now[0] = 1_000
    trading.act("0xa", ORDER, 6)
    assert inner.asked == [("act", "0xa", ORDER, 6)]


def test_all_else_goes_to_the_exchange() -> None:
    inner = Recording()
    trading = TroubledTrading(inner, Running(Plan(())), lambda: 0)
    trading.deposit("0xa", 1, 2)
    trading.advance(3)
    assert trading.has("0xa")
    found = [trading.drain(), trading.requests_used("a"), trading.requests_cap("a")]
    assert [*found, trading.volume_e6("a")] == [
        "drain",
        "requests_used",
        "requests_cap",
        "volume_e6",
    ]
    assert inner.asked[:3] == [("deposit", "0xa", 1, 2), ("advance", 3), ("has", "0xa")]

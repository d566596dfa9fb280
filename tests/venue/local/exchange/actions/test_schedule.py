from __future__ import annotations

from tests.venue.local.exchange.scripted import ALICE, DAY_MS, Bench
from venue.local.exchange.state.rules import Rules


def schedule(bench: Bench, after_ms: int | None) -> object:
    action = {"type": "scheduleCancel"}
    return bench.act(
        ALICE, action if after_ms is None else {**action, "time": bench.now_ms + after_ms}
    )


def test_when_the_time_comes_everything_is_cancelled_once() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    assert schedule(bench, 5_000) == {"status": "ok", "response": {"type": "default"}}
    bench.pass_ms(4_990)
    assert bench.status(ALICE, oid) == "open"
    bench.pass_ms(100)
    assert bench.status(ALICE, oid) == "scheduledCancel"
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    bench.pass_ms(10_000)
    assert bench.status(ALICE, oid) == "open"


def test_it_can_be_put_off_and_cleared() -> None:
    bench = Bench()
    oid = bench.rest(ALICE, "BTC", "buy", "99000", "1")
    schedule(bench, 5_000)
    bench.pass_ms(4_000)
    schedule(bench, 5_000)
    bench.pass_ms(2_000)
    schedule(bench, None)
    bench.pass_ms(60_000)
    assert bench.status(ALICE, oid) == "open"


def test_five_seconds_ahead_at_least() -> None:
    assert schedule(Bench(), 4_999) == {
        "status": "err",
        "response": "Scheduled cancel time too early, must be at least 5 seconds from now.",
    }


def test_ten_firings_a_day_and_anew_at_midnight() -> None:
    bench = Bench()
    for _ in range(10):
        assert schedule(bench, 5_000)["status"] == "ok"
        bench.pass_ms(5_100)
    assert schedule(bench, 5_000)["status"] == "err"
    bench.pass_ms(DAY_MS - bench.now_ms % DAY_MS)
    assert schedule(bench, 5_000)["status"] == "ok"


def test_behind_its_gate_it_asks_for_volume_first() -> None:
    bench = Bench(rules=Rules(schedule_cancel_volume_usd=1_000_000))
    words = (
        "Cannot set scheduled cancel time until enough volume traded. "
        "Required: $1000000. Traded: $0."
    )
    for after_ms in (5_000, None):
        assert schedule(bench, after_ms) == {"status": "err", "response": words}

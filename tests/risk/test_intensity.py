from __future__ import annotations

from market.coin import Coin
from market.decision import Check, Mode
from market.events import MS_PER_MINUTE, NS_PER_MS, ArrivalTerms
from risk.gate import fold
from risk.intensity import Intensity, Settings
from tests.support.shadow import SOL, T0, T0_MS, make_coin, make_proposal, make_view


def arriving(surge: float, *, burst: bool = False, threshold: float = 3.0) -> Coin:
    coin = make_coin()
    arrivals = coin.arrivals
    arrivals.terms, arrivals.fitted_ms = ArrivalTerms(0.5, 0.6, 1.2), T0_MS - MS_PER_MINUTE
    arrivals.surge, arrivals.burst, arrivals.threshold = surge, burst, threshold
    return coin


def check(
    coin: Coin,
    *,
    mode: Mode = "enforce",
    lots: int = 1_000,
    minutes: float = 0.0,
    **settings: object,
) -> Check:
    f = Intensity(Settings(**settings), mode)  # type: ignore[arg-type]
    now_ns = T0 + round(minutes * MS_PER_MINUTE) * NS_PER_MS
    return f.check(make_proposal(lots=lots), make_view(coin, now_ns=now_ns))


def test_the_usual_pace_passes() -> None:
    found = check(arriving(1.1))
    assert (found.outcome, found.value, found.threshold) == ("pass", 1.1, 3.0)
    assert found.room_e6 is None


def test_where_a_burst_begins_and_ends_is_decided_as_trades_arrive() -> None:
    assert check(arriving(99.0)).room_e6 is None
    assert check(arriving(1.6, burst=True)).room_e6 is not None


def test_a_burst_cuts_the_size_and_says_by_which_figure() -> None:
    found = check(arriving(4.2, burst=True))
    assert (found.outcome, found.value, found.threshold) == ("pass", 4.2, 3.0)
    assert found.room_e6 == 500_000_000
    verdict = fold([found], make_proposal(lots=1_000), SOL)
    assert verdict.lots == 500 and [c.filter for c in verdict.clamps] == ["intensity"]


def test_a_burst_refuses_what_is_too_small_to_cut_and_all_when_told_to() -> None:
    for found in (
        check(arriving(4.2, burst=True), lots=19),
        check(arriving(4.2, burst=True), action="block"),
    ):
        assert (found.outcome, found.value, found.threshold) == ("fail", 4.2, 3.0)
        assert found.reason == "trades arrive 4.2 times as fast as usual"


def test_what_is_observed_is_followed_not_cut() -> None:
    found = check(arriving(4.2, burst=True), mode="observe")
    assert (found.outcome, found.room_e6) == ("fail", None)
    assert fold([found], make_proposal(lots=1_000), SOL).lots == 1_000


def test_before_the_pace_is_known_there_is_no_data() -> None:
    coin = make_coin()
    assert check(coin).reason == "the pace of its trades is not fitted yet"
    coin = arriving(9.0, threshold=0.0)
    assert check(coin).reason == "not enough minutes yet to say what pace is usual"
    for mode, admitted in (("enforce", False), ("observe", True)):
        verdict = fold([check(coin, mode=mode)], make_proposal(), SOL)  # type: ignore[arg-type]
        assert (verdict.admitted, verdict.fail_closed) == (admitted, not admitted)


def test_a_pace_fitted_long_ago_is_no_data() -> None:
    for burst in (False, True):
        coin = arriving(4.2, burst=burst)
        assert check(coin, minutes=120.0).outcome == "pass"
        found = check(coin, minutes=120.1)
        assert found.outcome == "no_data"
        assert found.reason == "the pace of its trades was fitted 120 min ago"
        assert check(coin, minutes=120.1, fit_age_minutes_max=121.0).outcome == "pass"


def test_a_coin_whose_trades_are_not_heard_has_no_pace() -> None:
    coin = arriving(1.0)
    coin.dead["trades"] = "silent"
    found = check(coin)
    assert (found.outcome, found.reason) == ("no_data", "its trades are not heard: silent")


def test_it_begins_by_observing() -> None:
    assert Intensity.default_mode == "observe"

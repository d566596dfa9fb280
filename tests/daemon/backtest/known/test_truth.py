from __future__ import annotations

import pytest

from daemon.backtest.known.episodes import Episode, Layout
from daemon.backtest.known.truth import branch_days, limit_days, lots_of, money, refused

NOBODY: frozenset[str] = frozenset()
START_E6 = 10**12


def episode(day: int = 0, move: float = 0.02, *fails: str, **other: object) -> Episode:
    at_s = day * 86_400 + 300
    return Episode(at_s, "alpha", "SOL", 1, move, frozenset(fails), **other)  # type: ignore[arg-type]


def test_money_by_hand() -> None:
    """Ten SOL, bought at 100.01 and sold at 101.99; a fee of 4.5 bps on both."""
    found = money(episode(), 1_000)
    fees = 450_045 + 458_955
    assert found.net_e6 == 19_800_000 - fees
    assert found.risk_e6 == 10_000_000


def test_a_night_costs_the_funding_of_its_hour() -> None:
    """Marked at 100.2 as the day ends, with the entry's fee and 0.01 % of 1,000 USD paid."""
    found = money(episode(night_share=0.002), 1_000)
    assert found.night_e6 == 1_900_000 - 450_045 - 100_000
    assert found.net_e6 == money(episode(), 1_000).net_e6 - 100_000


def test_a_size_follows_equity_and_weight() -> None:
    assert lots_of(episode(), START_E6, 0.5) == 100_000


@pytest.mark.parametrize(
    ("kind", "limit", "fails", "refuses"),
    [
        ("main", "", ("knows",), True),
        ("observed", "knows", ("knows",), False),
        ("observed", "coin", ("knows",), True),
        ("enforced", "watches", ("watches",), True),
        ("main", "", ("watches",), False),
        ("open", "", ("knows", "coin"), False),
        ("limits", "", ("coin",), True),
    ],
)
def test_which_branch_refuses_what(
    kind: str, limit: str, fails: tuple[str, ...], refuses: bool
) -> None:
    assert refused(kind, limit, episode(0, 0.02, *fails)) is refuses


def test_rows_of_limits_by_hand() -> None:
    """Booked after two days, moved on past an idle one; judged where nothing else refused."""
    first, joint = episode(0, 0.02, "knows"), episode(0, -0.01, "knows", "coin")
    second = episode(1, 0.01, "watches", lacks=frozenset({"dislikes"}))
    layout = Layout(5, frozenset({3}), (first, joint, second))
    found = limit_days(layout, {first: 2.0, joint: -9.0, second: 1.0}, 2)
    assert {key: (r.judged, r.judged_r, r.blocked) for key, r in found.items()} == {
        ("knows", 2, "alpha"): (1, 2.0, 1),
        ("knows", 4, "alpha"): (1, 1.0, 0),
        ("coin", 4, "alpha"): (1, 1.0, 0),
        ("watches", 4, "alpha"): (1, 1.0, 1),
    }


def test_rows_of_branches_by_hand() -> None:
    """What the desk refused earns on the branch without the limit, until all begin anew."""
    layout = Layout(2, NOBODY, (episode(0, 0.02, "knows"), episode(1, 0.01)))
    plain = branch_days(layout, lambda _: 1.0, START_E6, first_weekday=0)
    assert plain[("observed", "knows"), 0].with_e6 == 0
    earned = plain[("observed", "knows"), 0].without_e6
    assert earned == money(episode(), lots_of(episode(), START_E6, 1.0)).net_e6
    assert plain[("nothing", ""), 1].with_e6 == plain[("nothing", ""), 1].without_e6 > 0
    # The richer desk asks for more the day after; on a Monday it is as rich as the other.
    assert plain[("observed", "knows"), 1].without_e6 > plain[("nothing", ""), 1].without_e6
    monday = branch_days(layout, lambda _: 1.0, START_E6, first_weekday=6)
    assert monday[("observed", "knows"), 1].without_e6 == monday[("nothing", ""), 1].without_e6

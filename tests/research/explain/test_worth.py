from __future__ import annotations

import sqlite3

import pytest

from market.events import NS_PER_DAY, NS_PER_S
from research.explain.proof import Proof
from research.explain.series import shown
from research.explain.worth import MAIN, behind, figures, hold_days_against_trades, pairs
from shadow.report.tails import tails
from tests.research.explain.conftest import Damaged
from tests.support.shadow import T0


def held(db: sqlite3.Connection, name: str = "limit", *, missing: bool = False) -> Proof:
    series, proof = shown(db, name), Proof()
    assert series is not None
    hold_days_against_trades(db, series, pairs(db, series, missing_data=missing), proof)
    return proof


def test_the_two_desks_of_a_day_depend_on_whether_the_limit_is_enforced(
    db: sqlite3.Connection,
) -> None:
    names = {}
    for name in ("limit", "watch"):
        series = shown(db, name)
        assert series is not None
        (pair, *_) = pairs(db, series)
        names[name] = (pair.with_it.kind, pair.without.kind)
    assert names == {"limit": ("data", "observed"), "watch": ("enforced", "")}
    series = shown(db, "limit")
    assert series is not None
    (pair, *_) = pairs(db, series, missing_data=True)
    assert (pair.with_it.name, pair.without.kind) == (MAIN, "data")


def test_figures_are_those_of_the_days(db: sqlite3.Connection) -> None:
    series = shown(db, "limit")
    assert series is not None
    days = pairs(db, series)
    found = figures(series, days, 1.0, 1.0)
    rows = [(p.with_it.e6 / 1e6, p.without.e6 / 1e6) for p in days]
    assert found["value_usd"] == pytest.approx(sum(a - b for a, b in rows))
    assert found["worst_day_with_usd"] == min(a for a, _ in rows)
    assert found["value_r_per_day"] == pytest.approx(
        sum(a - b for a, b in rows[-2:]) / 10.0 / 2.0
    ), "one R is 10 USD, and known for the last two days"
    path, high, deepest = 0.0, 0.0, 0.0
    for _, b in rows:
        path += b
        high = max(high, path)
        deepest = max(deepest, high - path)
    assert found["drawdown_without_usd"] == pytest.approx(deepest)


def test_every_day_is_what_its_trades_make_as_far_as_they_tell(db: sqlite3.Connection) -> None:
    for name, missing in (("limit", False), ("limit", True), ("other", False), ("watch", False)):
        proof = held(db, name, missing=missing)
        assert proof.differs == []
        assert proof.checked["branch's day from its trades"] > 0
        assert proof.checked["branch's trade and the twin or phantom of its signal"] > 0
    assert held(db, "watch").checked["desk's day from its trades' days"] == 5
    assert any("held over midnight" in line for line in held(db).unchecked)


def test_what_is_behind_a_day_is_listed_by_desk(db: sqlite3.Connection) -> None:
    series = shown(db, "watch")
    assert series is not None
    day = pairs(db, series)[1]
    rows = behind(db, series, day.day, day.without, Proof())
    assert sum(row["made_e6"] for row in rows) == day.without.e6
    rows = behind(db, series, day.day, day.with_it, Proof())
    assert sum(row["made_e6"] for row in rows) == day.with_it.e6


def branch(kind: str, name: str) -> str:
    return (
        f"branch_id IN (SELECT branch_id FROM branch WHERE kind = '{kind}' AND filter = '{name}')"
    )


WATCH = branch("enforced", "watch")
PLANTED = [
    ("desk's day from its trades' days", f"UPDATE branch_day SET without_e6 = 1 WHERE {WATCH}"),
    ("branch's day from its trades", f"UPDATE branch_day SET with_e6 = with_e6 + 1 WHERE {WATCH}"),
    ("day in R from its money", f"UPDATE branch_day SET with_r = with_r + 0.001 WHERE {WATCH}"),
    (
        "desk's day from its trades' days",
        "UPDATE trade_day SET mtm_e6 = mtm_e6 + 1 WHERE day = '2025-09-07'",
    ),
    ("desk's day from its trades' days", "DELETE FROM trade WHERE kind = 'paper'"),
    (
        "branch's trade from its parts",
        f"UPDATE branch_trade SET fees_e6 = fees_e6 + 1 WHERE {WATCH}",
    ),
    ("branch's trade from its parts", f"UPDATE branch_trade SET r = r + 0.1 WHERE {WATCH}"),
    (
        "branch's day from its trades",
        f"DELETE FROM branch_trade WHERE {WATCH} AND net_e6 > 0",
    ),
    (
        "branch's trade and the twin or phantom of its signal",
        f"UPDATE branch_trade SET entry_notional_e6 = entry_notional_e6 + 1 WHERE {WATCH}",
    ),
    (
        "branch's trade and the twin or phantom of its signal",
        f"UPDATE branch_trade SET opened_ns = opened_ns + 1 WHERE {WATCH}",
    ),
    (
        "branch's trade and the twin or phantom of its signal",
        f"UPDATE branch_trade SET gross_e6 = gross_e6 + 5, net_e6 = net_e6 + 5 WHERE {WATCH}",
    ),
]


@pytest.mark.parametrize(("link", "script"), PLANTED)
def test_a_planted_difference_is_found(damaged: Damaged, link: str, script: str) -> None:
    assert link in {one.link for one in held(damaged(script), "watch").differs}


def test_what_cannot_be_told_is_said(damaged: Damaged) -> None:
    late = T0 + 40 * NS_PER_DAY
    db = damaged(
        f"UPDATE state SET value = json_set(value, '$.now_ns', {late}) WHERE key = 'vitals'",
        "DELETE FROM branch_trade",
    )
    proof = held(db, "watch")
    assert proof.differs == [] and any("kept for 30 days" in line for line in proof.unchecked)
    noon = T0 + 6 * NS_PER_DAY + NS_PER_DAY // 2 + 3600 * NS_PER_S
    db = damaged(
        f"UPDATE branch SET forked_ns = {noon} WHERE forked_ns < {noon}",
        f"UPDATE branch_day SET without_e6 = 1 WHERE {WATCH} AND day = '2025-09-07'",
    )
    proof = held(db, "watch")
    assert proof.differs == [] and any("forked within the day" in s for s in proof.unchecked)


def test_what_funding_that_was_settled_later_may_explain_is_said(damaged: Damaged) -> None:
    paid = "UPDATE trade SET funding_e6 = 7, net_e6 = net_e6 - 7 WHERE trade_id = (SELECT"
    db = damaged(
        f"{paid} MIN(trade_id) FROM trade WHERE kind = 'paper' AND net_e6 IS NOT NULL)",
        f"UPDATE branch_day SET without_e6 = without_e6 + 7 WHERE {WATCH} AND day = '2025-09-07'",
    )
    proof = held(db, "watch")
    assert proof.differs == []
    assert any("settled on another day" in line and "+0.000007" in line for line in proof.unchecked)
    proof = held(
        damaged(f"UPDATE branch_day SET without_e6 = without_e6 + 8 WHERE {WATCH}"), "watch"
    )
    assert proof.differs


def test_the_path_of_a_desk_is_that_of_its_days(db: sqlite3.Connection) -> None:
    series = shown(db, "limit")
    assert series is not None
    days = pairs(db, series)
    found = figures(series, days, 1.0, 1.0)
    for side in ("with", "without"):
        path = [(p.with_it if side == "with" else p.without).e6 / 1e6 for p in days * 9]
        want = tails(path)
        assert want is not None
        many = figures(series, days * 9, 1.0, 1.0)
        assert many[f"cvar_{side}_usd"] == pytest.approx(want.cvar)
        assert many[f"drawdown_{side}_usd"] == pytest.approx(want.drawdown)
        assert many[f"under_water_{side}_days"] == want.under_water_days
        assert found[f"cvar_{side}_usd"] == found[f"worst_day_{side}_usd"]
    assert figures(series, [], 1.0, 1.0)["cvar_with_usd"] is None

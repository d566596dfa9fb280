from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.backtest.differences import CAUSES, Holding, Part, differences
from daemon.backtest.partings import BUSY

RULES = frozenset({"halt", "minimum"})
REASONS = ("", BUSY, "halt", "cooldown", "drawdown", "position", "division", "direction")


Held = dict[int, Holding]
Reasons = dict[int, str]


def parted(limit: str, mine: Held, other: Held, not_mine: Reasons, not_other: Reasons) -> Any:
    """Return how desks differ; `not_mine` says why the one with the limit lacks a trade."""
    return differences(
        limit, mine, other, lambda n: not_mine.get(n, ""), lambda n: not_other.get(n, ""), RULES
    )


def test_every_trade_is_put_down_to_what_kept_one_desk_from_it() -> None:
    mine = {1: Holding(5, 100), 2: Holding(5, 40), 3: Holding(5, 7), 4: Holding(2, 6, is_open=True)}
    other = {1: Holding(5, 100), 4: Holding(3, 9), 5: Holding(1, -50), 6: Holding(1, 11)}
    found = parted(
        "position",
        mine,
        other,
        not_mine={5: "position", 6: BUSY},
        not_other={2: "cooldown", 3: "division"},
    )
    value = {cause: part.value_e6 for cause, part in found.parts.items() if part.value_e6}
    assert value == {"cooldown": 40, "other_cap": 7, "size": -3, "admitted": 50, "busy_slot": -11}
    assert found.parts["size"].open_e6 == 6
    assert found.parts["admitted"] == Part(50, 0, 0, 1)
    assert found.other_caps == {"division": Part(7, 0, 1, 0)}


def test_only_the_desk_that_has_the_limit_is_refused_by_it() -> None:
    """The loss limit of a desk without `cooldown` is a reason of its own; so is its own rest."""
    held = {1: Holding(1, 10)}
    for reason, mine, other in (("admitted", {}, held), ("cooldown", held, {})):
        found = parted("cooldown", mine, other, not_mine={1: "cooldown"}, not_other={1: "cooldown"})
        assert found.parts[reason].value_e6 == (-10 if reason == "admitted" else 10)
    found = parted("cooldown", held, {}, not_mine={}, not_other={1: "drawdown"})
    assert found.parts["drawdown"].value_e6 == 10


def test_what_a_rule_refuses_is_no_cap() -> None:
    found = parted("position", {}, {1: Holding(1, 10)}, not_mine={1: "minimum"}, not_other={})
    assert found.parts["other"].value_e6 == -10 and not found.other_caps


HELD = st.builds(Holding, st.integers(1, 4), st.integers(-(10**9), 10**9), is_open=st.booleans())
DESK = st.dictionaries(st.integers(1, 12), HELD, max_size=8)
WHY = st.dictionaries(st.integers(1, 12), st.sampled_from(REASONS))


@settings(max_examples=60, deadline=None)
@given(DESK, DESK, WHY, WHY, st.sampled_from(REASONS[3:]))
def test_the_parts_come_to_the_difference_whatever_the_desks_hold(
    mine: dict[int, Holding],
    other: dict[int, Holding],
    why_mine: dict[int, str],
    why_other: dict[int, str],
    limit: str,
) -> None:
    found = parted(limit, mine, other, not_mine=why_mine, not_other=why_other)
    total = sum(h.net_e6 for h in mine.values()) - sum(h.net_e6 for h in other.values())
    assert sum(part.value_e6 for part in found.parts.values()) == found.value_e6 == total
    still = sum(h.net_e6 for h in mine.values() if h.is_open)
    still -= sum(h.net_e6 for h in other.values() if h.is_open)
    assert sum(part.open_e6 for part in found.parts.values()) == still
    caps = found.other_caps.values()
    assert sum(part.value_e6 for part in caps) == found.parts["other_cap"].value_e6
    alone = sum(p.only_with + p.only_without for p in found.parts.values())
    assert alone == len(mine.keys() ^ other.keys())
    assert list(found.parts) == list(CAUSES)

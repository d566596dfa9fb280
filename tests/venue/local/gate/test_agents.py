from __future__ import annotations

import pytest

from market.events import MS_PER_DAY
from venue.hyperliquid.signing import Unsignable
from venue.local.gate.agents import AgentRules, Agents
from venue.local.protocol.address import ZERO_ADDRESS

NOW_MS = 1_756_700_000_000
MASTER, OTHER = "0x" + "1" * 40, "0x" + "2" * 40


def wallet(number: int) -> str:
    return f"0x{number:040x}"


def test_an_agent_stands_for_its_master_whatever_the_case_of_its_address() -> None:
    agents = Agents()
    mixed = "0x" + "aB" * 20
    assert agents.approve(MASTER, mixed, "", NOW_MS) is None
    agent = agents.of(mixed.lower(), NOW_MS)
    assert agent is not None
    assert agent.master == MASTER
    assert agents.unnamed(MASTER, NOW_MS) == agent
    assert agents.of(wallet(9), NOW_MS) is None
    assert agents.named_rows(MASTER, NOW_MS) == []


def test_a_name_holds_one_agent_and_the_former_is_gone_for_good() -> None:
    agents = Agents()
    assert agents.approve(MASTER, wallet(10), "", NOW_MS) is None
    assert agents.approve(MASTER, wallet(11), "", NOW_MS) is None
    assert agents.of(wallet(10), NOW_MS) is None
    assert agents.of(wallet(11), NOW_MS) is not None
    for master in (MASTER, OTHER):
        assert agents.approve(master, wallet(10), "", NOW_MS) == "Extra agent already used."
    assert agents.approve(MASTER, MASTER, "me", NOW_MS) == "Extra agent already used."


def test_three_named_agents_beside_the_unnamed_one() -> None:
    agents = Agents()
    for number in range(3):
        assert agents.approve(MASTER, wallet(20 + number), f"bot {number}", NOW_MS) is None
    assert agents.approve(MASTER, wallet(30), "", NOW_MS) is None
    assert agents.approve(MASTER, wallet(31), "bot 3", NOW_MS) == (
        "Too many extra agents for cumulative volume traded. Current limit is 3"
    )
    # Replacing one needs no room.
    assert agents.approve(MASTER, wallet(32), "bot 2", NOW_MS) is None
    rows = agents.named_rows(MASTER, NOW_MS)
    assert [row["name"] for row in rows] == ["bot 0", "bot 1", "bot 2"]
    assert rows[2] == {
        "name": "bot 2",
        "address": wallet(32),
        "validUntil": NOW_MS + 90 * MS_PER_DAY,
    }


def test_an_agent_ends_when_its_name_says() -> None:
    agents = Agents()
    until = NOW_MS + 60_000
    assert agents.approve(MASTER, wallet(40), f"brief valid_until {until}", NOW_MS) is None
    assert agents.of(wallet(40), until - 1) is not None
    assert agents.of(wallet(40), until) is None
    assert agents.named_rows(MASTER, until) == []
    late = f"late valid_until {NOW_MS}"
    assert agents.approve(MASTER, wallet(41), late, NOW_MS) == "Agent valid_until already expired."
    far = f"far valid_until {NOW_MS + 400 * MS_PER_DAY}"
    assert agents.approve(MASTER, wallet(42), far, NOW_MS) is None
    assert agents.of(wallet(42), NOW_MS + 181 * MS_PER_DAY) is None
    assert agents.of(wallet(42), NOW_MS + 179 * MS_PER_DAY) is not None


def test_the_measured_laxness_can_be_had() -> None:
    agents = Agents(AgentRules(expires=False))
    agents.approve(MASTER, wallet(43), f"x valid_until {NOW_MS + 1}", NOW_MS)
    assert agents.of(wallet(43), NOW_MS + 900_000) is not None


def test_revoking_takes_a_moment() -> None:
    agents = Agents()
    agents.approve(MASTER, wallet(50), "bot", NOW_MS)
    assert agents.approve(MASTER, ZERO_ADDRESS, "bot", NOW_MS) is None
    assert agents.of(wallet(50), NOW_MS) is None
    pending = "User has pending agent removal"
    assert agents.approve(MASTER, wallet(51), "bot", NOW_MS + 4_999) == pending
    assert agents.approve(OTHER, wallet(52), "bot", NOW_MS + 4_999) is None
    assert agents.approve(MASTER, wallet(51), "bot", NOW_MS + 5_000) is None
    assert agents.approve(MASTER, ZERO_ADDRESS, "nobody", NOW_MS) is not None


@pytest.mark.parametrize(
    "name", ["x" * 17, "x valid_until", "x valid_until soon", "x valid_until ²"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    agents = Agents()
    if name == "x valid_until":
        # Without a blank and a number it is part of the name.
        assert agents.approve(MASTER, wallet(60), name, NOW_MS) is None
        return
    assert agents.approve(MASTER, wallet(60), name, NOW_MS) is not None
    assert agents.of(wallet(60), NOW_MS) is None


def test_a_number_beyond_all_bounds_is_only_far_away() -> None:
    agents = Agents()
    assert agents.approve(MASTER, wallet(61), "x valid_until " + "9" * 9_999, NOW_MS) is None


def test_an_agent_without_an_address_is_none() -> None:
    with pytest.raises(Unsignable):
        Agents().approve(MASTER, "0x12", "", NOW_MS)

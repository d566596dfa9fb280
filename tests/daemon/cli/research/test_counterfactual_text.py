from __future__ import annotations

from typing import Any

import pytest

from daemon.backtest.counterfactual import Base, Causes, Counterfactual, Split, Worth
from daemon.cli.research.counterfactual_text import print_counterfactual

NONE = Split(0.0, 0.0, 0, 0)


def worth(**changes: Any) -> Worth:
    parts = {
        "admitted": Split(3.0, 0.0, 0, 4), "other_cap": {"division": Split(-1.25, 0.5, 2, 1)},
        "cooldown": NONE, "drawdown": NONE, "busy_slot": NONE, "size": Split(0.5, -0.25, 0, 0),
        "other": NONE,
    }  # fmt: skip
    made = {
        "mode": "enforce", "value_usd": 2.25, "value_r": None, "drawdown_with_usd": 5.0,
        "drawdown_without_usd": 6.0, "trades_with": 7, "trades_without": 10, "phantoms_usd": -9.0,
        "missing_data_usd": 0.125, "differences": Causes(**parts),
    }  # fmt: skip
    return Worth(**{**made, **changes})


def found(**changes: Any) -> Counterfactual:
    made: dict[str, Any] = {
        "from_ns": 1_757_015_216_000_000_000, "to_ns": 1_757_017_305_000_000_000, "changed": False,
        "equal": True, "traded": True, "base": Base(-22.0, -1.5, 23.0, 10),
        "limits": {"position": worth()},
    }  # fmt: skip
    return Counterfactual(**{**made, **changes})


def said(capsys: pytest.CaptureFixture[str], **changes: Any) -> list[str]:
    print_counterfactual(found(**changes))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_value_stands_beside_its_sources(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys)
    assert lines[0] == (
        "2025-09-04 19:46:56Z to 2025-09-04 20:21:45Z; the desk: -22.00 USD (-1.50 R), drawdown "
        "23.00 USD, trades closed: 10"
    )
    assert "position enforce +2.25 – 5.00 6.00 7 10 -9.00 +0.12" in lines
    assert "other caps that refused, with or without position: division -1.25 USD" in lines
    assert "position +2.25 +3.00 (0|4) -1.25 (2|1) – – – +0.50 – +0.25" in lines


def test_desks_that_do_not_differ_have_no_line_among_the_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = Causes(NONE, {}, NONE, NONE, NONE, NONE, NONE)
    lines = said(capsys, limits={"control": worth(mode="observe", differences=same)})
    assert any(line.startswith("control observe ") for line in lines)
    assert not any("Where the two desks differ" in line for line in lines)


def test_what_must_be_known_of_a_tape_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, changed=True, equal=False, traded=False)
    assert lines[1].startswith("the limits were others before that")
    assert lines[2].startswith("the recorded desk forgot what a crash kept from its database")
    assert lines[3:] == [
        "nothing was traded, with or without any limit, so there is nothing to compare"
    ]

from __future__ import annotations

import pytest

from daemon.cli.shadow.explain_text import DIFFERENCES_SHOWN, print_explanation
from research.explain.explain import Explanation
from research.explain.proof import Difference


def found(**changes: object) -> Explanation:
    told = {"number": "direction.value_usd", "says": 1.5, "made": 1.5, "shown": True,
            "rule": "a sum", "series": "abc", "series_number": 2}  # fmt: skip
    return Explanation(**(told | changes))  # type: ignore[arg-type]


def test_a_figure_that_is_not_shown_yet_is_said_to_be_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_explanation(found(says=None, shown=False, made=None))
    said = capsys.readouterr().out
    assert "not shown in the report, – from 0 day rows" in said
    assert "made as a sum of series 2 (abc)" in said and "checked: nothing" in said


def test_many_differences_are_cut_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    differs = [Difference("link", f"row {i}", i, i + 1) for i in range(DIFFERENCES_SHOWN + 3)]
    print_explanation(found(differs=differs, adds_up=False, checked={"link": 30}))
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == ["and 3 more (--json has them)", "does not add up"]
    assert "differs: link: row 0: 0, made 1" in said and "checked: 30 × link" in said


def test_a_fill_shows_the_record_of_the_tape_that_it_met(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trade = {
        "trade_id": 5, "kind": "twin", "signal_id": 1, "bot": "alpha", "side": "buy",
        "coin": "SOL", "decided_ns": 0, "gross_e6": 2_000_000, "fees_e6": 500_000,
        "funding_e6": 0, "net_e6": 1_500_000, "risk_e6": None, "r": None, "exit_reason": "stop",
    }  # fmt: skip
    tape = {"segment": "1.tape.zst", "line": 7, "ns": 9, "due_ns": 8, "levels": [[1.0, 2.0]],
            "signal_event": 4}  # fmt: skip
    fill = {"action": "entry", "px": 1.0, "tape": tape}
    print_explanation(found(trade=trade, fills=[fill]))
    said = capsys.readouterr().out
    assert "net 1.500000" in said and "risk –" in said and "R –" in said
    assert "entry met the book of line 7 of 1.tape.zst, received 9; levels [[1.0, 2.0]]" in said
    assert "decided at event 4, due 8" in said

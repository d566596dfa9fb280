from __future__ import annotations

from pathlib import Path

import pytest

import venue.local.faults.kinds
from tests.venue.local.faults.spoiling import (
    acknowledgement,
    asked,
    book,
    moment,
    pong,
    trades,
)
from venue.local.faults.asked import Reply
from venue.local.faults.fault import Fault, discover, spoils

KINDS = discover()
DOCS = (Path(__file__).parents[4] / "docs" / "faults.md").read_text()
# One for each line of the list of faults the venue must be able to show.
WANTED = {
    *("disconnect", "half_open", "stall", "slow_stream", "duplicate", "reorder", "garbage"),
    *("truncated_frame", "missing_ack", "one_sided", "frozen_book", "http_429", "http_502"),
    *("timeout_executes", "error_executes", "duplicate_fills", "late_fills", "clock_skew"),
    *("post_only_window", "junk_metadata", "delisting"),
}


def test_every_fault_is_found_by_itself() -> None:
    assert sorted(WANTED) == list(KINDS)
    folder = Path(venue.local.faults.kinds.__file__).parent
    assert all((folder / f"{name}.py").exists() for name in KINDS)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fault_does_something_and_says_what(kind: type[Fault]) -> None:
    hooks = ("frames", "breaks", "freezes", "before", "after", "act", "around")
    assert any(spoils(kind, hook) for hook in hooks)
    assert kind.does
    assert kind.__doc__


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fault_and_its_parameters_are_documented(kind: type[Fault]) -> None:
    (line,) = [line for line in DOCS.splitlines() if line.startswith(f"| `{kind.name}` |")]
    assert kind.does in line
    for field in set(kind.__struct_fields__) - set(Fault.__struct_fields__):
        assert f"`{field}`" in line


def test_without_more_a_fault_concerns_all_data_and_no_answers() -> None:
    fault = Fault()
    assert fault.concerns(book())
    assert fault.concerns(trades("ETH"))
    assert not fault.concerns(pong())
    assert not fault.concerns(acknowledgement())
    assert fault.is_about(asked("meta"))


def test_a_target_narrows_it_down() -> None:
    fault = Fault(coin="BTC", channel="l2Book", request="l2Book")
    assert fault.concerns(book("BTC"))
    assert not fault.concerns(book("ETH"))
    assert not fault.concerns(trades("BTC"))
    assert fault.is_about(asked("l2Book", coin="BTC"))
    assert not fault.is_about(asked("l2Book", coin="ETH"))
    assert not fault.is_about(asked("meta"))


def test_by_itself_a_fault_changes_nothing() -> None:
    fault, reply = Fault(at_s=1.5, for_s=0.25), Reply(200, b"1")
    frame = book()
    assert fault.frames(frame, moment()) == [frame]
    assert fault.before(asked("meta"), moment()) is None
    assert fault.after(asked("meta"), reply, moment()) is reply
    assert fault.act({"type": "noop"}, lambda action: {"did": action}, moment()) == {
        "did": {"type": "noop"}
    }
    assert fault.breaks() is None
    assert not fault.freezes()
    assert (fault.begin_ms, fault.end_ms) == (1_500, 1_750)

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


def test_every_file_of_a_kind_is_found_by_itself_and_is_named_like_its_fault() -> None:
    folder = Path(venue.local.faults.kinds.__file__).parent
    assert list(KINDS) == sorted(p.stem for p in folder.glob("*/*.py") if p.stem != "__init__")
    assert all(kind.__module__.endswith(f".{name}") for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_fault_does_something_and_says_what(kind: type[Fault]) -> None:
    hooks = ("frames", "breaks", "freezes", "before", "after", "act", "around", "delists")
    assert any(spoils(kind, hook) for hook in hooks)
    assert kind.does
    assert kind.__doc__


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

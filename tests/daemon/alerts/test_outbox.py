from __future__ import annotations

from pathlib import Path

import pytest

from daemon.alerts.kind import Message
from daemon.alerts.outbox import KEEP_NS, Outbox
from market.errors import OperatorError


def put(box: Outbox, *keys: str, now_ns: int = 10) -> None:
    found = [("kind", "on", False, Message(key, key, f"body of {key}")) for key in keys]
    box.take(found, {"kind": {"seen": len(keys)}}, now_ns)


def test_a_message_waits_for_each_target_until_that_one_has_it(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notify.db")
    put(box, "a", "b")
    assert [m.title for m in box.waiting("x")] == ["a", "b"]
    box.mark("x", [1], 20)
    assert [m.title for m in box.waiting("x")] == ["b"]
    assert [m.title for m in box.waiting("y")] == ["a", "b"]
    assert (box.told_within_hour("x", 21), box.told_within_hour("y", 21)) == (1, 0)
    box.close()
    again = Outbox(tmp_path / "notify.db")
    assert [m.title for m in again.waiting("x")] == ["b"] and again.memory() == {
        "kind": {"seen": 2}
    }
    again.close()


def test_what_happens_again_while_it_waits_is_counted_and_told_is_told(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notify.db")
    for _ in range(3):
        put(box, "a")
    (one,) = box.waiting("x")
    assert (one.message_id, one.count) == (1, 3)
    box.mark("x", [1], 20)
    put(box, "a")
    assert [(m.message_id, m.count) for m in box.waiting("x")] == [(2, 1)]
    box.close()


def test_a_look_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notify.db")
    message = Message("a", "a", "body")
    with pytest.raises(TypeError):
        box.take([("kind", "on", False, message)], {"kind": {"x": object()}}, 10)
    assert box.waiting("x") == [] and box.memory() == {}
    box.close()


def test_a_second_service_is_refused_in_one_line(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notify.db")
    with pytest.raises(OperatorError, match="another `gnomon notify`"):
        Outbox(tmp_path / "notify.db")
    box.close()
    (tmp_path / "damaged.db").write_bytes(b"this is no database, whatever its name says it is")
    with pytest.raises(OperatorError, match="or damage"):
        Outbox(tmp_path / "damaged.db")


def test_what_is_a_month_old_goes(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "notify.db")
    put(box, "a")
    box.mark("x", [1], 20)
    put(box, now_ns=11 + KEEP_NS)
    assert box.waiting("y") == [] and box.told_within_hour("x", 21) == 0
    box.close()

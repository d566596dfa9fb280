from __future__ import annotations

from typing import Any

from daemon.alerts.kind import discover, of_alarms


def test_every_file_is_a_kind_of_its_name() -> None:
    kinds = discover()
    names = [kind.name for kind in kinds]
    assert names == sorted(set(names)) and len(names) == 13
    for kind in kinds:
        assert kind.look.__module__ == f"daemon.alerts.kinds.{kind.name}"
        assert kind.tells and kind.way in ("on", "silent")


def test_alarms_of_some_kinds_become_messages_of_one_title(seen: Any) -> None:
    look = seen(alarms=[("a", "one"), ("b", "two"), ("c", "three")])
    messages, _ = of_alarms(look, {}, ("a", "c"), "Title", "")
    assert [(m.title, m.body) for m in messages] == [("Title", "one"), ("Title", "three")]

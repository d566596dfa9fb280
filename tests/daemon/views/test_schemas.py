from __future__ import annotations

import msgspec
import pytest

from daemon.views.schemas import DIALECT, VIEWS, schema
from tests.support.schemas import keys_of


@pytest.mark.parametrize("name", VIEWS)
def test_a_schema_says_what_it_is_of_and_leads_nowhere_else(name: str) -> None:
    found = schema(name)
    assert (found["$schema"], found["title"]) == (DIALECT, name)
    text = msgspec.json.encode(found).decode()
    parts = found["$defs"]
    assert isinstance(parts, dict)
    for reference in text.split('"$ref":"')[1:]:
        assert reference.split('"')[0].removeprefix("#/$defs/") in parts


def test_a_status_is_of_a_running_daemon_or_of_one_at_rest() -> None:
    found = schema("status")
    assert found["anyOf"] == [
        {"$ref": "#/$defs/RunningStatus"},
        {"$ref": "#/$defs/RestingStatus"},
    ]
    assert {"uptime_s", "ages_ms", "disagreement", "last_seen_ns"} <= keys_of(found)


def test_what_is_told_in_a_docstring_is_told_in_the_schema() -> None:
    parts = schema("positions")["$defs"]
    assert isinstance(parts, dict)
    assert "without a sound" in parts["HeldTrade"]["description"]
    assert parts["HeldTrade"]["properties"]["mark_px"] == {
        "anyOf": [{"type": "number"}, {"type": "null"}]
    }


def test_a_name_that_is_no_view_is_an_error() -> None:
    with pytest.raises(KeyError):
        schema("mood")

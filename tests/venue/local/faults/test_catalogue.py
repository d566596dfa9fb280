from __future__ import annotations

from typing import Annotated, Literal

import pytest

from venue.local.faults.catalogue import row, table
from venue.local.faults.fault import Fault, Milliseconds, described, discover


class Hiccup(Fault, frozen=True):
    """A fault of this test."""

    name = "hiccup"
    does = "says everything twice"
    remark = "needs `coin`"

    how: Literal["loud", "soft"] = "soft"
    wait_ms: Annotated[Milliseconds, described("before the second")] = 250
    is_rude: bool = False


def test_a_row_tells_parameters_with_default_choices_and_note() -> None:
    assert row(Hiccup) == (
        "| `hiccup` | says everything twice | `how` (soft, or loud), "
        "`wait_ms` (250; before the second), `is_rude` (false), needs `coin` |\n"
    )


@pytest.mark.parametrize("kind", discover().values(), ids=lambda kind: kind.name)
def test_a_fault_and_its_parameters_are_in_the_table(kind: type[Fault]) -> None:
    (line,) = [line for line in table().splitlines() if line.startswith(f"| `{kind.name}` |")]
    assert kind.does in line
    for field in set(kind.__struct_fields__) - set(Fault.__struct_fields__):
        assert f"`{field}`" in line

"""Lines of the tape: written on one line each, read back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import InputDamaged
from market.events import Command
from tests.venue.tape.segments import (
    HEADER,
    NS,
    groups_of,
)
from venue.tape.lines import (
    decode_header,
    frame_line,
    record_line,
    segment_name,
)
from venue.tape.segment import Segment


def test_every_record_stands_on_one_line_of_text(tmp_path: Path) -> None:
    lines = b"".join(groups_of())
    assert all(
        text.split(b" ")[0] in (b"H", b"F", b"f", b"B", b"T", b"X")
        for text in lines.split(b"\n")[:-1]
    )
    assert frame_line(b"{}", 5) == b"F 5 {}\n"
    assert frame_line(b"{}", 5, skipped=True) == b"f 5 {}\n"
    assert frame_line(b"a\nb", 5) == b"B 5 YQpi\n"
    assert frame_line(b"a\nb", 5, skipped=True) == b"b 5 YQpi\n"
    assert record_line("T", 5) == b"T 5\n"
    assert record_line("C", 5, Command("halt", "a\nb")).count(b"\n") == 1


@given(
    st.recursive(
        st.floats(allow_nan=False, allow_infinity=False)
        | st.integers(-(2**63), 2**63 - 1)
        | st.booleans()
        | st.none()
        | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_a_header_keeps_floats_exactly_and_ints_as_ints(value: Any) -> None:
    header = msgspec.structs.replace(HEADER, config={"x": value})
    text = record_line("H", NS, header)
    record = Segment(Path("none")).record(text[:-1])
    assert text.count(b"\n") == 1
    assert repr(decode_header(record.payload, Path("none")).config["x"]) == repr(value)


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"[]", b'{"format":"gnomon-tape/1"}', b"\xff", b"[" * 100_000]
)
def test_a_header_that_cannot_be_read_is_damage(payload: bytes) -> None:
    with pytest.raises(InputDamaged):
        decode_header(payload, Path("some.tape.zst"))


def test_a_name_says_the_first_event_and_when_in_utc() -> None:
    assert segment_name(7, NS) == "00000000000007-20250903T114640Z.tape.zst"


@given(st.lists(st.integers(0, 10**13), min_size=2, max_size=5, unique=True))
def test_names_sort_by_number(numbers: list[int]) -> None:
    names = [segment_name(n, NS) for n in sorted(numbers)]
    assert names == sorted(names)

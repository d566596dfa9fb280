from __future__ import annotations

import pytest

from venue.local.protocol.framing import GOING_AWAY, close_frame, framed, unframed


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_frames_have_the_header_of_their_length(size: int, header: bytes) -> None:
    assert framed(b"x" * size) == header + b"x" * size


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_is_read_back(size: int) -> None:
    assert unframed(framed(b"x" * size)) == b"x" * size


def test_a_close_frame_holds_its_code() -> None:
    assert close_frame(GOING_AWAY) == b"\x88\x02\x03\xe9"

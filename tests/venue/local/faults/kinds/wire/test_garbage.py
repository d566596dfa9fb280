from __future__ import annotations

import msgspec
import pytest

from tests.venue.local.faults.spoiling import book, payloads, sent
from venue.local.faults.kinds.wire.garbage import KINDS, Garbage


def test_each_kind_comes_in_turn_after_good_frames() -> None:
    out = sent(Garbage(share=1.0), *[book()] * len(KINDS))
    assert payloads(out[::2]) == [book().payload] * len(KINDS)
    assert payloads(out[1::2]) == list(KINDS.values())
    assert [one.is_binary for one in out[1::2]] == [kind == "binary" for kind in KINDS]


def test_one_kind_alone_in_place_of_the_good_frame() -> None:
    assert payloads(sent(Garbage(share=1.0, kind="html", replaces=True), book())) == [KINDS["html"]]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"shape", "nested"}))
def test_they_are_no_json(kind: str) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(KINDS[kind].decode())

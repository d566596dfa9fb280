from __future__ import annotations

from tests.venue.local.faults.spoiling import book, sent, trades
from venue.local.faults.kinds.wire.truncated_frame import TruncatedFrame


def test_messages_are_cut_at_many_places() -> None:
    frames = [book()] * 50
    out = sent(TruncatedFrame(share=1.0), *frames)
    whole = book().payload
    assert all(whole.startswith(one.payload) and one.payload != whole for one in out)
    assert len({len(one.payload) for one in out}) > 20


def test_a_cut_wire_leaves_the_message_and_says_where() -> None:
    (out,) = sent(TruncatedFrame(share=1.0, cut="wire"), trades())
    assert out.payload == trades().payload
    assert out.cut_at is not None
    assert 0 <= out.cut_at < len(out.payload)

from __future__ import annotations

from msgspec.structs import replace

from daemon.screen.panels.happened import happened, happenings
from daemon.screen.seen import Seen


def test_fills_closes_and_blocks_are_one_feed_newest_first(seen: Seen) -> None:
    assert seen.books is not None
    found = happenings(seen)
    assert [h.ts_ns for h in found] == sorted((h.ts_ns for h in found), reverse=True)
    signs = {h.sign for h in found}
    assert signs & {"▲", "▼"} and signs & {"△", "▽"} and "○" in signs
    blocked = seen.books.blocked[0]
    (shown,) = [h for h in found if h.ts_ns == blocked.ts_ns and h.bot == blocked.bot
                and h.coin == blocked.coin and h.sign in "△▽"]  # fmt: skip
    first, *others = blocked.failing.split(",")
    assert shown.what.plain == f"by {first}" + (f" +{len(others)}" if others else "")
    assert shown.sign == ("△" if blocked.side == "buy" else "▽")


def test_it_takes_the_lines_it_is_given(seen: Seen) -> None:
    lines = happened(seen, 80, 5)
    assert len(lines) == 5 and lines[0].plain.startswith("What just happened? ─")
    assert happened(replace(seen, books=None), 80, 5)[1].plain == "no signal yet"

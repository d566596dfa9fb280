from __future__ import annotations

from msgspec.structs import replace

from daemon.screen.panels.feeds import feeds
from daemon.screen.seen import Seen


def test_unsound_coins_come_first_and_dead_streams_are_named(seen: Seen) -> None:
    one = replace(seen.status.feeds[0], coin="AAA", ok=True, bid=2.0, ask=2.001, spread_bps=5.0,
                  ages_ms={"fast": 2_500, "bbo": 2_500, "slow": 100}, dead={})  # fmt: skip
    two = replace(one, coin="BBB", ok=False, spread_bps=None, ages_ms={}, dead={"trades": "silent"})
    told = replace(seen, status=replace(seen.status, feeds=[one, two]))
    lines = feeds(told, 100, 10)
    assert lines[0].plain.startswith("Is the feed sound?  1 of 2 books, ")
    assert lines[2].plain.split() == ["BBB", "2.0000", "2.0010", "–", "–", "–", "–", "dead", "–"]
    assert lines[3].plain.split()[4:] == ["2.5", "0.1", "2.5", "–", "–"]
    # A book that is pushed twice a second is late after two; a quote may rest longer.
    assert sum("yellow" in str(span.style) for span in lines[3].spans) == 1
    assert feeds(told, 100, 3)[-1].plain == "⋯ 2 more"

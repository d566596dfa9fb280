from __future__ import annotations

import pytest
from msgspec.structs import replace

from daemon.screen.seen import Seen


def test_what_is_seen_does_not_change_while_it_is_drawn(seen: Seen) -> None:
    with pytest.raises(AttributeError):
        seen.books = None  # type: ignore[misc]
    later = replace(seen, books=None)
    assert later.status is seen.status and seen.books is not None

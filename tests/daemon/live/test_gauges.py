"""What the rim tells others can be kept and shown."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from daemon.live.gauges import figures_of, fit_to_keep
from market.events import Command, FeedDown, Notice, Recorded, StreamDown, Timer, Verb
from tests.support.daemons import daemon_of

RAW, FIT = os.fsdecode(b"\xff\x1b[2J\n"), "\\xff\\x1b[2J\\x0a"


@pytest.mark.parametrize(
    ("event", "fit"),
    [
        (Notice("tape", RAW), Notice("tape", FIT)),
        (FeedDown(RAW), FeedDown(FIT)),
        (StreamDown("BTC", "fast", RAW), StreamDown("BTC", "fast", FIT)),
        (Command(Verb.HALT, "x"), Command(Verb.HALT, "x")),
        (Timer(5), Timer(5)),
    ],
)
def test_words_of_the_rim_are_made_fit(event: Recorded | Timer, fit: Recorded | Timer) -> None:
    fit_to_keep(event)
    assert event == fit


def test_a_folder_whose_name_is_no_text_can_be_told_all_the_same(tmp_path: Path) -> None:
    daemon = daemon_of(tmp_path / os.fsdecode(b"caf\xe9"))
    daemon.note("test", RAW)
    found = figures_of(daemon)
    assert found.database == f"{tmp_path}/caf\\xe9/local/gnomon.db"
    assert msgspec.json.encode(found)
    asyncio.run(daemon.close("over"))

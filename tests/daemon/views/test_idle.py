from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.instance.database import reading
from daemon.views.idle import Idle, idle
from daemon.views.status import RunningStatus, ScopedHalt, status
from tests.support.closed_trades import MONDAY_NS, empty_db
from tests.support.daemons import busy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStatus]:
    """Return the status of a daemon with nothing in the way."""
    made = busy(tmp_path_factory.mktemp("idle"))
    told = status(made)
    asyncio.run(made.close("over"))
    feeds = [replace(f, ok=True, dead={}, lacks=[]) for f in told.feeds]
    yield replace(
        told, ready=True, connected=True, feeds=feeds, halts={}, latched="", idle_bots=[],
        clock=replace(told.clock, trouble=""),
    )  # fmt: skip


def states(found: Idle) -> dict[str, str]:
    return {rung.question: rung.state for rung in found.rungs}


def test_each_trouble_is_found_on_its_rung_and_the_lowest_is_the_answer(
    sound: RunningStatus,
) -> None:
    feed = sound.feeds[0]
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"ready": False}, "daemon runs", "it is warming up"),
        ({"connected": False}, "feed is up", "no connection to the venue"),
        ({"feeds": [replace(feed, ok=False)]}, "books are sound", f"no sound book of {feed.coin}"),
        ({"feeds": [replace(feed, dead={"trades": "x"})]}, "books are sound", "do not speak"),
        ({"clock": replace(sound.clock, trouble="2 s off")}, "clock agrees", "2 s off"),
        ({"feeds": [replace(feed, lacks=["4h"])]}, "history is there", f"{feed.coin} (4h)"),
        ({"halts": {"operator": "lunch"}}, "entries are open", "halted by operator: lunch"),
        ({"latched": "daily loss"}, "entries are open", "latched: daily loss"),
        ({"idle_bots": ["donchian"]}, "bots are at work", "no data for donchian"),
    ]  # fmt: skip
    for change, question, words in cases:
        found = idle(None, replace(sound, **change), "", MONDAY_NS)
        assert states(found)[question] == "finding" and words in found.answer, question
        below = [rung.state for rung in found.rungs[: [*states(found)].index(question)]]
        assert set(below) <= {"ok"}


def test_of_a_bot_its_own_troubles_are_told(sound: RunningStatus) -> None:
    bot = sound.bots["donchian"]
    for change, words in (
        ({"bots": {"donchian": replace(bot, fault="KeyError")}}, "gnomon rearm donchian"),
        ({"halted": [ScopedHalt("donchian", "", "operator", "it loses", "R")]}, "it loses (R)"),
        ({"bots": {"donchian": replace(bot, stage="shadow")}}, "phantoms alone"),
        ({"bots": {}}, "not in the configuration"),
        ({"idle_bots": ["donchian"]}, "none of the data it listens to"),
    ):
        assert words in idle(None, replace(sound, **change), "donchian", MONDAY_NS).answer


def put_signal(db: Any, at_ns: int, bot: str, failing: str) -> None:
    names = "signal_id, seq, ts_ns, bot, division, coin, side, conviction, verdict, failing, sole"
    more = "fail_closed, requested_lots, lots, notional_e6, clamps, mid, stop_px, horizon_ns"
    verdict = "blocked" if failing else "admitted"
    row = (at_ns, at_ns, at_ns, bot, "trend", "BTC", "buy", 1.0, verdict, failing, "")
    rest = (0, 1, 1, 1, "[]", 1.0, 1.0, 1, "because", "", "")
    marks = ", ".join("?" * (len(row) + len(rest)))
    db.execute(
        f"INSERT INTO signal ({names}, {more}, reason, config_hash, policy_hash) VALUES ({marks})",
        (*row, *rest),
    )


def test_signals_of_a_day_say_whether_the_gate_or_the_market_is_in_the_way(
    sound: RunningStatus,
) -> None:
    db, now = empty_db(), MONDAY_NS
    quiet = idle(db, sound, "", now)
    assert "no setup in the last 24 h" in quiet.answer
    put_signal(db, now - 25 * 3_600 * 10**9, "donchian", "")
    assert "no setup" in idle(db, sound, "", now).answer
    for at, failing in enumerate(("direction", "direction,position")):
        put_signal(db, now - 10 - at, "donchian", failing)
    blocked = idle(db, sound, "donchian", now)
    assert blocked.answer == "all 2 were blocked, most by direction 2, position 1"
    assert states(blocked)["orders were filled"] == "unknown"
    put_signal(db, now - 5, "donchian", "")
    assert idle(db, sound, "donchian", now).answer == "1 were let through, none was filled"
    assert "no setup" in idle(db, sound, "ema_cross", now).answer


def test_what_nobody_knows_is_not_said_to_be_fine() -> None:
    found = idle(None, None, "", MONDAY_NS)
    assert found.answer == "no daemon answers; `gnomon run` starts one"
    assert set(list(states(found).values())[1:]) == {"unknown"}


def test_where_all_is_well_it_says_so(sound: RunningStatus, tmp_path_factory: Any) -> None:
    made = busy(tmp_path_factory.mktemp("well"))
    asyncio.run(made.close("over"))
    with reading(made.state) as db:
        newest = db.execute("SELECT MAX(ts_ns) FROM signal").fetchone()[0]
        found = idle(db, sound, "", newest)
    assert found.answer == "nothing stands in the way: it trades"
    assert set(states(found).values()) == {"ok"}

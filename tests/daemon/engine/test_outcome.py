from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.outcome import NOTHING, Outbox
from market.decision import Request
from shadow.store.rows import OF_BRANCHES, OF_SERIES
from shadow.store.tables.alarms import AlarmRow
from shadow.store.tables.branches import BranchDayRow, BranchEnd, BranchRow, BranchTradeRow
from shadow.store.tables.decisions import CheckRow
from shadow.store.tables.limits import FinalDayRow, LimitDayRow, LimitShift, MatchedDayRow
from shadow.store.tables.rollups import RollupRow
from shadow.store.tables.row import Row
from shadow.store.tables.series import SeriesRow, SeriesUpdate, SpellRow


def test_a_step_with_nothing_to_say_makes_nothing() -> None:
    out = Outbox()
    before = out.vitals.digest
    assert out.take() is NOTHING
    assert out.vitals.digest == before and NOTHING.rows.size() == 0


def test_every_step_s_outcome_is_its_own() -> None:
    out = Outbox()
    out.vitals.seq, out.vitals.now_ns = 7, 70
    out.alarm("a", "b")
    first = out.take()
    assert first.seq == 7 and first.rows.alarms == [AlarmRow(70, 7, "a", "b")]
    assert out.vitals.alarms == 1
    out.vitals.seq = 8
    out.outcome.requests.append(Request("candles", "BTC"))
    second = out.take()
    assert second.seq == 8 and second.rows.size() == 0 and second.requests
    assert out.take() is NOTHING


def test_what_is_written_later_is_in_the_same_outcome_in_the_order_of_asking() -> None:
    out = Outbox()
    for message in ("first", "second"):
        out.later(partial(out.alarm, "later", message))
    out.alarm("now", "")
    assert [row.kind for row in out.rows.alarms] == ["now"]
    assert [row.message for row in out.take().rows.alarms] == ["", "first", "second"]
    assert out.take() is NOTHING, "and is written once"


ALARMS = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=6)


def digest_of(alarms: list[tuple[str, str]]) -> bytes:
    out = Outbox()
    for number, (kind, message) in enumerate(alarms):
        out.vitals.seq = number
        out.alarm(kind, message)
        out.take()
    return out.vitals.digest


@given(a=ALARMS, b=ALARMS)
def test_the_digest_tells_any_two_histories_apart(
    a: list[tuple[str, str]], b: list[tuple[str, str]]
) -> None:
    assert (digest_of(a) == digest_of(b)) == (a == b)


def test_requests_and_answers_are_not_part_of_the_digest() -> None:
    out = Outbox()
    before = out.vitals.digest
    out.outcome.requests.append(Request("candles", "BTC"))
    out.outcome.reply = "done"
    out.take()
    assert out.vitals.digest == before


BESIDE: dict[str, Row] = {
    "left_out": RollupRow("day", "limit", "left_out", "open", "bot", 0, 1, 0.0, 0.0, 0),
    "cuts": CheckRow(1, "limit", "enforce", "pass", 0.5, 0.4, "", 1),
    "limit_shifts": LimitShift("limit", "id", "day", "later"),
    "final_days": FinalDayRow(1, "day"),
    "series": SeriesRow("id", "limit", 1, 0, None, "{}"),
    "spells": SpellRow("limit", 1, "id"),
    "series_updates": SeriesUpdate(1, "id"),
    "matched_days": MatchedDayRow("day", "f", "id", "bot", "clean", 1, 0.5, 0, 0.0, 0.5, 0.5),
    "limit_days": LimitDayRow("day", "limit", "id", "bot", "clean", 1, 0.5, 0, 0.0, 0.5, 0.5),
}
BRANCHES: dict[str, Row] = {
    "branches": BranchRow(1, "limit", "observed", "id", 0, "start"),
    "branch_ends": BranchEnd(9, "Monday", 1),
    "branch_days": BranchDayRow("day", 1, "limit", "id", None, None, 1, 2, 0, 0, 0, 1.0, 0),
    "branch_trades": BranchTradeRow(
        *(1, 1, None, "bot", "trend", "BTC", "buy", 1, 1, 2, 3, 1.0, 1.0),
        *(1, 1, 1, 1, 1, 1, 0.5, "stop", ""),
    ),
    "branch_alarms": AlarmRow(1, 1, "branch", "unequal"),
}


def digests_with(**rows: Row) -> tuple[bytes, bytes]:
    out = Outbox()
    out.alarm("a", "b")
    for name, row in rows.items():
        getattr(out.rows, name).append(row)
    out.take()
    return out.vitals.digest, out.vitals.branch_digest


def test_desks_beside_the_main_one_have_a_digest_of_their_own() -> None:
    """What branches and series write never changes the digest of what the desk decided."""
    desk, none = digests_with()
    assert none == bytes(16) != desk
    assert digests_with(**BESIDE) == (desk, none)
    found = [digests_with(**BESIDE, **{name: row}) for name, row in BRANCHES.items()]
    assert {first for first, _ in found} == {desk}
    assert len({none, *(second for _, second in found)}) == 6
    assert {*BESIDE, *BRANCHES} == {*OF_SERIES, *OF_BRANCHES}


def test_what_was_touched_is_remembered_once_and_in_order() -> None:
    out = Outbox()
    for name in ("desk", "key/a", "desk", "trade/1", "key/a"):
        out.touch(name)
    assert list(out.dirty) == ["desk", "key/a", "trade/1"]

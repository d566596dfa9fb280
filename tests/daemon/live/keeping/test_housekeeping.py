from __future__ import annotations

import os
import shutil
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.load import parse
from daemon.live.keeping.housekeeping import MB, NO_ENTRIES, NO_TAPE, OK, RELIEF, Housekeeping
from market.events import NS_PER_DAY, Command, Notice
from shadow.store.retention import Limits, Tidied
from venue.tape.lines import segment_name

Usage = namedtuple("Usage", "total used free")
TAPE, ENTRIES = 1000.0, 200.0


def keeper(path: Path, **settings: Any) -> Housekeeping:
    disk = {"tape_free_mb_min": TAPE, "entries_free_mb_min": ENTRIES}
    return Housekeeping(path, path / "tape", parse({"disk": disk, **settings}, "test"))


def look(monkeypatch: pytest.MonkeyPatch, house: Housekeeping, free_mb: float) -> list[Any]:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, int(free_mb * MB)))
    return house.look()


def test_a_disk_that_fills_up_stops_the_tape_then_entries_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = keeper(tmp_path)
    assert look(monkeypatch, house, 5000) == [] and house.level == OK
    (told,) = look(monkeypatch, house, 999)
    assert isinstance(told, Notice) and told.kind == "disk" and "999 MB" in told.message
    assert house.level == NO_TAPE
    told, halt = look(monkeypatch, house, 199)
    assert isinstance(told, Notice) and house.level == NO_ENTRIES
    assert isinstance(halt, Command) and (halt.verb, halt.source) == ("halt", "disk")
    assert look(monkeypatch, house, 100) == [], "told once"


def test_a_limit_is_lifted_only_once_space_has_come_back_well_beyond_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = keeper(tmp_path)
    look(monkeypatch, house, 150)
    # A tenth more than the limit, so that what is freed by stopping does not start it again.
    assert look(monkeypatch, house, 219) == []
    told, resume = look(monkeypatch, house, 221)
    assert isinstance(resume, Command) and (resume.verb, resume.source) == ("resume", "disk")
    assert house.level == NO_TAPE and isinstance(told, Notice)
    assert look(monkeypatch, house, 1099) == []
    (told,) = look(monkeypatch, house, 1101)
    assert house.level == OK and isinstance(told, Notice)


@given(frees=st.lists(st.floats(0, 3000), max_size=40))
def test_whatever_the_disk_does_a_halt_and_its_end_alternate(frees: list[float]) -> None:
    with pytest.MonkeyPatch.context() as m:
        house = keeper(Path("/"))
        verbs = []
        for free in frees:
            for event in look(m, house, free):
                if isinstance(event, Command):
                    verbs.append(event.verb)
            assert (house.level == NO_ENTRIES) == (bool(verbs) and verbs[-1] == "halt")
            if free < ENTRIES:
                assert house.level == NO_ENTRIES
            if free > TAPE * RELIEF:
                assert house.level == OK
    assert verbs == (["halt", "resume"] * len(verbs))[: len(verbs)]


def test_old_and_surplus_segments_are_deleted_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    folder.mkdir()
    paths = []
    for number, age_days in enumerate((9, 8, 2, 1, 0)):
        path = folder / segment_name(number + 1, number)
        path.write_bytes(b"x" * 400)
        os.utime(path, (time.time() - age_days * 86_400,) * 2)
        paths.append(path)
    house = keeper(tmp_path, tape={"retention_days": 7.0, "retention_gb": 1e-6})
    assert house.tidy_tape() == paths[:3], "two for their age, one for 1,200 bytes over 1,000"
    assert sorted(folder.iterdir()) == paths[3:]
    assert house.tidy_tape() == []


def test_details_and_rows_are_kept_for_as_long_as_asked(tmp_path: Path) -> None:
    store = {"detail_days": 2.5, "retention_days": 30.0, "retention_gb": 0.5}
    found = keeper(tmp_path, store=store).limits(100 * NS_PER_DAY)
    assert found == Limits(195 * NS_PER_DAY // 2, 70 * NS_PER_DAY, 0.5e9, 70 * NS_PER_DAY)


def test_a_database_too_large_for_good_is_said_once_until_it_was_not(tmp_path: Path) -> None:
    house = keeper(tmp_path)

    def said(over: bool) -> list[str]:
        events: list[Any] = []
        assert house.weigh(Tidied(0, over, 4_210_000_000, over), events.append) is over
        return [event.message for event in events]

    (words,) = said(True)
    assert words.startswith("the database holds 4.21 GB, 4 are allowed by store.retention_gb")
    assert [said(over) for over in (True, False)] == [[], []]
    assert said(True) == [words]

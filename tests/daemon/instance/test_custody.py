from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.instance.custody import FILES, Custody
from market.events import Command, Notice, Verb


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Path]:
    """Hold a database and a lock open in a folder of their own."""
    folder = tmp_path / "local"
    folder.mkdir()
    with (folder / "gnomon.db").open("a"), (folder / "lock").open("a"):
        yield folder


def moved(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / "elsewhere")


def deleted(folder: Path, name: str) -> None:
    (folder / name).unlink()


def replaced(folder: Path, name: str) -> None:
    (folder / "other").write_text("")
    (folder / "other").rename(folder / name)


def folder_moved(folder: Path, name: str) -> None:
    folder.rename(folder.parent / "moved")


def folder_deleted(folder: Path, name: str) -> None:
    shutil.rmtree(folder)


DEEDS: list[tuple[Callable[[Path, str], None], str, bool]] = [
    (moved, "was moved to", False),
    (deleted, "was deleted", True),
    (replaced, "was replaced by another file", True),
    (folder_moved, "was moved to", False),
    (folder_deleted, "was deleted", True),
]


@pytest.mark.parametrize("name", ["gnomon.db", "lock"])
@pytest.mark.parametrize(("deed", "words", "gone"), DEEDS)
def test_what_happens_to_a_file_in_use_halts_entries_and_is_said_once(
    opened: Path, name: str, deed: Callable[[Path, str], None], words: str, gone: bool
) -> None:
    custody = Custody(opened / "gnomon.db", opened / "lock")
    assert custody.look() == [] and not custody.deleted
    deed(opened, name)
    notice, halt = custody.look()
    assert isinstance(notice, Notice) and f"{opened / name} {words}" in notice.message
    assert isinstance(halt, Command) and (halt.verb, halt.source) == (Verb.HALT, FILES)
    assert custody.look() == [], "once"
    assert custody.deleted == (gone and (name == "gnomon.db" or deed is folder_deleted))


def test_a_file_that_comes_back_opens_entries_again(opened: Path) -> None:
    custody = Custody(opened / "gnomon.db", opened / "lock")
    moved(opened, "gnomon.db")
    custody.look()
    (opened.parent / "elsewhere").rename(opened / "gnomon.db")
    notice, resume = custody.look()
    assert isinstance(notice, Notice) and "back in their place" in notice.message
    assert isinstance(resume, Command) and (resume.verb, resume.source) == (Verb.RESUME, FILES)


def test_a_copy_in_its_place_is_not_the_file(opened: Path) -> None:
    custody = Custody(opened / "gnomon.db", opened / "lock")
    shutil.copy2(opened / "gnomon.db", opened / "copy")
    os.replace(opened / "copy", opened / "gnomon.db")
    assert custody.look() != []


def test_what_this_process_does_not_hold_is_not_its_to_watch(tmp_path: Path) -> None:
    (tmp_path / "gnomon.db").write_text("")
    custody = Custody(tmp_path / "gnomon.db", tmp_path / "lock")
    (tmp_path / "gnomon.db").unlink()
    assert custody.look() == [] and not custody.deleted

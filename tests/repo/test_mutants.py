from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests import mutants
from tests.mutants import Mutant, listed, lives, unfit


def test_every_planted_bug_can_still_be_planted() -> None:
    faults = [fault for mutant in listed() if (fault := unfit(mutant))]
    assert not faults, "\n".join(["", *faults])


def test_the_list_covers_what_decides_and_names_no_bug_twice() -> None:
    found = listed()
    assert len(set(found)) == len(found) >= 60
    folders = {m.file.split("/")[0] for m in found}
    assert folders >= {"market", "risk", "shadow", "daemon", "venue", "quant", "divisions"}


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        (Mutant("no/such.py", "a", "b", "tests"), "no such file"),
        (Mutant("market/money.py", "def fee_e6", "x", "tests/nowhere"), "no tests/nowhere"),
        (Mutant("market/money.py", "no such text", "x", "tests/market"), "stands 0 times"),
        (Mutant("market/money.py", "return", "x", "tests/market"), "times, not once"),
        (Mutant("market/money.py", "E8 = 10**8", "E8 = 10**8", "tests/market"), "changes nothing"),
    ],
)
def test_an_entry_that_cannot_be_planted_is_told(mutant: Mutant, words: str) -> None:
    assert words in unfit(mutant)


def test_a_bug_that_a_test_sees_dies_one_that_none_sees_lives_and_the_source_is_as_before(
    tmp_path: Path,
) -> None:
    """Also twice within a second and of equal length, which old bytecode would hide."""
    source = tmp_path / "house" / "sums.py"
    source.parent.mkdir()
    source.write_text(sound := "def add(a, b):\n    return a + b  # the sum\n")
    folder = tmp_path / "tests" / "house"
    folder.mkdir(parents=True)
    (folder / "test_sums.py").write_text(
        textwrap.dedent(
            """
            from house.sums import add

            def test_sums():
                assert add(2, 3) == 5
            """
        )
    )
    for old, new, survives in (
        ("a + b", "a - b", False),
        ("the sum", "a mess!", True),
        ("a + b", "b + a", True),
        ("a + b", "a * b", False),
    ):
        assert lives(tmp_path, Mutant("house/sums.py", old, new, "tests/house")) is survives
        assert source.read_text() == sound


def test_a_word_that_no_entry_holds_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(["no such bug anywhere"]) == 2
    assert "no entry holds no such bug anywhere" in capsys.readouterr().err

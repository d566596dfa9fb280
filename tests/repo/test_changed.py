from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import changed


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("market/book.py", "tests/market/test_book.py"),
        ("divisions/trend/donchian.py", "tests/divisions/trend/test_donchian.py"),
        ("venue/websocket.py", "tests/venue/test_websocket.py"),
        ("tests/market/test_book.py", "tests/market/test_book.py"),
        ("tests/support/controls.py", "tests/divisions/test_controls.py"),
        ("tests/shadow/conftest.py", "tests/shadow"),
        ("tests/support/plain.toml", "tests/repo/test_docs.py"),
        ("docs/cli.md", "tests/repo/test_docs.py"),
        ("docs/venue-facts.md", "tests/repo/test_venue_facts.py"),
        ("Makefile", "tests/repo/test_docs.py"),
        ("pyproject.toml", "tests/repo/test_packaging.py"),
        ("systemd/gnomon.service", "tests/system/test_service.py"),
        ("bench/market.py", "tests/bench/test_bench.py"),
    ],
)
def test_a_changed_file_leads_to_the_tests_that_answer_for_it(path: str, test: str) -> None:
    assert (changed.ROOT / path).exists()
    assert test in changed.tests_of(path)


def test_a_file_leads_to_few_tests() -> None:
    assert changed.tests_of("market/book.py") == ["tests/market/test_book.py"]
    assert changed.tests_of("tests/market/test_gone.py") == []


def test_each_test_is_chosen_once_and_the_tidy_rules_always() -> None:
    twice = changed.chosen(["market/book.py", "tests/market/test_book.py"])
    assert twice == ["tests/market/test_book.py", changed.ALWAYS]
    assert changed.chosen([]) == [changed.ALWAYS]


def test_what_differs_from_the_last_commit_and_what_is_new_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(changed, "ROOT", tmp_path)
    for key in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(key, raising=False)
    for name in ("kept.py", "edited.py", "staged.py"):
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git("init")
    git("add", ".")
    git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-m", "first")
    for name in ("edited.py", "staged.py", "new.py", "ignored.py"):
        (tmp_path / name).write_text("x = 2\n")
    git("add", "staged.py")
    assert changed.changed() == ["edited.py", "new.py", "staged.py"]

from __future__ import annotations

from pathlib import Path

import pytest

import daemon.cli
from daemon.cli.families import families


@pytest.mark.parametrize("package", ["daemon.cli", "daemon.cli.research"])
def test_commands_stand_in_the_order_of_their_ranks_and_no_two_share_one(package: str) -> None:
    ranks = [family.RANK for family in families(package)]
    assert ranks == sorted(set(ranks))


def test_a_new_file_of_commands_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greet.py").write_text("RANK = 0\n\ndef register(app):\n    app.append('greet')\n")
    (tmp_path / "words.py").write_text("HELLO = 'no command'\n")
    (tmp_path / "greet_text.py").write_text("raise AssertionError('words are not looked at')\n")
    monkeypatch.setattr(daemon.cli, "__path__", [*daemon.cli.__path__, str(tmp_path)])
    first = families("daemon.cli")[0]
    assert first.__name__ == "daemon.cli.greet"
    heard: list[str] = []
    first.register(heard)
    assert heard == ["greet"]

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import daemon.cli
from daemon.cli.families import families
from market.errors import InvariantBroken


@pytest.mark.parametrize("package", ["daemon.cli", "daemon.cli.research"])
def test_commands_stand_in_the_order_of_their_ranks_and_no_two_share_one(package: str) -> None:
    ranks = [family.RANK for family in families(package)]
    assert ranks == sorted(set(ranks))


def test_a_new_file_of_commands_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greet.py").write_text("RANK = 0\n\ndef register(app):\n    app.append('greet')\n")
    (tmp_path / "greet_text.py").write_text("raise AssertionError('words are not looked at')\n")
    monkeypatch.setattr(daemon.cli, "__path__", [*daemon.cli.__path__, str(tmp_path)])
    first = families("daemon.cli")[0]
    assert first.__name__ == "daemon.cli.greet"
    heard: list[str] = []
    first.register(heard)
    assert heard == ["greet"]


def test_a_file_that_registers_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "misspelt.py").write_text("RANK = 1\n\ndef registr(app):\n    pass\n")
    monkeypatch.setattr(daemon.cli, "__path__", [*daemon.cli.__path__, str(tmp_path)])
    with pytest.raises(InvariantBroken, match=r"daemon\.cli\.misspelt needs register"):
        families("daemon.cli")


def test_a_look_at_the_daemon_or_its_report_imports_no_numpy(traded: Path) -> None:
    """Half of what `status` would cost, to print sums that the database holds already."""
    script = (
        "import sys; from daemon.cli import app; where = ['--state', sys.argv[1]]\n"
        "for words in ('status', 'shadow report', 'shadow report --since 30d --by bot'):\n"
        "    app([*words.split(), *where], prog_name='gnomon', standalone_mode=False)\n"
        "heavy = ('numpy', 'scipy', 'numba', 'aiohttp', 'websockets')\n"
        "sys.exit(', '.join(m for m in heavy if m in sys.modules) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(traded)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "What did my limits do?" in done.stdout and "equity" in done.stdout

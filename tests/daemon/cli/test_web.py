from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli.web import _token
from market.errors import OperatorError
from tests.daemon.cli.conftest import Cli
from tests.support.closed_trades import writable


def test_without_a_state_the_command_says_what_makes_one(cli: Cli, tmp_path: Path) -> None:
    ran = cli("web", "--state", tmp_path / "none")
    assert ran.code == 78 and "`gnomon run` starts one" in ran.err


def test_beyond_this_machine_it_is_refused_without_a_token(cli: Cli, tmp_path: Path) -> None:
    _, db = writable(tmp_path / "s")
    db.close()
    ran = cli("web", "--host", "0.0.0.0", "--state", tmp_path / "s")
    assert ran.code == 78 and "--token-file" in ran.err and ran.out == ""


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef01234567\n")
    path.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        _token(path)
    path.chmod(0o600)
    assert _token(path) == "0123456789abcdef01234567"
    with pytest.raises(OperatorError, match="cannot be read"):
        _token(tmp_path / "none")

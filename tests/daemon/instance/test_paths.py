from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from daemon.instance import paths
from daemon.instance.paths import (
    MODE_FOLDERS,
    StateDir,
    existing,
    find_config,
    mode_folder,
    state_root,
    user_config,
)
from market.errors import OperatorError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a home without any configuration, on a machine without one."""
    for name in ("GNOMON_CONFIG", "STATE_DIRECTORY", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "etc" / "gnomon.toml")
    return tmp_path


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_configuration_is_looked_for_from_the_nearest_wish_outwards(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_config(None, system=True) is None
    system = touch(home / "etc" / "gnomon.toml")
    assert find_config(None, system=True) == system
    assert find_config(None, system=False) is None, "trying it out must not touch the service"
    user = touch(home / ".config" / "gnomon" / "gnomon.toml")
    assert find_config(None, system=True) == find_config(None, system=False) == user
    monkeypatch.setenv("GNOMON_CONFIG", "/named/but/missing.toml")
    assert find_config(None, system=True) == Path("/named/but/missing.toml")
    assert find_config(Path("given.toml"), system=True) == Path("given.toml")


def test_the_user_s_configuration_follows_xdg(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert user_config() == home / ".config/gnomon/gnomon.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    assert user_config() == home / "elsewhere/gnomon/gnomon.toml"


def test_state_is_kept_where_asked_then_systemd_s_then_configured_then_the_user_s(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state_root(None, "") == home / ".local/state/gnomon"
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "xdg"))
    assert state_root(None, "") == home / "xdg/gnomon"
    assert state_root(None, "~/mine") == home / "mine"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/gnomon:/var/lib/other")
    assert state_root(None, "~/mine") == Path("/var/lib/gnomon")
    assert state_root(Path("given"), "~/mine") == Path("given")


def test_a_home_that_is_not_there_is_the_operators_to_name() -> None:
    with pytest.raises(OperatorError, match="~nobody-of-that-name/x: there is no such user"):
        state_root(None, "~nobody-of-that-name/x")


def test_every_mode_has_a_folder_of_its_own() -> None:
    assert mode_folder("local", "testnet") == "local"
    assert mode_folder("paper", "testnet") == "paper-testnet"
    assert mode_folder("paper", "mainnet") == "paper-mainnet"
    assert mode_folder("live", "mainnet") == "live"
    assert {"local", "paper-testnet", "paper-mainnet", "testnet", "live", "replay"} == set(
        MODE_FOLDERS
    )


def test_a_state_folder_is_made_whole_and_can_be_made_again(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "deep" / "root", "local")
    for _ in range(2):
        state.create()
        assert state.tape.is_dir() and state.path == tmp_path / "deep" / "root" / "local"
        assert [p.name for p in state.path.iterdir()] == ["tape"]
    assert state.database.parent == state.socket.parent == state.path
    assert not stat.S_IMODE(state.tape.stat().st_mode) & 0o007


def test_a_state_folder_that_cannot_be_made_or_written_is_the_operator_s_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=re.escape(str(tmp_path / "file"))):
        StateDir(tmp_path / "file", "local").create()

    def denied(self: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    with pytest.raises(OperatorError, match="Permission denied"):
        StateDir(tmp_path, "local").create()


def test_existing_states_are_those_with_a_database_the_newest_first(tmp_path: Path) -> None:
    assert existing(tmp_path) == [] == existing(tmp_path / "nowhere")
    (tmp_path / "local").mkdir()
    (tmp_path / "notes").mkdir()
    touch(tmp_path / "notes" / "gnomon.db")
    assert existing(tmp_path) == []
    for age, name in enumerate(("replay", "local", "paper-testnet")):
        database = touch(tmp_path / name / "gnomon.db")
        database.write_bytes(b"rows")
        os.utime(database, (10_000 - age, 10_000 - age))
    assert [s.folder for s in existing(tmp_path)] == ["replay", "local", "paper-testnet"]
    # A running daemon writes to the log beside the file, not to the file; a reader leaves an
    # empty one, and must not make a state look newer than it is.
    log = touch(tmp_path / "paper-testnet" / "gnomon.db-wal")
    assert next(s.folder for s in existing(tmp_path)) == "replay"
    log.write_bytes(b"rows")
    assert next(s.folder for s in existing(tmp_path)) == "paper-testnet"

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from daemon.__main__ import main
from daemon.instance import paths
from tests.daemon.recordings import Recorder, first_head
from tests.support import virtual
from tests.support.shadow import told


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """Run `gnomon …` in this process, as a user without any configuration or state."""
    for name in ("GNOMON_CONFIG", "STATE_DIRECTORY", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", home / "no-system-config.toml")

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gnomon", *map(str, arguments)])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Ran(int(code or 0), said.out, said.err)

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask = os.umask(0o022)
    os.umask(umask)
    yield run
    os.umask(umask)
    # A command that logs does so to what the test captured, which is closed by now.
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state that ran for some minutes in local mode, with its tape. Only to be read."""
    root = tmp_path_factory.mktemp("state")
    folder = root / "local"
    folder.mkdir()
    recorder = Recorder(folder / "tape", database=folder / "gnomon.db", start_ms=virtual.START_MS)
    recorder._head = first_head(recorder)
    recorder._store.begin_run(  # type: ignore[union-attr]
        started_ns=virtual.START_MS * 10**6, mode="local", network="local", config_hash="c",
        policy_hash="p", code_version=recorder.version, seed=7, first_seq=1, last_seq=0,
        config="{}",
    )  # fmt: skip
    recorder.scene.advance(150)
    recorder.close("rotated")
    recorder.open()
    recorder.scene.advance(90)
    recorder.close("SIGTERM")
    recorder.finish()
    return root


@pytest.fixture
def state(traded: Path, tmp_path: Path) -> Path:
    """Return a copy of that state for a test to do with as it likes."""
    root = tmp_path / "state"
    shutil.copytree(traded, root)
    return root


@dataclass(frozen=True)
class Story:
    """A state in which about everything has happened to some signal; their ids by name."""

    root: Path
    ids: dict[str, int]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Return that state. Only to be read."""
    root = tmp_path_factory.mktemp("story")
    (root / "local").mkdir()
    return Story(root, told(root / "local" / "gnomon.db"))

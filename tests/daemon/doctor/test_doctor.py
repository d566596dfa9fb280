from __future__ import annotations

import os
import resource
import socket
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.doctor import doctor, stored
from daemon.doctor.doctor import examine
from daemon.doctor.finding import FAIL, OK, WARN, Case, Finding
from daemon.instance import paths
from daemon.instance.paths import StateDir
from venue.hyperliquid.info import InfoClient

NOW = doctor.BUILT_NS + 10**18
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GNOMON_CONFIG", "STATE_DIRECTORY", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(paths, "SYSTEM_CONFIG", tmp_path / "none.toml")
    monkeypatch.setattr(doctor, "UNIT_FOLDERS", (tmp_path / "etc", tmp_path / "lib"))
    monkeypatch.setattr(doctor, "ASK_S", 0.5)
    monkeypatch.setattr(stored, "ASK_S", 0.5)


def case(root: Path, *, folder: str = "local", **config: Any) -> Case:
    places = tuple(p for p in (StateDir(root, folder),) if p.database.exists())
    return Case(parse(config, "test"), root, folder, places)


def mended(found: Finding, level: str, words: str) -> None:
    """Check a finding that asks for something."""
    assert found.level == level and words in found.text and found.remedy
    assert "\n" not in found.text + found.remedy


# The whole.


def test_every_subject_is_looked_at_and_nothing_is_created(tmp_path: Path) -> None:
    found = list(examine(None, tmp_path / "state", None))
    assert [f.check for f in found] == [
        "python", "packages", "config", "state", "disk", "clock", "database", "socket", "venue",
        "uvloop", "files", "unit",
    ]  # fmt: skip
    assert not [f for f in found if f.level == FAIL]
    assert all(f.remedy for f in found if f.level != OK)
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_is_wrong_does_not_hide_the_rest(tmp_path: Path, root: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[desk]\nequity = 5\n")
    found = {f.check: f for f in examine(bad, root, None)}
    mended(found["config"], FAIL, "equity_usd")
    assert found["database"].level == OK and "local: sound" in found["database"].text


def test_the_mode_decides_what_is_examined(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        doctor, "venue", lambda c: seen.append(c.folder) or Finding("venue", OK, "")
    )
    for mode in (None, "paper", "paper-mainnet"):
        found = {f.check: f for f in examine(None, root, mode)}
        assert ("sound" in found["database"].text) == (mode is None)
    assert seen == ["local", "paper-testnet", "paper-mainnet"]


# The program.


def test_an_old_interpreter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.python().level == OK
    monkeypatch.setattr(doctor, "PYTHON_MIN", (9, 0))
    mended(doctor.python(), FAIL, sys.executable)


def test_what_is_installed_here_is_what_is_locked() -> None:
    lock = doctor.find_lock()
    assert lock is not None and lock.name == "requirements.lock"
    found = doctor.packages(lock)
    assert found.level == OK and "packages as locked" in found.text


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        ("msgspec==0.0.1 \\", WARN, "(locked 0.0.1)"),
        ("no-such-package==1.0 \\", WARN, "no-such-package missing"),
        ("no-such-package==1.0 ; sys_platform == 'win32' \\", OK, ""),
        ("aiohttp==1.0 \\", WARN, "aiohttp "),
    ],
)
def test_what_differs_from_the_lock_is_named(
    line: str, level: str, words: str, tmp_path: Path
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{line}\n    --hash=sha256:00\n")
    found = doctor.packages(lock)
    assert found.level == level and words in found.text


def test_a_package_it_cannot_do_without_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-such-package==1.0 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(doctor, "_declared", lambda: {"no-such-package"})
    mended(doctor.packages(lock), FAIL, "missing: no-such-package")
    mended(doctor.packages(None), WARN, "no lock file")
    monkeypatch.undo()
    assert {"msgspec", "uvloop", "typer"} <= doctor._declared()
    assert "pyarrow" not in doctor._declared()


def test_a_configuration_is_named_and_read(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.toml"
    path.write_text('mode = "paper"\n')
    found, config = doctor.configuration(path)
    assert found.level == OK and str(path) in found.text and config.mode == "paper"
    path.write_text('mode = "live"\n')
    mended(doctor.configuration(path)[0], FAIL, "real orders")
    mended(doctor.configuration(tmp_path / "missing.toml")[0], FAIL, "cannot be read")
    mended(doctor.configuration(None)[0], WARN, "defaults")


# The machine.


def test_a_folder_that_can_be_made_or_written_is_good(tmp_path: Path, root: Path) -> None:
    assert doctor.state_folder(root, "local").level == OK
    found = doctor.state_folder(tmp_path / "a" / "b", "local")
    assert found.level == OK and "will be made" in found.text
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    mended(doctor.state_folder(tmp_path / "file", "local"), FAIL, str(tmp_path / "file"))
    # Root may write anywhere, so the question itself is answered no.
    monkeypatch.setattr(os, "access", lambda path, mode: "state" not in str(path))
    mended(doctor.state_folder(root, "local"), FAIL, "local")


@pytest.mark.parametrize(
    ("free_mb", "level"), [(5000, OK), (1000, WARN), (100, FAIL)], ids=["much", "little", "none"]
)
def test_free_space_is_compared_with_the_limits(
    free_mb: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage(0, 0, free_mb << 20))
    found = doctor.space(tmp_path / "not" / "yet", parse({}, "test"))
    assert found.level == level and f"{free_mb} MB free" in found.text
    assert bool(found.remedy) == (level != OK)


class Hands:
    """Two clocks, one of which may be off."""

    def __init__(self, wall_ns: int, *, slip_ns: int = 0) -> None:
        self.now_ns, self.wall_ns, self.slip_ns = 0, wall_ns, slip_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        self.wall_ns += round(seconds * 1e9) + self.slip_ns

    def look(self, newest_ns: int = 0) -> Finding:
        return doctor.clock(
            newest_ns,
            wall=lambda: self.wall_ns,
            monotonic=lambda: self.now_ns,
            sleep=self.sleep,
        )


def test_a_clock_is_judged_by_the_other_by_the_program_and_by_what_is_stored() -> None:
    assert Hands(NOW).look(NOW - 5).level == OK
    mended(Hands(5).look(), FAIL, "1970-01-01")
    mended(Hands(NOW).look(NOW + 90 * 10**9), WARN, "90 s ahead")
    mended(Hands(NOW, slip_ns=8_000_000).look(), WARN, "+8.0 ms")
    mended(Hands(NOW, slip_ns=-8_000_000).look(), WARN, "-8.0 ms")
    assert doctor.clock(0).level == OK


def test_the_newest_stamp_is_looked_up(root: Path, tmp_path: Path) -> None:
    assert doctor._newest_ns(case(tmp_path)) == 0
    newest = doctor._newest_ns(case(root))
    assert newest > 10**18
    (root / "local" / "gnomon.db").write_bytes(b"no database" * 1000)
    assert doctor._newest_ns(case(root)) == 0


def test_few_open_files_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, level in ((4096, OK), (512, WARN), (64, FAIL), (resource.RLIM_INFINITY, OK)):
        monkeypatch.setattr(doctor.resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        assert doctor.open_files().level == level


def test_the_unit_is_looked_for_where_systemd_does(tmp_path: Path) -> None:
    mended(doctor.unit(), WARN, "not installed")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "gnomon.service").touch()
    mended(doctor.unit(), WARN, "does not start at boot")
    wants = tmp_path / "etc" / "multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "gnomon.service").symlink_to(tmp_path / "lib" / "gnomon.service")
    assert doctor.unit().level == OK


def test_a_missing_event_loop_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.loop().level == OK
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    mended(doctor.loop(), WARN, "uvloop")


# The venue.


@pytest.fixture
def listening() -> Iterator[str]:
    """Return the address of a venue that takes calls and never says a word."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


def test_the_venue_is_asked_in_paper_modes_alone(
    tmp_path: Path, listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.venue(case(tmp_path)).text == "not needed in mode local"
    there = {"ws_url": "ws://127.0.0.1:9/ws", "rest_url": "http://127.0.0.1:9"}
    dead = case(tmp_path, folder="paper-testnet", venue={"testnet": there})
    mended(doctor.venue(dead), FAIL, "127.0.0.1:9")
    silent = case(
        tmp_path, folder="paper-mainnet", venue={"mainnet": {**there, "rest_url": listening}}
    )
    mended(doctor.venue(silent), FAIL, listening)

    async def instruments(self: object) -> dict[str, int]:
        return {"BTC": 1, "ETH": 2}

    async def venue_time(self: object, now_ns: Callable[[], int]) -> tuple[int, int, int]:
        return now_ns() // 1_000_000 - off_ms, now_ns(), now_ns()

    off_ms = 200
    monkeypatch.setattr(InfoClient, "instruments", instruments)
    monkeypatch.setattr(InfoClient, "venue_time", venue_time)
    found = doctor.venue(dead)
    assert found.level == OK and "2 instruments" in found.text and "clock +0.20 s" in found.text
    off_ms = -30_000
    mended(doctor.venue(dead), WARN, "this machine's clock -30.00 s to its own")

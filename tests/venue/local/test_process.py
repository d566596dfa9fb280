from __future__ import annotations

import io
import json
import os
import signal
import socket
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from market.errors import InputDamaged, OperatorError
from tests.daemon import rig
from tests.daemon.recordings import record
from venue.local.process import serve_venue

SETTINGS: dict[str, Any] = {
    "host": "127.0.0.1", "port": 0, "seed": 7, "tape": None, "speed": 1.0, "epoch_ms": None,
    "with_parent": False,
}  # fmt: skip


class Output(io.StringIO):
    """Calls back with the first line."""

    def __init__(self, then: Any) -> None:
        super().__init__()
        self._then = then

    def flush(self) -> None:
        if self.getvalue().endswith("\n"):
            threading.Thread(target=self._then, args=(json.loads(self.getvalue()),)).start()


def meta(urls: dict[str, str]) -> Any:
    request = urllib.request.Request(
        urls["http"] + "/info", b'{"type":"meta"}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as reply:
        return json.load(reply)


@pytest.fixture(autouse=True)
def _signals() -> Any:
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_the_venue_says_where_it_is_answers_and_ends_by_a_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found: list[Any] = []

    def use(urls: dict[str, str]) -> None:
        try:
            found.append((urls, meta(urls)))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sys, "stdout", Output(use))
    serve_venue(**SETTINGS)
    ((urls, listed),) = found
    assert urls["ws"].startswith("ws://127.0.0.1:") and urls["ws"].endswith("/ws")
    assert any(row["name"] == "BTC" for row in listed["universe"])


def test_a_venue_of_a_daemon_leaves_when_its_input_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdout", Output(lambda urls: os.close(writing)))
    with os.fdopen(reading, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        serve_venue(**{**SETTINGS, "with_parent": True})


def test_a_tape_is_played_to_whoever_connects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record(tmp_path / "tape", seconds=(10.0,), coins=rig.PAIR).folder
    found: list[Any] = []

    def use(urls: dict[str, str]) -> None:
        try:
            found.append(meta(urls))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(sys, "stdout", Output(use))
    serve_venue(**{**SETTINGS, "tape": folder, "speed": 4.0})
    assert {row["name"] for row in found[0]["universe"]} >= set(rig.PAIR)


def test_a_port_in_use_is_the_operator_s_to_mend() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=f"port {port}"):
            serve_venue(**{**SETTINGS, "port": port})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speed": 2.0}, "--speed plays a --tape"),
        ({"epoch_ms": 12_345}, "UTC midnight"),
    ],
)
def test_options_that_contradict_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(OperatorError, match=words):
        serve_venue(**{**SETTINGS, **changes})


@pytest.fixture
def whole(tmp_path: Path) -> list[Path]:
    """Return the segments of a run."""
    return record(tmp_path / "tape", seconds=(10.0, 10.0, 10.0), coins=rig.PAIR).paths


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0x20
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda paths: flip(paths[1]), "altered|not a whole"),
        (lambda paths: os.truncate(paths[0], paths[0].stat().st_size - 1000), "cut off"),
        (lambda paths: paths[1].unlink(), "missing before it"),
    ],
    ids=["altered", "cut off", "a hole"],
)
def test_a_damaged_tape_is_refused_before_anything_is_announced(
    damage: Any, words: str, whole: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(whole)
    with pytest.raises(InputDamaged, match=words):
        serve_venue(**{**SETTINGS, "tape": whole[0].parent})
    assert capsys.readouterr().out == ""


def test_a_large_tape_is_said_to_be_checked(
    whole: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venue.local.process.TOLD_BYTES", 10)
    flip(whole[2])
    with pytest.raises(InputDamaged):
        serve_venue(**{**SETTINGS, "tape": whole[0].parent, "speed": 10.0})
    assert capsys.readouterr().err == "checking 0 MB of tape before it is played\n"


def test_a_fault_that_shows_only_while_it_plays_is_one_clear_error(
    whole: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A segment that is gone, or altered, by the time its turn comes."""

    def vanish(urls: dict[str, str]) -> None:
        whole[1].unlink()

    monkeypatch.setattr(sys, "stdout", Output(vanish))
    with pytest.raises(InputDamaged, match=rf"{whole[1].name}: cannot be read \(No such file"):
        serve_venue(**{**SETTINGS, "tape": whole[0].parent, "speed": 10.0})
    assert caplog.records == []


def test_a_tape_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDamaged):
        serve_venue(**{**SETTINGS, "tape": tmp_path})


def test_accounts_are_told_to_programs_and_to_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(f'[[account]]\naddress = "0x{"ab" * 20}"\nusd = 5.5\n')
    found: list[Any] = []

    def use(told: dict[str, Any]) -> None:
        try:
            found.append(told["accounts"])
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(sys, "stdout", Output(use))
    serve_venue(**{**SETTINGS, "accounts": path})
    ((test, other),) = found
    assert other == {"address": "0x" + "ab" * 20, "usd": 5.5, "agents": []}
    assert test["usd"] == 100_000.0
    words = capsys.readouterr().err
    for part in (test["address"], test["key"], test["agents"][0]["key"], other["address"]):
        assert part in words


def test_a_file_of_accounts_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text("[[account]]\nusd = 5\n")
    with pytest.raises(OperatorError, match="account 1: give address or key"):
        serve_venue(**{**SETTINGS, "accounts": path})

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.live.notify import notify, watchdog_s


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(address)
        s.settimeout(2.0)
        yield s


def test_lines_go_to_the_service_manager_in_one_datagram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with manager(str(tmp_path / "notify")) as s:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1", "STATUS=fine")
        notify("WATCHDOG=1")
        assert s.recv(1024) == b"READY=1\nSTATUS=fine"
        assert s.recv(1024) == b"WATCHDOG=1"


def test_an_abstract_address_begins_with_an_at_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"gnomon-test-{os.getpid()}"
    with manager("\0" + name) as s:
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        notify("STOPPING=1")
        assert s.recv(1024) == b"STOPPING=1"


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all", "@nobody-listens", "x" * 300])
def test_without_a_manager_nothing_happens(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if address is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("30000000", 15.0), ("1", 5e-7), ("0", None), ("", None), ("-5", None), ("soon", None)],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    given: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", given)
    assert watchdog_s() == seconds


def test_no_watchdog_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert watchdog_s() is None

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from daemon.web.process import PageProcess, free_port
from tests.support.closed_trades import writable


def test_a_page_beside_the_daemon_answers_and_leaves_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.setattr("daemon.web.process.PORT", 0)
    state, db = writable(tmp_path)
    db.close()
    with PageProcess(state, wanted=True) as page:
        page.start()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(page.url + "api/status", timeout=2) as answer:
                    found = json.loads(answer.read())
                break
            except OSError:
                time.sleep(0.05)
        assert found["state"] == "stopped"
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(page.url, timeout=1)


def test_where_none_is_wanted_there_is_none(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    db.close()
    with PageProcess(state, wanted=False) as page:
        page.start()
        assert page.url == ""


def test_another_port_is_taken_where_the_usual_one_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("daemon.web.process.PORT", port)
        assert free_port() not in (0, port)

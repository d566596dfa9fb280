from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from daemon.live import opening
from daemon.live.opening import open_store
from market.errors import OperatorError
from shadow.store.store import Store


def made(path: Path) -> Path:
    Store(path, mode="local", network="local").close()
    return path


def test_a_held_file_is_waited_for_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "PAUSE_S", 0.05)
    path = made(tmp_path / "gnomon.db")
    said: list[str] = []

    async def main() -> None:
        heard = asyncio.Event()

        def say(text: str) -> None:
            said.append(text)
            heard.set()

        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(open_store(path, mode="local", network="local", say=say))
            await heard.wait()
            assert not task.done()
        (await task).close()

    asyncio.run(main())
    assert "another process holds it locked" in said[0] and "waiting for it" in said[0]


def test_a_wait_for_a_held_file_ends_when_told_to(tmp_path: Path) -> None:
    path = made(tmp_path / "gnomon.db")

    async def main() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            task = asyncio.create_task(open_store(path, mode="local", network="local"))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 3.0
    made(path)


def test_a_file_that_cannot_be_used_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "gnomon.db").write_text("no database " * 500)
    with pytest.raises(OperatorError, match="not a usable database"):
        asyncio.run(open_store(tmp_path / "gnomon.db", mode="local", network="local"))

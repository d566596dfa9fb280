from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from daemon.live import child
from daemon.live.child import Child, VenueGone, World, local_venue, remember_world, watch
from market.errors import OperatorError, VenueUnreachable
from market.events import MS_PER_DAY
from venue.local.market.grid import HISTORY_DAYS


def test_a_world_is_made_on_first_use_and_is_the_same_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "world.json"
    monkeypatch.setattr(time, "time", lambda: 1_795_428_123.4)
    made = remember_world(path, 7)
    assert made.seed == 7 and made.epoch_ms % MS_PER_DAY == 0
    assert made.epoch_ms == 1_795_392_000_000 - HISTORY_DAYS * MS_PER_DAY
    monkeypatch.setattr(time, "time", lambda: 1_795_428_123.4 + 86_400 * 100)
    assert remember_world(path, 7) == made
    assert [p.name for p in tmp_path.iterdir()] == ["world.json"]


def test_another_seed_begins_another_world_from_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "world.json"
    remember_world(path, 7)
    monkeypatch.setattr(time, "time", lambda: 1_795_428_123.4)
    assert remember_world(path, 8) == World(8, 1_792_800_000_000)
    assert remember_world(path, 8).seed == 8


@pytest.mark.parametrize("content", [b"", b"{", b'{"seed": "x"}', b"\xff", b'{"seed":7}'])
def test_a_world_that_cannot_be_read_is_the_operator_s_to_mend(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "world.json"
    path.write_bytes(content)
    with pytest.raises(OperatorError, match="delete it to begin another world"):
        remember_world(path, 7)
    assert path.read_bytes() == content


def test_a_world_that_cannot_be_written_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        remember_world(tmp_path / "no" / "world.json", 7)


def stand_in(monkeypatch: pytest.MonkeyPatch, code: str) -> list[Any]:
    """Run other code in place of the venue; returns what it would have been asked for."""
    commands: list[Any] = []
    real = asyncio.create_subprocess_exec

    async def create(*command: str, **options: Any) -> Any:
        commands.append((command, options))
        return await real(sys.executable, "-S", "-c", code, **options)

    monkeypatch.setattr("daemon.live.child.asyncio.create_subprocess_exec", create)
    return commands


OPEN = 'import sys\nprint(\'{"http": "http://h", "ws": "ws://w"}\', flush=True)\nsys.stdin.read()\n'


def test_the_venue_is_asked_for_its_world_and_leaves_when_its_input_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = stand_in(monkeypatch, OPEN)

    async def main() -> Child:
        async with local_venue(World(7, 1234), tmp_path / "venue.log") as found:
            assert found.process.returncode is None
            return found

    found = asyncio.run(main())
    assert (found.http, found.ws) == ("http://h", "ws://w")
    assert found.process.returncode == 0, "it left by itself"
    command, options = commands[0]
    text = " ".join(command)
    assert "--seed 7" in text and "--epoch-ms 1234" in text and "--with-parent" in text
    assert "--port 0" in text and options["start_new_session"]


@pytest.mark.parametrize("code", ["print('nonsense')", "", "import sys; sys.exit(3)"])
def test_a_venue_that_does_not_come_up_is_told_with_where_to_look(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, code)

    async def main() -> None:
        with pytest.raises(VenueUnreachable, match=r"venue\.log"):
            async with local_venue(World(7, 0), tmp_path / "venue.log"):
                pytest.fail("it never opened")

    asyncio.run(main())


def test_a_venue_that_says_nothing_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "READY_S", 0.2)
    stand_in(monkeypatch, "import sys; sys.stdin.read()")

    async def main() -> None:
        with pytest.raises(VenueUnreachable):
            async with local_venue(World(7, 0), tmp_path / "venue.log"):
                pytest.fail("it never opened")

    asyncio.run(main())


def test_a_venue_that_does_not_leave_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, OPEN + "import time; time.sleep(60)\n")
    real = asyncio.timeout
    monkeypatch.setattr("daemon.live.child.asyncio.timeout", lambda s: real(0.2 if s == 2.0 else s))

    async def main() -> int | None:
        async with local_venue(World(7, 0), tmp_path / "venue.log") as found:
            pass
        return found.process.returncode

    assert asyncio.run(main()) == -9


def test_a_venue_that_ends_by_itself_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, OPEN.replace("sys.stdin.read()", "sys.exit(5)"))

    async def main() -> None:
        async with local_venue(World(7, 0), tmp_path / "venue.log") as found:
            with pytest.raises(VenueGone, match="code 5"):
                await asyncio.wait_for(watch(found), 10)

    asyncio.run(main())


def test_what_the_venue_complains_about_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "import sys; sys.stderr.write('port in use'); " + "print('no')")
    log = tmp_path / "venue.log"
    log.write_text("earlier\n")

    async def main() -> None:
        with pytest.raises(VenueUnreachable):
            async with local_venue(World(7, 0), log):
                pytest.fail("it never opened")

    asyncio.run(main())
    assert log.read_text() == "earlier\nport in use"
    assert os.path.exists(log)

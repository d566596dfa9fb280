from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from daemon.instance.paths import StateDir
from daemon.views.health import Health, health
from daemon.views.positions import Positions, positions
from daemon.views.status import status
from daemon.web.source import MARKS_MAX, Source, tick_of
from market.errors import GnomonError
from tests.support.closed_trades import put_trade, writable
from tests.support.daemons import busy

PANELS = ("money", "limits", "blocked", "bots", "holdings", "feed", "weights", "system")


def test_every_panel_is_strict_json_of_a_state_at_rest(tmp_path: Path) -> None:
    made = busy(tmp_path)
    asyncio.run(made.close("over"))

    async def main() -> None:
        source = Source(made.state)
        for name in PANELS:
            found = json.loads(await source.panel(name), parse_constant=pytest.fail)
            assert found, name
        assert json.loads(await source.coin(""))["live"] is False
        assert await source.limit("nothing") is None and await source.why(1) is None
        assert json.loads(await source.limit("direction") or b"")["row"]["name"] == "direction"
        with pytest.raises(KeyError):
            await source.panel("none")

    asyncio.run(main())


def test_what_has_not_changed_is_not_read_again_and_what_has_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, db = writable(tmp_path)
    monkeypatch.setattr("daemon.web.source.LEAST_S", 0.0)
    monkeypatch.setattr("daemon.web.source.SHARE_MAX", 1e9)
    read = 0

    def view(_: object) -> int:
        nonlocal read
        read += 1
        return read

    async def main() -> None:
        source = Source(state)
        answers = await asyncio.gather(*(source._made("x", view) for _ in range(20)))
        assert answers == [b"1"] * 20
        assert json.loads(await source.panel("feed"))["events"] == []
        put_trade(db, gross_e6=1_000_000)
        assert await source._made("x", view) == b"2"
        assert len(json.loads(await source.panel("feed"))["events"]) == 2
        # A panel that is dear is read seldom, however often the database changes.
        monkeypatch.setattr("daemon.web.source.LEAST_S", 60.0)
        put_trade(db)
        assert await source._made("x", view) == b"3"
        put_trade(db)
        assert await source._made("x", view) == b"3"

    asyncio.run(main())
    db.close()


def test_without_a_database_the_reason_is_told(tmp_path: Path) -> None:
    source = Source(StateDir(tmp_path, "local"))
    with pytest.raises(GnomonError, match="no such database"):
        asyncio.run(source.panel("money"))


def test_a_tick_fits_two_kilobytes_however_much_is_held(tmp_path: Path) -> None:
    made = busy(tmp_path)
    told, held = status(made), positions(made, phantoms=True)
    asyncio.run(made.close("over"))
    found = health(made.state, told, told.now_ns)
    one = next(t for t in held.trades if t.mark_px is not None)
    many = [
        replace(one, trade_id=2**40 + at, mark_px=98_328.123456, pnl_usd=-1234.567)
        for at in range(200)
    ]
    tick = tick_of(found, Positions(True, "local", 1, 0, many, []))
    assert len(msgspec.json.encode(tick)) <= 2048 and len(tick["marks"]) == MARKS_MAX
    assert tick["equity_usd"] == round(told.equity_usd, 2)
    gone = replace(found, status=None, state="silent")
    assert tick_of(gone, None).keys() == {"now_ms", "state"}
    assert isinstance(gone, Health)

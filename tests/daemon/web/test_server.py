from __future__ import annotations

import asyncio
import socket
import zlib
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from daemon.instance.paths import StateDir
from daemon.web.server import STATIC, application, serve
from market.errors import OperatorError
from tests.support.closed_trades import put_trade, writable


def test_panels_files_and_events_over_a_real_socket(tmp_path: Path) -> None:
    state, db = writable(tmp_path)
    put_trade(db, gross_e6=1_000_000)
    db.close()

    async def main() -> None:
        runner = web.AppRunner(application(state))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            async with session.get(url + "/api/panels/feed") as answer:
                assert answer.status == 200
                assert b'"usd":1.0' in zlib.decompress(await answer.read())
            for path, status in (
                ("/api/panels/none", 404), ("/api/limit/none", 404), ("/api/why/x", 404),
                ("/api/why/12", 404), ("/api/panels/coin?name=NONE", 200), ("/healthz", 503),
            ):  # fmt: skip
                async with session.get(url + path) as answer:
                    assert answer.status == status, path
            for file in STATIC.glob("*.*"):
                async with session.get(f"{url}/{file.name}") as answer:
                    assert answer.status == 200
                    tag = answer.headers["ETag"]
                async with session.get(
                    f"{url}/{file.name}", headers={"If-None-Match": tag}
                ) as answer:
                    assert answer.status == 304
            async with session.get(url + "/../pyproject.toml") as answer:
                assert answer.status == 404
            async with session.get(url + "/api/events") as answer:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                seen = b""
                while b"event: tick" not in seen:
                    seen += await answer.content.readany()
        await runner.cleanup()

    asyncio.run(asyncio.wait_for(main(), 20))


def test_without_a_database_panels_say_so_and_the_page_is_there(tmp_path: Path) -> None:
    async def main() -> None:
        runner = web.AppRunner(application(StateDir(tmp_path, "local")))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as session:
            for path in ("money", "holdings", "system", "coin"):
                async with session.get(f"{url}/api/panels/{path}") as answer:
                    assert answer.status == 503
                    assert "no such database" in (await answer.json())["error"]
            async with session.get(url + "/api/status") as answer:
                assert (await answer.json())["state"] == "never"
        await runner.cleanup()

    asyncio.run(main())


def test_a_port_in_use_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OperatorError, match=rf"127.0.0.1:{port}: cannot listen there"):
            asyncio.run(serve(StateDir(tmp_path, "local"), "127.0.0.1", port, "", pytest.fail))

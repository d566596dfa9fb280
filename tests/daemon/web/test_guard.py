from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from daemon.instance.paths import StateDir
from daemon.web.guard import HEADERS, is_loopback, require_token
from daemon.web.server import application
from market.errors import OperatorError

TOKEN = "0123456789abcdef01234567"


def answers(tmp_path: Path, ask: Any, **options: Any) -> Any:
    """Return what somebody learns from the page of a fresh state, over a real socket."""

    async def main() -> Any:
        runner = web.AppRunner(application(StateDir(tmp_path, "local"), **options))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession() as session:
                return await ask(session, url)
        finally:
            await runner.cleanup()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("192.168.1.5", False), ("evil.com", False), ("127.0.0.1.evil", False)],
)  # fmt: skip
def test_only_addresses_of_this_machine_are_its_own(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_beyond_this_machine_a_token_is_needed_and_a_good_one() -> None:
    with pytest.raises(OperatorError, match="needs --token-file"):
        require_token("0.0.0.0", "")
    with pytest.raises(OperatorError, match="shorter than 24"):
        require_token("127.0.0.1", "hunter2")
    require_token("0.0.0.0", TOKEN)
    require_token("127.0.0.1", "")


def test_every_answer_has_the_headers_and_nothing_can_be_changed(tmp_path: Path) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        for path in ("/api/status", "/api/panels/money", "/api/panels/none", "/nowhere"):
            async with session.get(url + path) as answer:
                missing = {k for k, v in HEADERS.items() if answer.headers.get(k) != v}
                assert missing <= {"Cache-Control"}, (path, missing)
        for method in ("post", "put", "delete", "patch"):
            async with getattr(session, method)(url + "/api/status") as answer:
                assert answer.status == 405

    answers(tmp_path, ask)


def test_a_page_elsewhere_cannot_give_its_name_to_our_address(tmp_path: Path) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        for host in ("evil.com", "evil.com:8078", "127.0.0.1.evil.com"):
            async with session.get(url + "/api/status", headers={"Host": host}) as answer:
                assert answer.status == 421
        async with session.get(url + "/api/status", headers={"Host": "localhost:1"}) as answer:
            assert answer.status == 200

    answers(tmp_path, ask)


def test_a_token_is_asked_for_everything_and_then_remembered(tmp_path: Path) -> None:
    async def ask(session: aiohttp.ClientSession, url: str) -> None:
        for path in (
            "/",
            "/api/status",
            "/healthz",
            f"/api/status?token={TOKEN[:-1]}x",
            "/metrics",
        ):
            async with session.get(url + path) as answer:
                assert answer.status == 401 and TOKEN not in await answer.text()
        async with session.get(f"{url}/api/status?token={TOKEN}") as answer:
            assert answer.status == 200
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        jar = {"Cookie": f"gnomon={TOKEN}"}
        async with session.get(f"{url}/api/status", headers=jar) as answer:
            assert answer.status == 200

    answers(tmp_path, ask, token=TOKEN, loopback=False)

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from daemon.instance import control
from daemon.instance.control import Refusal, Refused, Reply, Request
from market.errors import InvariantBroken, VenueUnreachable
from tests.support.daemons import serving


class Heard(Struct):
    """What `echo` answers."""

    heard: Request


def raw(path: Path, data: bytes, *, close: bool = False) -> bytes:
    """Send bytes as they are and return everything that comes back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(8.0)
        s.connect(str(path))
        s.sendall(data)
        if close:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        while part := s.recv(65536):
            answer += part
        return answer


def test_a_question_gets_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"
    request = Request("halt", 'ä "quoted"', phantoms=True)
    assert serving(path, lambda: control.ask(path, request, Heard)) == Heard(request)


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        (b'{"verb": "halt", "argument": "caf\xe9"}\n', "caf\\xe9"),
        (b'{"verb": "halt", "argument": "\\udcff!"}\n', "\\xff!"),
        (b'{"verb": "halt", "argument": "a\tb\\u001b[2J"}\n', "a\\x09b\\x1b[2J"),
        (b'{"verb": "halt", "argument": "\\u0000"}\n', "\\x00"),
    ],
)
def test_an_order_is_not_lost_for_a_byte_of_its_reason(
    line: bytes, argument: str, tmp_path: Path
) -> None:
    path = tmp_path / "gnomon.sock"
    answer = json.loads(serving(path, lambda: raw(path, line)))
    assert answer["heard"] == {"verb": "halt", "argument": argument}


def test_what_was_typed_is_sent_as_it_can_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"
    request = Request("halt", os.fsdecode(b"caf\xe9\x1b[2J\nend"))
    heard = serving(path, lambda: control.ask(path, request, Heard))
    assert heard == Heard(Request("halt", "caf\\xe9\\x1b[2J\\x0aend"))


def test_only_the_owner_may_open_the_socket_and_never_anyone_else(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"
    before = os.umask(0)
    try:
        mode = serving(path, lambda: stat.S_IMODE(path.stat().st_mode))
        now = os.umask(0)
    finally:
        os.umask(before)
    assert mode == 0o600
    assert now == 0, "the process's own mask is put back"


def test_a_socket_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(path))
    stale.close()
    assert serving(path, lambda: control.ask(path, Request("x"), Heard)) == Heard(Request("x"))


def test_a_path_longer_than_the_kernel_allows_is_reached_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 30)
    folder.mkdir(parents=True)
    path = folder / "gnomon.sock"
    assert len(str(path)) > 108
    assert serving(path, lambda: control.ask(path, Request("x"), Heard)) == Heard(Request("x"))


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"[1, 2]\n",
        b'"text"\n',
        b"\xff\xfe\n",
        b"{" * 100 + b"\n",
        b"[" * 60_000 + b"\n",
        b'{"verb": "x"' + b" " * (1 << 17) + b"}\n",
        b'{"verb": 1}\n',
    ],
    ids=lambda b: repr(b[:12]),
)
def test_a_bad_request_is_answered_as_one_and_harms_nobody(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"

    def work() -> Any:
        answer = json.loads(raw(path, line))
        return answer, control.ask(path, Request("still there"), Heard)

    answer, after = serving(path, work)
    assert answer["error"].startswith("bad request")
    assert after == Heard(Request("still there"))


def test_a_request_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asyncio.timeout
    monkeypatch.setattr("daemon.instance.control.asyncio.timeout", lambda s: real(s / 100))
    path = tmp_path / "gnomon.sock"
    answer = serving(path, lambda: raw(path, b'{"verb"'))
    assert json.loads(answer) == {"error": "bad request: timeout"}


def test_a_client_that_hangs_up_harms_nobody(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"

    def work() -> Any:
        for data in (b"", b'{"verb":', b'{"verb":1}\n'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.connect(str(path))
                s.sendall(data)
        return control.ask(path, Request("x"), Heard)

    assert serving(path, work) == Heard(Request("x"))


def test_many_ask_at_once_and_each_gets_their_own_answer(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"

    async def slow(request: Request) -> Reply:
        await asyncio.sleep(0.02)
        return Reply(request.argument)

    def work() -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []

        def ask(n: int) -> None:
            found.append((n, control.ask(path, Request("say", str(n)), Reply).reply))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    assert sorted(serving(path, work, slow)) == [(n, str(n)) for n in range(20)]


def test_an_answer_that_fails_ends_the_conversation_and_is_not_swallowed(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"
    unheard: list[Any] = []

    async def fails(request: Request) -> Reply:
        asyncio.get_running_loop().set_exception_handler(lambda _, c: unheard.append(c))
        raise InvariantBroken("event 7")

    def work() -> None:
        with pytest.raises(VenueUnreachable, match="without an answer"):
            control.ask(path, Request("halt"), Reply, timeout_s=2.0)

    serving(path, work, fails)
    assert [str(c["exception"]) for c in unheard] == ["event 7"]


def test_where_no_daemon_listens_the_question_fails_in_words(tmp_path: Path) -> None:
    with pytest.raises(VenueUnreachable, match="no daemon answers"):
        control.ask(tmp_path / "gnomon.sock", Request("halt"), Reply)
    with pytest.raises(VenueUnreachable, match="no daemon answers"):
        control.ask(tmp_path / "no" / "folder" / "gnomon.sock", Request("halt"), Reply)


def test_a_daemon_that_does_not_answer_in_time_is_told_from_one_that_is_not_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gnomon.sock"

    async def never(request: Request) -> Reply:
        await asyncio.sleep(1.0)
        return Reply("late")

    def work() -> None:
        with pytest.raises(VenueUnreachable, match="did not answer within"):
            control.ask(path, Request("halt"), Reply, timeout_s=0.1)

    serving(path, work, never)


def test_a_refusal_is_raised_with_what_there_is_to_choose_from(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"

    async def refuse(request: Request) -> Refusal:
        return Refusal(f"no {request.argument}", ["BTC", "SOL"])

    def work() -> None:
        with pytest.raises(Refused, match="no DOGE") as refused:
            control.ask(path, Request("lens", "DOGE"), Reply)
        assert refused.value.choices == ["BTC", "SOL"] and refused.value.exit_code == 69

    serving(path, work, refuse)


def test_a_daemon_of_another_version_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.sock"

    def work() -> None:
        with pytest.raises(VenueUnreachable, match="this version does not understand"):
            control.ask(path, Request("halt"), Reply)

    serving(path, work)

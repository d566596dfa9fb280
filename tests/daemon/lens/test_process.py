from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from types import ModuleType
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from daemon.config.sections import LensConfig
from daemon.lens import process
from daemon.lens.client import LensProcess
from daemon.lens.process import LENGTH_BYTES, main, packed, serve
from market.decision import LensAsk
from market.events import LensReading, LensUpdate
from tests.support.market import START_MS
from tests.support.process import ROOT
from tests.support.venue import until


class StubBank:
    """A bank that remembers what was done with it."""

    made: ClassVar[list[StubBank]] = []

    compiled = 0

    def __init__(self, *, surrogates: int) -> None:
        self.surrogates = surrogates
        self.calls: list[Any] = []
        self.made.append(self)

    def warm(self) -> int:
        self.calls.append("warm")
        return self.compiled

    def answer(self, ask: LensAsk) -> LensUpdate:
        assert self.calls, "asked before it was warm"
        self.calls.append(ask)
        reading = LensReading("rqa", sum(ask.closes), flags=["ünsafe\n"])
        return LensUpdate(ask.coin, ask.bar_ms, ask.kind, ask.cause, [reading])


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> type[StubBank]:
    """Put a stub where kernels would be compiled."""
    module = ModuleType("daemon.lens.bank")
    module.Bank = StubBank  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "daemon.lens.bank", module)
    monkeypatch.setattr(StubBank, "made", [])
    return StubBank


def asks(count: int) -> list[LensAsk]:
    return [
        LensAsk(f"C{i}", START_MS + i, "rank", "burst", [float(j) for j in range(i * 1_000)])
        for i in range(count)
    ]


def messages(raw: bytes) -> list[bytes]:
    """Return the messages in a stream, which must end with the last of them."""
    found = []
    while raw:
        size = int.from_bytes(raw[:LENGTH_BYTES], "big")
        raw = raw[LENGTH_BYTES:]
        assert len(raw) >= size
        found.append(raw[:size])
        raw = raw[size:]
    return found


def test_a_message_has_its_length_before_it() -> None:
    assert packed(b"") == bytes(4)
    assert packed(b"ab") == b"\0\0\0\2ab"
    assert messages(packed(b"x" * 70_000) + packed(b"")) == [b"x" * 70_000, b""]


def test_it_says_that_it_is_warm_then_answers_in_order_until_the_source_ends(
    stub: type[StubBank],
) -> None:
    questions = asks(5)
    source = io.BytesIO(b"".join(packed(msgspec.msgpack.encode(one)) for one in questions))
    sink = io.BytesIO()
    serve(source, sink, surrogates=77)
    (bank,) = stub.made
    assert bank.surrogates == 77 and bank.calls == ["warm", *questions]
    first, *answers = messages(sink.getvalue())
    assert first == b""
    updates = [msgspec.msgpack.decode(answer, type=LensUpdate) for answer in answers]
    assert [u.coin for u in updates] == [one.coin for one in questions]
    assert updates[3].readings == [LensReading("rqa", sum(range(3_000)), flags=["ünsafe\n"])]
    assert (updates[3].bar_ms, updates[3].kind, updates[3].cause) == (START_MS + 3, "rank", "burst")


def test_each_answer_is_sent_before_the_next_question_is_read(stub: type[StubBank]) -> None:
    class Sink(io.BytesIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed = len(messages(self.getvalue()))

    sink = Sink()
    questions = iter(asks(3))

    class Source(io.BytesIO):
        rest = b""
        read_so_far = 0

        def read(self, size: int | None = -1, /) -> bytes:
            if not self.rest:
                # Warm, and an answer to each question so far.
                assert sink.flushed == self.read_so_far + 1
                one = next(questions, None)
                self.rest = packed(msgspec.msgpack.encode(one)) if one is not None else b""
                self.read_so_far += 1
            assert size is not None
            found, self.rest = self.rest[:size], self.rest[size:]
            return found

    serve(Source(), sink, surrogates=39)
    assert sink.flushed == 4


def test_to_warm_it_only_fills_the_cache(
    stub: type[StubBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["process", "--warm"])
    monkeypatch.setattr(os, "nice", lambda by: pytest.fail("to warm is no background work"))
    main()
    assert [bank.calls for bank in stub.made] == [["warm"]]


@pytest.mark.parametrize("allowed", [True, False])
def test_it_runs_niced_where_it_may(
    allowed: bool, stub: type[StubBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    niced: list[int] = []

    def nice(by: int) -> int:
        niced.append(by)
        if not allowed:
            raise PermissionError("no")
        return by

    class Stream:
        def __init__(self) -> None:
            self.buffer = io.BytesIO()

    out = Stream()
    monkeypatch.setattr(os, "nice", nice)
    monkeypatch.setattr(sys, "argv", ["process", "39"])
    monkeypatch.setattr(process.sys, "stdin", Stream())
    monkeypatch.setattr(process.sys, "stdout", out)
    main()
    assert niced == [process.NICENESS]
    assert messages(out.buffer.getvalue()) == [b""]
    assert stub.made[0].surrogates == 39


class Renewed(Exception):
    """In place of a process that begins anew, which returns to nobody."""


@pytest.mark.parametrize("again", [False, True])
def test_what_compiled_begins_anew_once_before_it_says_that_it_is_warm(
    again: bool, stub: type[StubBank], monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[list[str]] = []

    def execv(path: str, args: list[str]) -> None:
        assert path == args[0] == sys.executable
        began.append(args[1:])
        raise Renewed

    class Stream:
        def __init__(self) -> None:
            self.buffer = io.BytesIO()

    out = Stream()
    niced: list[int] = []
    monkeypatch.setattr(StubBank, "compiled", 3)
    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(os, "nice", niced.append)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "dev", "-m", "process", "39"])
    monkeypatch.setattr(sys, "argv", ["process", "39", *([process.AGAIN] if again else [])])
    monkeypatch.setattr(process.sys, "stdin", Stream())
    monkeypatch.setattr(process.sys, "stdout", out)
    if again:
        # Its cache could not be kept, or was emptied meanwhile: it serves as heavy as it is.
        main()
        assert not began and not niced
        assert messages(out.buffer.getvalue()) == [b""]
        return
    with pytest.raises(Renewed):
        main()
    assert began == [["-X", "dev", "-m", "process", "39", process.AGAIN]]
    assert out.buffer.getvalue() == b"" and niced == [process.NICENESS]


def test_the_same_process_answers_when_it_has_begun_anew() -> None:
    """A real one, with a bank that says at first that it had to compile."""
    code = (
        "import os, sys\nfrom types import SimpleNamespace\n"
        "from daemon.lens.process import AGAIN, main\nfrom market.events import LensUpdate\n"
        "bank = SimpleNamespace(warm=lambda: int(AGAIN not in sys.argv), answer=lambda ask:\n"
        "    LensUpdate('BTC', os.getpid(), 'raw', 'bar', [], reason=sys.argv[-1]))\n"
        "sys.modules['daemon.lens.bank'] = SimpleNamespace(Bank=lambda surrogates: bank)\n"
        "main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "39"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    said, _ = process.communicate(packed(msgspec.msgpack.encode(asks(1)[0])), timeout=20)
    first, answer = messages(said)
    assert first == b"" and process.returncode == 0
    update = msgspec.msgpack.decode(answer, type=LensUpdate)
    assert (update.bar_ms, update.reason) == (process.pid, "--again")


def test_it_leaves_without_a_word_when_the_daemon_died_meanwhile() -> None:
    code = (
        "import sys\nfrom types import SimpleNamespace\nfrom daemon.lens.process import main\n"
        "from market.events import LensUpdate\n"
        "bank = SimpleNamespace(warm=lambda: None, answer=lambda ask: (sys.stdin.buffer.read(),\n"
        "    LensUpdate('BTC', 0, 'raw', 'bar', [], reason='x' * 100_000))[1])\n"
        "sys.modules['daemon.lens.bank'] = SimpleNamespace(Bank=lambda surrogates: bank)\n"
        "sys.argv[1:] = ['39']\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(LENGTH_BYTES) == bytes(LENGTH_BYTES)
    process.stdin.write(packed(msgspec.msgpack.encode(asks(1)[0])))
    # Both ends go at once, as when the daemon is killed; the answer comes after that.
    process.stdout.close()
    process.stdin.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(20), said) == (0, b"")


def test_the_protocol_alone_needs_nothing_heavy() -> None:
    code = (
        "import sys, daemon.lens.process\n"
        "print(*(m for m in ('numba', 'numpy', 'scipy', 'daemon.lens.bank') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []


def test_the_real_process_gives_the_answers_of_the_bank() -> None:
    from daemon.lens.bank import Bank  # noqa: PLC0415 - compiles; the tests above do without

    rng = np.random.default_rng(6)
    closes = (100.0 * np.exp(np.cumsum(6e-4 * rng.standard_normal(600)))).tolist()
    questions = [
        LensAsk("BTC", START_MS, "raw", "bar", closes[:-1]),
        LensAsk("BTC", START_MS + 60_000, "raw", "bar", closes[1:]),
        LensAsk("ETH", START_MS, "rank", "burst", closes[1:]),
        LensAsk("BTC", START_MS, "arrivals", "bar", times_ms=list(range(0, 60_000, 77))),
    ]
    heard: list[LensUpdate] = []

    async def talk() -> None:
        process = LensProcess(LensConfig(surrogates=19), heard.append)
        task = asyncio.create_task(process.run())
        try:
            await until(lambda: process.warm or task.done(), 170.0)
            for one in questions:
                process.ask(one)
                count = len(heard)
                await until(lambda count=count: len(heard) > count or task.done(), 60.0)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(talk())
    bank = Bank(surrogates=19)
    assert heard == [bank.answer(one) for one in questions]
    assert heard[2].score is not None

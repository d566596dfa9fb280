from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from daemon.config.sections import LensConfig
from daemon.lens import client
from daemon.lens.client import LensGone, LensProcess
from market.decision import LensAsk
from market.events import LensCause, LensKind, LensUpdate
from tests.support.process import ROOT, alive
from tests.support.process import until as at_last
from tests.support.venue import until

# Speaks as the lens process does. What it is asked of a coin "die", "mute" or "slow" it does.
SCRIPT = """
import os, sys, time
import msgspec
from daemon.lens.process import packed
from market.decision import LensAsk
from market.events import LensReading, LensUpdate

out, source = sys.stdout.buffer, sys.stdin.buffer
mode = sys.argv[1]
if mode == "stillborn":
    sys.exit(3)
if mode == "cold":
    time.sleep(60)
out.write(packed(b""))
out.flush()
while head := source.read(4):
    ask = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=LensAsk)
    if ask.coin == "die":
        os._exit(1)
    if ask.coin == "mute":
        time.sleep(60)
    if ask.coin == "slow":
        time.sleep(0.5)
    if ask.coin == "env":
        names = ("GNOMON_NO_JIT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        text = ",".join(os.environ.get(name, "-") for name in names)
        update = LensUpdate("env", os.getpid(), ask.kind, ask.cause, [], reason=text)
    else:
        reading = LensReading("rqa", sum(ask.closes), n=len(ask.closes))
        update = LensUpdate(ask.coin, ask.bar_ms, ask.kind, ask.cause, [reading])
    out.write(packed(msgspec.msgpack.encode(update)))
    out.flush()
"""


@asynccontextmanager
async def talking(
    mode: str = "plain", config: LensConfig | None = None, *asks: LensAsk
) -> AsyncIterator[tuple[LensProcess, list[LensUpdate], asyncio.Task[None]]]:
    """Run a process that was asked something beforehand, for the length of a block."""
    heard: list[LensUpdate] = []
    process = LensProcess(
        config or LensConfig(), heard.append, (sys.executable, "-c", SCRIPT, mode)
    )
    for one in asks:
        process.ask(one)
    task = asyncio.create_task(process.run())
    try:
        yield process, heard, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LensGone):
            await task


def ask(
    coin: str = "BTC",
    kind: LensKind = "raw",
    cause: LensCause = "bar",
    bar_ms: int = 0,
    closes: tuple[float, ...] = (),
) -> LensAsk:
    return LensAsk(coin, bar_ms, kind, cause, list(closes))


# The order of questions.


def order(*asks: LensAsk) -> list[tuple[str, str, str]]:
    """Return in which order waiting questions would be put."""
    process = LensProcess(LensConfig(), lambda update: None)
    for one in asks:
        process.ask(one)
    found = []
    while (following := process._next()) is not None:
        found.append((following.coin, following.kind, following.cause))
    assert process.waiting == 0
    return found


def test_the_most_urgent_question_is_put_first() -> None:
    asks = [
        ask("A", "arrivals"), ask("A", "hmm"), ask("A", "rank"), ask("B", "rank", "history"),
        ask("C", "hmm", "burst"), ask("C", "rank", "burst"), ask("A"), ask("B", "raw", "history"),
        ask("C", "raw", "burst"),
    ]  # fmt: skip
    assert order(*asks) == [
        ("C", "raw", "burst"),
        ("A", "raw", "bar"), ("B", "raw", "history"),
        ("C", "hmm", "burst"), ("C", "rank", "burst"),
        ("A", "rank", "bar"), ("B", "rank", "history"),
        ("A", "arrivals", "bar"), ("A", "hmm", "bar"),
    ]  # fmt: skip


def test_a_newer_question_replaces_the_one_that_waits_and_keeps_its_place() -> None:
    process = LensProcess(LensConfig(), lambda update: None)
    for bar_ms in (1, 2, 3):
        for coin in ("A", "B"):
            process.ask(ask(coin, bar_ms=bar_ms))
        process.ask(ask("A", "rank", bar_ms=bar_ms))
    assert process.waiting == 3
    found = [process._next() for _ in range(4)]
    assert [(one.coin, one.kind, one.bar_ms) for one in found if one] == [
        ("A", "raw", 3), ("B", "raw", 3), ("A", "rank", 3),
    ]  # fmt: skip


def test_on_a_slow_machine_every_coin_gets_its_turn() -> None:
    process = LensProcess(LensConfig(), lambda update: None)
    names = [f"coin{i}" for i in range(10)]
    answered = []
    for minute in range(10):
        for name in names:
            process.ask(ask(name, bar_ms=minute))
        for _ in range(3):
            following = process._next()
            assert following is not None and following.bar_ms == minute
            answered.append(following.coin)
    assert all(2 <= answered.count(name) <= 4 for name in names)


def test_a_burst_makes_a_waiting_question_urgent() -> None:
    asks = [ask("A", "rank"), ask("B", "rank"), ask("B", "rank", "burst"), ask("B", "rank")]
    assert order(*asks)[0] == ("B", "rank", "bar")


def test_what_waits_is_bounded_however_long_nobody_answers() -> None:
    process = LensProcess(LensConfig(), lambda update: None)
    for bar_ms in range(5_000):
        process.ask(ask("A", bar_ms=bar_ms))
    assert process.waiting == 1
    assert sum(len(v) for v in vars(process).values() if isinstance(v, list | dict)) == 1


# A conversation.


def test_it_is_warm_once_the_process_says_so_and_answers_what_was_asked() -> None:
    async def main() -> None:
        early = ask("EARLY", closes=(1.0, 2.0))
        async with talking("plain", None, early) as (process, heard, _):
            assert not process.warm and process.waiting == 1
            await until(lambda: process.warm)
            closes = tuple(float(i) for i in range(60_000))
            for number in range(20):
                process.ask(ask(f"C{number}", "rank", bar_ms=number, closes=closes))
            await until(lambda: len(heard) == 21)
            assert process.answers == 21 and process.waiting == 0
        assert not process.warm
        assert [update.coin for update in heard] == ["EARLY", *(f"C{i}" for i in range(20))]
        assert heard[0].readings[0].value == 3.0
        assert heard[5].readings[0].n == 60_000 and heard[5].bar_ms == 4

    asyncio.run(main())


def test_raw_values_wait_for_one_long_question_at_most() -> None:
    async def main() -> None:
        long = ask("slow", "rank"), ask("A", "rank"), ask("A", "hmm")
        async with talking("plain", None, *long) as (process, heard, _):
            await until(lambda: process.waiting == 2)
            process.ask(ask("B"))
            process.ask(ask("C"))
            await until(lambda: len(heard) == 5)
        told = [(update.coin, update.kind) for update in heard]
        assert told[:3] == [("slow", "rank"), ("B", "raw"), ("C", "raw")]
        assert told[3:] == [("A", "rank"), ("A", "hmm")]

    asyncio.run(main())


def test_without_lenses_nothing_need_become_warm() -> None:
    assert LensProcess(LensConfig(enabled=False), lambda update: None).warm


@pytest.mark.parametrize(("jit", "flag"), [(True, "-"), (False, "1")])
def test_it_runs_with_one_thread_and_compiled_unless_told(
    jit: bool, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GNOMON_NO_JIT", raising=False)

    async def main() -> None:
        async with talking("plain", LensConfig(jit=jit), ask("env")) as (_, heard, _task):
            await until(lambda: heard)
            assert heard[0].reason == f"{flag},1,1"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("mode", "coin", "words"),
    [
        ("stillborn", "", "the lens process ended"),
        ("cold", "", "did not answer within 0.2 s"),
        ("plain", "die", "the lens process ended"),
        ("plain", "mute", "did not answer within 0.2 s"),
    ],
)
def test_a_process_that_ends_or_hangs_is_given_up(
    mode: str, coin: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "cold":
        monkeypatch.setattr(client, "WARM_WITHIN_S", 0.2)
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 0.2 if coin == "mute" else 5.0)
    real = asyncio.timeout
    monkeypatch.setattr(
        "daemon.lens.client.asyncio.timeout", lambda s: real(0.1 if s == 1.0 else s)
    )

    async def main() -> None:
        asks = [ask(coin)] if coin else []
        async with talking(mode, None, *asks) as (process, heard, task):
            with pytest.raises(LensGone, match=words):
                await asyncio.wait_for(task, 10)
            assert not process.warm and not heard

    asyncio.run(main())


def test_after_a_failure_it_can_be_run_again_and_answers_what_waits() -> None:
    async def main() -> None:
        lost = [ask("die"), *(ask(f"A{number}") for number in range(1, client.IN_FLIGHT))]
        async with talking("plain", None, *lost, ask("B")) as (process, heard, task):
            with pytest.raises(LensGone):
                await asyncio.wait_for(task, 10)
            again = asyncio.create_task(process.run())
            process.ask(ask("C"))
            await until(lambda: heard and heard[-1].coin == "C")
            # How many had left before the process was seen to be gone is the machine's affair.
            asked = [*(question.coin for question in lost), "B", "C"]
            answered = [update.coin for update in heard]
            assert answered == asked[-len(answered) :] and {"B", "C"} <= {*answered}
            again.cancel()
            with suppress(asyncio.CancelledError):
                await again

    asyncio.run(main())


def test_an_idle_process_that_dies_is_noticed_with_the_next_question() -> None:
    async def main() -> None:
        async with talking("plain", None, ask("env")) as (process, heard, task):
            await until(lambda: heard)
            os.kill(heard[0].bar_ms, 9)
            await asyncio.sleep(0.1)
            process.ask(ask("A"))
            with pytest.raises(LensGone, match="ended"):
                await asyncio.wait_for(task, 10)

    asyncio.run(main())


def test_the_process_leaves_with_the_daemon_at_a_stop() -> None:
    found: list[int] = []

    async def main() -> None:
        async with talking("plain", None, ask("env")) as (_, heard, _task):
            await until(lambda: heard)
            found.append(heard[0].bar_ms)
            assert alive(found[0])

    asyncio.run(main())
    assert not alive(found[0])


# Runs the talk in a process of its own, which says the child's id and then waits.
DAEMON = """
import asyncio, sys
from daemon.config.sections import LensConfig
from daemon.lens.client import LensProcess
from market.decision import LensAsk

def heard(update):
    print(update.bar_ms, flush=True)

async def main():
    process = LensProcess(LensConfig(), heard, (sys.executable, "-c", sys.argv[1], "plain"))
    process.ask(LensAsk("env", 0, "raw", "bar"))
    await process.run()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_the_process_leaves_however_the_daemon_dies(how: str, tmp_path: Path) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, SCRIPT],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert daemon.stdout is not None
    try:
        child = int(daemon.stdout.readline())
        assert alive(child)
        stop: Callable[[], None] = daemon.kill if how == "killed" else daemon.terminate
        stop()
        daemon.wait(10)
        at_last(lambda: not alive(child), "the end of the child", 5.0)
    finally:
        daemon.kill()
        daemon.wait(10)
        daemon.stdout.close()


def test_what_it_says_on_the_wire_is_what_the_real_one_reads() -> None:
    one = ask("BTC", "rank", "burst", 5, (1.0, 2.5))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=LensAsk) == one

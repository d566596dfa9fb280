from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import msgspec
import pytest

from daemon.config.sections import LensConfig
from daemon.lens.inline import InlineLenses
from daemon.replay.player import Player
from market.decision import LensAsk
from market.events import MS_PER_MINUTE, NS_PER_MS, LensReading, LensUpdate
from shadow.store.store import Store, open_readonly
from tests.daemon.recordings import Recorder, record
from tests.daemon.rig import write_segment
from tests.support.market import START_MS
from tests.support.process import ROOT
from venue.tape.lines import record_line
from venue.tape.segment import Segment

CLOSE_NS = (START_MS + MS_PER_MINUTE) * NS_PER_MS


class StubBank:
    """A bank whose answers tell what was asked."""

    made: ClassVar[list[StubBank]] = []

    def __init__(self, *, surrogates: int) -> None:
        self.surrogates = surrogates
        self.asked: list[LensAsk] = []
        self.made.append(self)

    def answer(self, ask: LensAsk) -> LensUpdate:
        self.asked.append(ask)
        reading = LensReading("volatility", len(self.asked) / 7, n=len(ask.closes))
        score = sum(ask.closes) % 1.0 if ask.kind == "rank" else None
        return LensUpdate(ask.coin, ask.bar_ms, ask.kind, ask.cause, [reading], score)


@pytest.fixture(autouse=True)
def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stub where kernels would be compiled."""
    module = ModuleType("daemon.lens.bank")
    module.Bank = StubBank  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "daemon.lens.bank", module)
    monkeypatch.setattr(StubBank, "made", [])


def ask(cause: str = "bar", coin: str = "BTC", bar_ms: int = START_MS) -> LensAsk:
    return LensAsk(coin, bar_ms, "raw", cause, [1.0, 2.0])  # type: ignore[arg-type]


def looking(**settings: Any) -> InlineLenses:
    return InlineLenses(LensConfig(**settings))


def test_an_answer_to_a_bar_comes_a_fixed_time_after_its_close() -> None:
    lenses = looking(delay_ms=1_500.0)
    # The engine closes a minute half a second late; that is no reason to be later still.
    lenses.ask([ask()], CLOSE_NS + 700 * NS_PER_MS)
    due_ns = CLOSE_NS + 1_500 * NS_PER_MS
    assert lenses.due(due_ns - 1) == []
    (update,) = lenses.due(due_ns)
    assert (update.coin, update.recv_ns) == ("BTC", due_ns)
    assert lenses.due(due_ns + 10**12) == []


def test_an_answer_never_comes_before_its_question() -> None:
    lenses = looking(delay_ms=0.0)
    lenses.ask([ask()], CLOSE_NS + 700 * NS_PER_MS)
    assert lenses.due(CLOSE_NS + 700 * NS_PER_MS)[0].recv_ns == CLOSE_NS + 700 * NS_PER_MS


@pytest.mark.parametrize("cause", ["burst", "history"])
def test_other_answers_come_a_fixed_time_after_their_question(cause: str) -> None:
    lenses = looking(delay_ms=1_500.0)
    now_ns = CLOSE_NS + 33_000 * NS_PER_MS
    lenses.ask([ask(cause)], now_ns)
    assert lenses.due(now_ns) == []
    assert lenses.due(now_ns + 1_500 * NS_PER_MS)[0].recv_ns == now_ns + 1_500 * NS_PER_MS


def test_answers_come_in_the_order_of_their_times_then_of_their_questions() -> None:
    lenses = looking(delay_ms=2_000.0)
    now_ns = CLOSE_NS + 700 * NS_PER_MS
    lenses.ask([ask("history", "A"), ask("bar", "B"), ask("bar", "C")], now_ns)
    lenses.ask([ask("bar", "D")], now_ns)
    found = lenses.due(now_ns + 10**10)
    assert [update.coin for update in found] == ["B", "C", "D", "A"]
    assert [u.recv_ns for u in found] == sorted(u.recv_ns for u in found)


def test_one_bank_answers_all_with_the_configured_number_of_nulls() -> None:
    lenses = looking(surrogates=99)
    assert StubBank.made == []
    lenses.ask([ask()], CLOSE_NS)
    lenses.ask([ask("burst")], CLOSE_NS)
    (bank,) = StubBank.made
    assert bank.surrogates == 99 and len(bank.asked) == 2


# Replays.


def retaped(path: Path, folder: Path, **changes: Any) -> Path:
    """Write a segment anew without what lenses said, as a recorder without lenses leaves it."""
    first, *records = list(Segment(path).records())
    header = {**msgspec.json.decode(first.payload), "lenses": False}
    header["config"] = {**header["config"], "lens": {**header["config"]["lens"], **changes}}
    lines = [
        f"{r.kind} {r.ns}".encode() + (b" " + r.payload if r.payload else b"") + b"\n"
        for r in records
        if r.kind in "FfTRCX"
    ]
    end = record_line("E", records[-1].ns, {"why": "copied"})
    return write_segment(folder, record_line("H", first.ns, header), lines, end)


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Two and a half minutes of a run whose lenses were on, but said nothing."""
    return record(tmp_path_factory.mktemp("tape"), seconds=(150.0,), coins=("BTC", "ETH"))


def test_a_tape_with_lenses_is_replayed_without_any(taped: Recorder) -> None:
    player = Player()
    result = player.play(taped.folder)
    assert result.digest_match is True
    assert StubBank.made == []


def test_a_tape_without_lenses_has_them_look_as_bars_close(taped: Recorder, tmp_path: Path) -> None:
    path = retaped(taped.paths[0], tmp_path / "tape", surrogates=19)
    seen: list[tuple[int, LensUpdate]] = []

    class Watching(Player):
        def _begin(self, *args: Any) -> None:
            super()._begin(*args)
            assert self.engine is not None
            on_update = self.engine.market.lenses.on_update

            def spy(update: LensUpdate) -> None:
                assert self.engine is not None
                seen.append((self.engine.vitals.now_ns, update))
                on_update(update)

            self.engine.market.lenses.on_update = spy  # type: ignore[method-assign]

    result = Watching().play(path)
    (bank,) = StubBank.made
    assert bank.surrogates == 19
    assert {a.kind for a in bank.asked} >= {"raw", "hmm", "rank"}
    assert {a.cause for a in bank.asked} >= {"bar", "history"}
    assert result.events > len(seen) > 10
    for now_ns, update in seen:
        assert now_ns == update.recv_ns
        if update.cause == "bar":
            assert now_ns == (update.bar_ms + MS_PER_MINUTE + 1_000) * NS_PER_MS
    times = [now_ns for now_ns, _ in seen]
    assert times == sorted(times)


def test_two_such_replays_agree_and_write_what_the_lenses_said(
    taped: Recorder, tmp_path: Path
) -> None:
    path = retaped(taped.paths[0], tmp_path / "tape")
    database = tmp_path / "replay.db"
    store = Store(database, mode="replay", network="local")
    first = Player(store).play(path)
    store.close()
    second = Player().play(path)
    assert first.digest == second.digest != Player().play(taped.paths[0]).digest
    assert first.events == second.events
    with closing(open_readonly(database)) as db:
        lenses = {row[0] for row in db.execute("SELECT DISTINCT lens FROM lens")}
    assert lenses >= {"composite", "volatility"}


def test_where_lenses_are_switched_off_none_look_at_a_tape_without_them(
    taped: Recorder, tmp_path: Path
) -> None:
    path = retaped(taped.paths[0], tmp_path / "tape", enabled=False)
    assert Player().play(path).events > 0
    assert StubBank.made == []


HEAVY = (
    "numba", "llvmlite", "scipy.stats", "hmmlearn", "arch", "sklearn", "statsmodels", "matplotlib",
    "daemon.lens.bank",
)  # fmt: skip


def loaded(code: str, *args: str) -> set[str]:
    """Return which heavy modules a fresh interpreter holds after running something."""
    told = f"import sys\n{code}\nprint(*(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", told, *args], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_process_of_the_event_loop_holds_nothing_heavy() -> None:
    code = "import daemon.cli, daemon.live.daemon, risk.filter, divisions.roster"
    code += "\nrisk.filter.discover(); divisions.roster.discover()"
    assert loaded(code) == set()


def test_replaying_a_tape_with_lenses_loads_none_of_them(taped: Recorder) -> None:
    code = "from pathlib import Path; from daemon.replay.player import Player; "
    code += "Player().play(Path(sys.argv[1]))"
    assert loaded(code, str(taped.paths[0])) == set()

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import parse
from daemon.instance import control
from daemon.instance.control import Refusal, Request
from daemon.live.daemon import Daemon
from daemon.live.telemetry import configure
from market.events import NS_PER_S
from shadow.store.store import Store
from tests.daemon.cli.conftest import Cli, Ran, Story
from tests.support.daemons import busy, daemon_of, play, serving
from tests.support.measured_db import Planted
from venue.tape.segment import segments_of

pytestmark = pytest.mark.xdist_group("busy market")

ALWAYS = {
    "running", "mode", "signals", "admitted", "blocked", "phantoms", "open_phantoms", "equity_usd",
    "start_usd", "halts", "halted", "latched", "alarms", "database",
    "orchestration", "shortfall",
}  # fmt: skip
OF_A_RUNNING_ONE = {
    "ready", "uptime_s", "seq", "digest", "frames", "skipped", "connected", "connects", "feeds",
    "blocked_by", "filters", "open_trades", "cash_usd", "day_start_usd", "gross_usd", "net_usd",
    "bots", "idle_bots", "violations", "recent", "recording", "disk_free_mb", "loop_late_ms",
    "gc_pause_ms_max", "requests", "lenses", "tape", "journal_depth", "commits", "memory_mb",
    "network", "now_ns", "votes", "notes",
    "closed", "clock",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def set_desk(state: Path, **values: Any) -> None:
    with closing(sqlite3.connect(state / "local" / "gnomon.db")) as db:
        (text,) = db.execute("SELECT value FROM state WHERE key = 'desk'").fetchone()
        desk = json.dumps({**json.loads(text), **values})
        db.execute("UPDATE state SET value = ? WHERE key = 'desk'", (desk,))
        db.commit()


# At rest.


def test_what_never_ran_has_the_configured_money_and_nothing_else(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text("[desk]\nequity_usd = 1234.5\n")
    place = ("--config", config, "--state", tmp_path / "none")
    assert cli("status", *place).out.splitlines() == [
        "never started; `gnomon run` begins",
        "equity 1,234.50 USD (+0.00)",
        "0 signals: 0 admitted, 0 blocked; 0 phantoms, 0 open; 0 alarms",
    ]
    found = json.loads(cli("status", "--json", *place).out)
    assert found.keys() == ALWAYS | {"last_seen_ns"}
    assert found["equity_usd"] == found["start_usd"] == 1234.5
    assert (found["running"], found["mode"], found["last_seen_ns"]) == (False, None, None)


def test_a_daemon_at_rest_is_told_from_its_rows(cli: Cli, story: Story) -> None:
    lines = cli("status", "--state", story.root).out.splitlines()
    database = story.root / "local" / "gnomon.db"
    assert lines[:4] == [
        "not running; local was last alive 2025-09-01 12:03:31Z",
        lines[1],
        "12 signals: 5 admitted, 7 blocked; 6 phantoms, 1 open; 0 alarms",
        f"database {database}",
    ]
    assert lines[4] == "From decision to money: 4 trades of 3,396.14 USD"
    assert lines[10] == "  money              -2.74 USD   -8.06 bps"
    found = json.loads(cli("status", "--json", "--state", story.root).out)
    assert found.keys() == ALWAYS | {"last_seen_ns"}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        closed = db.execute("SELECT SUM(net_e6) FROM trade WHERE kind = 'paper'").fetchone()[0]
        desk = json.loads(db.execute("SELECT value FROM state WHERE key = 'desk'").fetchone()[0])
    assert found["start_usd"] == 1_000_000.0
    assert found["equity_usd"] == pytest.approx(1e6 + (closed + desk["open_e6"]) / 1e6)
    change = found["equity_usd"] - found["start_usd"]
    assert lines[1] == f"equity {found['equity_usd']:,.2f} USD ({change:+,.2f})"


def test_halts_and_a_latch_are_shown_with_the_way_out(cli: Cli, state: Path) -> None:
    set_desk(
        state,
        halts={"operator": "a [pause]", "disk": "full"},
        latched="daily loss 3 %; it opens by itself",
    )
    out = cli("status", "--state", state).out
    assert "HALTED by operator: a [pause]\nHALTED by disk: full\n" in out
    assert "LATCHED: daily loss 3 %; it opens by itself\n" in out
    found = json.loads(cli("status", "--json", "--state", state).out)
    assert found["halts"] == {"operator": "a [pause]", "disk": "full"}
    assert found["latched"] == "daily loss 3 %; it opens by itself"


def test_what_is_halted_alone_is_shown_with_who_did_and_the_way_out(cli: Cli, state: Path) -> None:
    set_desk(state, scopes={"donchian|": "operator: it loses", "donchian|SOL": "operator: flatten"})
    lines = [
        "HALTED bot donchian by operator: it loses (gnomon resume --bot donchian)",
        "HALTED bot donchian on coin SOL by operator: flatten "
        "(gnomon resume --bot donchian --coin SOL)",
    ]
    for command in ("status", "positions"):
        assert "\n".join(lines) in cli(command, "--state", state).out
        found = json.loads(cli(command, "--json", "--state", state).out)
        assert found["halted"][0] == {
            "bot": "donchian", "coin": "", "by": "operator", "why": "it loses",
            "resume": "gnomon resume --bot donchian",
        }  # fmt: skip


def test_equity_is_cash_and_what_open_trades_are_worth(cli: Cli, state: Path) -> None:
    set_desk(state, start_e6=1_000_000_000, cash_e6=900_000_000, open_e6=50_500_000)
    out = cli("status", "--state", state).out
    assert out.splitlines()[1] == "equity 950.50 USD (-49.50)"


def test_one_that_ended_before_its_first_commit_has_lost_no_money(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    Store(tmp_path / "local" / "gnomon.db", mode="local", network="local").close()
    first, second, *_ = cli("status", "--state", tmp_path).out.splitlines()
    assert first == "not running; local was last alive never"
    equity = parse({}, "defaults").desk.equity_usd
    assert second == f"equity {equity:,.2f} USD (+0.00)"


def test_a_socket_left_behind_is_no_running_daemon(cli: Cli, state: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(state / "local" / "gnomon.sock"))
    ran = cli("status", "--json", "--state", state)
    assert ran.code == 0 and json.loads(ran.out)["running"] is False
    assert ran.err == ""


# Running.


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    made = busy(tmp_path_factory.mktemp("busy"))
    yield made
    asyncio.run(made.close("over"))


def asked(daemon: Daemon, cli: Cli, *arguments: object) -> Ran:
    """Run a command while a daemon listens."""
    place = ("--state", daemon.state.root)
    found = serving(daemon.state.socket, lambda: cli(*arguments, *place), daemon.answers.answer)
    assert isinstance(found, Ran)
    return found


def test_a_running_daemon_answers_for_itself(cli: Cli, trading: Daemon) -> None:
    ran = asked(trading, cli, "status", "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert found.keys() == ALWAYS | OF_A_RUNNING_ONE
    assert found["running"] is True and found["seq"] == trading.engine.vitals.seq
    assert set(found["feeds"][0]) == {
        "coin", "ok", "bid", "ask", "spread_bps", "lag_ms", "ages_ms", "bars", "dead", "lacks",
        "skipped",
    }  # fmt: skip


def test_a_person_sees_feeds_and_what_is_not_as_it_should_be(
    cli: Cli, trading: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams, now_ns = trading.engine.market.coins["BTC"].streams, trading.clock.now_ns()
    monkeypatch.setattr(streams.bbo, "last_ns", now_ns)
    out = asked(trading, cli, "status").out
    book = trading.engine.market.coins["BTC"].book
    assert out.startswith("running in local, warming up, FEED DOWN, up ")
    assert "FAULTED" not in out
    row = next(line.split() for line in out.splitlines() if line.startswith(" BTC"))
    assert row[:4] == ["BTC", "ok", f"{book.bid:g}", f"{book.ask:g}"]
    # A slow book that stands in for a fast one that is dead is the age of the book.
    monkeypatch.setattr(streams.fast, "last_ns", now_ns - 90 * NS_PER_S)
    monkeypatch.setattr(streams.slow, "last_ns", now_ns - 3 * NS_PER_S)
    row = next(x.split() for x in asked(trading, cli, "status").out.splitlines() if " BTC" in x)
    assert row[1] == "ok" and 3.0 <= float(row[4]) < 10.0
    # A book that nobody has told of for long is no book, though nothing ended it.
    for kind in ("fast", "slow", "bbo"):
        monkeypatch.setattr(getattr(streams, kind), "last_ns", now_ns - 20 * NS_PER_S)
    row = next(x.split() for x in asked(trading, cli, "status").out.splitlines() if " BTC" in x)
    assert row[1] == "OLD" and float(row[4]) >= 20.0
    monkeypatch.setattr(trading.readiness, "ready", True)
    monkeypatch.setattr(trading.engine.market.lanes["donchian"], "fault", "KeyError: '[/]'")
    out = asked(trading, cli, "status").out
    assert out.startswith("running in local, ready, FEED DOWN, up ")
    assert "FAULTED donchian: KeyError: '[/]' (gnomon rearm donchian)\n" in out
    assert "history is missing" not in out
    monkeypatch.setattr(trading.engine.market.coins["ETH"].bars, "whole", False)
    out = asked(trading, cli, "status").out
    assert "history is missing, asked for: ETH (1m)\n" in out


def alive(tmp_path: Path, work: Callable[[Daemon], None], **config: Any) -> Daemon:
    """Run a whole daemon whose venue does not exist while commands are given from elsewhere."""
    daemon = daemon_of(tmp_path, **config)
    # What the daemon logs must not mix with what the commands say.
    configure("info", io.StringIO())
    play(daemon, lambda: asyncio.to_thread(work, daemon))
    return daemon


def test_halt_resume_and_rearm_reach_the_daemon_and_stand_on_its_tape(
    cli: Cli, tmp_path: Path
) -> None:
    said: dict[str, Ran] = {}

    def work(daemon: Daemon) -> None:
        place = ("--state", tmp_path)
        said["halt"] = cli("halt", "--reason", "a pause", *place)
        said["halted"] = cli("status", *place)
        said["resume"] = cli("resume", *place)
        said["flatten"] = cli("flatten", *place)
        said["flat"] = cli("resume", *place)
        said["one bot"] = cli("flatten", "--bot", "donchian", *place)
        said["is shut"] = cli("status", *place)
        said["one pair"] = cli("halt", "--bot", "donchian", "--coin", "ETH", *place)
        said["open again"] = cli("resume", "--bot", "donchian", *place)
        said["all open"] = cli("resume", "--bot", "donchian", "--coin", "ETH", *place)
        misspelt.append(cli("halt", "--bot", "donchain", *place))
        misspelt.append(cli("flatten", "--coin", "eth", *place))
        said["again"] = cli("resume", "--mode", "local", *place)
        said["status"] = cli("status", "--json", *place)
        daemon.engine.market.lanes["donchian"].fault = "KeyError: 'x'"
        said["rearm"] = cli("rearm", "donchian", *place)
        said["healthy"] = cli("rearm", "donchian", *place)
        said["odd"] = cli("halt", "--reason", os.fsdecode(b"caf\xe9\x1b[2J\nHALTED by x"), *place)
        said["oddly halted"] = cli("status", *place)
        said["at last"] = cli("resume", *place)
        unknown.append(cli("rearm", os.fsdecode(b"donkey\xff"), *place))
        unknown.append(cli("wind-down", "NOPE", *place))
        said["gone"] = cli("wind-down", "ETH", "--reason", "announced", *place)
        said["without"] = cli("status", *place)
        said["back"] = cli("resume", "ETH", *place)

    unknown: list[Ran] = []
    misspelt: list[Ran] = []
    daemon = alive(tmp_path, work)
    assert {ran.code for ran in said.values()} == {0}
    assert said["halt"].out == "" and said["halt"].err.startswith("entries halted; ")
    assert "HALTED by operator: a pause\n" in said["halted"].out
    assert said["resume"].err == "entries are open\n"
    assert said["flatten"].out == "" and said["flatten"].err.startswith("entries halted; 0 trades ")
    assert said["flat"].err == "entries are open\n"
    assert said["one bot"].err.startswith("entries of bot donchian halted; 0 trades told to exit")
    assert "(gnomon resume --bot donchian)\n" in said["is shut"].out
    assert said["open again"].err.startswith("the halt of bot donchian is lifted; entries are open")
    assert "bot donchian on coin ETH (operator: asked to)" in said["open again"].err
    assert said["all open"].err.endswith("is lifted; entries are open\n")
    assert [ran.code for ran in misspelt] == [2, 2]
    assert "did you mean donchian?" in misspelt[0].err
    assert "did you mean ETH?" in misspelt[1].err
    assert said["again"].err == "nothing to resume; entries are open\n"
    assert json.loads(said["status"].out)["halts"] == {}
    assert said["rearm"].err == "donchian re-armed after KeyError: 'x'\n"
    assert said["healthy"].err == "donchian re-armed, it was healthy\n"
    assert (unknown[0].code, unknown[0].out) == (2, "")
    assert "no bot 'donkey\\xff'; there are " in unknown[0].err.replace("\\\\", "\\")
    assert "donchian" in unknown[0].err
    assert unknown[1].code == 2 and "'NOPE' is not traded here" in unknown[1].err
    assert said["gone"].err.startswith("ETH is wound down: 0 trades closed at the last mark")
    assert "NOT TRADED ETH: operator: announced\n" in said["without"].out
    assert said["back"].err == "ETH is traded again from the next start on\n"
    assert said["odd"].err.startswith("entries halted; ")
    assert "HALTED by operator: caf\\xe9\\x1b[2J\\x0aHALTED by x\n" in said["oddly halted"].out
    assert daemon.engine.market.lanes["donchian"].fault == ""
    commands = [r.payload for s in segments_of(tmp_path / "local" / "tape") for r in s.records()
                if r.kind == "C"]  # fmt: skip
    verbs = [json.loads(payload)["verb"] for payload in commands]
    assert verbs == [
        "halt",
        "resume",
        "flatten",
        "resume",
        "flatten",
        "halt",
        "resume",
        "resume",
        "resume",
        "rearm",
        "rearm",
        "halt",
        "resume",
        "wind-down",
        "resume",
    ]


def test_a_daemon_that_does_not_know_a_verb_is_an_error(cli: Cli, state: Path) -> None:
    async def refuse(request: Request) -> Refusal:
        return Refusal(f"unknown verb {request.verb!r}")

    path = state / "local" / "gnomon.sock"
    ran = serving(path, lambda: cli("halt", "--state", state), refuse)
    assert (ran.code, ran.out, ran.err) == (69, "", "gnomon: unknown verb 'halt'\n")


@pytest.mark.parametrize(
    "command",
    [
        ("halt",),
        ("resume",),
        ("flatten",),
        ("rearm", "donchian"),
        ("wind-down", "BTC"),
        ("top",),
    ],
)
def test_a_command_for_a_daemon_that_is_not_there_fails_in_one_line(
    command: tuple[str, ...], cli: Cli, state: Path, tmp_path: Path
) -> None:
    ran = cli(*command, "--state", state)
    assert (ran.code, ran.out) == (69, "")
    assert ran.err.startswith("gnomon: no daemon answers at ") and ran.err.count("\n") == 1
    ran = cli(*command, "--state", tmp_path / "none")
    assert ran.code == 69 and ran.err.startswith("gnomon: no daemon has run here; ")
    assert cli(*command, "--state", state, "--mode", "papier").code == 2


def test_top_draws_for_as_long_as_the_daemon_answers(
    cli: Cli, state: Path, trading: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.screen.draw.REFRESH_S", 0.01)
    monkeypatch.setenv("FORCE_COLOR", "1")
    path = state / "local" / "gnomon.sock"

    async def main() -> Ran:
        enough, asks = asyncio.Event(), 0

        async def answer(request: Request) -> object:
            nonlocal asks
            asks += 1
            # Two questions a picture.
            if asks > 6:
                enough.set()
            return await trading.answers.answer(request)

        server = await control.serve(path, answer)
        task = asyncio.create_task(asyncio.to_thread(cli, "top", "--state", state))
        await asyncio.wait_for(enough.wait(), 10)
        server.close()
        path.unlink()
        return await asyncio.wait_for(task, 10)

    ran = asyncio.run(main())
    assert ran.code == 0 and "What just happened?" in ran.out and "direction" in ran.out


def test_what_each_stage_has_added_is_shown(cli: Cli, tmp_path: Path) -> None:
    planted = Planted()
    for level, kind in enumerate(("open", "direction", "phase_space", "limits")):
        planted.desks(kind, [(day, 4.0 + day, 0.5 * level * (day + 1)) for day in range(2)])
    planted.write(tmp_path / "local" / "gnomon.db", [])
    place = ("--state", tmp_path)
    stages = json.loads(cli("status", "--json", *place).out)["orchestration"]
    assert [s["stage"] for s in stages] == [
        "raw", "direction", "phase_space", "limits", "weights", "fills",
    ]  # fmt: skip
    assert [s["stage"] for s in stages if s["absent"]] == []
    assert all(s["days"] == 2 for s in stages) and stages[-1]["added"] == 0.0
    lines = cli("status", *place).out.splitlines()
    at = next(
        i
        for i, line in enumerate(lines)
        if line.startswith("What each stage added, a day over 2 days (R)")
    )
    assert [line.split()[0] for line in lines[at + 2 : at + 8]] == [
        "raw", "direction", "phase", "limits", "weights", "fills",
    ]  # fmt: skip
    fresh = cli("status", "--json", "--state", tmp_path / "none")
    assert json.loads(fresh.out)["orchestration"] == []

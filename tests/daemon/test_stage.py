"""A bot in the shadow stage: judged like any other, blocked by its stage, in nobody's figures."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter

from daemon.cli.control import print_status
from daemon.cli.shadow.report_files import Titled, write
from daemon.cli.shadow.shadow import _nothing
from daemon.config.load import parse
from daemon.views.report import report_lines
from daemon.views.status import status
from divisions.lane import Lane
from divisions.roster import DIVISIONS, discover, usual_stage
from market.decision import TradeKind
from market.errors import OperatorError
from market.events import NS_PER_S
from shadow.report.report import report
from shadow.store.check import broken_promises
from shadow.store.query import blocked_signals
from shadow.store.store import open_readonly
from tests.daemon import rig
from tests.support.daemons import StandIn
from tests.support.shadow import Puppet, Stage, rows_of

BY = ("filter", "division", "bot", "coin", "day")


def staged(**options: Any) -> Stage:
    """Return a desk on which alpha is admitted and nova is not."""
    stage = Stage(bots=[Puppet("alpha"), Puppet("nova")], staged=["nova"], **options)
    stage.book()
    return stage


def told(stage: Stage, *, seconds: float = 20.0, mid: float = 100.5) -> None:
    """Let what is open meet its horizon of ten seconds at another price."""
    stage.books(seconds, mid)


def test_its_signals_are_judged_by_every_filter_and_blocked_by_the_stage_alone() -> None:
    stage = staged()
    stage.signal("nova")
    (row,) = stage.rows.signals
    assert (row.verdict, row.failing, row.sole) == ("blocked", "stage", "stage")
    assert [(c.filter, c.mode, c.outcome) for c in stage.rows.checks] == [
        ("limit", "enforce", "pass"),
        ("stage", "enforce", "fail"),
    ]
    assert '[bots.nova] stage = "admit"' in stage.rows.checks[1].reason
    (phantom,) = stage.engine.branch.ledger.trades.values()
    assert (phantom.kind, phantom.cause, phantom.lots) == (TradeKind.PHANTOM, "stage", 1_000)
    assert stage.engine.branch.desk.gross_e6 == 0


def test_an_admitted_bot_beside_it_trades_as_before() -> None:
    stage = staged()
    stage.signal("nova")
    stage.signal("alpha")
    assert [row.verdict for row in stage.rows.signals] == ["blocked", "admitted"]


def test_a_repeat_of_it_is_no_row_and_another_blocker_is_one_on_the_same_phantom() -> None:
    stage = staged()
    first = stage.signal("nova")
    assert first is not None
    stage.wait(1)
    assert stage.signal("nova") is None
    stage.script(limit="fail")
    stage.wait(1)
    stage.signal("nova")
    assert [(row.failing, row.sole, row.trade_id) for row in stage.rows.signals] == [
        ("stage", "stage", first * 4 + TradeKind.PHANTOM),
        ("limit,stage", "", first * 4 + TradeKind.PHANTOM),
    ]


def test_it_is_shown_apart_and_in_no_row_of_any_report(tmp_path: Path) -> None:
    stage = staged()
    stage.signal("nova", horizon_s=10)
    stage.script(limit="fail")
    stage.signal("nova", -1, horizon_s=10)
    told(stage)
    path = stage.finish(tmp_path / "gnomon.db")
    (alone,) = rows_of(path, "SELECT * FROM trade WHERE side = 'buy'")
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        for by in BY:
            found = report(db, by=by)  # type: ignore[arg-type]
            assert [row for row in found.rows if row.blocked or row.fail_closed] == []
            assert (found.open_phantoms, found.unavailable) == (0, 0)
            (row,) = found.staged
            assert (row.name, row.mode, row.verdict) == ("nova", "stage", "NONE")
            assert (row.blocked, row.sole_blocked, row.episodes, row.days) == (2, 1, 1, 1)
            assert row.net_usd == pytest.approx(alone["net_e6"] / 1e6)
            assert row.mean_r == pytest.approx(alone["r"])
            assert getattr(report_lines(found)[-1], by) == "stage"


def test_its_filters_get_no_credit_for_it(tmp_path: Path) -> None:
    stage = staged()
    stage.script(limit="fail")
    stage.signal("nova", horizon_s=10)
    stage.signal("alpha", horizon_s=10)
    told(stage)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        (row,) = report(db, by="filter").rows
        assert (row.name, row.blocked, row.sole_blocked, row.shared_blocked) == ("limit", 1, 1, 0)
        (row,) = report(db, by="bot").rows
        assert (row.name, row.blocked) == ("alpha", 1)


def test_the_table_says_what_it_would_have_earned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = staged()
    stage.signal("nova", horizon_s=10)
    told(stage)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        write([Titled(report(db, by="filter"), "title")], "table", None)
        assert "shadow-only nova (not included above): 1 signals, 1 of" in capsys.readouterr().out
        write([Titled(report(db, by="filter"), "title")], "html", None)
        assert "shadow-only nova" in capsys.readouterr().out


def test_no_note_counts_how_far_filters_reach_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("risk.gate.REACH_WINDOW", 1)
    stage = staged()
    stage.signal("nova")
    reach = stage.engine.branch.gate.reach.values()
    assert [each.note for each in reach] == [""] * len(reach)
    stage.signal("alpha")
    assert {each.note for each in reach} == {"passed all of the last 1"}


def test_once_admitted_its_trade_is_not_set_off_against_what_was_withheld(tmp_path: Path) -> None:
    stage = staged()
    stage.signal("nova", horizon_s=30)
    stage.books(12)
    stage.engine.market.lanes["nova"].stage = "admit"
    stage.signal("nova", horizon_s=10)
    assert stage.rows.signals[-1].verdict == "admitted"
    told(stage, seconds=40)
    path = stage.finish(tmp_path / "gnomon.db")
    kinds = rows_of(path, "SELECT kind, cause, later_trade_id FROM trade ORDER BY trade_id")
    assert [(t["kind"], t["cause"], t["later_trade_id"]) for t in kinds] == [
        ("phantom", "stage", None),
        ("paper", "admit", None),
        ("twin", "admit", None),
    ]
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
        assert [row.name for row in report(db, by="filter").staged] == ["nova"]


def test_without_the_shadow_it_is_blocked_all_the_same(tmp_path: Path) -> None:
    stage = staged(shadow=False)
    stage.signal("nova", horizon_s=10)
    told(stage)
    path = stage.finish(tmp_path / "gnomon.db")
    assert [r["failing"] for r in rows_of(path, "SELECT failing FROM signal")] == ["stage"]
    assert rows_of(path, "SELECT * FROM trade") == []
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []


def test_its_phantom_is_taken_up_after_a_kill(tmp_path: Path) -> None:
    stage = staged()
    stage.open_store(tmp_path / "gnomon.db")
    stage.signal("nova", horizon_s=300)
    stage.books(3)
    stage.commit()
    again = stage.restart(1.0)
    (phantom,) = again.engine.branch.ledger.trades.values()
    assert phantom.cause == "stage"
    assert again.now_ns - phantom.decided_ns == 4 * NS_PER_S


# What people are shown.


def test_a_running_daemon_names_its_shadow_only_bots(capsys: pytest.CaptureFixture[str]) -> None:
    print_status(status(StandIn(staged().engine)))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("shadow-only")] == ["shadow-only: nova"]


def test_the_list_can_be_asked_for_the_stage_alone(tmp_path: Path) -> None:
    stage = staged()
    stage.signal("nova", horizon_s=10)
    stage.script(limit="fail")
    stage.signal("alpha", horizon_s=10)
    path = stage.finish(tmp_path / "gnomon.db")
    with closing(open_readonly(path)) as db:
        rows = blocked_signals(db, filter_="stage")
        assert [(row.bot, row.failing) for row in rows] == [("nova", "stage")]


def test_before_any_signal_the_stage_is_a_filter_that_may_be_named(tmp_path: Path) -> None:
    with closing(open_readonly(Stage().finish(tmp_path / "gnomon.db"))) as db:
        assert _nothing(db, "stage", None) == "no blocked signals"
        with pytest.raises(BadParameter):
            _nothing(db, "stages", None)


# The configuration.


def test_the_shipped_bots_are_admitted_and_whatever_else_is_found_is_not() -> None:
    admitted = [cls for cls in discover() if usual_stage(cls) == "admit"]
    per_division = [sum(cls.division == d for cls in admitted) for d in DIVISIONS]
    assert all(n >= least for n, least in zip(per_division, [6, 5, 5, 5, 5], strict=True))
    assert all(cls.admitted_as in (cls.name, "") for cls in discover())

    class Copied(discover()[0]):  # type: ignore[misc]
        """A shipped bot under another name."""

        name = "copied"

    assert usual_stage(discover()[0]) == "admit"
    assert usual_stage(Copied) == "shadow"


def test_one_line_changes_the_stage_and_the_hash() -> None:
    usual, shadowed = parse({}, "x"), parse({"bots": {"donchian": {"stage": "shadow"}}}, "x")
    assert usual.bots["donchian"]["stage"] == "admit"
    assert shadowed.bots["donchian"]["stage"] == "shadow"
    assert usual.hash() != shadowed.hash()


@pytest.mark.parametrize("value", ["live", "", 1, None, ["admit"]])
def test_a_stage_that_does_not_exist_is_refused(value: Any) -> None:
    with pytest.raises(OperatorError, match=r"donchian\.stage.*admit, shadow"):
        parse({"bots": {"donchian": {"stage": value}}}, "x")


def test_a_lane_is_admitted_unless_told() -> None:
    assert Lane(Puppet("alpha")).stage == "admit"


@pytest.mark.parametrize("stage", ["shadow", "admit"])
def test_only_an_admitted_bot_has_a_weight(stage: Any) -> None:
    lane = rig.probe(lambda memory, coin, view: None)
    lane.stage = stage
    scene = rig.Scene(coins=rig.PAIR, lanes=[lane])
    scene.advance(2)
    assert (lane.name in scene.engine.weighing.weights.bots) == (stage == "admit")
    assert scene.engine.weighing.weights.divisions

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.engine import snapshot
from market.decision import SELL, TradeKind
from market.events import Command, TradesUpdate
from risk.filter import NoSettings
from risk.halt import Halt
from shadow.ledger.trade import TradeState
from shadow.store.check import broken_promises
from shadow.store.store import Store, open_readonly
from tests.support.shadow import ETH, SOL, Puppet, Stage, flat, rows_of


def tell(stage: Stage, verb: Any, argument: str = "", source: str = "operator") -> str:
    outcome = stage.engine.step(Command(verb, argument, source, stage.now_ns))
    stage.rows.extend(outcome.rows)
    return outcome.reply


def alarms(stage: Stage) -> list[tuple[str, str]]:
    return [(row.kind, row.message) for row in stage.rows.alarms]


# Halts.


def test_a_halt_is_held_by_who_asked_for_it_with_the_reason() -> None:
    stage = Stage()
    stage.engine.out.dirty.clear()
    assert tell(stage, "halt", "news at two").startswith("entries halted; exits go on")
    tell(stage, "halt", "full", "disk")
    assert stage.engine.branch.desk.halts == {"operator": "news at two", "disk": "full"}
    assert "desk" in stage.engine.out.dirty
    assert alarms(stage) == [("halt", "operator: news at two"), ("halt", "disk: full")]


def test_a_halt_without_a_reason_has_one_anyway() -> None:
    stage = Stage()
    tell(stage, "halt")
    assert stage.engine.branch.desk.halts == {"operator": "asked to"}


def test_a_newer_reason_of_the_same_holder_replaces_the_older() -> None:
    stage = Stage()
    tell(stage, "halt", "one")
    tell(stage, "halt", "two")
    assert stage.engine.branch.desk.halts == {"operator": "two"}
    assert tell(stage, "resume") == "entries are open"


def test_everyone_lifts_only_their_own_halt() -> None:
    stage = Stage()
    tell(stage, "halt", "lunch")
    tell(stage, "halt", "full", "disk")
    tell(stage, "halt", "behind", "database")
    assert tell(stage, "resume") == "still halted by disk: full; database: behind"
    assert (
        tell(stage, "resume") == "nothing to resume; still halted by disk: full; database: behind"
    )
    assert tell(stage, "resume", "", "disk") == "still halted by database: behind"
    stage.engine.out.dirty.clear()
    assert tell(stage, "resume", "", "database") == "entries are open"
    assert stage.engine.branch.desk.halts == {}
    assert "desk" in stage.engine.out.dirty
    assert alarms(stage)[-1] == ("resume", "database: entries are open")


def test_resuming_what_was_never_halted_says_so_and_is_on_record() -> None:
    stage = Stage()
    assert tell(stage, "resume") == "nothing to resume; entries are open"
    assert alarms(stage) == [("resume", "operator: nothing to resume; entries are open")]


# The loss limit.


def latched() -> Stage:
    stage = Stage()
    desk = stage.engine.branch.desk
    desk.latched = "daily loss 3.0 %"
    desk.cash_e6 -= 30_000_000_000
    desk.open_e6 = 5_000_000
    return stage


def test_the_operator_releases_the_loss_limit_and_it_counts_from_there() -> None:
    stage = latched()
    desk = stage.engine.branch.desk
    assert tell(stage, "resume") == "entries are open"
    assert desk.latched == ""
    assert desk.day_start_e6 == desk.peak_e6 == desk.equity_e6 == 970_005_000_000
    assert desk.start_e6 == 1_000_000_000_000


def test_nobody_else_releases_it_or_says_that_entries_are_open() -> None:
    stage = latched()
    desk = stage.engine.branch.desk
    anchors = (desk.day_start_e6, desk.peak_e6)
    tell(stage, "halt", "full", "disk")
    assert tell(stage, "resume", "", "disk") == "still halted by daily loss 3.0 %"
    assert desk.latched
    assert (desk.day_start_e6, desk.peak_e6) == anchors
    assert alarms(stage)[-1] == ("resume", "disk: still halted by daily loss 3.0 %")


def test_releasing_the_loss_limit_leaves_the_halts_of_others() -> None:
    stage = latched()
    tell(stage, "halt", "full", "disk")
    assert tell(stage, "resume") == "still halted by disk: full"
    assert stage.engine.branch.desk.latched == ""
    assert stage.engine.branch.desk.halts == {"disk": "full"}


def test_resuming_a_halt_alone_moves_no_anchor() -> None:
    stage = Stage()
    desk = stage.engine.branch.desk
    tell(stage, "halt", "lunch")
    desk.open_e6 = -7_000_000
    tell(stage, "resume")
    assert desk.day_start_e6 == desk.peak_e6 == desk.start_e6 > desk.equity_e6


# Bots.


class Ear(Puppet):
    """A bot that counts what it is shown."""

    calls = 0

    def on_trades(self, *shown: Any) -> Any:
        self.calls += 1
        return super().on_trades(*shown)


def heard(stage: Stage, bot: str) -> bool:
    """Say whether a bot is shown what happens."""
    ear = stage.bots[bot]
    assert isinstance(ear, Ear)
    before = ear.calls
    stage.engine.step(TradesUpdate("SOL", [], stage.now_ns))
    return ear.calls > before


def faulted() -> Stage:
    stage = Stage(bots=[Ear("alpha"), Ear("beta")])
    for name in stage.bots:
        assert heard(stage, name)
    stage.engine.market.lanes["alpha"].fail(ValueError("planted"))
    stage.engine.market.resubscribe()
    assert not heard(stage, "alpha")
    return stage


def test_a_faulted_bot_is_put_back_with_fresh_memories_and_hears_again() -> None:
    stage = faulted()
    lanes = stage.engine.market.lanes
    old, kept = lanes["alpha"].memory("SOL"), lanes["beta"].memory("SOL")
    stage.engine.out.dirty.clear()
    assert tell(stage, "rearm", "alpha") == "alpha re-armed after ValueError: planted"
    assert lanes["alpha"].fault == ""
    assert lanes["alpha"].faults == 1, "that it failed is not forgotten"
    assert lanes["alpha"].memory("SOL") is not old
    assert lanes["beta"].memory("SOL") is kept
    assert "lane/alpha" in stage.engine.out.dirty
    assert "lane/beta" not in stage.engine.out.dirty
    assert alarms(stage) == [("rearm", "alpha re-armed after ValueError: planted")]
    assert heard(stage, "alpha")


def test_re_arming_takes_effect_before_the_next_event() -> None:
    stage = faulted()
    tell(stage, "rearm", "alpha")
    stage.book()
    assert stage.signal("alpha") is not None


def test_a_healthy_bot_may_be_re_armed_and_it_says_so() -> None:
    stage = Stage()
    assert tell(stage, "rearm", "alpha") == "alpha re-armed, it was healthy"


def test_an_unknown_bot_is_answered_with_those_there_are_and_changes_nothing() -> None:
    stage = faulted()
    stage.engine.out.dirty.clear()
    assert tell(stage, "rearm", "gamma") == "no bot 'gamma'; there are alpha, beta"
    assert alarms(stage) == []
    assert not stage.engine.out.dirty
    assert stage.engine.market.lanes["alpha"].fault


# Flatten.


def mixed(**more: Any) -> tuple[Stage, dict[str, int]]:
    """Return a desk with an open trade, one on its way out, one on its way in, and a phantom."""
    stage = Stage(bots=[Puppet(name) for name in ("alpha", "beta", "gamma", "delta")], **more)
    ids: dict[str, Any] = {}
    stage.book()
    ids["open"] = stage.signal("alpha")
    ids["leaving"] = stage.signal("beta", SELL)
    stage.script(limit="fail")
    ids["blocked"] = stage.signal("delta")
    stage.script(limit="pass")
    stage.books(1)
    stage.call_exit("beta", SELL)
    ids["pending"] = stage.signal("gamma")
    return stage, ids


def of(stage: Stage, signal_id: int) -> dict[int, tuple[int, str]]:
    """Return state and exit reason of a signal's trades that are not closed, by kind."""
    trades = stage.engine.branch.ledger.trades.values()
    return {t.kind: (t.state, t.exit_reason) for t in trades if t.signal_id == signal_id}


BOTH = (TradeKind.PAPER, TradeKind.TWIN)


def test_flatten_halts_entries_and_ends_what_the_desk_has_with_its_twins() -> None:
    stage, ids = mixed()
    stage.engine.out.dirty.clear()
    reply = tell(stage, "flatten")
    assert reply == (
        "entries halted; 1 trade told to exit, 1 entry called off; `gnomon resume` opens again"
    )
    assert stage.engine.branch.desk.halts == {"operator": "flatten"}
    assert "desk" in stage.engine.out.dirty
    assert alarms(stage)[-1] == ("flatten", f"operator: {reply}")
    assert of(stage, ids["open"]) == dict.fromkeys(BOTH, (TradeState.EXITING, "flatten"))
    assert of(stage, ids["leaving"]) == dict.fromkeys(BOTH, (TradeState.EXITING, "bot"))
    assert of(stage, ids["pending"]) == {}
    assert of(stage, ids["blocked"]) == {TradeKind.PHANTOM: (TradeState.OPEN, "")}


def test_what_was_flattened_is_sold_by_the_usual_rules_and_leaves_a_sound_book(
    tmp_path: Path,
) -> None:
    stage, ids = mixed()
    tell(stage, "flatten")
    stage.books(2, 100.5)
    assert not stage.engine.branch.settlement.real
    assert (
        stage.engine.branch.desk.gross_e6
        == stage.engine.branch.desk.net_e6
        == stage.engine.branch.desk.open_e6
        == 0
    )
    assert list(of(stage, ids["blocked"])) == [TradeKind.PHANTOM]
    path = stage.finish(tmp_path / "gnomon.db")
    found = rows_of(path, "SELECT * FROM trade WHERE kind <> 'phantom' ORDER BY trade_id")
    by = {name: [t for t in found if t["signal_id"] == ids[name]] for name in ids}
    assert [t["exit_reason"] for t in by["open"]] == ["flatten"] * 2
    assert [t["exit_reason"] for t in by["leaving"]] == ["bot"] * 2
    for pair in by["open"], by["leaving"]:
        assert pair[0]["net_e6"] == pair[1]["net_e6"] is not None
    for trade in by["pending"]:
        assert (trade["status"], trade["exit_reason"]) == ("closed", "UNAVAILABLE")
        assert trade["flags"] == "cancelled" and trade["net_e6"] is None
    events = rows_of(
        path, "SELECT event, detail FROM order_event WHERE trade_id = ? ORDER BY ts_ns",
        ids["pending"] * 4,
    )  # fmt: skip
    assert [tuple(e.values()) for e in events][1:] == [("entry_cancelled", "flatten")]
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []


def test_flattening_an_empty_desk_halts_all_the_same_and_can_be_repeated() -> None:
    stage = Stage()
    for _ in range(2):
        assert tell(stage, "flatten").startswith(
            "entries halted; 0 trades told to exit, 0 entries called off; "
        )
    assert tell(stage, "resume") == "entries are open"
    stage.book()
    assert stage.signal() is not None


def test_flatten_reaches_trades_whose_marks_are_interrupted() -> None:
    stage = Stage()
    stage.book()
    signal_id = stage.signal()
    assert signal_id is not None
    stage.books(1)
    stage.down()
    stage.wait(40)
    stage.second()
    assert stage.engine.branch.ledger.gaps.suspended["SOL"]
    tell(stage, "flatten")
    assert not stage.engine.branch.ledger.gaps.suspended["SOL"]
    stage.wait(60)
    stage.second()
    assert stage.engine.branch.settlement.real, "nobody can sell without a book"
    stage.up()
    stage.book(99.5)
    assert stage.engine.branch.settlement.real, "candles will tell what it got meanwhile"
    stage.candles(flat(0, 120_000, 99.0))
    assert not stage.engine.branch.ledger.trades
    closed = stage.rows.trade_updates[-1]
    assert (closed.exit_reason, closed.flags) == ("flatten", "gap,repaired")
    assert closed.exit_px < 99.0


@pytest.mark.parametrize("shadow", [True, False])
def test_what_was_told_to_exit_still_is_after_a_restart(shadow: bool, tmp_path: Path) -> None:
    stage = Stage(shadow=shadow)
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    stage.signal()
    stage.books(1)
    tell(stage, "flatten")
    stage.commit()
    fresh = stage.restart(3)
    assert fresh.engine.branch.desk.halts == {"operator": "flatten"}
    assert {t.exit_reason for t in fresh.engine.branch.ledger.trades.values()} == {"flatten"}
    fresh.book()
    assert not fresh.engine.branch.ledger.trades
    assert isinstance(fresh.store, Store)
    fresh.store.close()


def test_the_order_in_which_trades_are_listed_changes_nothing() -> None:
    """A state that was written and read back may list them otherwise."""

    def digest(*, turned: bool) -> str:
        stage, _ = mixed()
        ledger = stage.engine.branch.ledger
        if turned:
            raw = msgspec.json.decode(snapshot.whole(stage.engine))
            raw["trades"].reverse()
            fresh = Stage(bots=[Puppet(name) for name in stage.bots], now_ns=stage.now_ns)
            snapshot.restore(fresh.engine, msgspec.json.encode(raw))
            assert list(fresh.engine.branch.ledger.trades) == list(ledger.trades)[::-1]
            stage = fresh
        tell(stage, "flatten")
        stage.books(2)
        return stage.engine.digest

    assert digest(turned=True) == digest(turned=False)


# Coins that go.


def wound_down(stage: Stage, argument: str = "SOL the venue has delisted it") -> str:
    return tell(stage, "wind-down", argument, "venue")


@pytest.mark.parametrize("silent_s", [0, 40, 4_000])
def test_a_coin_that_goes_takes_everything_on_it_along_and_leaves_a_sound_book(
    silent_s: int, tmp_path: Path
) -> None:
    """Open, leaving, pending, blocked: whether the coin still has a book or lost it long ago."""
    stage, ids = mixed()
    if silent_s:
        stage.down()
        stage.wait(silent_s)
        stage.second()
    branch = stage.engine.branch
    reply = wound_down(stage)
    assert reply.startswith("SOL is wound down: 2 trades closed at the last mark, ")
    assert alarms(stage)[-1] == ("wind_down", f"venue: the venue has delisted it: {reply}")
    assert not branch.ledger.trades and not branch.settlement.real
    assert not branch.ledger.waiting["SOL"] and not branch.ledger.gaps.since()
    assert not any(len(marks) for marks in branch.ledger.marks.values())
    desk = branch.desk
    assert (desk.gross_e6, desk.net_e6, desk.open_e6) == (0, 0, 0)
    assert not any((*desk.by_coin.values(), *desk.by_division.values()))
    path = stage.finish(tmp_path / "gnomon.db")
    found = rows_of(path, "SELECT * FROM trade ORDER BY trade_id")
    assert {t["status"] for t in found} == {"closed"}
    bought = [t for t in found if t["net_e6"] is not None]
    assert {t["exit_reason"] for t in bought} == {"wound_down"}
    assert all("wound_down" in t["flags"] for t in bought) and len(bought) >= 5
    for name in ("open", "leaving"):
        pair = [t for t in bought if t["signal_id"] == ids[name]]
        assert pair[0]["exit_px"] == pair[1]["exit_px"] < 100.5, "leaving costs what it costs"
    with closing(open_readonly(path)) as db:
        assert broken_promises(db) == []
    sums = "SELECT SUM(entries) AS n, SUM(ABS(net_e6)) AS net FROM rollup WHERE filter <> ''"
    sums += " AND mode <> 'left_out'"
    assert [tuple(r.values()) for r in rows_of(path, sums)] == [(0, 0)], "in no verdict"


def test_of_a_coin_that_went_no_bot_hears_and_nothing_is_opened_on_it() -> None:
    stage = Stage()
    stage.book()
    wound_down(stage)
    assert stage.engine.market.coins["SOL"].why_closed == "venue: the venue has delisted it"
    outcomes = len(stage.outcomes)
    for _ in range(200):
        stage.wait(1)
        stage.book()
        stage.second()
    stage.candles(flat(0, 180_000))
    assert not stage.engine.market.coins["SOL"].book.ok
    assert not any(o.rows.signals or o.requests or o.lenses for o in stage.outcomes[outcomes:])
    assert [r for r in stage.up().requests if r.coin == "SOL"] == []


def test_the_other_coins_go_on() -> None:
    stage = Stage(instruments=[SOL, ETH])
    stage.book()
    stage.book(coin="ETH")
    kept = stage.signal(coin="ETH")
    stage.signal()
    stage.books(2)
    stage.book(coin="ETH")
    wound_down(stage)
    assert {t.coin for t in stage.engine.branch.ledger.trades.values()} == {"ETH"}
    assert stage.engine.branch.desk.by_coin["SOL"] == 0
    assert stage.engine.branch.desk.gross_e6 == stage.trade(kept, TradeKind.PAPER).exposed_e6 > 0


def test_what_the_operator_wound_down_stays_so_until_they_open_it_and_start_again(
    tmp_path: Path,
) -> None:
    stage = Stage()
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    assert tell(stage, "wind-down", "SOL").startswith("SOL is wound down: 0 trades closed")
    stage.commit()
    again = stage.restart(60)
    coin = again.engine.market.coins["SOL"]
    assert coin.closed == {"operator": "asked to"}
    assert tell(again, "resume", "SOL") == "SOL is traded again from the next start on"
    assert coin.closed, "nobody listens to it yet"
    assert tell(again, "resume", "SOL") == "SOL was not wound down by the operator"
    again.commit()
    assert not again.restart(60).engine.market.coins["SOL"].closed


def test_what_the_venue_took_is_asked_of_the_venue_at_the_next_start(tmp_path: Path) -> None:
    stage = Stage()
    stage.open_store(tmp_path / "gnomon.db")
    wound_down(stage)
    stage.commit()
    assert not stage.restart(60).engine.market.coins["SOL"].closed


def test_only_a_coin_that_is_here_can_be_wound_down() -> None:
    stage = Stage()
    assert tell(stage, "wind-down", "NOPE") == "no coin 'NOPE' is traded here; there are SOL"
    assert not alarms(stage)


# Of a bot or a coin alone.

HALT = Halt(NoSettings(), "enforce")


def scoped(stage: Stage, verb: Any, argument: str = "", *, bot: str = "", coin: str = "") -> str:
    command = Command(verb, argument, "operator", stage.now_ns, bot, coin)
    outcome = stage.engine.step(command)
    stage.rows.extend(outcome.rows)
    return outcome.reply


def test_a_halted_bot_is_blocked_by_halt_and_the_others_trade_on() -> None:
    stage = Stage(bots=[Puppet("alpha"), Puppet("beta")], real=[HALT])
    stage.book()
    reply = scoped(stage, "halt", "it loses", bot="alpha")
    assert reply == (
        "entries of bot alpha halted; exits go on; `gnomon resume --bot alpha` opens again"
    )
    assert alarms(stage) == [("halt", "operator: it loses (entries of bot alpha)")]
    stage.signal("alpha")
    assert (stage.engine.vitals.blocked, stage.engine.vitals.admitted) == (1, 0)
    assert stage.engine.vitals.blocked_by == {"halt": 1}
    stage.signal("beta")
    assert stage.engine.vitals.admitted == 1
    assert tell(stage, "resume") == (
        "nothing to resume; entries are open, but not of bot alpha (operator: it loses)"
    )
    opened = scoped(stage, "resume", bot="alpha")
    assert opened == "the halt of bot alpha is lifted; entries are open"
    assert stage.engine.branch.desk.scopes == {}
    assert scoped(stage, "resume", bot="alpha") == "bot alpha was not halted; entries are open"


def test_flattening_a_bot_ends_its_trades_alone_and_keeps_it_shut() -> None:
    stage, ids = mixed(real=[HALT])
    reply = scoped(stage, "flatten", bot="alpha")
    assert reply == (
        "entries of bot alpha halted; 1 trade told to exit, 0 entries called off; "
        "`gnomon resume --bot alpha` opens again"
    )
    assert of(stage, ids["open"]) == dict.fromkeys(BOTH, (TradeState.EXITING, "flatten"))
    assert of(stage, ids["pending"]) == dict.fromkeys(BOTH, (TradeState.PENDING, ""))
    desk = stage.engine.branch.desk
    assert (desk.halts, desk.scopes) == ({}, {"alpha|": "operator: flatten"})
    stage.books(30)
    assert of(stage, ids["open"]) == {}
    stage.signal("alpha")
    assert stage.engine.vitals.blocked_by["halt"] == 1


def test_flattening_a_coin_leaves_the_others() -> None:
    stage = Stage(instruments=[SOL, ETH])
    for coin in ("SOL", "ETH"):
        stage.book(coin=coin)
        stage.signal(coin=coin)
    stage.books(2)
    stage.book(coin="ETH")
    scoped(stage, "flatten", coin="SOL")
    trades = stage.engine.branch.ledger.trades.values()
    assert {(t.coin, t.exit_reason) for t in trades} == {("SOL", "flatten"), ("ETH", "")}


@pytest.mark.parametrize("verb", ["halt", "resume", "flatten"])
def test_who_is_not_here_is_neither_halted_nor_flattened(verb: str) -> None:
    stage = Stage()
    stage.book()
    stage.engine.out.dirty.clear()
    assert scoped(stage, verb, bot="gamma").startswith("no bot 'gamma'; there are alpha")
    assert scoped(stage, verb, coin="NOPE").startswith("no coin 'NOPE' is traded here; there are")
    assert not alarms(stage)
    assert stage.engine.branch.desk.scopes == stage.engine.branch.desk.halts == {}


def test_a_halted_bot_is_halted_after_a_restart_and_in_a_whole_snapshot(tmp_path: Path) -> None:
    stage = Stage(bots=[Puppet("alpha"), Puppet("beta")], real=[HALT])
    stage.open_store(tmp_path / "gnomon.db")
    stage.book()
    scoped(stage, "halt", bot="alpha", coin="SOL")
    stage.commit()
    fresh = Stage(bots=[Puppet("alpha"), Puppet("beta")], now_ns=stage.now_ns)
    snapshot.restore(fresh.engine, snapshot.whole(stage.engine))
    again = stage.restart(3, real=[HALT])
    for other in (fresh, again):
        assert other.engine.branch.desk.scopes == {"alpha|SOL": "operator: asked to"}
    again.book()
    again.signal("alpha")
    assert again.engine.vitals.blocked_by == {"halt": 1}
    assert isinstance(again.store, Store)
    again.store.close()

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from daemon.engine.admission import CADENCE_NS_UNKNOWN, SIGNALS_MAX
from daemon.engine.factory import policy_text
from market.decision import BUY, SELL, Mode, Signal, TradeKind, Verdict
from market.errors import InvariantBroken
from market.events import NS_PER_S, TradesUpdate
from market.fills import FillModel
from risk import gate
from shadow.ledger.trade import Tag
from shadow.store.rollup import TWIN
from shadow.store.rows import to_json
from shadow.store.tables.decisions import CheckRow
from shadow.store.tables.trades import RepeatsUpdate
from tests.support.rows import cells
from tests.support.shadow import ETH, MODEL, SOL, T0, Puppet, Stage, quoted, said, short_plan

PAPER, BOTH, PHANTOM, REST = TradeKind.PAPER, TradeKind.TWIN, TradeKind.PHANTOM, TradeKind.CLAMPED
USD = 10**6
CAPS = {"limit": "enforce", "cap": "enforce", "wide": "enforce"}


def judged(stage: Stage) -> int:
    """Return how often the gate was asked."""
    return next(iter(stage.filters.values())).asked


def test_ids_count_up_from_the_number_of_their_event() -> None:
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    for side in (BUY, SELL):
        stage.wait(1)
        for bot in stage.bots.values():
            stop = 100.0 - side
            bot.next = said(side=side, conviction=0.01, plan=short_plan(stop_px=stop))
        stage.step(TradesUpdate("SOL", []))
    seqs = [row.seq for row in stage.rows.signals]
    assert seqs == [2, 2, 3, 3]
    ids = [row.signal_id for row in stage.rows.signals]
    assert ids == [2 * SIGNALS_MAX, 2 * SIGNALS_MAX + 1, 3 * SIGNALS_MAX, 3 * SIGNALS_MAX + 1]
    assert {row.trade_id for row in stage.rows.trades} == {
        i * 4 + k for i in ids for k in (PAPER, BOTH)
    }
    assert [row.trade_id for row in stage.rows.signals] == [i * 4 + PAPER for i in ids]


def test_an_event_with_more_signals_than_ids_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.engine.admission.SIGNALS_MAX", 1)
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    assert stage.signal("alpha") is not None
    assert stage.signal("beta") is not None, "each event has its own"
    for name in stage.bots:
        stage.bots[name].next = said(side=SELL, conviction=0.01, plan=short_plan(stop_px=101.0))
    with pytest.raises(InvariantBroken):
        stage.step(TradesUpdate("SOL", []))


def test_rows_are_encoded_once_every_intent_of_the_step_is_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = quoted(bots=[Puppet("alpha"), Puppet("beta")])
    out = stage.engine.out
    intents: list[int] = []

    def counted(value: object) -> str:
        intents.append(len(out.outcome.intents))
        return to_json(value)

    monkeypatch.setattr("shadow.store.rows.to_json", counted)
    for bot in stage.bots.values():
        bot.next = said(conviction=0.01)
    outcome = stage.step(TradesUpdate("SOL", []))
    assert len(outcome.intents) == len(outcome.rows.signals) == 2
    assert set(intents) == {2}, "those of both signals, before the first of them is written"


# Sizing.


def test_a_bot_decides_neither_its_size_nor_its_name() -> None:
    stage = quoted(equity_usd=1_000_000.0)
    word = said(conviction=0.001)
    before = msgspec.json.encode(word)
    stage.say("alpha", word)
    assert msgspec.json.encode(word) == before, "another desk may size the same signal otherwise"
    (row,) = stage.rows.signals
    assert (row.bot, row.division) == ("alpha", "trend")
    # A thousandth of the equity at the volatility aimed at, a dollar a lot.
    assert cells(row, "requested_lots lots notional_e6") == (1_000, 1_000, 1_000 * USD)


def test_size_follows_conviction_and_what_the_desk_is_worth_now() -> None:
    sizes = {}
    for conviction, equity in ((0.001, 1e6), (0.002, 1e6), (0.001, 5e5)):
        stage = quoted(equity_usd=1e6)
        stage.engine.branch.desk.cash_e6 = round(equity * 1e6)
        stage.say("alpha", said(conviction=conviction))
        sizes[conviction, equity] = stage.rows.signals[0].requested_lots
    assert sizes == {(0.001, 1e6): 1_000, (0.002, 1e6): 2_000, (0.001, 5e5): 500}


# Episodes.


def test_a_refusal_said_again_leaves_nothing_but_a_count() -> None:
    stage = quoted()
    stage.script(limit="fail")
    first = stage.signal()
    before = stage.engine.vitals.blocked
    for _ in range(3):
        stage.wait(1)
        assert stage.signal() is None
    key = stage.engine.branch.keys["alpha|SOL|1"]
    assert (key.repeats, key.phantom_id) == (3, stage.trade(first, PHANTOM).trade_id)
    assert [len(stage.rows.signals), len(stage.rows.checks), len(stage.rows.trades)] == [1, 1, 1]
    assert stage.engine.vitals.blocked == before == 1
    assert stage.engine.vitals.signals == {"alpha": 1}
    asked = stage.engine.branch.gate.reach["limit"].asked
    assert asked == 1, "a filter's reach is of rows, not of words"


def test_another_failing_set_is_a_row_on_the_same_phantom() -> None:
    stage = quoted(filters={"a": "enforce", "b": "enforce"})
    ids = []
    for says in ({"a": "fail"}, {"a": "fail", "b": "fail"}, {"b": "no_data"}, {"a": "fail"}):
        stage.script(**{"a": "pass", "b": "pass", **says})  # type: ignore[arg-type]
        ids.append(stage.signal())
        stage.wait(1)
    assert None not in ids
    phantom = stage.trade(ids[0], PHANTOM)
    assert [cells(row, "failing sole fail_closed") for row in stage.rows.signals] == [
        ("a", "a", 0), ("a,b", "", 0), ("b", "", 1), ("a", "a", 0),
    ]  # fmt: skip
    assert {row.trade_id for row in stage.rows.signals} == {phantom.trade_id}
    assert list(stage.engine.branch.ledger.trades) == [phantom.trade_id]
    assert phantom.tags == [Tag("a", "enforce", "sole"), Tag("", "score", "limits")]
    assert stage.engine.vitals.blocked == 4
    assert stage.engine.vitals.blocked_by == {"a": 3, "b": 2}
    assert stage.engine.vitals.phantoms == 1


def test_an_admission_while_the_phantom_is_open_is_written_on_both() -> None:
    stage = quoted()
    stage.script(limit="fail")
    phantom = stage.trade(stage.signal(), PHANTOM)
    stage.books(2)
    stage.script(limit="pass")
    stage.engine.out.dirty.clear()
    admitted = stage.signal()
    real = stage.trade(admitted, PAPER)
    assert (phantom.later_trade_id, real.earlier_trade_id) == (real.trade_id, phantom.trade_id)
    (update,) = [r for r in stage.outcomes[-1].rows.trade_updates if r.trade_id == phantom.trade_id]
    assert update.later_trade_id == real.trade_id
    assert {f"trade/{phantom.trade_id}", f"trade/{real.trade_id}"} <= stage.engine.out.dirty.keys()
    assert stage.trade(admitted, BOTH).earlier_trade_id == 0, "the twin is nobody's sequel"
    assert (stage.engine.vitals.admitted, stage.engine.vitals.blocked) == (1, 1)


def test_repeats_stay_with_the_trade_they_repeated() -> None:
    stage = quoted()
    stage.script(limit="fail")
    phantom = stage.trade(stage.signal(), PHANTOM)
    for _ in range(2):
        stage.wait(1)
        stage.signal()
    stage.script(limit="pass")
    real = stage.trade(stage.signal(), PAPER)
    assert stage.outcomes[-1].rows.repeats == [RepeatsUpdate(2, phantom.trade_id)]
    key = stage.engine.branch.keys["alpha|SOL|1"]
    assert (key.last_id, key.repeats) == (real.trade_id, 0)


def test_a_trade_that_followed_no_open_phantom_is_bound_to_none() -> None:
    stage = quoted()
    stage.script(limit="fail")
    stage.signal(horizon_s=3)
    stage.books(8)
    assert not stage.engine.branch.ledger.trades
    stage.script(limit="pass")
    real = stage.trade(stage.signal(), PAPER)
    assert real.earlier_trade_id == 0
    assert {
        row.later_trade_id for row in stage.rows.trade_updates if row.trade_id % 4 == PHANTOM
    } == {None}


def test_while_its_trade_is_open_a_key_is_not_judged() -> None:
    stage = quoted()
    real = stage.signal()
    asked = judged(stage)
    stage.script(limit="fail")
    for _ in range(3):
        stage.books(20)
        assert stage.signal() is None
    assert judged(stage) == asked
    assert stage.engine.vitals.blocked == 0
    assert stage.engine.branch.keys["alpha|SOL|1"].last_id == stage.trade(real, PAPER).trade_id
    assert stage.signal(side=SELL) is not None, "the other side is a key of its own"


@pytest.mark.parametrize("says", ["fail", "pass"])
def test_after_a_close_only_silence_arms_the_key_again(says: Any) -> None:
    stage = quoted()
    stage.script(limit=says)
    first = stage.signal(horizon_s=3)
    for seconds in (6, 10, 10):
        stage.books(seconds)
        assert not stage.engine.branch.ledger.trades
        assert stage.signal(horizon_s=3) is None, "a tick bot's bar of silence must be over"
    stage.books(11)
    again = stage.signal(horizon_s=3)
    assert again is not None
    assert again != first
    assert [row.verdict for row in stage.rows.signals] == [
        {"fail": "blocked", "pass": "admitted"}[says]
    ] * 2


def test_all_signals_of_an_episode_are_judged_by_the_time_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = quoted()
    opened = []
    judge: Callable[..., Verdict] = stage.engine.branch.gate.judge

    def watched(given: Signal, view: Any) -> Verdict:
        opened.append((view.opened_ns - T0) // NS_PER_S)
        return judge(given, view)

    monkeypatch.setattr(stage.engine.branch.gate, "judge", watched)
    stage.script(limit="fail")
    stage.signal(horizon_s=25)
    for _ in range(4):
        stage.books(4)
        stage.signal()
    stage.books(30)
    stage.signal()
    # One draw of the placebo for the first five, another one after the silence.
    assert opened == [0] * 5 + [46]


# Clamps.


def test_a_cap_with_some_room_clamps_and_shadows_what_it_cut() -> None:
    stage = quoted(filters=CAPS)
    stage.filters["cap"].room_e6 = 400 * USD
    admitted = stage.signal(lots=1_000)
    row = stage.rows.signals[-1]
    assert (row.verdict, row.failing) == ("admitted", "")
    assert cells(row, "requested_lots lots notional_e6") == (1_000, 400, 1_000 * USD)
    assert json.loads(row.clamps) == [{"filter": "cap", "before_lots": 1_000, "after_lots": 400}]
    sizes = {(t.kind, t.cause): t.asked_lots for t in stage.rows.trades}
    assert sizes == {("paper", "admit"): 400, ("twin", "admit"): 400, ("phantom", "clamp"): 600}
    rest = stage.trade(admitted, REST)
    assert (rest.skip_lots, rest.tags) == (400, [Tag("cap", "enforce", "clamped")])
    assert stage.engine.branch.desk.by_coin == {"SOL": 400 * USD}
    # The remainder buys what the admitted part left on the levels.
    stage.wait(1)
    stage.book(bids=[(99.9, 1e4)], asks=[(100.0, 5.0), (100.2, 9.0)])
    assert stage.trade(admitted, PAPER).entry_notional_e6 == 400 * USD
    assert rest.entry_notional_e6 == 100 * USD + 501 * USD
    assert stage.engine.vitals.phantoms == 0, "no episode of its own"


def test_caps_that_cut_one_after_the_other_leave_one_remainder() -> None:
    stage = quoted(filters=CAPS)
    stage.filters["cap"].room_e6 = 700 * USD
    stage.filters["wide"].room_e6 = 400 * USD
    admitted = stage.signal(lots=1_000)
    assert json.loads(stage.rows.signals[-1].clamps) == [
        {"filter": "cap", "before_lots": 1_000, "after_lots": 700},
        {"filter": "wide", "before_lots": 700, "after_lots": 400},
    ]
    rest = stage.trade(admitted, REST)
    assert rest.lots == 600
    assert [tag.filter for tag in rest.tags] == ["cap", "wide"]
    assert {t.kind for t in stage.engine.branch.ledger.trades.values()} == {PAPER, BOTH, REST}


def test_a_phantom_has_the_size_after_the_clamps_of_those_that_did_not_block() -> None:
    stage = quoted(filters=CAPS)
    stage.filters["cap"].room_e6 = 400 * USD
    stage.filters["wide"].room_e6 = 100 * USD
    stage.script(limit="fail", wide="fail")
    phantom = stage.trade(stage.signal(lots=1_000), PHANTOM)
    assert phantom.lots == 400
    assert list(stage.engine.branch.ledger.trades) == [phantom.trade_id], "nothing was cut off"
    assert [tag.scope for tag in phantom.tags] == ["shared", "shared", "limits"]
    assert stage.engine.branch.desk.gross_e6 == 0


def test_room_for_all_clamps_nothing() -> None:
    stage = quoted(filters=CAPS)
    stage.filters["cap"].room_e6 = 1_000 * USD
    admitted = stage.signal(lots=1_000)
    assert stage.rows.signals[-1].clamps == "[]"
    assert stage.trade(admitted, PAPER).lots == 1_000
    assert len(stage.rows.trades) == 2


# Patience.


@pytest.mark.parametrize("beats", [0, 6])
def test_an_entry_waits_for_a_book_two_of_its_streams_beats_and_no_longer(beats: int) -> None:
    stage = quoted()
    stage.books(beats, every=0.5)
    pulse = stage.engine.market.coins["SOL"].streams.pulse()
    assert (pulse is not None) == (beats > 0)
    beat_ns = CADENCE_NS_UNKNOWN if pulse is None else pulse[1].peak_ns
    trade = stage.trade(stage.signal(), PAPER)
    assert trade.due_ns - trade.decided_ns == MODEL.latency_ns
    assert trade.expires_ns - trade.due_ns == int(2 * beat_ns) > 0


# Twins.


def test_a_twin_is_the_same_order_with_nobodys_money() -> None:
    stage = quoted(filters={"limit": "enforce", "watch": "observe", "blind": "observe"})
    stage.script(watch="fail", blind="no_data")
    admitted = stage.signal(lots=700, target=2.0, trail=0.5)
    paper, twin = (stage.trade(admitted, kind) for kind in (PAPER, BOTH))
    for name in ("lots", "side", "plan", "due_ns", "expires_ns", "decision_mid", "stop_px", "key"):
        assert getattr(paper, name) == getattr(twin, name), name
    assert paper.tags == []
    assert twin.tags == [TWIN, Tag("watch", "observe", "sole")]
    assert stage.engine.branch.settlement.real == {paper.trade_id: paper}
    assert stage.engine.branch.desk.gross_e6 == 700 * USD
    assert [(row.trade_id, row.event) for row in stage.rows.order_events] == [
        (paper.trade_id, "entry_sent")
    ]
    counted = cells(stage.rows.rollups[0], "filter mode scope bot signals")
    assert counted == ("watch", "observe", "sole", "alpha", 1)


def test_without_the_shadow_decisions_are_written_and_nothing_hypothetical_is() -> None:
    stage = quoted(filters=CAPS, shadow=False)
    stage.script(limit="fail")
    stage.signal()
    stage.books(2)
    stage.script(limit="pass")
    stage.filters["cap"].room_e6 = 400 * USD
    admitted = stage.signal(lots=1_000)
    stage.books(2)
    assert [row.verdict for row in stage.rows.signals] == ["blocked", "admitted"]
    assert [row.trade_id for row in stage.rows.signals] == [
        None,
        stage.trade(admitted, PAPER).trade_id,
    ]
    assert len(stage.rows.checks) == 6
    assert [(t.kind, t.asked_lots) for t in stage.rows.trades] == [("paper", 400)]
    assert {row.trade_id % 4 for row in stage.rows.trade_updates} == {PAPER}
    assert stage.trade(admitted, PAPER).earlier_trade_id == 0
    assert stage.engine.vitals.phantoms == 0


# What is frozen on the row.


def test_every_filter_s_finding_is_kept_with_its_version() -> None:
    filters: dict[str, Mode] = {"limit": "enforce", "watch": "observe", "unused": "off"}
    stage = quoted(filters=filters, versions={"watch": 3})
    stage.script(limit="fail", watch="fail")
    blocked = stage.signal()
    assert stage.rows.checks == [
        CheckRow(blocked, "limit", "enforce", "fail", 0.5, 1.0, "the script says so", 1),
        CheckRow(blocked, "watch", "observe", "fail", 0.5, 1.0, "the script says so", 3),
    ]
    row = stage.rows.signals[-1]
    assert (row.config_hash, row.policy_hash) == ("config", "policy")
    assert json.loads(row.book) == {"bids": [[99.99, 1e6]], "asks": [[100.01, 1e6]]}


def test_a_filter_that_passes_none_or_all_is_noted_and_no_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "REACH_WINDOW", 2)
    stage = quoted(filters={"limit": "enforce", "loose": "enforce"})
    stage.script(limit="fail")
    said: list[str] = []
    monkeypatch.setattr(stage.engine.out, "note", said.append)
    stage.signal(side=BUY)
    assert said == []
    stage.signal(side=SELL)
    assert said == ["limit passed none of the last 2", "loose passed all of the last 2"]
    assert (stage.rows.alarms, stage.engine.vitals.alarms) == ([], 0)


def test_the_policy_names_all_that_a_hypothetical_order_s_fate_depends_on() -> None:
    same = policy_text(MODEL, 0.005)
    assert same == policy_text(FillModel.of(latency_ms=400.0, taker_bps=4.5, maker_bps=1.5), 0.005)
    others = {
        policy_text(FillModel.of(latency_ms=401.0, taker_bps=4.5, maker_bps=1.5), 0.005),
        policy_text(FillModel.of(latency_ms=400.0, taker_bps=4.4, maker_bps=1.5), 0.005),
        policy_text(FillModel.of(latency_ms=400.0, taker_bps=4.5, maker_bps=1.4), 0.005),
        policy_text(MODEL, 0.006),
    }
    assert len(others) == 4
    assert same not in others


# The vote.


def vote_of(row: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.vote)
    return found


def test_a_signal_is_judged_with_the_vote_of_all_that_has_been_said_of_its_coin() -> None:
    bots = [Puppet("alpha", "trend"), Puppet("beta", "flow"), Puppet("gamma", "carry")]
    stage = quoted(bots=bots, instruments=(SOL, ETH))
    stage.book(coin="ETH")
    stage.signal("alpha", BUY)
    stage.signal("beta", SELL)
    stage.signal("gamma", BUY, coin="ETH")
    first, second, third = map(vote_of, stage.rows.signals)
    assert set(first["divisions"]) == {"trend"} and first["disagreement"] == 0.0
    assert set(second["divisions"]) == {"trend", "flow"}
    assert second["disagreement"] == pytest.approx(1.0) and second["value"] == pytest.approx(0.0)
    assert set(third["divisions"]) == {"carry"}
    assert second["divisions"]["trend"]["bots"]["alpha"]["reason"] == "told to"


def test_a_repeat_renews_an_opinion_and_an_exit_call_ends_it() -> None:
    stage = quoted(bots=[Puppet("alpha", "trend"), Puppet("beta", "flow")])
    stage.signal("alpha", horizon_s=60)
    stage.books(45)
    assert stage.signal("alpha", horizon_s=60) is None
    stage.books(45)
    stage.signal("beta", SELL)
    assert set(vote_of(stage.rows.signals[-1])["divisions"]) == {"trend", "flow"}
    stage.call_exit("alpha")
    stage.books(30)
    stage.signal("beta", BUY)
    assert set(vote_of(stage.rows.signals[-1])["divisions"]) == {"flow"}

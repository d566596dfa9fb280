from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import ALICE, BOB, Bench, cancel, limit, stop
from venue.local.exchange.views import answers
from venue.local.exchange.views.answers import KINDS
from venue.local.market.frames import encode
from venue.local.protocol.refused import Refused

NOBODY = "0x" + "9" * 40


def busy() -> Bench:
    bench = Bench()
    bench.rest(BOB, "BTC", "sell", "100000", "1")
    bench.rest(BOB, "BTC", "sell", "100001", "1")
    bench.take(ALICE, "BTC", "buy", "100001", "1.5")
    bench.rest(ALICE, "BTC", "buy", "99000", "1", cloid="0x" + "7" * 32)
    bench.place(ALICE, stop("BTC", "sell", "90000", "1", "95000"))
    return bench


def ask(bench: Bench, kind: str, **more: object) -> object:
    return answers.answer(bench.exchange, kind, {"user": ALICE, **more}, bench.now_ms)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("user", [ALICE, NOBODY, ALICE.upper().replace("X", "x")])
def test_every_question_has_an_answer_that_can_be_written(kind: str, user: str) -> None:
    more = {"coin": "BTC", "oid": 1, "startTime": 0, "builder": BOB}
    assert encode(ask(busy(), kind, **{**more, "user": user}))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(
        st.sampled_from(("user", "coin", "oid", "startTime", "endTime", "dex", "builder",
                         "aggregateByTime", "reversed")),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4),
                  st.just(ALICE), st.just("BTC"), st.lists(st.integers(), max_size=2)),
    ),
)  # fmt: skip
def test_a_wild_question_is_answered_or_refused(kind: str, question: dict) -> None:
    bench = Bench(ALICE)
    try:
        encode(answers.answer(bench.exchange, kind, question, bench.now_ms))
    except Refused as refused:
        assert refused.status in (422, 500)


def test_an_unknown_question_is_refused() -> None:
    with pytest.raises(Refused):
        ask(busy(), "fly")


def test_open_orders_are_the_newest_first_and_triggers_look_like_reducing_limits() -> None:
    first, second = ask(busy(), "openOrders")
    assert (first["limitPx"], first["reduceOnly"], second["cloid"]) == (
        "90000.0", True, "0x" + "7" * 32,
    )  # fmt: skip
    (trigger, _) = ask(busy(), "frontendOpenOrders")
    assert (trigger["orderType"], trigger["triggerPx"]) == ("Stop Market", "95000.0")


def test_pending_children_show_inside_their_parent() -> None:
    bench = Bench()
    family = [limit("BTC", "buy", "99000", "1"), stop("BTC", "sell", "90000", "1", "95000")]
    bench.place(ALICE, *family, grouping="normalTpsl")
    (row,) = ask(bench, "frontendOpenOrders")
    assert [child["triggerPx"] for child in row["children"]] == ["95000.0"]
    assert len(ask(bench, "openOrders")) == 1


def test_an_orders_status_is_found_by_number_and_by_cloid() -> None:
    bench = busy()
    seen = ask(bench, "orderStatus", oid="0x" + "7" * 32)
    assert seen["status"] == "order" and seen["order"]["status"] == "open"
    oid = seen["order"]["order"]["oid"]
    bench.act(ALICE, cancel("BTC", oid))
    assert ask(bench, "orderStatus", oid=oid)["order"]["status"] == "canceled"
    assert ask(bench, "orderStatus", oid=3) == {"status": "unknownOid"}
    assert ask(bench, "orderStatus", oid=oid, user=BOB) == {"status": "unknownOid"}


def test_fills_are_newest_first_by_account_and_oldest_first_by_time() -> None:
    bench = busy()
    assert [f["px"] for f in ask(bench, "userFills")] == ["100001.0", "100000.0"]
    by_time = ask(bench, "userFillsByTime", startTime=0)
    assert [f["px"] for f in by_time] == ["100000.0", "100001.0"]
    assert ask(bench, "userFillsByTime", startTime=bench.now_ms + 1) == []
    (joined,) = ask(bench, "userFills", aggregateByTime=True)
    assert (joined["sz"], joined["px"]) == ("1.5", "100000.33")
    assert joined["fee"] == "67.50023" or float(joined["fee"]) == pytest.approx(67.500225, abs=2e-6)


def test_rejected_orders_are_part_of_history() -> None:
    bench = busy()
    bench.refused(ALICE, limit("BTC", "buy", "99000", "0"))
    statuses = [row["status"] for row in ask(bench, "historicalOrders")]
    assert sorted(statuses) == ["filled", "open", "open", "rejected"]


def test_the_rate_limit_counts_requests_and_volume() -> None:
    seen = ask(busy(), "userRateLimit")
    assert seen == {
        "cumVlm": "150000.5",
        "nRequestsUsed": 3,
        "nRequestsCap": 160_000,
        "nRequestsSurplus": 0,
    }


def test_fees_are_those_of_the_base_tier_at_first() -> None:
    seen = ask(busy(), "userFees")
    assert (seen["userCrossRate"], seen["userAddRate"]) == ("0.00045", "0.00015")
    assert len(seen["dailyUserVlm"]) == 15
    assert seen["dailyUserVlm"][-1]["userCross"] == "150000.5"


def test_roles_and_modes() -> None:
    bench = busy()
    assert ask(bench, "userRole") == {"role": "user"}
    assert ask(bench, "userRole", user=NOBODY) == {"role": "missing"}
    assert ask(bench, "userAbstraction") == "disabled"

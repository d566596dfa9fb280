from __future__ import annotations

import json
from typing import Any

import pytest

from tests.venue.local.tiny import AGENT, FUNDING, USER, Tiny, fill_row, floor, order_row
from venue.local.exchange.state.notes import Note
from venue.local.protocol.stream import STATES, Stream
from venue.local.server.user import Habits, UserStreams

NOW_MS = 1_756_700_000_000
OTHER = "0x" + "2" * 40


def streams(habits: Habits | None = None, tiny: Tiny | None = None) -> UserStreams:
    tiny = tiny or Tiny()
    opened = floor(tiny, habits=habits)
    opened.open(NOW_MS)
    return UserStreams(opened._views, opened.agents, habits)


def first(kind: str, habits: Habits | None = None, **fields: Any) -> Any:
    found = streams(habits).first(Stream(kind, USER, **fields), NOW_MS)
    return [json.loads(raw) for raw in found]


def heard(
    kind: str, *notes: Note, habits: Habits | None = None, flag: bool = False
) -> list[tuple[str, Any]]:
    """Return channel and data of what a block's notes make a stream say."""
    stream = Stream(kind, USER, flag=flag)
    due = streams(habits).due([stream], notes, NOW_MS, NOW_MS + 1)
    return [(m["channel"], m["data"]) for m in (json.loads(raw) for _, raw in due)]


def note(kind: str, data: Any, user: str = USER) -> Note:
    return Note(user, kind, data, NOW_MS)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("userFills", {"isSnapshot": True, "user": USER, "fills": [fill_row(1)]}),
        ("userFundings", {"isSnapshot": True, "user": USER, "fundings": [{"time": 5, **FUNDING}]}),
        (
            "userNonFundingLedgerUpdates",
            {"isSnapshot": True, "user": USER, "nonFundingLedgerUpdates": []},
        ),
        (
            "userHistoricalOrders",
            {"isSnapshot": True, "user": USER, "orderHistory": [order_row(1, "0.0")]},
        ),
        ("userTwapHistory", {"isSnapshot": True, "user": USER, "history": []}),
        ("userTwapSliceFills", {"isSnapshot": True, "user": USER, "twapSliceFills": []}),
        ("openOrders", {"dex": "", "user": USER, "orders": []}),
        ("spotState", {"user": USER, "spotState": {"balances": []}}),
        ("twapStates", {"dex": "", "user": USER, "states": []}),
    ],
)
def test_what_a_stream_begins_with(kind: str, data: Any) -> None:
    assert first(kind) == [{"channel": kind, "data": data}]


def test_the_state_of_an_account_is_that_of_info() -> None:
    (one,), (every,) = first("clearinghouseState"), first("allDexsClearinghouseState")
    state = {"withdrawable": "5000000", "time": NOW_MS}
    assert one["data"] == {"dex": "", "user": USER, "clearinghouseState": state}
    assert every["data"] == {"user": USER, "clearinghouseStates": [["", state]]}


def test_web_data_tells_of_the_agent() -> None:
    ((data),) = [message["data"] for message in first("webData3")]
    assert data["userState"]["agentAddress"] == AGENT.address.lower()
    assert data["userState"]["user"] == USER
    assert data["userState"]["cumLedger"] == "5.0"
    assert len(data["perpDexStates"]) == 1


def test_streams_of_events_begin_silently() -> None:
    for kind in ("userEvents", "orderUpdates", "notification"):
        assert first(kind) == []
    ((message),) = first("orderUpdates", Habits(orders_first=True))
    assert message["data"] == [
        {"order": order_row(7, "0.0")["order"], "status": "open", "statusTimestamp": 3}
    ]


def test_one_block_is_one_frame_and_others_business_stays_theirs() -> None:
    orders = [note("order", order_row(n, "1.0")) for n in (1, 2)]
    stranger = note("order", order_row(3, "1.0"), OTHER)
    assert heard("orderUpdates", *orders, stranger) == [
        ("orderUpdates", [order_row(1, "1.0"), order_row(2, "1.0")])
    ]
    assert heard("orderUpdates", stranger) == []
    assert heard("userFills", *orders) == []


def test_fills_go_to_their_streams() -> None:
    fills = [note("fill", fill_row(1)), note("fill", {**fill_row(1), "px": "102.0"})]
    rows = [fill.data for fill in fills]
    assert heard("userFills", *fills) == [("userFills", {"user": USER, "fills": rows})]
    assert heard("userEvents", *fills) == [("user", {"fills": rows})]
    ((_, combined),) = heard("userFills", *fills, flag=True)
    assert [(row["px"], row["sz"]) for row in combined["fills"]] == [("101.0", "2.0")]
    ((_, told),) = heard("userFills", *fills, habits=Habits(says_not_snapshot=True))
    assert told["isSnapshot"] is False


def test_user_events_are_one_of_a_kind_each() -> None:
    notes = [
        note("funding", {"time": 1, **FUNDING}),
        note("liquidation", {"lid": 1}),
        note("cancel", {"coin": "BTC", "oid": 5}),
        note("cancel", {"coin": "BTC", "oid": 6}),
        note("fill", fill_row(9, twap=3)),
    ]
    assert [data for _, data in heard("userEvents", *notes)] == [
        {"fills": [fill_row(9, twap=3)]},
        {"twapSliceFills": [{"fill": fill_row(9, twap=3), "twapId": 3}]},
        {"funding": {"time": 1, **FUNDING}},
        {"liquidation": {"lid": 1}},
        {"nonUserCancel": [{"coin": "BTC", "oid": 5}, {"coin": "BTC", "oid": 6}]},
    ]
    assert heard("userFundings", *notes)[0][1]["fundings"] == [{"time": 1, **FUNDING}]
    slices = heard("userTwapSliceFills", *notes)[0][1]["twapSliceFills"]
    assert slices == [{"fill": fill_row(9, twap=3), "twapId": 3}]


def test_the_history_has_orders_with_all_their_fields() -> None:
    ((_, data),) = heard("userHistoricalOrders", note("order", order_row(5, "0.4")))
    (row,) = data["orderHistory"]
    assert (row["order"]["sz"], row["order"]["tif"], row["status"]) == ("0.4", "Gtc", "open")


def test_a_resting_order_that_filled_is_announced() -> None:
    maker = note("fill", fill_row(1, crossed=False))
    assert heard("notification", maker) == [
        ("notification", {"notification": "Resting order filled: Bought 1.0 BTC at $100.0"})
    ]
    assert heard("notification", note("fill", fill_row(1))) == []


@pytest.mark.parametrize("kind", sorted(STATES))
def test_states_are_sent_on_change_and_at_a_beat(kind: str) -> None:
    tiny = Tiny()
    made = streams(None, tiny)
    stream = Stream(kind, USER, coin="BTC" if kind == "activeAssetData" else "")
    made.first(stream, NOW_MS)
    start = NOW_MS - NOW_MS % 5_000
    assert not list(made.due([stream], [], start, start + 75))
    tiny.used += 1
    touched = note("order", order_row(1, "1.0"))
    assert list(made.due([stream], [touched], start, start + 75))
    assert not list(made.due([stream], [note("order", {}, OTHER)], start, start + 75))
    beats = list(made.due([stream], [], start + 4_950, start + 5_025))
    # What is sent on change only has nothing new to say.
    assert len(beats) == (kind != "activeAssetData")


def test_a_stream_that_is_being_retired_can_be_off() -> None:
    assert not streams(Habits(web_data_2=False)).serves(Stream("webData2", USER))
    assert streams().serves(Stream("webData2", USER))

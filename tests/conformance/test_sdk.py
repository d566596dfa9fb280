"""The official SDK trades on the local venue, unchanged.

Every call of its Info and Exchange that concerns perpetuals, and its websocket manager with the
streams of accounts.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account as Key
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info
from hyperliquid.utils.types import Cloid

from tests.conformance.hosting import Hosted, eventually, hosted, wall_ms

GTC: Any = {"limit": {"tif": "Gtc"}}
ALO: Any = {"limit": {"tif": "Alo"}}
IOC: Any = {"limit": {"tif": "Ioc"}}
COIN = "BTC"


class Desk:
    """One venue, the SDK's objects for the test account, its agent and a counterparty."""

    def __init__(self, venue: Hosted) -> None:
        self.venue = venue
        wallet, agent = venue.test.wallet, venue.test.agents[0]
        self.user = Key.from_key(wallet.key).address
        self.info = Info(venue.http, skip_ws=True, timeout=60.0)
        self.master = Exchange(Key.from_key(wallet.key), venue.http, timeout=60.0)
        self.agent = Exchange(
            Key.from_key(agent.key), venue.http, account_address=self.user, timeout=60.0
        )
        self.other = Exchange(Key.from_key(venue.other.wallet.key), venue.http, timeout=60.0)

    def close(self) -> None:
        for client in (self.master, self.agent, self.other):
            client.session.close()
            client.info.session.close()
        self.info.session.close()

    def px(self, factor: float, coin: str = COIN) -> float:
        """Return a price that far from the mid, on a tick."""
        mid = float(self.info.all_mids()[coin])
        return round(float(f"{mid * factor:.5g}"))

    def position(self, coin: str = COIN) -> Any:
        for row in self.info.user_state(self.user)["assetPositions"]:
            if row["position"]["coin"] == coin:
                return row["position"]
        return None


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with hosted() as venue:
        made = Desk(venue)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _tidy(desk: Desk) -> Iterator[None]:
    """Leave no open order and no position behind."""
    yield
    for exchange in (desk.master, desk.other):
        address = exchange.wallet.address
        rows = desk.info.open_orders(address)
        if rows:
            exchange.bulk_cancel([{"coin": row["coin"], "oid": row["oid"]} for row in rows])
        for row in desk.info.user_state(address)["assetPositions"]:
            exchange.market_close(row["position"]["coin"])


def only(reply: Any) -> Any:
    assert reply["status"] == "ok", reply
    (status,) = reply["response"]["data"]["statuses"]
    return status


def rest(desk: Desk, exchange: Exchange, factor: float, size: float = 0.01, **more: Any) -> int:
    """Place an order far from the touch and return its oid."""
    status = only(exchange.order(COIN, factor < 1, size, desk.px(factor), GTC, **more))
    return int(status["resting"]["oid"])


def refused(reply: Any) -> str:
    assert reply["status"] == "err", reply
    return str(reply["response"])


def test_the_market_side_of_info(desk: Desk) -> None:
    info, now = desk.info, wall_ms()
    names = [row["name"] for row in info.meta()["universe"]]
    assert COIN in names
    meta, contexts = info.meta_and_asset_ctxs()
    assert len(meta["universe"]) == len(contexts)
    assert info.perp_dexs() == [None]
    assert set(info.all_mids()) == set(names)
    book = info.l2_snapshot(COIN)
    assert len(book["levels"][0]) == len(book["levels"][1]) == 20
    assert len(info.candles_snapshot(COIN, "1h", now - 5 * 3_600_000, now)) == 6
    assert len(info.funding_history(COIN, now - 5 * 3_600_000)) == 5
    assert len(info.funding_history(COIN, now - 5 * 3_600_000, now - 2 * 3_600_000)) == 3
    assert info.spot_meta()["universe"] == []
    assert info.spot_meta_and_asset_ctxs()[1] == []


def test_the_account_side_of_info(desk: Desk) -> None:
    info, user = desk.info, desk.user
    state = info.user_state(user)
    assert set(state) == {
        "marginSummary",
        "crossMarginSummary",
        "crossMaintenanceMarginUsed",
        "withdrawable",
        "assetPositions",
        "time",
    }
    assert float(state["marginSummary"]["accountValue"]) > 0
    assert info.spot_user_state(user) == {"balances": []}
    assert info.open_orders(user) == []
    assert info.frontend_open_orders(user) == []
    assert isinstance(info.user_fills(user), list)
    assert info.user_fills_by_time(user, 0, 1) == []
    assert info.user_funding_history(user, 0) == []
    assert info.user_funding_history(user, 0, 1) == []
    fees = info.user_fees(user)
    assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
    assert info.query_order_by_oid(user, 1) == {"status": "unknownOid"}
    assert info.query_order_by_cloid(user, Cloid.from_int(1)) == {"status": "unknownOid"}
    assert info.query_referral_state(user)["referredBy"] is None
    assert info.query_sub_accounts(user) is None
    assert info.query_user_abstraction_state(user) == "disabled"
    assert info.query_user_dex_abstraction_state(user) is None
    assert info.query_user_to_multi_sig_signers(user) is None
    assert isinstance(info.historical_orders(user), list)
    assert info.user_non_funding_ledger_updates(user, 0)[0]["delta"]["type"] == "deposit"
    assert {name for name, _ in info.portfolio(user)} >= {"day", "perpAllTime"}
    assert info.user_twap_slice_fills(user) == []
    assert info.user_vault_equities(user) == []
    assert info.user_role(user) == {"role": "user"}
    agent = desk.agent.wallet.address
    assert info.user_role(agent) == {"role": "agent", "data": {"user": user.lower()}}
    assert info.user_role("0x" + "9" * 40) == {"role": "missing"}
    assert set(info.user_rate_limit(user)) == {
        "cumVlm",
        "nRequestsUsed",
        "nRequestsCap",
        "nRequestsSurplus",
    }
    assert info.extra_agents(user) == []
    # The agent's own address is nobody's account.
    assert float(info.user_state(agent)["marginSummary"]["accountValue"]) == 0


@pytest.mark.parametrize("who", ["master", "agent"])
def test_an_order_rests_is_seen_and_is_cancelled(desk: Desk, who: str) -> None:
    exchange: Exchange = getattr(desk, who)
    oid = rest(desk, exchange, 0.8)
    (row,) = desk.info.open_orders(desk.user)
    assert (row["oid"], row["side"], row["sz"], row["origSz"]) == (oid, "B", "0.01", "0.01")
    (front,) = desk.info.frontend_open_orders(desk.user)
    assert (front["orderType"], front["tif"], front["isTrigger"]) == ("Limit", "Gtc", False)
    assert desk.info.query_order_by_oid(desk.user, oid)["order"]["status"] == "open"
    assert only(exchange.cancel(COIN, oid)) == "success"
    assert desk.info.query_order_by_oid(desk.user, oid)["order"]["status"] == "canceled"
    again = only(exchange.cancel(COIN, oid))
    assert again["error"].startswith("Order was never placed, already canceled, or filled.")


def test_an_order_is_known_by_its_cloid(desk: Desk) -> None:
    cloid = Cloid.from_str("0x" + secrets.token_hex(16))
    oid = rest(desk, desk.agent, 0.8, cloid=cloid)
    found = desk.info.query_order_by_cloid(desk.user, cloid)
    assert found["order"]["order"]["oid"] == oid
    assert only(desk.agent.cancel_by_cloid(COIN, cloid)) == "success"


def test_batches_have_a_status_for_each(desk: Desk) -> None:
    def request(factor: float, size: float) -> Any:
        return {
            "coin": COIN,
            "is_buy": True,
            "sz": size,
            "limit_px": desk.px(factor),
            "order_type": ALO,
            "reduce_only": False,
            "cloid": Cloid.from_str("0x" + secrets.token_hex(16)),
        }

    requests = [request(0.8, 0.01), request(0.79, 0.00001), request(0.78, 0.02)]
    reply = desk.agent.bulk_orders(requests)
    first, small, third = reply["response"]["data"]["statuses"]
    assert small["error"].startswith("Order must have minimum value of $10.")
    oids = [status["resting"]["oid"] for status in (first, third)]
    reply = desk.agent.bulk_cancel([{"coin": COIN, "oid": oid} for oid in [*oids, 1]])
    assert reply["response"]["data"]["statuses"][:2] == ["success", "success"]
    assert "error" in reply["response"]["data"]["statuses"][2]
    reply = desk.agent.bulk_orders([request(0.8, 0.01), request(0.79, 0.01)])
    cloids = [Cloid.from_str(s["resting"]["cloid"]) for s in reply["response"]["data"]["statuses"]]
    reply = desk.agent.bulk_cancel_by_cloid([{"coin": COIN, "cloid": c} for c in cloids])
    assert reply["response"]["data"]["statuses"] == ["success", "success"]


def test_a_modified_order_has_a_new_oid(desk: Desk) -> None:
    oid = rest(desk, desk.agent, 0.8)
    reply = desk.agent.modify_order(oid, COIN, True, 0.02, desk.px(0.79), ALO)
    new = only(reply)["resting"]["oid"]
    assert new != oid
    (row,) = desk.info.open_orders(desk.user)
    assert (row["oid"], row["sz"]) == (new, "0.02")
    change = {
        "oid": new,
        "order": {
            "coin": COIN,
            "is_buy": True,
            "sz": 0.03,
            "limit_px": desk.px(0.78),
            "order_type": ALO,
            "reduce_only": False,
        },
    }
    assert "resting" in only(desk.agent.bulk_modify_orders_new([change]))


def test_a_market_order_opens_and_closes_a_position(desk: Desk) -> None:
    before = wall_ms() - 1_000
    filled = only(desk.agent.market_open(COIN, True, 0.01))["filled"]
    assert filled["totalSz"] == "0.01"
    position = desk.position()
    assert position["szi"] == "0.01"
    assert float(position["entryPx"]) == pytest.approx(float(filled["avgPx"]), rel=1e-3)
    assert only(desk.agent.market_close(COIN))["filled"]["totalSz"] == "0.01"
    assert desk.position() is None
    fills = desk.info.user_fills_by_time(desk.user, before)
    assert {fill["dir"] for fill in fills} == {"Open Long", "Close Long"}
    assert all(fill["crossed"] and fill["feeToken"] == "USDC" for fill in fills)
    newest = desk.info.user_fills(desk.user)
    assert {fill["tid"] for fill in fills} <= {fill["tid"] for fill in newest}


def test_an_ioc_that_meets_nobody_is_an_error(desk: Desk) -> None:
    text = only(desk.agent.order(COIN, True, 0.01, desk.px(0.8), IOC))["error"]
    assert text.startswith("Order could not immediately match against any resting orders.")
    text = only(desk.agent.order(COIN, True, 0.01, desk.px(1.02), ALO))["error"]
    assert text.startswith("Post only order would have immediately matched, bbo was")
    text = only(desk.agent.order(COIN, True, 0.01, desk.px(0.8) + 0.123, GTC))["error"]
    assert text.startswith("Price must be divisible by tick size.")
    text = only(desk.agent.order(COIN, True, 0.01, desk.px(0.8), GTC, reduce_only=True))["error"]
    assert text.startswith("Reduce only order would increase position.")


def test_stops_and_targets(desk: Desk) -> None:
    only(desk.agent.market_open(COIN, True, 0.01))
    for factor, tpsl in ((0.9, "sl"), (1.1, "tp")):
        trigger: Any = {"trigger": {"triggerPx": desk.px(factor), "isMarket": True, "tpsl": tpsl}}
        status = only(desk.agent.order(COIN, False, 0.01, desk.px(factor), trigger, True))
        assert "resting" in status
    kinds = {row["orderType"] for row in desk.info.frontend_open_orders(desk.user)}
    assert kinds == {"Stop Market", "Take Profit Market"}


def test_an_order_with_its_stop_and_target(desk: Desk) -> None:
    def leg(factor: float, kind: Any, buy: bool) -> Any:
        return {
            "coin": COIN,
            "is_buy": buy,
            "sz": 0.01,
            "limit_px": desk.px(factor),
            "order_type": kind,
            "reduce_only": not buy,
        }

    def trigger(factor: float, tpsl: str) -> Any:
        return {"trigger": {"triggerPx": desk.px(factor), "isMarket": True, "tpsl": tpsl}}

    legs = [
        leg(0.8, GTC, True),
        leg(0.7, trigger(0.7, "sl"), False),
        leg(0.9, trigger(0.9, "tp"), False),
    ]
    reply = desk.agent.bulk_orders(legs, grouping="normalTpsl")
    statuses = reply["response"]["data"]["statuses"]
    assert "resting" in statuses[0]
    assert statuses[1:] == ["waitingForFill", "waitingForFill"]


def test_leverage_and_margin(desk: Desk) -> None:
    assert desk.agent.update_leverage(5, "ETH", is_cross=False)["status"] == "ok"
    status = only(desk.agent.market_open("ETH", True, 0.5))
    assert "filled" in status
    position = desk.position("ETH")
    assert (position["leverage"]["type"], position["leverage"]["value"]) == ("isolated", 5)
    raw = float(position["leverage"]["rawUsd"])
    assert desk.agent.update_isolated_margin(25.0, "ETH")["status"] == "ok"
    assert float(desk.position("ETH")["leverage"]["rawUsd"]) == pytest.approx(raw + 25.0, abs=0.01)
    switch = desk.agent.update_leverage(5, "ETH", is_cross=True)
    assert refused(switch) == "Cannot switch leverage type with open position."
    desk.agent.market_close("ETH")
    assert desk.agent.update_leverage(10, "ETH", is_cross=True)["status"] == "ok"


def test_a_scheduled_cancel(desk: Desk) -> None:
    early = refused(desk.agent.schedule_cancel(wall_ms() + 1_000))
    assert early.startswith("Scheduled cancel time too early")
    assert desk.agent.schedule_cancel(wall_ms() + 60_000)["status"] == "ok"
    assert desk.agent.schedule_cancel(None)["status"] == "ok"


def inside(desk: Desk) -> tuple[str, float]:
    """Return a coin whose spread has room, and a price in the middle of it."""
    for row in desk.info.meta()["universe"]:
        bids, asks = desk.info.l2_snapshot(row["name"])["levels"]
        best = (float(bids[0]["px"]), float(asks[0]["px"]))
        middle = float(f"{sum(best) / 2:.5g}")
        decimals = 6 - row["szDecimals"]
        if best[0] < round(middle, decimals) < best[1] and f"{middle:.5g}" == f"{middle:g}":
            return row["name"], round(middle, decimals)
    raise AssertionError("no coin has a spread of two ticks")


def met(desk: Desk) -> tuple[str, float, int, int]:
    """Let the two trade; return coin, price and oids of the maker's and the taker's order.

    The crowd may step between them, as it moves at every block; then they try again.
    """
    for _ in range(8):
        coin, px = inside(desk)
        decimals = desk.info.asset_to_sz_decimals[desk.info.name_to_asset(coin)]
        size = round(50.0 / px, decimals)
        status = only(desk.other.order(coin, True, size, px, ALO))
        if "resting" not in status:
            continue
        filled = only(desk.agent.market_open(coin, False, size))["filled"]
        if float(filled["avgPx"]) == px:
            return coin, px, status["resting"]["oid"], filled["oid"]
    raise AssertionError("the crowd was always faster")


def test_two_accounts_trade_with_each_other(desk: Desk) -> None:
    coin, px, oid, taken = met(desk)
    other = desk.other.wallet.address
    (maker,) = [fill for fill in desk.info.user_fills(other) if fill["oid"] == oid]
    (taker,) = [fill for fill in desk.info.user_fills(desk.user) if fill["oid"] == taken]
    assert float(maker["px"]) == px
    assert (maker["crossed"], taker["crossed"]) == (False, True)
    assert (maker["px"], maker["sz"], maker["tid"]) == (taker["px"], taker["sz"], taker["tid"])
    trades = desk.info.post("/info", {"type": "recentTrades", "coin": coin})
    (public,) = [trade for trade in trades if trade["tid"] == maker["tid"]]
    assert public["users"] == [other.lower(), desk.user.lower()]
    assert public["side"] == "A"


def test_an_agent_that_is_approved_may_trade_and_one_that_is_revoked_may_not(desk: Desk) -> None:
    reply, key = desk.master.approve_agent("bot")
    assert reply["status"] == "ok", reply
    wallet = Key.from_key(key)
    (row,) = desk.info.extra_agents(desk.user)
    assert (row["name"], row["address"]) == ("bot", wallet.address.lower())
    named = Exchange(wallet, desk.venue.http, account_address=desk.user, timeout=60.0)
    try:
        assert rest(desk, named, 0.8)
        # A later agent of the same name takes the place of the first.
        assert desk.master.approve_agent("bot")[0]["status"] == "ok"
        text = refused(named.order(COIN, True, 0.01, desk.px(0.8), GTC))
        assert text == f"User or API Wallet {wallet.address.lower()} does not exist."
    finally:
        named.session.close()
        named.info.session.close()
    # An unnamed one takes the place of the unnamed one, which the others here still need.
    stranger = Exchange(Key.create(), desk.venue.http, timeout=60.0)
    try:
        assert "does not exist" in refused(stranger.order(COIN, True, 0.01, desk.px(0.8), GTC))
        text = refused(stranger.approve_agent()[0])
        assert text.startswith("Must deposit before performing actions. User: 0x")
    finally:
        stranger.session.close()
        stranger.info.session.close()


def test_an_action_that_expired_is_refused(desk: Desk) -> None:
    desk.agent.set_expires_after(wall_ms() - 1_000)
    try:
        text = refused(desk.agent.order(COIN, True, 0.01, desk.px(0.8), GTC))
        assert text == "Action already expired"
        desk.agent.set_expires_after(wall_ms() + 10_000)
        assert "resting" in only(desk.agent.order(COIN, True, 0.01, desk.px(0.8), GTC))
    finally:
        desk.agent.set_expires_after(None)


def test_a_vault_is_not_there(desk: Desk) -> None:
    desk.agent.vault_address = "0x" + "ab" * 20
    try:
        text = refused(desk.agent.order(COIN, True, 0.01, desk.px(0.8), GTC))
        assert text == "Vault not registered: 0x" + "ab" * 20
    finally:
        desk.agent.vault_address = None


def test_money_moves_only_by_the_master(desk: Desk) -> None:
    master, info = desk.master, desk.info
    receiver = desk.venue.other.wallet.address

    def funds(user: str) -> float:
        return float(info.user_state(user)["withdrawable"])

    before, theirs = funds(desk.user), funds(receiver)
    assert master.usd_transfer(10.0, receiver)["status"] == "ok"
    assert master.send_asset(receiver, "", "", "USDC", 5.0)["status"] == "ok"
    assert funds(receiver) == pytest.approx(theirs + 15.0)
    assert master.withdraw_from_bridge(7.0, desk.user)["status"] == "ok"
    assert master.usd_class_transfer(3.0, False)["status"] == "ok"
    assert funds(desk.user) == pytest.approx(before - 25.0)
    assert refused(master.usd_class_transfer(3.0, True))
    assert refused(master.send_asset(receiver, "spot", "", "USDC", 5.0))
    assert refused(master.usd_transfer(10**9, receiver))
    text = refused(desk.agent.usd_transfer(1.0, receiver))
    assert text.startswith("Must deposit before performing actions. User: 0x")
    kinds = {row["delta"]["type"] for row in info.user_non_funding_ledger_updates(desk.user, 0)}
    assert kinds >= {"internalTransfer", "withdraw", "deposit"}


def test_what_the_venue_does_not_have_is_refused(desk: Desk) -> None:
    master, nobody = desk.master, "0x" + "7" * 40
    assert refused(master.approve_builder_fee(nobody, "0.01%"))
    assert refused(master.set_referrer("CODE"))
    assert "enough volume traded" in refused(master.create_sub_account("x"))
    assert refused(master.sub_account_transfer(nobody, True, 5))
    assert refused(master.sub_account_spot_transfer(nobody, True, "USDC", 5))
    assert refused(master.vault_usd_transfer(nobody, True, 5)) == f"Vault not registered: {nobody}"
    assert refused(master.spot_transfer(1.0, nobody, "PURR:0x1"))
    assert refused(master.token_delegate(nobody, 5, False))
    assert refused(master.user_dex_abstraction(nobody, True))
    assert master.user_set_abstraction(desk.user, "disabled")["status"] == "ok"
    assert refused(master.user_set_abstraction(desk.user, "unifiedAccount"))
    assert refused(desk.agent.agent_enable_dex_abstraction())
    assert refused(desk.agent.agent_set_abstraction("u"))
    assert refused(master.use_big_blocks(True))
    text = desk.agent.order(COIN, True, 0.01, desk.px(0.8), GTC, builder={"b": nobody, "f": 10})
    assert "uilder" in str(text)


def test_a_nonce_is_burnt_once(desk: Desk) -> None:
    nonce = wall_ms()
    assert desk.agent.noop(nonce)["status"] == "ok"
    assert refused(desk.agent.noop(nonce)) == f"Invalid nonce: duplicate nonce {nonce}"


def test_the_websocket_manager_tells_of_orders_and_fills(desk: Desk) -> None:
    user = desk.user
    info = Info(desk.venue.http, timeout=60.0)
    heard: dict[str, list[Any]] = {}
    wanted: list[Any] = [
        {"type": "orderUpdates", "user": user},
        {"type": "userEvents", "user": user},
        {"type": "userFills", "user": user},
        {"type": "userFundings", "user": user},
        {"type": "userNonFundingLedgerUpdates", "user": user},
        {"type": "webData2", "user": user},
        {"type": "activeAssetData", "user": user, "coin": COIN},
        {"type": "l2Book", "coin": COIN},
        {"type": "bbo", "coin": COIN},
        {"type": "trades", "coin": COIN},
        {"type": "candle", "coin": COIN, "interval": "1m"},
        {"type": "activeAssetCtx", "coin": COIN},
        {"type": "allMids"},
    ]
    try:
        ids = {w["type"]: info.subscribe(w, heard.setdefault(w["type"], []).append) for w in wanted}
        silent = {"orderUpdates", "userEvents"}
        eventually(lambda: all(heard[kind] for kind in set(ids) - silent))
        snapshot = heard["userFills"][0]["data"]
        assert snapshot["isSnapshot"] is True
        assert snapshot["user"] == user.lower()
        oid = rest(desk, desk.agent, 0.8)
        (update,) = eventually(lambda: heard["orderUpdates"])[0]["data"]
        assert (update["order"]["oid"], update["status"]) == (oid, "open")
        filled = only(desk.agent.market_open(COIN, True, 0.01))["filled"]
        told = eventually(lambda: heard["userEvents"])[0]
        assert told["channel"] == "user"
        assert told["data"]["fills"][0]["oid"] == filled["oid"]
        live = eventually(lambda: heard["userFills"][1:])[0]["data"]
        assert live["fills"][0]["oid"] == filled["oid"]
        assert "isSnapshot" not in live
        statuses = [row["status"] for m in heard["orderUpdates"] for row in m["data"]]
        assert statuses[-1] == "filled"
        assert eventually(lambda: len(heard["activeAssetData"]) > 1)
        assert info.unsubscribe(wanted[2], ids["userFills"])
        time.sleep(0.1)
        count = len(heard["userFills"])
        desk.agent.market_close(COIN)
        eventually(lambda: len(heard["userEvents"]) > 1)
        assert len(heard["userFills"]) == count
    finally:
        info.disconnect_websocket()
        info.session.close()

"""Whatever accounts do, money is conserved, books are not crossed and nothing is in two places."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import (
    ALICE,
    BLOCK_MS,
    BOB,
    CAROL,
    HOUR_MS,
    USD,
    Bench,
    cancel,
    limit,
    stop,
)
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import BACKSTOP, Trade
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.views import answers
from venue.local.exchange.views.merged_market import MergedMarket

USERS = (ALICE, BOB, CAROL)
COINS = ("BTC", "DOGE")
PX = {
    "BTC": ["98000", "99000", "99900", "99990", "100000", "100010", "100100", "101000", "102000"],
    "DOGE": ["0.19", "0.195", "0.199", "0.2", "0.201", "0.205", "0.21"],
}
SZ = {"BTC": ["0.00013", "0.01", "0.5", "3", "20"], "DOGE": ["57", "1000", "50000", "2000000"]}

coins = st.sampled_from(COINS)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    coin = draw(coins)
    side = draw(st.sampled_from(("buy", "sell")))
    px, sz = draw(st.sampled_from(PX[coin])), draw(st.sampled_from(SZ[coin]))
    if draw(st.integers(0, 4)) == 0:
        at, tpsl = draw(st.sampled_from(PX[coin])), draw(st.sampled_from(("tp", "sl")))
        return stop(coin, side, px, sz, at, tpsl=tpsl, is_market=draw(st.booleans()))
    tif = draw(st.sampled_from(("Gtc", "Ioc", "Alo", "FrontendMarket")))
    return limit(coin, side, px, sz, tif=tif, reduce_only=draw(st.integers(0, 3)) == 0)


steps = st.one_of(
    st.tuples(
        st.just("order"),
        st.sampled_from(USERS),
        st.lists(orders(), min_size=1, max_size=3),
        st.sampled_from(("na", "na", "na", "normalTpsl", "positionTpsl")),
    ),
    st.tuples(st.just("cancel"), st.sampled_from(USERS), st.integers(1, 40), coins),
    st.tuples(
        st.just("modify"), st.sampled_from(USERS), st.integers(1, 40), orders(), st.booleans()
    ),
    st.tuples(
        st.just("leverage"), st.sampled_from(USERS), coins, st.booleans(), st.integers(1, 40)
    ),
    st.tuples(st.just("margin"), st.sampled_from(USERS), coins, st.integers(-2_000, 5_000)),
    st.tuples(st.just("time"), st.sampled_from((BLOCK_MS, 40, 1_000, HOUR_MS + 200))),
    st.tuples(
        st.just("book"),
        coins,
        st.integers(0, 8),
        st.sampled_from(("0.01", "2", "0")),
        st.booleans(),
    ),
    st.tuples(st.just("mark"), coins, st.sampled_from((0.7, 0.93, 0.97, 1.0, 1.03, 1.08, 1.4))),
    st.tuples(st.just("print"), coins, st.integers(0, 6), st.booleans(), st.integers(1, 10**6)),
)


def apply(bench: Bench, step: tuple[Any, ...]) -> object:
    """Do one step; return what was replied."""
    kind, market = step[0], bench.market
    if kind == "order":
        _, user, rows, grouping = step
        return bench.act(user, {"type": "order", "orders": rows, "grouping": grouping})
    if kind == "cancel":
        return bench.act(step[1], cancel(step[3], 90_000_000_000 + step[2]))
    if kind == "modify":
        _, user, number, row, always = step
        action = {"type": "modify", "oid": 90_000_000_000 + number, "order": row}
        return bench.act(user, {**action, "a": True} if always else action)
    if kind == "leverage":
        _, user, coin, is_cross, value = step
        asset = 0 if coin == "BTC" else 3
        return bench.act(
            user, {"type": "updateLeverage", "asset": asset, "isCross": is_cross, "leverage": value}
        )
    if kind == "margin":
        _, user, coin, amount = step
        asset = 0 if coin == "BTC" else 3
        ntli = amount * USD
        return bench.act(
            user, {"type": "updateIsolatedMargin", "asset": asset, "isBuy": True, "ntli": ntli}
        )
    if kind == "time":
        bench.pass_ms(step[1])
    elif kind == "book":
        _, coin, at, size, both = step
        prices = PX[coin]
        at = min(at, len(prices) - 1)
        size = size if coin == "BTC" else f"{float(size) * 1e5:.0f}"
        bids = [(px, size) for px in reversed(prices[:at])] if size != "0" else []
        asks = [(px, size) for px in prices[at:]] if both and size != "0" else []
        market.set_book(coin, bids, asks)
    elif kind == "mark":
        _, coin, factor = step
        base = 100_000 if coin == "BTC" else 0.2
        market.set_mark(coin, f"{base * factor:.6g}")
    elif kind == "print":
        _, coin, at, is_buy, lots = step
        px = PX[coin][min(at, len(PX[coin]) - 1)]
        size = f"{lots / 1e5:.5f}" if coin == "BTC" else str(lots)
        market.add_print(coin, bench.now_ms + 1, 1 if is_buy else -1, px, size)
    return None


def check(exchange: Exchange) -> None:
    state = exchange.state
    for account in state.accounts.values():
        check_account(exchange, account)
    for book in state.books.values():
        bid, ask = book.bids.best, book.asks.best
        assert bid is None or ask is None or bid < ask
    for coin, waiting in state.triggers.items():
        for order in waiting.values():
            assert order.is_waiting and order.is_open and order.coin == coin
    for coin, holders in state.holders.items():
        assert holders == {u for u, a in state.accounts.items() if coin in a.positions}


def check_account(exchange: Exchange, account: Account) -> None:
    """Cash is what came in, was paid and was earned; positions are the fills; orders are whole."""
    state = exchange.state
    earned = account.moved_e6 - account.fees_e6 + account.realised_e6 + account.funded_e6
    assert account.cash_e6 == earned
    held: dict[str, int] = {}
    for fill in account.fills:
        held[fill.order.coin] = held.get(fill.order.coin, 0) + fill.side * fill.lots
    positions = {c: p.lots for c, p in account.positions.items()}
    assert {c: n for c, n in held.items() if n} == positions, (held, positions)
    for order in account.orders.values():
        assert order.filled_lots <= order.orig or order.is_position_tpsl
        assert order.is_open == (order.oid in account.open)
        if order.status == "filled":
            assert not order.is_open
        resting = order.is_open and not order.is_waiting and not order.is_pending
        assert resting == (order.oid in state.book(order.coin).side(order.side).at(order.px))
    for coin, reducing in account.reducing.items():
        lots = account.lots(coin)
        assert all(order.side * lots < 0 for order in reducing.values())
        assert sum(order.lots for order in reducing.values()) <= abs(lots)


def check_reduce_only(exchange: Exchange) -> None:
    """No fill of a reduce-only order left its account with more than before."""
    for account in exchange.state.accounts.values():
        for fill in account.fills:
            if fill.order.reduce_only:
                after = fill.start + fill.side * fill.lots
                assert abs(after) < abs(fill.start) and after * fill.start >= 0


def play(script: list[tuple[Any, ...]]) -> tuple[Bench, str]:
    """Play a script; return the digest of all replies and events."""
    bench = Bench(usd=60_000, rules=Rules(fills_kept=10**6))
    digest = hashlib.blake2b()
    market = MergedMarket(bench.market, bench.exchange)
    for step in script:
        reply = apply(bench, step)
        digest.update(msgspec.json.encode(reply))
        check(bench.exchange)
        for coin in COINS:
            bids, asks = market.levels(coin, bench.now_ms, 20)
            assert not bids or not asks or bids[0][0] < asks[0][0]
        for event in bench.news():
            digest.update(msgspec.json.encode(event))
    check_reduce_only(bench.exchange)
    for user in USERS:
        for kind in ("clearinghouseState", "frontendOpenOrders", "historicalOrders", "userFills"):
            seen = answers.answer(bench.exchange, kind, {"user": user}, bench.now_ms)
            digest.update(msgspec.json.encode(seen))
    return bench, digest.hexdigest()


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=5, max_size=40))
def test_money_books_and_orders_stay_whole_and_a_replay_says_the_same(
    script: list[tuple[Any, ...]],
) -> None:
    _, digest = play(script)
    assert play(script)[1] == digest


def test_the_properties_can_fail() -> None:
    """The checks see a lost dollar, and a script of this kind reaches trades and liquidations."""
    script: list[tuple[Any, ...]] = [
        ("book", "BTC", 5, "20", True),
        ("order", ALICE, [limit("BTC", "buy", "100010", "10", tif="Ioc")], "na"),
        ("mark", "BTC", 0.93),
        ("time", 1_075),
    ]
    bench, _ = play(script)
    methods = {
        f.liquidation.method for f in bench.exchange.state.accounts[ALICE].fills if f.liquidation
    }
    assert methods == {"backstop"}
    assert bench.lots(BACKSTOP, "BTC") == 1_000_000
    assert not any(isinstance(event, Trade) for event in bench.exchange.state.events)
    bench.exchange.state.accounts[ALICE].raw_e6 += 1
    try:
        check(bench.exchange)
    except AssertionError:
        return
    raise RuntimeError("a dollar out of nowhere went unseen")

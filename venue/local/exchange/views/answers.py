"""Answers to questions about an account.

Answers show the exchange as of its last action or block; asking changes nothing. An account that
nobody has ever funded looks like an empty one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from market.events import MS_PER_DAY
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.state.account import Account, Fill
from venue.local.exchange.state.decimals import text, usd
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.fees import RATE_SCALE, REBATES, VIP, Volume
from venue.local.exchange.state.order import Order, frontend_row, order_row
from venue.local.exchange.steps.rows import fill_row
from venue.local.exchange.steps.value import whole
from venue.local.exchange.views import clearinghouse, parameters
from venue.local.market.contract import Row
from venue.local.market.ticks import rate_text
from venue.local.protocol.refused import FAILED, UNREADABLE, Refused

FILLS_MAX = 2_000
ORDERS_MAX = 2_000
ROWS_MAX = 500
TIME_MAX = 1 << 62
PERIODS = ("day", "week", "month", "allTime")
# What is asked of a question with the parts of an account that it needs.
View = Callable[[Exchange, Account, Row], Any]


def answer(exchange: Exchange, kind: str, question: Row, now_ms: int) -> Any:
    """Return the answer to a question; raises Refused for what could not be read."""
    exchange.advance(now_ms)
    view = _VIEWS.get(kind)
    if view is None:
        raise Refused(UNREADABLE)
    user = parameters.user(question) if kind not in _ANONYMOUS else ""
    account = exchange.state.accounts.get(user)
    return view(exchange, account or Account(user, exchange.state.rules), question)


def _clearinghouse(exchange: Exchange, account: Account, question: Row) -> Row:
    parameters.require_first_dex(question)
    return clearinghouse.clearinghouse(exchange.state, account)


def _spot(_exchange: Exchange, _account: Account, _question: Row) -> Row:
    return {"balances": []}


def _shown(account: Account) -> list[Order]:
    """Return the open orders, newest first; pending children show inside their parents."""
    return [order for order in reversed(account.open.values()) if not order.is_pending]


def _open_orders(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    parameters.require_first_dex(question)
    return [order_row(order, order.lots) for order in _shown(account)]


def _frontend_open_orders(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    parameters.require_first_dex(question)
    return [frontend_row(order) for order in _shown(account)]


def status_row(order: Order) -> Row:
    """Return an order with its status."""
    return {
        "order": frontend_row(order),
        "status": order.status,
        "statusTimestamp": order.status_ms or order.made_ms,
    }


def _order_status(_exchange: Exchange, account: Account, question: Row) -> Row:
    asked = parameters.oid(question)
    found = account.by_cloid.get(asked) if isinstance(asked, str) else account.orders.get(asked)
    if found is None:
        return {"status": "unknownOid"}
    return {"status": "order", "order": status_row(found)}


def _historical_orders(_exchange: Exchange, account: Account, _question: Row) -> list[Row]:
    newest = sorted(account.orders.values(), key=lambda o: (o.status_ms, o.oid), reverse=True)
    return [status_row(order) for order in newest[:ORDERS_MAX]]


def _fills(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    parameters.flag(question, "aggregateByTime")
    newest = list(account.fills)[-FILLS_MAX:]
    return fills_rows(reversed(newest), joined=question.get("aggregateByTime") is True)


def _fills_by_time(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    start, end = (
        parameters.whole(question, "startTime"),
        parameters.whole_or(question, "endTime", TIME_MAX),
    )
    joined = parameters.flag(question, "aggregateByTime")
    reverse = parameters.flag(question, "reversed")
    found = [fill for fill in account.fills if start <= fill.ms <= end]
    if reverse:
        found.reverse()
    return fills_rows(found[:FILLS_MAX], joined=joined)


def fills_rows(fills: Iterable[Fill], *, joined: bool) -> list[Row]:
    """Return fills as rows; `joined` adds up those of one order in one block."""
    rows: list[Row] = []
    before: Fill | None = None
    total = worth = closed = fee = 0
    for fill in fills:
        same = (
            joined
            and before is not None
            and (fill.order.oid, fill.ms, fill.crossed)
            == (before.order.oid, before.ms, before.crossed)
        )
        if not same:
            total = worth = closed = fee = 0
        before = fill
        total, worth = total + fill.lots, worth + fill.lots * fill.px
        closed, fee = closed + fill.closed_e6, fee + fill.fee_e6
        row = fill_row(fill)
        if same:
            instrument = fill.order.instrument
            row["px"] = text(round(worth / total * 10), instrument.px_decimals + 1)
            row["sz"] = text(total, instrument.sz_decimals)
            row["closedPnl"], row["fee"] = usd(closed), usd(fee)
            # As in recorded sums: where it began, and in the words of the first.
            began = {name: rows[-1][name] for name in ("startPosition", "dir")}
            rows[-1] = {**row, **began}
        else:
            rows.append(row)
    return rows


def _within(rows: Iterable[Row], question: Row) -> list[Row]:
    start = parameters.whole_or(question, "startTime", 0)
    end = parameters.whole_or(question, "endTime", TIME_MAX)
    return [row for row in rows if start <= row["time"] <= end][:ROWS_MAX]


def _funding(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    rows = _within(account.funding, question)
    return [
        {
            "time": row["time"],
            "hash": row["hash"],
            "delta": {
                "type": "funding",
                **{k: v for k, v in row.items() if k not in ("time", "hash")},
            },
        }
        for row in rows
    ]


def _ledger(_exchange: Exchange, account: Account, question: Row) -> list[Row]:
    return _within(account.ledger, question)


def _rate_limit(exchange: Exchange, account: Account, _question: Row) -> Row:
    return {
        "cumVlm": rate_text(account.volume.total_e6 / 1e6, 2),
        "nRequestsUsed": account.requests_used,
        "nRequestsCap": exchange.requests_cap(account.user),
        "nRequestsSurplus": 0,
    }


def _fees(exchange: Exchange, account: Account, _question: Row) -> Row:
    account.volume.assess(exchange.state.now_ms, exchange.state.rules.venue_volume_usd)
    rates = account.volume.rates
    return {
        "dailyUserVlm": _daily(exchange.state, account),
        "feeSchedule": {
            "cross": _rate(VIP[0][1]),
            "add": _rate(VIP[0][2]),
            "spotCross": "0.0007",
            "spotAdd": "0.0004",
            "tiers": {
                "vip": [
                    {
                        "ntlCutoff": f"{floor}.0",
                        "cross": _rate(taker),
                        "add": _rate(maker),
                        "spotCross": "0.0007",
                        "spotAdd": "0.0004",
                    }
                    for floor, taker, maker in VIP[1:]
                ],
                "mm": [
                    {"makerFractionCutoff": rate_text(share), "add": _rate(rebate)}
                    for share, rebate in reversed(REBATES)
                ],
            },
            "referralDiscount": "0.04",
            "stakingDiscountTiers": [{"bpsOfMaxSupply": "0.0", "discount": "0.0"}],
        },
        "userCrossRate": _rate(rates.taker),
        "userAddRate": _rate(rates.maker),
        "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004",
        "activeReferralDiscount": "0.0",
        "trial": None,
        "feeTrialEscrow": "0.0",
        "nextTrialAvailableTimestamp": None,
        "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
    }


def _rate(millionths: int) -> str:
    return rate_text(millionths / RATE_SCALE)


def _daily(state: State, account: Account) -> list[Row]:
    """Return the volumes of today and the fourteen days before."""
    today = state.now_ms // MS_PER_DAY
    rows = []
    for day in range(today - 14, today + 1):
        own = account.volume.days.get(day, Volume())
        date = datetime.fromtimestamp(day * MS_PER_DAY / 1_000, UTC).date()
        rows.append(
            {
                "date": date.isoformat(),
                "userCross": usd(own.taker_e6),
                "userAdd": usd(own.maker_e6),
                "exchange": f"{state.rules.venue_volume_usd // 14}.0",
            }
        )
    return rows


def _active_asset(exchange: Exchange, account: Account, question: Row) -> Row:
    coin = parameters.string(question, "coin")
    if coin not in exchange.state.instruments:
        raise Refused(FAILED)
    return clearinghouse.active_asset(exchange.state, account, coin)


def _role(exchange: Exchange, account: Account, _question: Row) -> Row:
    return {"role": "user" if exchange.has(account.user) else "missing"}


def _nothing(_exchange: Exchange, _account: Account, _question: Row) -> list[Any]:
    return []


def _abstraction(_exchange: Exchange, _account: Account, _question: Row) -> str:
    return "disabled"


def _sub_accounts(_exchange: Exchange, _account: Account, _question: Row) -> None:
    return None


def _referral(_exchange: Exchange, account: Account, _question: Row) -> Row:
    return {
        "referredBy": None,
        "cumVlm": rate_text(account.volume.total_e6 / 1e6, 2),
        "unclaimedRewards": "0.0",
        "claimedRewards": "0.0",
        "builderRewards": "0.0",
        "referrerState": None,
        "rewardHistory": [],
        "tokenToState": [],
    }


def _portfolio(exchange: Exchange, account: Account, _question: Row) -> list[Any]:
    value = usd(whole(exchange.state, account).equity_e6)
    now_ms = exchange.state.now_ms
    gained = account.realised_e6 - account.fees_e6 + account.funded_e6
    shown = {
        "accountValueHistory": [[now_ms, value]],
        "pnlHistory": [[now_ms, usd(gained)]],
        "vlm": usd(account.volume.total_e6),
    }
    return [[name, shown] for name in (*PERIODS, *(f"perp{p[0].upper()}{p[1:]}" for p in PERIODS))]


def _builder_fee(_exchange: Exchange, account: Account, question: Row) -> int:
    return account.builders.get(parameters.string(question, "builder").lower(), 0)


def _capped(exchange: Exchange, _account: Account, question: Row) -> list[str]:
    parameters.require_first_dex(question)
    return sorted(exchange.state.rules.oi_capped)


def _twap_slice_fills(_exchange: Exchange, account: Account, _question: Row) -> list[Row]:
    newest = [fill for fill in reversed(account.fills) if fill.order.twap_id is not None]
    return [{"fill": fill_row(fill), "twapId": fill.order.twap_id} for fill in newest[:FILLS_MAX]]


def _twap_history(_exchange: Exchange, account: Account, _question: Row) -> list[Row]:
    return list(reversed(account.twaps))


def _web_data(exchange: Exchange, account: Account, question: Row) -> Row:
    state = exchange.state
    return {
        "clearinghouseState": clearinghouse.clearinghouse(state, account),
        "leadingVaults": [],
        "totalVaultEquity": "0.0",
        "openOrders": _frontend_open_orders(exchange, account, question),
        "agentAddress": None,
        "agentValidUntil": None,
        "cumLedger": usd(account.moved_e6),
        "meta": {"universe": state.market.universe},
        "assetCtxs": [
            state.market.context(instrument.coin, state.now_ms) for instrument in state.coins
        ],
        "serverTime": state.now_ms,
        "isVault": False,
        "user": account.user,
        "twapStates": [
            [twap.id, twap.state_row()]
            for twap in exchange.twaps.running.values()
            if twap.user == account.user
        ],
        "spotState": {"balances": []},
        "spotAssetCtxs": [],
        "perpsAtOpenInterestCap": sorted(state.rules.oi_capped),
    }


_ANONYMOUS = frozenset(("perpsAtOpenInterestCap",))
_VIEWS: dict[str, View] = {
    "clearinghouseState": _clearinghouse,
    "spotClearinghouseState": _spot,
    "openOrders": _open_orders,
    "frontendOpenOrders": _frontend_open_orders,
    "orderStatus": _order_status,
    "historicalOrders": _historical_orders,
    "userFills": _fills,
    "userFillsByTime": _fills_by_time,
    "userFunding": _funding,
    "userNonFundingLedgerUpdates": _ledger,
    "userRateLimit": _rate_limit,
    "userFees": _fees,
    "activeAssetData": _active_asset,
    "userRole": _role,
    "extraAgents": _nothing,
    "userAbstraction": _abstraction,
    "subAccounts": _sub_accounts,
    "referral": _referral,
    "portfolio": _portfolio,
    "maxBuilderFee": _builder_fee,
    "perpsAtOpenInterestCap": _capped,
    "userTwapSliceFills": _twap_slice_fills,
    "twapHistory": _twap_history,
    "userVaultEquities": _nothing,
    "webData2": _web_data,
}
KINDS: frozenset[str] = frozenset(_VIEWS)

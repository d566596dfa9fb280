"""Questions to /info, and their answers.

The market side is answered here, what concerns accounts is passed on to the exchange. A question
that the venue could not read is refused with its status; nothing a client sends can raise anything
else.

Source: Hyperliquid documentation, "Info endpoint", and recorded replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from market.events import MS_PER_DAY, MS_PER_HOUR
from venue.hyperliquid.streams import L2_BOOK
from venue.local.exchange.state.margin import table_of, tables_of
from venue.local.market.candles import INTERVAL_MS, bar_start, oldest_start
from venue.local.market.contract import (
    FUNDING_ROWS_MAX,
    LocalMarket,
    Row,
    Topic,
)
from venue.local.protocol.refused import FAILED, UNREADABLE, AccountAnswers, Refused
from venue.local.protocol.request import is_grouping, is_integer
from venue.local.protocol.stream import OVERVIEWS, Stream

COLLATERAL_TOKEN = 0
SPOT_META: Row = {
    "tokens": [
        {
            "name": "USDC",
            "szDecimals": 8,
            "weiDecimals": 8,
            "index": COLLATERAL_TOKEN,
            "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
            "isCanonical": True,
            "evmContract": None,
            "fullName": None,
        }
    ],
    "universe": [],
}


class Questions:
    """Answers to questions about one market; long ones are worked on piece by piece."""

    def __init__(
        self,
        market: LocalMarket,
        now_ms: Callable[[], float],
        accounts: AccountAnswers | None = None,
    ) -> None:
        self._market = market
        self._accounts = accounts
        self._now_ms = now_ms
        # One at a time, or many askers would between them hold up the pushes.
        self._turn = asyncio.Lock()
        self._answers: dict[str, Callable[[Row], Awaitable[Any]]] = {
            "meta": self._meta,
            "allPerpMetas": self._all_perp_metas,
            "metaAndAssetCtxs": self._meta_and_contexts,
            "perpDexs": self._perp_dexs,
            "spotMeta": self._spot_meta,
            "spotMetaAndAssetCtxs": self._spot_meta_and_contexts,
            "exchangeStatus": self._exchange_status,
            "allMids": self._all_mids,
            "l2Book": self._book,
            "recentTrades": self._recent_trades,
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "predictedFundings": self._predicted_fundings,
        }

    async def answer(self, question: object) -> Any:
        """Return the reply to a decoded request body; raises Refused."""
        kind = question.get("type") if isinstance(question, dict) else None
        if not isinstance(kind, str) or not isinstance(question, dict):
            raise Refused(UNREADABLE)
        answer = self._answers.get(kind)
        if answer is not None:
            return await answer(question)
        if self._accounts is None or kind not in self._accounts.kinds:
            raise Refused(UNREADABLE)
        return self._accounts.answer(kind, question, self._now())

    async def warm(self, coins: Iterable[str], since_ms: int, until_ms: int) -> None:
        """Have the market prepare a time span, giving way to the pushes between the pieces."""
        async with self._turn:
            for _ in self._market.warm(coins, since_ms, until_ms):
                await asyncio.sleep(0)

    async def warm_topic(self, topic: Topic | Stream, now_ms: int) -> None:
        """Have the market prepare what a topic's first frames need."""
        if isinstance(topic, Stream):
            if topic.type in OVERVIEWS:
                await self.warm(list(self._market.instruments), now_ms - MS_PER_DAY, now_ms)
            return
        coins = [topic.coin] if topic.coin else list(self._market.instruments)
        # A context looks back a day, a candle to its beginning; the others look at the moment.
        since_ms = now_ms - MS_PER_DAY
        if topic.interval:
            since_ms = min(since_ms, bar_start(topic.interval, now_ms))
        await self.warm(coins, since_ms, now_ms)

    def _now(self) -> int:
        return int(self._now_ms())

    async def _meta(self, question: Row) -> Row:
        _require_first_dex(question)
        instruments = self._market.instruments
        rows = [
            {**row, "marginTableId": table_of(instruments[row["name"]]).id}
            for row in self._market.universe
        ]
        return {
            "universe": rows,
            "marginTables": tables_of(instruments.values()),
            "collateralToken": COLLATERAL_TOKEN,
        }

    async def _all_perp_metas(self, _question: Row) -> list[Row]:
        return [await self._meta({})]

    async def _meta_and_contexts(self, question: Row) -> list[Any]:
        meta = await self._meta(question)
        now_ms = self._now()
        coins = list(self._market.instruments)
        await self.warm(coins, now_ms - MS_PER_DAY, now_ms)
        return [meta, [self._market.context(coin, now_ms) for coin in coins]]

    async def _perp_dexs(self, _question: Row) -> list[None]:
        return [None]

    async def _spot_meta(self, _question: Row) -> Row:
        return SPOT_META

    async def _spot_meta_and_contexts(self, _question: Row) -> list[Any]:
        return [SPOT_META, []]

    async def _exchange_status(self, _question: Row) -> Row:
        return {"time": self._now(), "specialStatuses": None}

    async def _all_mids(self, question: Row) -> dict[str, str]:
        _require_first_dex(question)
        now_ms = self._now()
        await self.warm(list(self._market.instruments), now_ms, now_ms)
        return self._market.mids(now_ms)

    async def _book(self, question: Row) -> Row | None:
        coin = _text(question, "coin")
        figures, mantissa = (
            _whole_or_none(question, "nSigFigs"),
            _whole_or_none(question, "mantissa"),
        )
        if coin not in self._market.instruments:
            return None
        if not is_grouping(figures, mantissa):
            raise Refused(FAILED)
        now_ms = self._now()
        await self.warm([coin], now_ms, now_ms)
        topic = Topic(L2_BOOK, coin=coin, figures=figures, mantissa=mantissa)
        return self._market.book(topic, now_ms)

    async def _recent_trades(self, question: Row) -> list[Row]:
        coin = self._coin(question)
        now_ms = self._now()
        await self.warm([coin], now_ms, now_ms)
        return self._market.recent_trades(coin, now_ms)[::-1]

    async def _candles(self, question: Row) -> list[Row]:
        asked = question.get("req")
        if not isinstance(asked, dict):
            raise Refused(UNREADABLE)
        interval = _text(asked, "interval")
        start_ms, end_ms = _whole(asked, "startTime"), _whole_or_none(asked, "endTime")
        if interval not in INTERVAL_MS:
            raise Refused(UNREADABLE)
        coin = self._coin(asked)
        now_ms = self._now()
        start_ms = max(start_ms, oldest_start(interval, now_ms))
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if end_ms < start_ms:
            return []
        await self.warm([coin], bar_start(interval, start_ms), now_ms)
        return self._market.candles(coin, interval, start_ms, end_ms, now_ms)

    async def _funding_history(self, question: Row) -> list[Row]:
        start_ms, end_ms = _whole(question, "startTime"), _whole_or_none(question, "endTime")
        coin = self._coin(question)
        now_ms = self._now()
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if end_ms < start_ms:
            return []
        start_ms = max(start_ms, self._market.epoch_ms)
        last_ms = min(start_ms + (FUNDING_ROWS_MAX + 1) * MS_PER_HOUR, now_ms)
        await self.warm([coin], start_ms - MS_PER_HOUR, last_ms)
        return self._market.funding_history(coin, start_ms, end_ms)

    async def _predicted_fundings(self, _question: Row) -> list[Any]:
        now_ms = self._now()
        coins = list(self._market.instruments)
        await self.warm(coins, now_ms - MS_PER_DAY, now_ms)
        # The venue names the hour that is already settled as the next one.
        settled_ms = now_ms - now_ms % MS_PER_HOUR
        return [
            [
                coin,
                [
                    ["BinPerp", None],
                    [
                        "HlPerp",
                        {
                            "fundingRate": self._market.context(coin, now_ms)["funding"],
                            "nextFundingTime": settled_ms,
                            "fundingIntervalHours": 1,
                        },
                    ],
                    ["BybitPerp", None],
                ],
            ]
            for coin in coins
        ]

    def _coin(self, question: Row) -> str:
        coin = _text(question, "coin")
        if coin not in self._market.instruments:
            raise Refused(FAILED)
        return coin


def _require_first_dex(question: Row) -> None:
    dex = question.get("dex")
    if dex is not None and not isinstance(dex, str):
        raise Refused(UNREADABLE)
    if dex:
        raise Refused(FAILED)


def _text(question: Row, name: str) -> str:
    value = question.get(name)
    if not isinstance(value, str):
        raise Refused(UNREADABLE)
    return value


def _whole(question: Row, name: str) -> int:
    value = question.get(name)
    if not is_integer(value) or not 0 <= value < 1 << 63:
        raise Refused(UNREADABLE)
    return value


def _whole_or_none(question: Row, name: str) -> int | None:
    return None if question.get(name) is None else _whole(question, name)

"""The exchange core: actions of accounts, blocks of time, and the events that follow.

Pure: it reads no clock and draws no chance. The same actions at the same times over the same market
give the same events, names and balances. The crowd's market is not moved by what happens here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from venue.local.exchange.actions import (
    cancels,
    leverage,
    modifies,
    orders,
    schedule,
    transfers,
    twaps,
)
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import BACKSTOP, State, Trade
from venue.local.exchange.state.notes import Note, Print
from venue.local.exchange.state.refusal import Malformed, Refusal
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.steps import delisting, funding, liquidation, passive, triggers
from venue.local.exchange.steps.published import Published
from venue.local.exchange.steps.rows import told
from venue.local.exchange.steps.twap import Twaps
from venue.local.market.contract import LocalMarket, Row
from venue.local.market.grid import BLOCK_MS, block_start

USD_E6 = 1_000_000
# After a pause longer than this, time passes in seconds, then in minutes, instead of blocks.
FINE_MS = 60_000
COARSE_MS = 3_600_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
# Fields that hold the parts of a batch.
PARTS = ("orders", "cancels", "modifies")

Handler = Callable[[Account, Row], Row]


class Exchange:
    """The exchange on one market."""

    def __init__(self, market: LocalMarket, rules: Rules = Rules()) -> None:  # noqa: B008
        self.state = State(market, rules)
        self.published = Published()
        self.twaps = Twaps(self.state)
        self._funding = funding.Funding(self.state)
        self._told = 0
        self._mark_slot = -1
        state = self.state
        plain: dict[str, Callable[[State, Account, Row], Row]] = {
            "order": orders.place,
            "cancel": cancels.cancel,
            "cancelByCloid": cancels.cancel_by_cloid,
            "modify": modifies.modify,
            "batchModify": modifies.batch_modify,
            "scheduleCancel": schedule.schedule_cancel,
            "updateLeverage": leverage.update_leverage,
            "updateIsolatedMargin": leverage.update_isolated_margin,
            "topUpIsolatedOnlyMargin": leverage.top_up_isolated_only_margin,
            "usdSend": transfers.usd_send,
            "withdraw3": transfers.withdraw,
            "usdClassTransfer": transfers.usd_class_transfer,
            "vaultTransfer": transfers.vault_transfer,
            "reserveRequestWeight": transfers.reserve_request_weight,
            "approveBuilderFee": transfers.approve_builder_fee,
            "noop": transfers.noop,
        }
        self._handlers: dict[str, Handler] = {
            name: partial(handler, state) for name, handler in plain.items()
        }
        self._handlers["twapOrder"] = lambda account, action: twaps.twap_order(
            state, account, self.twaps, action
        )
        self._handlers["twapCancel"] = lambda account, action: twaps.twap_cancel(
            account, self.twaps, action
        )

    # Accounts.

    def deposit(self, user: str, usd_e6: int, now_ms: int) -> None:
        """Give an account money; it exists from then on."""
        self._move_to(now_ms)
        transfers.deposit(self.state, user.lower(), usd_e6)

    def has(self, user: str) -> bool:
        """Say whether an account exists."""
        return user in self.state.accounts

    def requests_used(self, user: str) -> int:
        """Return how many requests an address has made; a batch counts its parts."""
        account = self.state.accounts.get(user)
        return account.requests_used if account is not None else 0

    def requests_cap(self, user: str) -> int:
        """Return how many it may make: one more for each USDC traded, and what it bought."""
        account = self.state.accounts.get(user)
        free = self.state.rules.requests_free
        if account is None:
            return free
        return free + account.volume.total_e6 // USD_E6 + account.requests_bought

    def volume_e6(self, user: str) -> int:
        """Return what an account has traded since ever, in micro-USDC."""
        account = self.state.accounts.get(user)
        return account.volume.total_e6 if account is not None else 0

    def weight(self, action: Row) -> int:
        """Return how many requests an action is: the parts of its batch, or one."""
        for name in PARTS:
            parts = action.get(name)
            if type(parts) is list:
                return max(len(parts), 1)
        return 1

    def only_post_only(self, until_ms: int) -> None:
        """Take only post-only orders until a moment, as after an upgrade of the venue."""
        self.state.post_only_until_ms = until_ms

    def delist(self, coin: str, now_ms: int) -> None:
        """Take a coin off the list: orders end, positions are settled at the mark."""
        self._move_to(now_ms)
        self.state.tx += 1
        delisting.delist(self.state, coin)

    # What accounts do.

    def act(self, user: str, action: Row, now_ms: int) -> Row:
        """Execute an action; return the body of the reply, which tells of any failure.

        Requests are counted here, except for what is refused for its form or weight.
        """
        self._move_to(now_ms)
        state = self.state
        account = state.accounts.get(user)
        if account is None or user == BACKSTOP:
            return _err(refusal.DEPOSIT.format(user=user))
        kind = action.get("type")
        handler = self._handlers.get(kind) if type(kind) is str else None
        if handler is None:
            return _err(refusal.MALFORMED)
        weight = self.weight(action)
        if weight > state.rules.batch_weight_max:
            return _err(refusal.WEIGHT.format(most=state.rules.batch_weight_max))
        state.tx += 1
        try:
            response: Any = handler(account, action)
        except Malformed:
            return _err(refusal.MALFORMED)
        except Refusal as refused:
            account.requests_used += weight
            return _err(str(refused))
        account.requests_used += weight
        return {"status": "ok", "response": response}

    # What time does.

    def advance(self, now_ms: int) -> None:
        """Let time pass, block by block, and everything happen that is due."""
        self._move_to(now_ms)

    def drain(self) -> list[Note | Print]:
        """Return what happened since the last drain, in order."""
        self._publish()
        out = [told(event, self.state.instruments) for event in self.state.events]
        self.state.events.clear()
        self._told = 0
        return out

    def _publish(self) -> None:
        """Hand new trades to the published tape."""
        events = self.state.events
        for event in events[self._told :]:
            if isinstance(event, Trade):
                self.published.add(event)
        self._told = len(events)

    def publish(self) -> Published:
        """Return the trades that accounts have made public, up to now."""
        self._publish()
        return self.published

    def _move_to(self, now_ms: int) -> None:
        state = self.state
        if now_ms <= state.now_ms:
            return
        if not state.now_ms or not self._is_alive():
            self._jump(now_ms)
            return
        while state.now_ms < now_ms:
            behind = now_ms - state.now_ms
            step = BLOCK_MS
            if behind > FINE_MS:
                step = SECOND_MS if behind <= COARSE_MS else MINUTE_MS
            self._jump(min(block_start(state.now_ms) + step, now_ms))

    def _is_alive(self) -> bool:
        """Say whether anything can happen without an action."""
        state = self.state
        return bool(
            state.holders
            or state.triggers
            or self.twaps.running
            or any(state.books.values())
            or any(a.schedule.at_ms is not None for a in state.accounts.values())
        )

    def _jump(self, now_ms: int) -> None:
        state = self.state
        since_ms, state.now_ms = block_start(state.now_ms), now_ms
        # Between two blocks nothing happens but actions.
        if block_start(now_ms) == since_ms or not since_ms:
            return
        state.tx += 1
        for coin in sorted(coin for coin, book in state.books.items() if book):
            passive.fill_from_crowd(state, coin, since_ms)
        for account in list(state.accounts.values()):
            if account.schedule.at_ms is not None:
                schedule.fire(state, account)
        self._funding.due(since_ms)
        if self.twaps.running:
            self.twaps.due()
        slot = now_ms // SECOND_MS
        if slot != self._mark_slot:
            self._mark_slot = slot
            state.crowd.heal(now_ms)
            if state.triggers:
                triggers.fire(state)
            if state.holders:
                liquidation.check(state)


def _err(text: str) -> Row:
    return {"status": "err", "response": text}

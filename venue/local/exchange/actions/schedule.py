"""scheduleCancel: a dead-man switch that cancels everything unless it is set again in time."""

from __future__ import annotations

from market.events import MS_PER_DAY
from venue.local.exchange.actions import reading
from venue.local.exchange.actions.cancels import cancel_all
from venue.local.exchange.state import refusal
from venue.local.exchange.state.account import Account
from venue.local.exchange.state.exchange_state import State
from venue.local.exchange.state.order import SCHEDULED_CANCEL
from venue.local.exchange.state.refusal import Refusal
from venue.local.market.contract import Row

USD_E6 = 1_000_000


def schedule_cancel(state: State, account: Account, action: Row) -> Row:
    """Set the switch to a time, or clear it when no time is given."""
    at_ms = reading.whole_or_none(action, "time")
    rules = state.rules
    traded = account.volume.total_e6
    if traded < rules.schedule_cancel_volume_usd * USD_E6:
        text = refusal.SCHEDULE_VOLUME.format(
            required=rules.schedule_cancel_volume_usd, traded=traded // USD_E6
        )
        raise Refusal(text)
    if at_ms is not None:
        if at_ms < state.now_ms + rules.schedule_cancel_ahead_ms:
            raise Refusal(refusal.SCHEDULE_EARLY)
        _renew(state, account)
        if account.schedule.firings >= rules.schedule_cancel_firings_max:
            raise Refusal(refusal.SCHEDULE_DAY)
    account.schedule.at_ms = at_ms
    return reading.default()


def fire(state: State, account: Account) -> None:
    """Cancel everything when the time has come."""
    schedule = account.schedule
    if schedule.at_ms is None or schedule.at_ms > state.now_ms:
        return
    schedule.at_ms = None
    _renew(state, account)
    schedule.firings += 1
    cancel_all(state, account, SCHEDULED_CANCEL)


def _renew(state: State, account: Account) -> None:
    """Begin to count anew at 00:00 UTC."""
    today = state.now_ms // MS_PER_DAY
    if account.schedule.day != today:
        account.schedule.day = today
        account.schedule.firings = 0

"""Record of one signal: its row, its checks, and the trades that came of it."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from sqlite3 import Connection
from typing import Any

import msgspec
from msgspec import Struct

from daemon.views.vote import VoteView
from market.errors import InputDamaged
from risk.filter import Filter, discover
from shadow.ledger.trade import Trade
from shadow.store.details import Details
from shadow.store.query import named
from shadow.store.tables.decisions import APART, PASSED

# Whole numbers stay whole.
Numbers = dict[str, int | float | None]


class ClampStory(Struct):
    """A cap that cut the size: lots before and after."""

    filter: str
    before_lots: int
    after_lots: int


class BookStory(Struct):
    """The top of the book at that moment, as pairs of price and size, best first."""

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


class SizingStory(Struct, kw_only=True):
    """The numbers behind a size.

    notional = equity × target ÷ volatility × weight × conviction ÷ impact scale.
    """

    equity_usd: float
    vol_target: float
    daily_vol: float
    division_weight: float
    bot_weight: float
    weight: float
    conviction: float
    impact_scale: float = 1.0
    notional_usd: float


class SignalStory(Struct, kw_only=True):
    """A row of the table `signal` with its detail.

    `saw`, `book`, `ages`, `sizing` and `vote` are null where they are not kept (any more).
    """

    signal_id: int
    seq: int
    ts_ns: int
    bot: str
    division: str
    coin: str
    side: str
    conviction: float
    verdict: str
    failing: str
    sole: str
    fail_closed: int
    trade_id: int | None
    requested_lots: int
    lots: int
    notional_e6: int
    clamps: list[ClampStory]
    mid: float
    stop_px: float
    target_px: float | None
    trail: float | None
    horizon_ns: int
    reason: str
    saw: Numbers | None
    book: BookStory | None
    ages: Numbers | None
    config_hash: str
    policy_hash: str
    sizing: SizingStory | None
    vote: VoteView | None


class CheckStory(Struct, kw_only=True):
    """A row of the table `check_result`; `value` was compared with `threshold`.

    Both are in `unit`, and the limit `blocks` what is above the threshold, or below it; both are
    empty of a filter that is gone.
    """

    signal_id: int
    filter: str
    mode: str
    outcome: str
    value: float | None
    threshold: float | None
    reason: str
    version: int
    unit: str = ""
    blocks: str = ""


class TradeStory(Struct, kw_only=True):
    """A row of the table `trade`; money is null until it is known.

    `so_far_e6` is what an open one has earned by its newest mark, at most a minute old, in
    micro-USDC before the costs of leaving it.
    """

    trade_id: int
    kind: str
    cause: str
    status: str
    signal_id: int
    later_trade_id: int | None
    trial_id: int | None
    bot: str
    division: str
    coin: str
    side: str
    asked_lots: int
    qty_lots: int
    decided_ns: int
    opened_ns: int | None
    closed_ns: int | None
    decision_mid: float
    entry_px: float | None
    exit_px: float | None
    entry_notional_e6: int | None
    gross_e6: int | None
    fees_e6: int | None
    funding_e6: int | None
    net_e6: int | None
    risk_e6: int | None
    r: float | None
    bps: float | None
    mae_bps: float | None
    mfe_bps: float | None
    exit_reason: str | None
    repeats: int
    flags: str
    exit_decision_mid: float | None
    entry_delay_e6: int | None
    entry_impact_e6: int | None
    exit_delay_e6: int | None
    exit_impact_e6: int | None
    so_far_e6: int | None


class Why(Struct):
    """A signal with the checks of the gate and every trade, twin and phantom of it.

    Once its detail has gone, `checks` holds only those that did not pass.
    """

    signal: SignalStory
    checks: list[CheckStory]
    trades: list[TradeStory]


# Of what is JSON in a detail, that which may be an empty object: it was not kept yet.
KEPT_LATER = ("sizing", "vote")


def why(db: Connection, signal_id: int) -> Why | None:
    """Return a signal's story, None when there is no such signal; raises InputDamaged."""
    found = named(db.execute("SELECT * FROM signal WHERE signal_id = ?", (signal_id,)))
    if not found:
        return None
    (signal,) = found
    detail = Details(db).of(signal_id)
    checks = named(db.execute("SELECT * FROM check_result WHERE signal_id = ?", (signal_id,)))
    if detail is not None:
        # What passed is all there, also what an alarm cut.
        checks = [check for check in checks if check["outcome"] != PASSED]
        checks += [msgspec.structs.asdict(check) for check in detail.checks]
        checks.sort(key=itemgetter("filter"))
    trades = named(
        db.execute(
            "SELECT * FROM trade WHERE signal_id = ? OR trade_id = ? ORDER BY trade_id",
            (signal_id, signal["trade_id"]),
        )
    )
    try:
        signal["clamps"] = msgspec.json.decode(signal["clamps"])
        for name in APART:
            signal[name] = detail and msgspec.json.decode(getattr(detail, name))
        for name in KEPT_LATER:
            signal[name] = signal[name] or None
        return Why(
            msgspec.convert(signal, SignalStory),
            [_with_unit(check) for check in msgspec.convert(checks, list[CheckStory])],
            [_trade_story(db, row) for row in trades],
        )
    except msgspec.MsgspecError as error:
        raise InputDamaged(f"signal {signal_id}: its rows cannot be read ({error})") from None


def _with_unit(check: CheckStory) -> CheckStory:
    known = _filters().get(check.filter)
    if known is not None and check.threshold is not None:
        check.unit, check.blocks = known.unit, known.blocks
    return check


@cache
def _filters() -> dict[str, type[Filter[Struct]]]:
    return {cls.name: cls for cls in discover()}


def _trade_story(db: Connection, row: dict[str, Any]) -> TradeStory:
    story = msgspec.convert({**row, "so_far_e6": None}, TradeStory)
    story.so_far_e6 = _so_far(db, story)
    return story


def _so_far(db: Connection, trade: TradeStory) -> int | None:
    key = f"trade/{trade.trade_id}"
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    if row is None or trade.status == "closed":
        return None
    held = msgspec.json.decode(row["value"], type=Trade)
    if not held.mark_px or not held.entry_px:
        return None
    left = (held.filled_lots - held.exit_lots) / held.filled_lots
    rest = left * held.entry_notional_e6 * held.mark_px / held.entry_px
    gross = held.side * (held.exit_notional_e6 + rest - held.entry_notional_e6)
    return round(gross - held.fees_e6 - held.funding_e6)

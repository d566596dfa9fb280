"""Sides of the comparison, behind one interface: records in, decisions out."""

from __future__ import annotations

from typing import Protocol

from bench.market import Stretch, fresh_engine, fresh_intake
from bench.naive import Decision, NaiveEngine
from daemon.config.load import parse
from daemon.engine.outcome import Outcome
from market.decision import TradeKind
from market.events import NS_PER_MS, Candles, FeedUp, Timer
from market.fills import FillModel
from shadow.store.tables.trades import TradeRow
from venue.tape.lines import Record, decode_fact


class Side(Protocol):
    """An engine under measurement; `decisions` is what it has come to so far."""

    decisions: list[Decision]

    def take(self, record: Record) -> None:
        """Take one record."""

    def account(self) -> dict[str, int]:
        """Return how many trades of each kind were opened, and the cash in micro-USDC."""


class Real:
    """The engine as it runs: tape lines go into a list, outcomes are noted."""

    def __init__(self, market: Stretch) -> None:
        self.decisions: list[Decision] = []
        self.lines: list[bytes] = []
        self._opened: list[TradeRow] = []
        self.intake = fresh_intake(market, self._absorb, self.lines.append)

    def _absorb(self, outcome: Outcome) -> None:
        rows = outcome.rows
        self._opened += rows.trades
        for row in rows.signals:
            self.decisions.append(
                (row.ts_ns, row.bot, row.coin, row.side, row.verdict, row.failing)
            )

    def take(self, record: Record) -> None:
        """Take a frame as the only one of its socket read, or a fact."""
        kind, ns, payload = record
        if kind == "F":
            self.intake.frames([payload], ns)
        elif kind == "T":
            self.intake.fact(Timer(ns))
        else:
            self.intake.fact(decode_fact(payload, ns))

    def account(self) -> dict[str, int]:
        """Count trades by the kind that is part of their id."""
        counts = {kind.name.lower(): 0 for kind in TradeKind}
        for row in self._opened:
            counts[TradeKind(row.trade_id % len(TradeKind)).name.lower()] += 1
        return {**counts, "cash_e6": self.intake.engine.branch.desk.cash_e6}


class Naive:
    """The ordinary engine on the same records; `lean` spares it the volatility on every tick."""

    def __init__(self, market: Stretch, *, lean: bool = False) -> None:
        config = parse(market.config, "bench")
        model = FillModel.of(
            latency_ms=config.fills.latency_ms,
            taker_bps=config.fees.taker_bps,
            maker_bps=config.fees.maker_bps,
        )
        self.engine = NaiveEngine.like(
            fresh_engine(market),
            model=model,
            vol_target=config.desk.vol_target_daily,
            lean=lean,
        )
        self.decisions = self.engine.decisions

    def take(self, record: Record) -> None:
        """Take a frame, a second or the history; it knows no other facts."""
        kind, ns, payload = record
        if kind == "F":
            self.engine.on_frame(payload, ns)
        elif kind == "T":
            self.engine.on_second(ns)
        else:
            event = decode_fact(payload, ns)
            if isinstance(event, Candles):
                self.engine.on_history(event, ns)
            elif isinstance(event, FeedUp):
                for coin in self.engine.coins.values():
                    coin.bars.resume(ns // NS_PER_MS, ns)

    def account(self) -> dict[str, int]:
        """Count trades as the engine counted them."""
        counts = {kind.name.lower(): 0 for kind in TradeKind}
        return {**counts, **self.engine.trades.opened, "cash_e6": self.engine.desk.cash_e6}

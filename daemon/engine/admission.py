"""Admission: from a heard signal to an admitted trade, or a blocked signal with its phantom."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from daemon.engine.heard import Heard
from daemon.engine.outcome import Outbox
from daemon.engine.series.book import SeriesBook
from daemon.engine.settlement import Settlement
from divisions import vote as voting
from divisions.sizing import lots_wanted, sizing
from market.coin import Coin
from market.decision import STAGE, Proposal, TradeKind, Verdict
from market.desk import DeskView
from market.errors import require
from market.fills import FillModel
from market.money import bearable_e6, notional_e6
from risk.gate import Gate, withheld
from shadow.ledger.episodes import KeyState, Step
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import Trade
from shadow.store import rollup
from shadow.store.bookkeeper import Bookkeeper, verdict_tags


class Judged(NamedTuple):
    """A signal that the desk judged: its size, the verdict, and its id, 0 when it was a repeat."""

    proposal: Proposal
    verdict: Verdict
    signal_id: int


# Until a coin's streams have shown a cadence, an entry waits as long as the slow book takes.
CADENCE_NS_UNKNOWN = 5_400_000_000.0
# Ids one event may use up: at a bar's close every bot may speak about every coin the venue lists.
SIGNALS_MAX = 1 << 14


class Admission:
    """Sizing, judging and booking of signals. `vol_target` is a share of equity."""

    def __init__(
        self,
        view: DeskView,
        gate: Gate,
        ledger: Ledger,
        settlement: Settlement,
        keys: dict[str, KeyState],
        books: Bookkeeper,
        out: Outbox,
        series: SeriesBook,
        *,
        model: FillModel,
        vol_target: float,
    ) -> None:
        self._view = view
        self._gate = gate
        self._ledger = ledger
        self._settlement = settlement
        self._keys = keys
        self._books = books
        self._out = out
        self._series = series
        self._model = model
        self.vol_target = vol_target
        self._count = 0
        self._counted_seq = 0

    def hear(self, heard: Heard) -> Judged | None:
        """Take a bot's signal; return what was made of it, None for one that was not judged."""
        name, lane = heard.key, heard.lane
        key = self._key(name)
        armed = key.hear(self._out.now_ns, lane.bot.rearm_ns())
        self._out.touch(f"key/{name}")
        if not armed:
            self._settlement.repeat(name, key)
            return None
        proposal = self._propose(heard)
        self._view.opened_ns = key.opened_ns
        self._view.vote = heard.vote
        verdict = self._gate.judge(proposal, self._view)
        if lane.stage == "shadow":
            verdict = withheld(verdict, lane.name)
        step = key.step(verdict)
        if step is Step.REPEAT:
            self._settlement.repeat(name, key)
            return Judged(proposal, verdict, 0)
        signals = self._out.vitals.signals
        signals[lane.name] = signals.get(lane.name, 0) + 1
        return Judged(proposal, verdict, self._book(heard, proposal, verdict, step, key))

    def try_out(self, heard: Heard, trial_id: int) -> None:
        """Open a phantom for what an arm of a trial says, past gate and vote."""
        name = heard.key
        key = self._key(name)
        key.hear(self._out.now_ns, heard.lane.bot.rearm_ns())
        self._out.touch(f"key/{name}")
        if key.phantom_id or not key.phantom_armed:
            return
        proposal = self._propose(heard)
        if not proposal.lots:
            return
        signal_id = self._next_id()
        trade = self._trade(heard, proposal.lots, signal_id, TradeKind.PHANTOM, "trial")
        trade.trial_id = trial_id
        self._begin(trade, key)
        key.phantom_id = trade.trade_id
        self._send(trade)

    def _key(self, name: str) -> KeyState:
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = KeyState()
        return key

    def _propose(self, heard: Heard) -> Proposal:
        return propose(heard, self._view.desk.equity_e6, heard.weights, self.vol_target)

    def _book(
        self, heard: Heard, proposal: Proposal, verdict: Verdict, step: Step, key: KeyState
    ) -> int:
        signal_id = self._next_id()
        vitals = self._out.vitals
        # How far a filter reaches is asked only of what may be admitted.
        for name in () if STAGE in verdict.failing else self._gate.count(verdict):
            note = self._gate.reach[name].note
            self._out.note(f"{name} {note}" if note else f"{name} passed some and refused some")
        if step is Step.OPEN_REAL:
            vitals.admitted += 1
            trade_id = self._admit(heard, proposal, verdict, key, signal_id)
        else:
            vitals.blocked += 1
            for filter_name in verdict.failing:
                vitals.blocked_by[filter_name] = vitals.blocked_by.get(filter_name, 0) + 1
            if step is Step.OPEN_PHANTOM:
                trade_id = self._block(heard, verdict, key, signal_id)
            else:
                trade_id = key.phantom_id
        self._books.signal(
            proposal,
            verdict,
            heard.coin,
            signal_id=signal_id,
            trade_id=trade_id,
            vote=partial(voting.plain, heard.vote, self._out.now_ns),
        )
        return signal_id

    def _admit(
        self, heard: Heard, proposal: Proposal, verdict: Verdict, key: KeyState, signal_id: int
    ) -> int:
        coin = heard.coin
        trade = self._trade(heard, verdict.lots, signal_id, TradeKind.PAPER, "admit")
        phantom = self._ledger.trades.get(key.phantom_id)
        # What was withheld before the bot was admitted is no episode of a filter to set off.
        if phantom is not None and phantom.cause == "block" and self._books.shadow:
            self._books.paired(phantom, trade)
        self._begin(trade, key)
        key.real_id = trade.trade_id
        self._settlement.account.trades[trade.trade_id] = trade
        self._settlement.account.expose(
            trade,
            bearable_e6(notional_e6(coin.book.mid, trade.lots, coin.instrument.sz_decimals)),
        )
        self._books.order(trade, self._out.now_ns, "entry_sent", f"{trade.lots} lots, taker")
        self._send(trade)
        if self._books.shadow:
            twin = self._trade(heard, verdict.lots, signal_id, TradeKind.TWIN, "admit")
            twin.tags = [rollup.TWIN, *rollup.observe_tags(verdict)]
            self._series.judge(twin, verdict)
            self._begin(twin)
            self._send(twin)
            cut = proposal.lots - verdict.lots
            if cut > 0:
                rest = self._trade(heard, cut, signal_id, TradeKind.CLAMPED, "clamp")
                rest.skip_lots = verdict.lots
                rest.tags = rollup.clamp_tags(verdict)
                self._begin(rest)
                self._send(rest)
        return trade.trade_id

    def _block(self, heard: Heard, verdict: Verdict, key: KeyState, signal_id: int) -> int:
        cause = "stage" if STAGE in verdict.failing else "block"
        phantom = self._trade(heard, verdict.lots, signal_id, TradeKind.PHANTOM, cause)
        phantom.tags = verdict_tags(verdict)
        if cause == "block" and self._books.shadow:
            self._series.judge(phantom, verdict)
        self._begin(phantom, key)
        key.phantom_id = phantom.trade_id
        self._send(phantom)
        self._out.vitals.phantoms += self._books.shadow
        return phantom.trade_id

    def _trade(self, heard: Heard, lots: int, signal_id: int, kind: TradeKind, cause: str) -> Trade:
        return entry_of(
            heard,
            lots,
            trade_id=signal_id * 4 + kind,
            signal_id=signal_id,
            kind=kind,
            cause=cause,
            now_ns=self._out.now_ns,
            model=self._model,
        )

    def _begin(self, trade: Trade, key: KeyState | None = None) -> None:
        """Write a trade's row; with a key, the key's repeats count on it from now on."""
        if key is not None:
            self._books.repeats(key)
            key.last_id, key.repeats = trade.trade_id, 0
        self._books.opened(trade)

    def _send(self, trade: Trade) -> None:
        """Send a trade's entry, once its slot and exposure are taken: it may end at once."""
        changes = self._ledger.open(trade)
        if changes:
            self._settlement.apply(changes)

    def _next_id(self) -> int:
        if self._counted_seq != self._out.seq:
            self._counted_seq, self._count = self._out.seq, 0
        require(self._count < SIGNALS_MAX, "one event brought more signals than there are ids")
        self._count += 1
        return self._out.seq * SIGNALS_MAX + self._count - 1


def propose(
    heard: Heard, equity_e6: int, weights: tuple[float, float], vol_target: float
) -> Proposal:
    """Return a signal in the size that a desk of some equity and weights asks for."""
    coin, lane, signal = heard.coin, heard.lane, heard.signal
    division, bot = weights
    numbers = sizing(
        coin,
        equity_e6=equity_e6,
        vol_target=vol_target,
        division_weight=division,
        bot_weight=bot,
        conviction=signal.conviction,
    )
    lots = lots_wanted(coin, numbers)
    worth_e6 = bearable_e6(notional_e6(coin.book.mid, lots, coin.instrument.sz_decimals))
    return Proposal(
        signal, lane.name, lane.division, signal.coin, signal.side, lots, worth_e6, numbers
    )


def entry_of(
    heard: Heard,
    lots: int,
    *,
    trade_id: int,
    signal_id: int,
    kind: TradeKind,
    cause: str,
    now_ns: int,
    model: FillModel,
) -> Trade:
    """Return the trade that a signal in a size begins, as its entry is to be sent."""
    coin, signal = heard.coin, heard.signal
    due_ns = now_ns + model.latency_ns
    return Trade(
        trade_id=trade_id,
        kind=kind,
        cause=cause,
        signal_id=signal_id,
        bot=heard.lane.name,
        division=heard.lane.division,
        coin=signal.coin,
        side=signal.side,
        lots=lots,
        decided_ns=now_ns,
        due_ns=due_ns,
        expires_ns=due_ns + int(2 * _cadence_ns(coin)),
        decision_mid=coin.book.mid,
        plan=signal.plan,
        stop_px=signal.plan.stop_px,
    )


def _cadence_ns(coin: Coin) -> float:
    """Return how long the coin's liveliest stream may be silent, in nanoseconds."""
    pulse = coin.streams.pulse()
    return CADENCE_NS_UNKNOWN if pulse is None else pulse[1].peak_ns

"""From a bot's action to an admitted trade or a blocked signal with its phantom."""

from __future__ import annotations

from math import isfinite

import msgspec

from daemon.engine.outcome import Outbox
from daemon.engine.settlement import Settlement
from daemon.engine.trials import Arm
from daemon.engine.weighing import Weights
from divisions import vote as voting
from divisions.lane import Lane, vet
from divisions.sizing import lots_wanted, sizing
from divisions.weights import START
from market.coin import Coin
from market.decision import STAGE, ExitCall, ExitPlan, Signal, TradeKind, Verdict, Vote
from market.desk import View
from market.errors import require
from market.events import NS_PER_DAY
from market.fills import FillModel
from market.money import notional_e6
from risk.gate import STAGE_VERSION, Gate, withheld
from shadow.ledger.episodes import KeyState, Step
from shadow.ledger.ledger import Ledger
from shadow.ledger.trade import Tag, Trade
from shadow.store import rollup
from shadow.store.rows import check_rows, signal_row, to_json, trade_row, trade_update_row
from shadow.store.tables.trades import OrderEventRow

# Until a coin's streams have shown a cadence, an entry waits as long as the slow book takes.
CADENCE_NS_UNKNOWN = 5_400_000_000
# An exit plan beyond these is a slip, and too large a number for the columns that would hold it.
HORIZON_NS_MAX = 3_653 * NS_PER_DAY
STOP_MIDS_MAX = 100.0
# Ids one event may use up: at a bar's close every bot may speak about every coin the venue lists.
SIGNALS_MAX = 1 << 14


def vet_action(action: Signal | ExitCall, coin: Coin) -> None:
    """Raise for an action that nobody could carry out or write down: a bot's error."""
    if not isinstance(action, Signal | ExitCall):
        raise TypeError(f"expected a Signal or an ExitCall, got {type(action).__name__}")
    if action.coin != coin.name:
        raise ValueError(f"{action.coin!r} is not the coin it was shown")
    msgspec.convert(msgspec.to_builtins(action), type(action))
    if isinstance(action, Signal):
        vet(action, coin.book.mid)
        if action.plan.horizon_ns > HORIZON_NS_MAX:
            raise ValueError(f"horizon of {action.plan.horizon_ns} ns is out of reach")
        if action.plan.stop_px > STOP_MIDS_MAX * coin.book.mid:
            raise ValueError(f"stop {action.plan.stop_px:g} is out of reach")
        # Bytes and dates have passed for text so far; half a surrogate pair cannot be written.
        "".join((action.reason, *action.saw)).encode()
        if not all(map(isfinite, action.saw.values())):
            raise ValueError(f"saw a number that is not finite: {action.saw}")


class Identity:
    """What is frozen on every signal row."""

    def __init__(self, config_hash: str, policy_hash: str) -> None:
        self.config_hash = config_hash
        self.policy_hash = policy_hash


class Admission:
    """Sizes, judges and books signals. `vol_target` is a share of equity."""

    def __init__(
        self,
        view: View,
        gate: Gate,
        ledger: Ledger,
        settlement: Settlement,
        keys: dict[str, KeyState],
        weights: Weights,
        opinions: voting.Opinions,
        outbox: Outbox,
        *,
        model: FillModel,
        vol_target: float,
        identity: Identity,
        shadow: bool,
    ) -> None:
        self._view = view
        self._gate = gate
        self._ledger = ledger
        self._settlement = settlement
        self._keys = keys
        self._weights = weights
        self._opinions = opinions
        self._out = outbox
        self._model = model
        self._vol_target = vol_target
        self._identity = identity
        self._shadow = shadow
        self._versions = {STAGE: STAGE_VERSION, **{f.name: f.version for f in gate.filters}}
        self._count = 0
        self._counted_seq = 0

    def hear(self, lane: Lane, coin: Coin, signal: Signal) -> None:
        """Take a signal that `vet_action` found sound."""
        now_ns = self._out.now_ns
        voting.hold(self._opinions, lane.name, signal, now_ns)
        name = f"{lane.name}|{signal.coin}|{signal.side}"
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = KeyState()
        armed = key.hear(now_ns, lane.bot.rearm_ns())
        self._out.touch(f"key/{name}")
        if not armed:
            self._settlement.repeat(name, key)
            return
        self._size(lane, coin, signal, self._weights.of(lane.division, lane.name))
        self._view.opened_ns = key.opened_ns
        self._view.vote = self.vote(coin)
        verdict = self._gate.judge(signal, self._view)
        if lane.stage == "shadow":
            verdict = withheld(verdict, lane.name)
        step = key.step(verdict)
        if step is Step.REPEAT:
            self._settlement.repeat(name, key)
            return
        lane.signals += 1
        self._book(coin, signal, verdict, step, key)

    def try_out(self, arm: Arm, coin: Coin, signal: Signal) -> None:
        """Open a phantom for what an arm of a trial says, at unit weight, past gate and vote."""
        name = f"{arm.name}|{signal.coin}|{signal.side}"
        key = self._keys.get(name)
        if key is None:
            key = self._keys[name] = KeyState()
        key.hear(self._out.now_ns, arm.bot.rearm_ns())
        self._out.touch(f"key/{name}")
        if key.phantom_id or not key.phantom_armed:
            return
        self._size(arm, coin, signal, (START, START))
        if not signal.lots:
            return
        trade = self._trade(coin, signal, signal.lots, self._next_id(), TradeKind.PHANTOM, "trial")
        trade.trial_id = arm.trial_id
        self._open(trade, key)
        key.phantom_id = trade.trade_id

    def vote(self, coin: Coin) -> Vote:
        """Return the divisions' vote on a coin as it stands."""
        weights = self._weights
        return voting.cast(
            self._opinions.get(coin.name, {}),
            mid=coin.book.mid,
            now_ns=self._out.now_ns,
            divisions=weights.divisions,
            bots=weights.bots,
            homes=weights.homes,
        )

    def _size(self, lane: Lane, coin: Coin, signal: Signal, weights: tuple[float, float]) -> None:
        signal.bot = lane.name
        signal.division = lane.division
        division, bot = weights
        signal.sizing = sizing(
            coin,
            equity_e6=self._view.desk.equity_e6,
            vol_target=self._vol_target,
            division_weight=division,
            bot_weight=bot,
            conviction=signal.conviction,
        )
        signal.lots = lots_wanted(coin, signal.sizing)
        signal.notional_e6 = notional_e6(coin.book.mid, signal.lots, coin.instrument.sz_decimals)

    def _book(
        self, coin: Coin, signal: Signal, verdict: Verdict, step: Step, key: KeyState
    ) -> None:
        signal_id = self._next_id()
        now_ms = self._out.now_ns // 1_000_000
        rows, vitals = self._out.rows, self._out.vitals
        staged = STAGE in verdict.failing
        # How far a filter reaches is asked only of what may be admitted.
        for alarm in () if staged else self._gate.count(verdict):
            kind, _, message = alarm.partition(": ")
            self._out.alarm(kind, message)
        if step is Step.OPEN_REAL:
            vitals.admitted += 1
            trade_id = self._admit(coin, signal, verdict, key, signal_id)
            tags = rollup.observe_tags(verdict) + rollup.clamp_tags(verdict)
        else:
            vitals.blocked += 1
            for filter_name in verdict.failing:
                vitals.blocked_by[filter_name] = vitals.blocked_by.get(filter_name, 0) + 1
            tags = rollup.stage_tags(verdict) if staged else rollup.block_tags(verdict)
            if step is Step.OPEN_PHANTOM:
                trade_id = self._block(coin, signal, verdict, key, signal_id, tags)
            else:
                trade_id = key.phantom_id
        rollup.count_signal(rows, tags, signal.bot, now_ms)
        written = self._shadow or step is Step.OPEN_REAL
        rows.signals.append(
            signal_row(
                signal,
                verdict,
                coin,
                signal_id=signal_id,
                seq=self._out.seq,
                now_ns=self._out.now_ns,
                trade_id=trade_id if written else 0,
                config_hash=self._identity.config_hash,
                policy_hash=self._identity.policy_hash,
                vote=voting.plain(self._view.vote, self._out.now_ns),
            )
        )
        rows.checks += check_rows(signal_id, verdict, self._versions)

    def _admit(
        self, coin: Coin, signal: Signal, verdict: Verdict, key: KeyState, signal_id: int
    ) -> int:
        trade = self._trade(coin, signal, verdict.lots, signal_id, TradeKind.PAPER, "admit")
        phantom = self._ledger.trades.get(key.phantom_id)
        # What was withheld before the bot was admitted is no episode of a filter to set off.
        if phantom is not None and phantom.cause == "block" and self._shadow:
            rollup.pair(phantom, trade)
            self._out.rows.trade_updates.append(trade_update_row(phantom))
            self._touch(phantom)
        self._open(trade, key)
        key.real_id = trade.trade_id
        self._settlement.real[trade.trade_id] = trade
        self._settlement.expose(
            trade, notional_e6(coin.book.mid, trade.lots, coin.instrument.sz_decimals)
        )
        self._out.rows.order_events.append(
            OrderEventRow(
                trade.trade_id, self._out.now_ns, "entry_sent", f"{trade.lots} lots, taker"
            )
        )
        if self._shadow:
            twin = self._trade(coin, signal, verdict.lots, signal_id, TradeKind.TWIN, "admit")
            twin.tags = [rollup.TWIN, *rollup.observe_tags(verdict)]
            self._open(twin)
            cut = signal.lots - verdict.lots
            if cut > 0:
                rest = self._trade(coin, signal, cut, signal_id, TradeKind.CLAMPED, "clamp")
                rest.skip_lots = verdict.lots
                rest.tags = rollup.clamp_tags(verdict)
                self._open(rest)
        return trade.trade_id

    def _block(
        self,
        coin: Coin,
        signal: Signal,
        verdict: Verdict,
        key: KeyState,
        signal_id: int,
        tags: list[Tag],
    ) -> int:
        cause = "stage" if STAGE in verdict.failing else "block"
        phantom = self._trade(coin, signal, verdict.lots, signal_id, TradeKind.PHANTOM, cause)
        phantom.tags = tags
        self._open(phantom, key)
        key.phantom_id = phantom.trade_id
        self._out.vitals.phantoms += self._shadow
        return phantom.trade_id

    def _trade(
        self, coin: Coin, signal: Signal, lots: int, signal_id: int, kind: TradeKind, cause: str
    ) -> Trade:
        now_ns = self._out.now_ns
        due_ns = now_ns + self._model.latency_ns
        pulse = coin.streams.pulse()
        cadence_ns = pulse[1].peak_ns if pulse is not None else CADENCE_NS_UNKNOWN
        plan: ExitPlan = signal.plan
        return Trade(
            trade_id=signal_id * 4 + kind,
            kind=kind,
            cause=cause,
            signal_id=signal_id,
            bot=signal.bot,
            division=signal.division,
            coin=signal.coin,
            side=signal.side,
            lots=lots,
            decided_ns=now_ns,
            due_ns=due_ns,
            expires_ns=due_ns + int(2 * cadence_ns),
            decision_mid=coin.book.mid,
            plan=plan,
            stop_px=plan.stop_px,
        )

    def _open(self, trade: Trade, key: KeyState | None = None) -> None:
        """Send a trade's entry; with a key, the key's repeats count on it from now on."""
        if key is not None:
            self._settlement.write_repeats(key)
            key.last_id, key.repeats = trade.trade_id, 0
        self._ledger.open(trade)
        if self._settlement.recorded(trade):
            self._out.rows.trades.append(trade_row(trade))
            self._touch(trade)

    def _touch(self, trade: Trade) -> None:
        self._out.touch(f"trade/{trade.trade_id}")

    def _next_id(self) -> int:
        if self._counted_seq != self._out.seq:
            self._counted_seq, self._count = self._out.seq, 0
        require(self._count < SIGNALS_MAX, "one event brought more signals than there are ids")
        self._count += 1
        return self._out.seq * SIGNALS_MAX + self._count - 1


def policy_text(model: FillModel, vol_target: float) -> str:
    """Return what a hypothetical order's fate depends on, for the policy hash."""
    return to_json(
        {"fills": model, "vol_target": vol_target, "exits": 1, "weights": 1, "impact": 1}
    )

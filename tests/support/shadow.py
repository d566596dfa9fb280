"""Builders for the tests of gate and ledger: a view to judge, and a scripted engine."""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from pytest import approx

from daemon.engine import snapshot
from daemon.engine.branches.variant import Variant
from daemon.engine.engine import Engine
from daemon.engine.outcome import Outcome
from daemon.engine.series.terms import Terms
from divisions.bot import Action, Bot, NoMemory
from divisions.lane import Lane
from market.coin import PRIOR_DAILY_VOL, Coin
from market.decision import BUY, Check, ExitCall, ExitPlan, Mode, Proposal, Signal
from market.decision import Outcome as Says
from market.desk import Desk, DeskView
from market.events import (
    MS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    BookUpdate,
    Candle,
    Candles,
    Command,
    ContextUpdate,
    Event,
    FeedDown,
    FeedUp,
    FundingHistory,
    Level,
    Timer,
    TradesUpdate,
)
from market.fills import FillModel
from market.instrument import Instrument
from market.money import notional_e6
from market.plausibility import PriceRule
from market.view import View
from risk.filter import Filter, NoSettings, measured
from risk.gate import Gate
from shadow.ledger.ledger import Ledger
from shadow.ledger.paper import PaperBroker
from shadow.ledger.trade import EXCLUDING, Trade
from shadow.store.bookkeeper import Identity
from shadow.store.rows import Rows, day_of
from shadow.store.store import Store, open_readonly

T0_MS = 1_756_684_800_000  # 2025-09-01 00:00:00 UTC
T0 = T0_MS * NS_PER_MS
LATENCY_NS = 400 * NS_PER_MS
MODEL = FillModel.of(latency_ms=400.0, taker_bps=4.5, maker_bps=1.5)

# A lot of SOL at 100 is one dollar, which keeps arithmetic by hand short.
SOL = Instrument("SOL", 5, 2, 20)
ETH = Instrument("ETH", 1, 4, 25)


def levels(*pairs: tuple[float, float]) -> list[Level]:
    """Return levels from (price, size) pairs, best first."""
    return [Level(px, sz) for px, sz in pairs]


def put_book(
    coin: Coin,
    mid: float,
    now_ns: int,
    *,
    half: float = 0.01,
    size: float = 1e6,
    bids: Sequence[tuple[float, float]] | None = None,
    asks: Sequence[tuple[float, float]] | None = None,
) -> None:
    """Give a coin a whole new book: one deep level a side around `mid`, or the levels given."""
    update = BookUpdate(
        coin.name,
        now_ns // NS_PER_MS,
        levels(*(((mid - half, size),) if bids is None else bids)),
        levels(*(((mid + half, size),) if asks is None else asks)),
        False,
        now_ns,
    )
    assert coin.book.apply_book(update)


def make_coin(instrument: Instrument = SOL, mid: float = 100.0, now_ns: int = T0) -> Coin:
    """Return a coin with a deep two-sided book."""
    coin = Coin(instrument)
    put_book(coin, mid, now_ns)
    return coin


def make_view(
    coin: Coin | None = None, *, now_ns: int = T0, equity_usd: float = 10_000.0
) -> DeskView:
    """Return what a filter may look at: a fresh desk and one coin."""
    coin = make_coin() if coin is None else coin
    desk = Desk.opened_with(round(equity_usd * 1e6), 7)
    return DeskView(desk, {coin.name: coin}, now_ns, now_ns)


def make_proposal(
    *,
    lots: int = 1_000,
    side: int = BUY,
    mid: float = 100.0,
    stop: float = 1.0,
    instrument: Instrument = SOL,
    bot: str = "alpha",
    division: str = "trend",
    coin: str = "",
) -> Proposal:
    """Return a sized signal as the gate gets it; `stop` is a distance."""
    plan = ExitPlan(mid - side * stop, 3600 * NS_PER_S)
    worth = notional_e6(mid, lots, instrument.sz_decimals)
    signal = Signal(coin or instrument.coin, side, 0.5, plan, "because")
    return Proposal(signal, bot, division, signal.coin, side, lots, worth, {})


def make_trade(
    trade_id: int = 8,
    *,
    kind: int = 2,
    side: int = BUY,
    lots: int = 1_000,
    stop: float = 99.0,
    target: float = 0.0,
    trail: float = 0.0,
    horizon_s: float = 86_400.0,
    decided_ns: int = T0,
    mid: float = 100.0,
    coin: str = "SOL",
    bot: str = "alpha",
    wait_s: float = 10.0,
    skip_lots: int = 0,
) -> Trade:
    """Return a trade whose entry was just sent; prices are absolute."""
    due_ns = decided_ns + LATENCY_NS
    return Trade(
        trade_id=trade_id,
        kind=kind,
        cause="block",
        signal_id=trade_id // 4,
        bot=bot,
        division="trend",
        coin=coin,
        side=side,
        lots=lots,
        decided_ns=decided_ns,
        due_ns=due_ns,
        expires_ns=due_ns + round(wait_s * NS_PER_S),
        decision_mid=mid,
        plan=ExitPlan(stop, round(horizon_s * NS_PER_S), target, trail),
        stop_px=stop,
        skip_lots=skip_lots,
    )


def paper_ledger(coins: dict[str, Coin]) -> Ledger:
    """Return a ledger whose orders are filled on paper."""
    return Ledger(coins, MODEL, PaperBroker(coins, MODEL))


def content_of(value: object) -> bytes:
    """Return the whole content of a struct, to see that nothing of it was changed."""
    return msgspec.json.encode(value)


class Scripted(Filter[NoSettings]):
    """Filter that says what it is told to."""

    asks = "what does the script say?"
    rank = 1

    def __init__(self, name: str, mode: Mode = "enforce") -> None:
        super().__init__(NoSettings(), mode)
        self.name = name  # type: ignore[misc]
        self.say: Says = "pass"
        self.room_e6: int | None = None
        self.value = 2.0
        self.asked = 0

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        self.asked += 1
        if self.say == "pass":
            return self.passed(self.value, 1.0, self.room_e6)
        if self.say == "fail":
            return self.failed(0.5, 1.0, "the script says so")
        return self.no_data("the script knows nothing")


class Puppet(Bot[NoMemory, NoMemory]):
    """Tick bot that says what it was given, once."""

    params_type = NoMemory

    def __init__(self, name: str, division: str = "trend") -> None:
        super().__init__(NoMemory())
        self.name = name  # type: ignore[misc]
        self.division = division  # type: ignore[misc]
        self.next: Action | None = None

    def on_trades(
        self, memory: NoMemory, coin: Coin, view: View, update: TradesUpdate
    ) -> Action | None:
        action, self.next = self.next, None
        return action


def short_plan(**changes: Any) -> ExitPlan:
    """Return an exit plan of a second, its stop at 99."""
    return ExitPlan(**{"stop_px": 99.0, "horizon_ns": NS_PER_S, **changes})


def said(**changes: Any) -> Signal:
    """Return a signal to buy SOL with a short plan."""
    usual = {"coin": "SOL", "side": BUY, "conviction": 0.5, "plan": short_plan(), "reason": ""}
    return Signal(**{**usual, **changes})


class MinutePuppet(Puppet):
    """The same with bars of a minute, so that it re-arms after a minute of silence."""

    timeframes = ("1m",)


class Stage:
    """The real engine with scripted bots and filters; every row it makes is kept for a store.

    `filters` are scripted, `real` stand behind them; `tuned` names one of other terms than ever
    before. The clock stands still until `wait`.
    Without prints no bar closes, so sizes stay exact.
    Without prints no bar closes, so sizes stay exact.
    """

    def __init__(
        self,
        *,
        instruments: Iterable[Instrument] = (SOL,),
        bots: Iterable[Puppet] | None = None,
        staged: Iterable[str] = (),
        filters: Mapping[str, Mode] | None = None,
        versions: Mapping[str, int] | None = None,
        real: Iterable[Filter[Any]] | None = None,
        shadow: bool = True,
        equity_usd: float = 1_000_000.0,
        now_ns: int = T0,
        seed: int = 7,
        delay_days: int = 14,
        tuned: str = "",
        variants: Sequence[Variant] = (),
    ) -> None:
        modes = {"limit": "enforce"} if filters is None else filters
        self.filters = {name: Scripted(name, mode) for name, mode in modes.items()}
        for name, version in (versions or {}).items():
            self.filters[name].version = version  # type: ignore[misc]
        gate = [*self.filters.values(), *(real or ())]
        self.bots = {bot.name: bot for bot in (bots or (Puppet("alpha"),))}
        self.shadow = shadow
        self.engine = Engine(
            instruments={i.coin: i for i in instruments},
            lanes=[
                Lane(bot, "shadow" if bot.name in staged else "admit") for bot in self.bots.values()
            ],
            gate=Gate(gate),
            model=MODEL,
            identity=Identity("config", "policy"),
            start_e6=round(equity_usd * 1e6),
            seed=seed,
            vol_target=PRIOR_DAILY_VOL,
            shadow=shadow,
            terms=Terms(
                {f.name: terms(f, delay_days, f.name == tuned) for f in measured(gate)}, delay_days
            ),
            variants=variants,
            # Its prices jump as the arithmetic wants it.
            price_rule=PriceRule(share=0.5),
        )
        self.now_ns = now_ns
        self.rows = Rows()
        self.outcomes: list[Outcome] = []
        self._first_seq = 1
        self.store: Store | None = None

    # Time and market.

    def step(self, event: Event) -> Outcome:
        """Give the engine an event that happens now."""
        event.recv_ns = self.now_ns
        outcome = self.engine.step(event)
        self.rows.extend(outcome.rows)
        for lane in self.engine.market.lanes.values():
            assert not lane.fault, lane.fault
        self.outcomes.append(outcome)
        return outcome

    def wait(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.now_ns += round(seconds * NS_PER_S)

    def wait_until(self, ms: int) -> None:
        """Let time pass until a time in milliseconds after the beginning of the first day."""
        self.now_ns = (T0_MS + ms) * NS_PER_MS

    def book(
        self,
        mid: float = 100.0,
        coin: str = "SOL",
        *,
        bids: Sequence[tuple[float, float]] | None = None,
        asks: Sequence[tuple[float, float]] | None = None,
    ) -> Outcome:
        """Show a new book: a deep touch one cent around `mid`, or the levels given."""
        return self.step(
            BookUpdate(
                coin,
                self.now_ns // NS_PER_MS,
                levels(*(((mid - 0.01, 1e6),) if bids is None else bids)),
                levels(*(((mid + 0.01, 1e6),) if asks is None else asks)),
            )
        )

    def books(self, seconds: float, mid: float = 100.0, *, every: float = 1.0) -> None:
        """Let time pass with a book and a second at every step."""
        for _ in range(round(seconds / every)):
            self.wait(every)
            self.book(mid)
            self.second()

    def second(self) -> Outcome:
        """Tell the engine of a second."""
        return self.step(Timer())

    def context(self, rate: float, oracle: float = 100.0, coin: str = "SOL") -> None:
        """Show the funding estimate of the running hour."""
        self.step(ContextUpdate(coin, rate, 1.0, oracle, oracle, None, 1.0, 1.0))

    def down(self) -> None:
        """Break the stream."""
        self.step(FeedDown("broken"))

    def up(self) -> Outcome:
        """Restore the stream."""
        return self.step(FeedUp())

    def candles(
        self, rows: list[Candle], *, asked_ns: int | None = None, coin: str = "SOL"
    ) -> None:
        """Answer with minutes, asked for at a time (now)."""
        self.step(Candles(coin, "1m", rows, self.now_ns if asked_ns is None else asked_ns))

    def rates(self, rates: list[tuple[int, float]], coin: str = "SOL") -> None:
        """Answer with settled funding rates by hour."""
        self.step(FundingHistory(coin, rates))

    def command(self, verb: str, argument: str = "") -> str:
        """Give an operator's command."""
        return self.step(Command(verb, argument)).reply  # type: ignore[arg-type]

    # Decisions.

    def say(self, bot: str, action: Action) -> Outcome:
        """Let a bot say something now."""
        self.bots[bot].next = action
        return self.step(TradesUpdate(action.coin, []))

    def signal(
        self,
        bot: str = "alpha",
        side: int = BUY,
        *,
        lots: int = 1_000,
        stop: float = 1.0,
        target: float = 0.0,
        trail: float = 0.0,
        horizon_s: float = 3600.0,
        coin: str = "SOL",
    ) -> int | None:
        """Let a bot signal; distances from the mid. Returns the row's id, None for a repeat."""
        found = self.engine.market.coins[coin]
        mid, instrument = found.book.mid, found.instrument
        wanted = (lots + 0.5) * mid / 10**instrument.sz_decimals
        share = wanted * 1e6 / self.engine.branch.desk.equity_e6
        conviction = share * found.daily_vol() / PRIOR_DAILY_VOL
        plan = ExitPlan(
            mid - side * stop,
            round(horizon_s * NS_PER_S),
            mid + side * target if target else 0.0,
            trail,
        )
        before = len(self.rows.signals)
        self.say(bot, Signal(coin, side, conviction, plan, "told to"))
        return self.rows.signals[-1].signal_id if len(self.rows.signals) > before else None

    def call_exit(self, bot: str = "alpha", side: int = BUY, coin: str = "SOL") -> None:
        """Let a bot end what it has."""
        self.say(bot, ExitCall(coin, side, "told to"))

    def script(self, **says: Says) -> None:
        """Set what filters say from now on."""
        for name, say in says.items():
            self.filters[name].say = say

    def trade(self, signal_id: int | None, kind: int) -> Trade:
        """Return the open trade of a signal and kind."""
        assert signal_id is not None
        return self.engine.branch.ledger.trades[signal_id * 4 + kind]

    # The database.

    def open_store(self, path: Path) -> Store:
        """Begin to write into a database file, closed when nobody holds the store any more."""
        self.store = Store(path, mode="local", network="testnet")
        # Python 3.13 speaks up where a connection is left to the garbage collector.
        weakref.finalize(self.store, self.store._connection.close)
        self.store.begin_run(
            started_ns=self.now_ns,
            mode="local",
            network="testnet",
            config_hash="config",
            policy_hash="policy",
            code_version="0",
            seed=7,
            first_seq=self._first_seq,
            last_seq=self.engine.vitals.seq,
            config=msgspec.json.encode({"shadow": {"enabled": self.shadow}}).decode(),
        )
        return self.store

    def commit(self) -> None:
        """Write everything since the last commit."""
        assert self.store is not None
        rows, self.rows = self.rows, Rows()
        self.store.write(rows, snapshot.durable(self.engine))

    def finish(self, path: Path) -> Path:
        """Write everything into a new database and close it."""
        store = self.open_store(path)
        self.commit()
        store.close()
        return path

    def restart(
        self, seconds: float, modes: Mapping[str, Mode] | None = None, **options: Any
    ) -> Stage:
        """Kill this process; return another one that took up from the database after a while.

        Filters have their modes as they were, or those given.
        """
        assert self.store is not None
        fresh = Stage(
            instruments=[coin.instrument for coin in self.engine.market.coins.values()],
            bots=[type(bot)(bot.name, bot.division) for bot in self.bots.values()],
            filters=modes or {f.name: f.mode for f in self.filters.values()},
            shadow=self.shadow,
            now_ns=self.now_ns + round(seconds * NS_PER_S),
            **options,
        )
        assert snapshot.recover(fresh.engine, self.store.state(), 0) == []
        fresh.store, fresh._first_seq = self.store, fresh.engine.vitals.seq + 1
        return fresh


def terms(f: Filter[Any], delay_days: int, tuned: bool) -> str:
    """Return the terms that a filter is measured under."""
    verdict = {"booking_delay_days": delay_days}
    said = {"filter": f.name, "version": f.version, "tuned": tuned, "verdict": verdict}
    return msgspec.json.encode(said, order="deterministic").decode()


def minute(start_ms: int, low: float, high: float, *, open_: float, close: float) -> Candle:
    """Return a candle of a minute, `start_ms` counted from the beginning of the first day."""
    assert start_ms % MS_PER_MINUTE == 0
    return Candle(T0_MS + start_ms, open_, high, low, close, 1.0, 1)


def flat(from_ms: int, until_ms: int, px: float = 100.0) -> list[Candle]:
    """Return quiet minutes that begin in [from, until)."""
    return [
        minute(start, px, px, open_=px, close=px)
        for start in range(from_ms // MS_PER_MINUTE * MS_PER_MINUTE, until_ms, MS_PER_MINUTE)
    ]


def rows_of(path: Path, query: str, *values: object) -> list[dict[str, Any]]:
    """Return a query's rows as dicts."""
    with closing(open_readonly(path)) as db:
        return [dict(row) for row in db.execute(query, values)]


Key = tuple[str, str, str, str, str]
Sums = tuple[int, int, float, float, int]


def recomputed(db: sqlite3.Connection) -> dict[Key, Sums]:
    """Return what the rollup should hold, made anew from signals, checks, trades and days.

    By (day, filter, mode, scope, bot): signals, entries, R, bps, net. Written without looking at
    how the rollup is made: one loop over objects, no increments, nothing taken back.
    """
    signals = {r["signal_id"]: dict(r) for r in db.execute("SELECT * FROM signal")}
    trades = {r["trade_id"]: dict(r) for r in db.execute("SELECT * FROM trade")}
    checks: dict[int, list[dict[str, Any]]] = {}
    for row in db.execute("SELECT * FROM check_result"):
        checks.setdefault(row["signal_id"], []).append(dict(row))
    days: dict[int, list[tuple[str, int]]] = {}
    for row in db.execute("SELECT * FROM trade_day ORDER BY trade_id, day"):
        days.setdefault(row["trade_id"], []).append((row["day"], row["mtm_e6"]))
    sums: dict[Key, Sums] = {}

    def add(key: Key, signal: int, entry: int, r: float, bps: float, net: int) -> None:
        old = sums.get(key, (0, 0, 0.0, 0.0, 0))
        sums[key] = (old[0] + signal, old[1] + entry, old[2] + r, old[3] + bps, old[4] + net)

    def tags(signal: dict[str, Any]) -> list[tuple[str, str, str]]:
        found = checks.get(signal["signal_id"], [])
        refusing = [c for c in found if c["mode"] == "enforce" and c["outcome"] != "pass"]
        observing = [c for c in found if c["mode"] == "observe" and c["outcome"] == "fail"]
        if signal["verdict"] == "admitted":
            return [(c["filter"], "observe", "sole") for c in observing]
        scope = "sole" if len(refusing) == 1 else "shared"
        names = [c["filter"] for c in refusing if c["outcome"] == "fail"]
        stage = min(names, key=["direction", "phase_space", *names].index, default="no_data")
        stage = stage if stage in ("direction", "phase_space", "no_data") else "limits"
        return [
            *(
                (c["filter"], "enforce", "fail_closed" if c["outcome"] == "no_data" else scope)
                for c in refusing
            ),
            ("", "score", stage),
        ]

    def clamps(signal: dict[str, Any]) -> list[tuple[str, str, str]]:
        if signal["verdict"] == "blocked":
            return []
        return [(c["filter"], "enforce", "clamped") for c in json.loads(signal["clamps"])]

    for signal in signals.values():
        day = day_of(signal["ts_ns"] // NS_PER_MS)
        for tag in tags(signal) + clamps(signal):
            add((day, *tag, signal["bot"]), 1, 0, 0.0, 0.0, 0)

    def lacks(trade: dict[str, Any] | None) -> bool:
        return trade is not None and any(name in trade["flags"] for name in EXCLUDING)

    for trade in trades.values():
        head(trade, trades, add)
        signal = signals[trade["signal_id"]]
        later = trades.get(trade["later_trade_id"])
        if lacks(trade) or lacks(later) or not trade["entry_notional_e6"]:
            continue
        if trade["kind"] == "twin":
            counts = [("", "admit", "twin"), *tags(signal)]
        elif trade["cause"] == "clamp":
            counts = clamps(signal)
        elif trade["cause"] == "block":
            counts = tags(signal)
        else:
            continue
        risk, notional = trade["risk_e6"], trade["entry_notional_e6"]
        mine = days.get(trade["trade_id"], [])
        own = [(day, mtm, int(i == 0)) for i, (day, mtm) in enumerate(mine)]
        off = [(day, -mtm, 0) for day, mtm in days.get(trade["later_trade_id"], [])]
        for day, mtm, entry in own + off:
            for tag in counts:
                add((day, *tag, trade["bot"]), 0, entry, mtm / risk, mtm / notional * 1e4, mtm)
    return {key: found for key, found in sums.items() if any(found)}


def head(
    trade: dict[str, Any], trades: dict[int, dict[str, Any]], add: Callable[..., None]
) -> None:
    """Add what a trade contributes to the head of the report."""

    def day(column: str) -> str:
        return day_of(trade[column] // NS_PER_MS)

    if trade["cause"] == "block" and trade["exit_reason"] == "UNAVAILABLE":
        add((day("decided_ns"), "", "head", "unavailable", trade["bot"]), 1, 0, 0.0, 0.0, 0)
    if trade["cause"] == "block" and any(name in trade["flags"] for name in EXCLUDING):
        add((day("decided_ns"), "", "head", "excluded", trade["bot"]), 1, 0, 0.0, 0.0, 0)
    if trade["kind"] == "twin" and trade["status"] == "closed" and trade["bps"] is not None:
        (paper,) = (
            t
            for t in trades.values()
            if t["signal_id"] == trade["signal_id"] and t["kind"] == "paper"
        )
        bps, r = trade["bps"] - paper["bps"], trade["r"] - paper["r"]
        add((day("closed_ns"), "", "head", "bias", trade["bot"]), 1, 0, r, bps, 0)


def kept(db: sqlite3.Connection) -> dict[Key, Sums]:
    """Return the rollup as it is, but for what no trade is summed up in.

    Rows from which everything was taken back are left out too.
    """
    found = {}
    query = "SELECT * FROM rollup WHERE mode NOT IN ('left_out', 'run')"
    for row in db.execute(query):
        key, sums = tuple(row)[:5], tuple(row)[5:]
        if sums[0] or sums[1] or sums[4] or abs(sums[2]) > 1e-9 or abs(sums[3]) > 1e-6:
            found[key] = sums
    return found  # type: ignore[return-value]


def assert_rollup_is_true(db: sqlite3.Connection) -> None:
    """Compare the rollup with what it should hold."""
    true, have = recomputed(db), kept(db)
    assert sorted(true) == sorted(have)
    for key, sums in true.items():
        signals, entries, r, bps, net = have[key]
        assert (signals, entries, net) == (sums[0], sums[1], sums[4]), key
        assert (r, bps) == (approx(sums[2], abs=1e-9), approx(sums[3], abs=1e-6)), key


def tell_history(stage: Stage) -> dict[str, int]:
    """Let about everything happen once that can happen to a signal; return signal ids by name.

    The stage needs bots alpha and beta, and filters limit, other, cap and watch (observing).
    """
    ids: dict[str, int] = {}

    def signal(name: str, bot: str, side: int, mid: float, **says: Says) -> None:
        stage.script(**{**dict.fromkeys(stage.filters, "pass"), **says})
        stage.filters["cap"].room_e6 = 400 * 10**6 if name == "clamped" else None
        found = stage.signal(bot, side, stop=1.0, target=1.0, horizon_s=12)
        assert found is not None
        ids[name] = found
        stage.books(2)
        stage.books(2, mid)
        stage.books(16)

    stage.book()
    signal("admitted", "alpha", BUY, 101.2)
    signal("sole", "alpha", -BUY, 101.2, limit="fail")
    signal("shared", "beta", BUY, 100.3, limit="fail", other="fail")
    signal("blind", "beta", -BUY, 100.3, limit="no_data")
    signal("clamped", "alpha", BUY, 99.7)
    signal("watched", "beta", BUY, 98.9, watch="fail")
    stage.script(limit="fail")
    first = stage.signal("alpha", -BUY, horizon_s=30)
    stage.books(3)
    stage.script(other="fail")
    joined = stage.signal("alpha", -BUY, horizon_s=30)
    stage.books(3)
    stage.script(limit="pass", other="pass")
    later = stage.signal("alpha", -BUY, horizon_s=10)
    stage.books(40, 99.6)
    stage.script(other="fail")
    missed = stage.signal("alpha", BUY)
    stage.wait(30)
    stage.second()
    stage.books(12)
    stage.script(other="pass")
    real = stage.signal("beta", BUY, horizon_s=7200)
    stage.script(limit="fail")
    phantom = stage.signal("alpha", -BUY, horizon_s=7200)
    stage.books(3)
    named = {
        "paired": first,
        "joined": joined,
        "later": later,
        "missed": missed,
        "open": real,
        "phantom": phantom,
    }
    for name, found in named.items():
        assert found is not None, name
        ids[name] = found
    return ids


def history_stage(now_ns: int = T0 + 12 * 3600 * NS_PER_S, **options: Any) -> Stage:
    """Return a stage on which a history can be told."""
    return Stage(
        bots=[Puppet("alpha", "trend"), Puppet("beta", "flow")],
        filters={"limit": "enforce", "other": "enforce", "cap": "enforce", "watch": "observe"},
        now_ns=now_ns,
        **options,
    )


def told(path: Path) -> dict[str, int]:
    """Write a history into a new database; return its signal ids by name."""
    stage = history_stage()
    ids = tell_history(stage)
    stage.finish(path)
    return ids


def quoted(**options: Any) -> Stage:
    """Return a stage with a book."""
    stage = Stage(**options)
    stage.book()
    return stage

"""Status of a daemon: desk, gate and counters always; feeds, bots and rim while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from daemon.views.rim import Figures, RecentSignal, Rim
from daemon.views.vote import VoteView, vote_view
from market.coin import Coin
from market.decision import TradeKind
from market.desk import Desk, scope_flags
from market.events import NS_PER_MS, NS_PER_S
from shadow.ledger.trade import Trade, TradeState
from shadow.report.score import StageScore
from shadow.report.shortfall import Shortfall
from shadow.store.rows import side_name

if TYPE_CHECKING:
    from daemon.engine.engine import Engine

RECENT = 12
STREAMS = ("fast", "slow", "bbo", "trades", "context")


class ScopedHalt(Struct):
    """Entries halted of one bot, on one coin, or of the one on the other: by whom and why.

    An empty `bot` or `coin` stands for all there are; `resume` is the command that lifts it.
    """

    bot: str
    coin: str
    by: str
    why: str
    resume: str


class Summary(Struct, kw_only=True):
    """Desk and counters, whether the daemon runs or not. Money in USD.

    `halts` says by whom entries are halted and why, `halted` which of bots and coins are halted
    alone, `latched` which loss limit holds entries and what releases it.
    `orchestration` is what each stage from signal to fill has added, `shortfall` what came between
    decisions and the money, both from the database.
    """

    running: bool
    mode: str | None
    signals: int
    admitted: int
    blocked: int
    phantoms: int
    open_phantoms: int
    equity_usd: float
    start_usd: float
    halts: dict[str, str]
    latched: str
    alarms: int
    database: str | None
    halted: list[ScopedHalt] = field(default_factory=list)
    orchestration: list[StageScore] = field(default_factory=list)
    shortfall: Shortfall = field(default_factory=Shortfall)


class RestingStatus(Summary, kw_only=True):
    """Status from the database alone; `last_seen_ns` is when it was last alive, if ever."""

    last_seen_ns: int | None


class FeedStatus(Struct):
    """One coin's top of book; `ages_ms` of the streams heard so far, `bars` by timeframe.

    `lacks` names the timeframes whose history is missing.
    `dead` are the streams that do not speak, by name, with the cause.
    `spread_bps` is null while the book is not `ok`, `lag_ms` is how much longer than the quickest
    way its newest frame took.
    """

    coin: str
    ok: bool
    bid: float
    ask: float
    spread_bps: float | None
    lag_ms: int
    ages_ms: dict[str, int]
    bars: dict[str, int]
    lacks: list[str]
    skipped: int
    dead: dict[str, str] = field(default_factory=dict)


class OpenTrade(Struct):
    """One open trade of the desk, marked at the mid, in USD before the costs of leaving it."""

    trade_id: int
    bot: str
    coin: str
    side: str
    lots: int
    entry_px: float
    stop_px: float
    mark_usd: float
    opened_ns: int


class BotStatus(Struct):
    """One bot's lane: its stage, how many signals it made, its fault ("" when healthy)."""

    division: str
    stage: str
    signals: int
    fault: str


class LensStatus(Struct):
    """The lens process: warm, questions waiting, answers given; coins ranked and in a burst."""

    warm: bool
    waiting: int
    answers: int
    ranked: int
    bursts: list[str]


class ClockStatus(Struct):
    """How clocks stand to the venue's, in ms: positive is ahead of it, at the quickest way.

    `offset_ms` is that of stamps and `spread_ms` how far it swayed within minutes, `wall_ms` that
    of this machine's clock; null until it is known. `trouble` says why no entry is decided, ""
    as a rule; `refused` counts, by kind, what came from the future.
    """

    offset_ms: int | None
    spread_ms: int | None
    wall_ms: int | None
    trouble: str
    refused: dict[str, int]


class RunningStatus(Summary, kw_only=True):
    """Status of a running daemon, as it answers for itself.

    `closed` says by coin why it is configured or held, but not traded; `notes` says of each filter
    that lately let everything or nothing through that it did.
    """

    network: str
    ready: bool
    uptime_s: float
    now_ns: int
    clock: ClockStatus
    seq: int
    digest: str
    frames: int
    skipped: int
    connected: bool
    connects: int
    feeds: list[FeedStatus]
    closed: dict[str, str]
    blocked_by: dict[str, int]
    filters: dict[str, str]
    notes: dict[str, str]
    open_trades: list[OpenTrade]
    cash_usd: float
    day_start_usd: float
    gross_usd: float
    net_usd: float
    bots: dict[str, BotStatus]
    votes: dict[str, VoteView]
    idle_bots: list[str]
    violations: dict[str, int]
    recent: list[RecentSignal]
    recording: bool
    disk_free_mb: int
    loop_late_ms: float
    gc_pause_ms_max: float
    requests: int
    lenses: LensStatus
    tape: str
    journal_depth: int = 0
    commits: int = 0
    memory_mb: float = 0.0


def status(rim: Rim) -> RunningStatus:
    """Return everything that the status command and the screen show."""
    engine, figures = rim.engine, rim.figures()
    vitals, desk = engine.vitals, engine.branch.desk
    trades = engine.branch.ledger.trades.values()
    opened = [t for t in engine.branch.settlement.real.values() if t.state != TradeState.PENDING]
    coins = engine.market.coins
    return RunningStatus(
        running=True,
        mode=figures.mode,
        network=figures.network,
        ready=figures.ready,
        uptime_s=round((figures.now_ns - figures.started_ns) / NS_PER_S, 1),
        now_ns=figures.now_ns,
        clock=_clock(engine, figures),
        seq=vitals.seq,
        digest=engine.digest,
        frames=figures.frames,
        skipped=figures.skipped,
        connected=figures.connected,
        connects=figures.connects,
        feeds=[feed_of(c, figures.now_ns) for c in coins.values() if not c.closed],
        closed=figures.gone | {c.name: c.why_closed for c in coins.values() if c.closed},
        signals=vitals.admitted + vitals.blocked,
        admitted=vitals.admitted,
        blocked=vitals.blocked,
        blocked_by=vitals.blocked_by,
        filters={f.name: f.mode for f in engine.branch.gate.filters if f.mode != "off"},
        notes={name: r.note for name, r in engine.branch.gate.reach.items() if r.note},
        open_trades=[_open_trade(trade, coins[trade.coin]) for trade in opened],
        open_phantoms=sum(t.kind == TradeKind.PHANTOM and t.cause != "trial" for t in trades),
        phantoms=vitals.phantoms,
        equity_usd=desk.equity_e6 / 1e6,
        cash_usd=desk.cash_e6 / 1e6,
        start_usd=desk.start_e6 / 1e6,
        day_start_usd=desk.day_start_e6 / 1e6,
        gross_usd=desk.gross_e6 / 1e6,
        net_usd=desk.net_e6 / 1e6,
        halts=desk.halts,
        halted=scoped_halts(desk),
        latched=desk.latched,
        bots=_bots(engine),
        votes=_votes(engine),
        idle_bots=engine.market.idle_bots(),
        violations=figures.violations,
        alarms=vitals.alarms,
        recent=figures.recent,
        recording=figures.recording,
        disk_free_mb=round(figures.disk_free_mb),
        loop_late_ms=round(figures.loop_late_ms, 2),
        gc_pause_ms_max=round(figures.gc_pause_ms_max, 2),
        requests=figures.requests,
        lenses=lens_status(engine, figures),
        database=figures.database,
        tape=figures.tape,
        journal_depth=figures.journal_depth,
        commits=figures.commits,
        memory_mb=figures.memory_mb,
    )


def scoped_halts(desk: Desk) -> list[ScopedHalt]:
    """Return what a desk halts of bots and coins alone."""
    found = []
    for scope, told in desk.scopes.items():
        bot, _, coin = scope.partition("|")
        by, _, why = told.partition(": ")
        found.append(ScopedHalt(bot, coin, by, why, f"gnomon resume {scope_flags(scope)}"))
    return found


def feed_of(coin: Coin, now_ns: int) -> FeedStatus:
    """Return one coin's top of book and how old its streams are."""
    cadences = {name: getattr(coin.streams, name) for name in STREAMS}
    book = coin.book
    return FeedStatus(
        coin=coin.name,
        ok=book.ok,
        bid=book.bid,
        ask=book.ask,
        spread_bps=round(book.spread_bps, 2) if book.ok else None,
        lag_ms=round(coin.venue_lag_ms),
        ages_ms={
            name: round(cadence.age_ns(now_ns) / NS_PER_MS)
            for name, cadence in cadences.items()
            if cadence.last_ns
        },
        bars={timeframe: len(series) for timeframe, series in coin.bars.series.items()},
        lacks=coin.bars.missing(),
        skipped=book.skipped,
        dead=coin.dead,
    )


def _clock(engine: Engine, figures: Figures) -> ClockStatus:
    clock = engine.clock
    known = clock.known
    return ClockStatus(
        offset_ms=round(clock.offset_ns / NS_PER_MS) if known else None,
        spread_ms=round(clock.spread_ns / NS_PER_MS) if known else None,
        wall_ms=round((clock.offset_ns + figures.wall_ahead_ns) / NS_PER_MS) if known else None,
        trouble=clock.trouble(figures.now_ns),
        refused=dict(clock.refused),
    )


def lens_status(engine: Engine, figures: Figures) -> LensStatus:
    """Return how the lens process fares, and on which coins trades arrive in a burst."""
    coins = engine.market.coins.values()
    return LensStatus(
        warm=figures.lenses_warm,
        waiting=figures.lenses_waiting,
        answers=figures.lens_answers,
        ranked=sum(coin.lenses.score is not None for coin in coins),
        bursts=[coin.name for coin in coins if coin.arrivals.burst],
    )


def _bots(engine: Engine) -> dict[str, BotStatus]:
    signals = engine.vitals.signals
    return {
        lane.name: BotStatus(lane.division, lane.stage, signals.get(lane.name, 0), lane.fault)
        for lane in engine.market.lanes.values()
    }


def _votes(engine: Engine) -> dict[str, VoteView]:
    now_ns = engine.vitals.now_ns
    return {
        coin.name: vote_view(engine.market.vote(coin), now_ns)
        for coin in engine.market.coins.values()
        if coin.book.ok
    }


def _open_trade(trade: Trade, coin: Coin) -> OpenTrade:
    mark = trade.mark_e6(coin.book.mid or trade.entry_px, coin.instrument)
    return OpenTrade(
        trade_id=trade.trade_id,
        bot=trade.bot,
        coin=trade.coin,
        side=side_name(trade.side),
        lots=trade.open_lots,
        entry_px=trade.entry_px,
        stop_px=trade.stop_px,
        mark_usd=round(mark / 1e6, 4),
        opened_ns=trade.opened_ns,
    )

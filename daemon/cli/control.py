"""Commands `gnomon status`, `top`, `halt`, `resume`, `rearm`, `flatten` and `wind-down`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    load_config,
    number,
    pick_state,
    print_json,
    print_table,
    say,
)
from daemon.instance.control import Refused, Request, StillStarting
from daemon.instance.lock import is_held
from daemon.instance.paths import StateDir
from market.errors import VenueUnreachable
from market.events import Verb

if TYPE_CHECKING:
    from daemon.views.status import RestingStatus, RunningStatus, ScopedHalt
    from shadow.report.score import StageScore

T = TypeVar("T")
BotOption = Annotated[str, typer.Option("--bot", help="This bot alone.")]
CoinOption = Annotated[str, typer.Option("--coin", help="This coin alone.")]


# Its place in `gnomon --help`.
RANK = 2
# A coin whose newest quote of any kind is older than the slowest kind of book may be has none.
OLD_MS = 10_000
QUOTES = ("fast", "slow", "bbo")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(status)
    app.command()(top)
    for verb, (command, example) in ORDERS.items():
        app.command(verb, help=f"{verb.help}\n\nExample: {example}")(command)


def running(state: StateDir, request: Request, answer: type[T]) -> T | None:
    """Return what a running daemon answers, None when nobody does or it is not up yet.

    Raises Refused.
    """
    from daemon.instance import control

    try:
        return control.ask(state.socket, request, answer)
    except StillStarting as error:
        say(f"starting in {state.folder}: {error.phase}; what follows is from its database")
        return None
    except Refused:
        raise
    except VenueUnreachable as error:
        if is_held(state):
            # A member of its group can read, but not ask.
            say(f"{error}; what follows is from its database")
        return None


def status(
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
) -> None:
    """Say how the daemon and its desk are, running or not.

    Example: gnomon status --json
    """
    from daemon.views.at_rest import alive, at_rest, fresh, orchestration
    from daemon.views.status import RunningStatus

    where = pick_state(state, mode, config)
    equity_usd = load_config(config, system=True).desk.equity_usd
    found: RunningStatus | RestingStatus = fresh(equity_usd)
    if where is not None:
        answer = running(where, Request("status"), RunningStatus)
        if answer is not None:
            found = answer
        elif where.database.exists():
            found = at_rest(where, equity_usd)
        else:
            found.running, found.mode = alive(where), where.folder
    found.orchestration, found.shortfall = orchestration(where)
    if json_:
        print_json(found)
        return
    print_status(found)


def print_status(s: RunningStatus | RestingStatus) -> None:
    """Print a status for a person."""
    from daemon.cli.shortfall_text import shortfall_lines
    from daemon.views.status import RunningStatus

    change = s.equity_usd - s.start_usd
    typer.echo(_first_line(s))
    typer.echo(f"equity {s.equity_usd:,.2f} USD ({change:+,.2f})")
    typer.echo(
        f"{s.signals} signals: {s.admitted} admitted, {s.blocked} blocked; "
        f"{s.phantoms} phantoms, {s.open_phantoms} open; {s.alarms} alarms"
    )
    for who, why in s.halts.items():
        typer.echo(f"HALTED by {who}: {why}")
    for line in halted_lines(s.halted):
        typer.echo(line)
    if s.latched:
        typer.echo(f"LATCHED: {s.latched}")
    if isinstance(s, RunningStatus):
        _print_running(s)
    if s.database:
        typer.echo(f"database {s.database}")
    _print_orchestration(s.orchestration)
    for line in shortfall_lines(s.shortfall):
        typer.echo(line)


def _first_line(s: RunningStatus | RestingStatus) -> str:
    from daemon.views.status import RunningStatus
    from shadow.store.rows import second_of

    if isinstance(s, RunningStatus):
        feed = "feed up" if s.connected else "FEED DOWN"
        ready = "ready" if s.ready else "warming up"
        return f"running in {s.mode}, {ready}, {feed}, up {s.uptime_s:.0f} s"
    if s.mode is None:
        return "never started; `gnomon run` begins"
    seen = second_of(s.last_seen_ns) if s.last_seen_ns else "never"
    if s.running and s.last_seen_ns is None:
        return f"running in {s.mode}; nothing was written yet, or its database is gone"
    if s.running:
        return f"running in {s.mode}; its database was last written {seen}"
    return f"not running; {s.mode} was last alive {seen}"


def _print_orchestration(stages: list[StageScore]) -> None:
    if not stages or not stages[0].days:
        return
    rows = []
    for stage in stages:
        low, high = (number(bound, sign=True) for bound in (stage.low, stage.high))
        interval = f"{low} … {high}" if stage.low is not None else "–"
        note = "absent" if stage.absent else ""
        name = stage.stage.replace("_", " ")
        level, added = (number(r, sign=True) for r in (stage.r_per_day, stage.added))
        rows.append((name, level, added, interval, note))
    days = stages[0].days
    since = "so far today" if days == 1 else f"a day over {days} days"
    title = f"What each stage added, {since} (R)"
    print_table(title, ("after", "desk", "added", "95 %", ""), rows)


def _print_running(s: RunningStatus) -> None:
    rows = []
    for f in s.feeds:
        ages = f.ages_ms
        # Whichever kind of book is the newest: one stands in for the other.
        books = [ages[kind] for kind in ("fast", "slow") if kind in ages]
        shown = (min(books, default=None), ages.get("bbo"), ages.get("context"))
        cells = ["–" if age is None else f"{age / 1000:.1f}" for age in shown]
        quoted = min((ages[kind] for kind in QUOTES if kind in ages), default=0)
        fit = "NOT OK" if not f.ok else "OLD" if quoted > OLD_MS else "ok"
        rows.append((f.coin, fit, f"{f.bid:g}", f"{f.ask:g}", *cells))
    print_table("", ("coin", "book", "bid", "ask", "book age s", "bbo", "context"), rows, left=2)
    if s.clock.offset_ms is not None:
        typer.echo(
            f"clock {s.clock.wall_ms:+d} ms to the venue's, stamps {s.clock.offset_ms:+d} ms"
        )
    if s.clock.trouble:
        typer.echo(f"CLOCK: {s.clock.trouble}; no entry until they agree")
    _print_dead(s)
    for name, bot in s.bots.items():
        if bot.fault:
            typer.echo(f"FAULTED {name}: {bot.fault} (gnomon rearm {name})")
    lacking = [f"{f.coin} ({' '.join(f.lacks)})" for f in s.feeds if f.lacks]
    if lacking:
        typer.echo(f"history is missing, asked for: {', '.join(lacking)}")
    for name, note in s.notes.items():
        typer.echo(f"noted: {name} {note}")
    for coin, why in s.closed.items():
        typer.echo(f"NOT TRADED {coin}: {why}")
    shadowed = [name for name, bot in s.bots.items() if bot.stage == "shadow"]
    if shadowed:
        typer.echo(f"shadow-only: {', '.join(shadowed)}")
    if s.idle_bots:
        typer.echo(f"idle, their feed is missing: {', '.join(s.idle_bots)}")
    if not s.lenses.warm:
        typer.echo("lenses: not ready yet")
    else:
        typer.echo(f"lenses: {s.lenses.ranked} of {len(s.feeds)} coins ranked")
    if s.lenses.bursts:
        typer.echo(f"trades come in a burst: {', '.join(s.lenses.bursts)}")


def halted_lines(halted: list[ScopedHalt]) -> list[str]:
    """Return lines on bots and coins that are halted alone."""
    lines = []
    for h in halted:
        names = [f"bot {h.bot}"] if h.bot else []
        whose = " on ".join([*names, f"coin {h.coin}"] if h.coin else names)
        lines.append(f"HALTED {whose} by {h.by}: {h.why} ({h.resume})")
    return lines


def _print_dead(s: RunningStatus) -> None:
    for feed in s.feeds:
        for stream, cause in feed.dead.items():
            typer.echo(f"DEAD {feed.coin} {stream}: {cause}")


def top(
    state: StateOption = None,
    mode: ModeOption = None,
    follow_parent: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
    page: Annotated[str, typer.Option("--page", hidden=True)] = "",
) -> None:
    """Show a running daemon live; Ctrl-C leaves it running.

    Example: gnomon top
    """
    import signal

    from daemon.instance import control
    from daemon.screen.draw import draw_until_gone
    from daemon.views.status import RunningStatus

    if follow_parent:
        # Ctrl-C is for the daemon; the screen leaves when the daemon does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    where = _commanded(state, mode)
    if not follow_parent:
        # Where nobody answers, say so instead of showing an empty screen.
        control.ask(where.socket, Request("status"), RunningStatus)
    draw_until_gone(where, follow_parent=follow_parent, page=page)


def _commanded(state: Path | None, mode: str | None) -> StateDir:
    where = pick_state(state, mode)
    if where is None:
        raise VenueUnreachable("no daemon has run here; `gnomon run` starts one")
    return where


def _command(
    state: Path | None,
    mode: str | None,
    verb: str,
    argument: str = "",
    *,
    bot: str = "",
    coin: str = "",
) -> None:
    from daemon.instance import control

    where = _commanded(state, mode)
    try:
        request = Request(verb, argument, bot=bot, coin=coin)
        say(control.ask(where.socket, request, control.Reply).reply)
    except Refused as refusal:
        if refusal.choices:
            raise typer.BadParameter(str(refusal), param_hint=verb.upper()) from None
        raise


def halt(
    reason: Annotated[str, typer.Option(help="Reason kept with the alarm.")] = "",
    bot: BotOption = "",
    coin: CoinOption = "",
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Send the order `halt`."""
    _command(state, mode, Verb.HALT, reason, bot=bot, coin=coin)


def resume(
    wound_down: Annotated[
        str, typer.Argument(metavar="COIN", help="A coin that was wound down; none: the desk.")
    ] = "",
    bot: BotOption = "",
    coin: CoinOption = "",
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Send the order `resume`."""
    if wound_down and (bot or coin):
        raise typer.BadParameter("a coin that was wound down is opened alone", param_hint="COIN")
    _command(state, mode, Verb.RESUME, wound_down, bot=bot, coin=coin)


def rearm(
    bot: Annotated[str, typer.Argument(help="The faulted bot's name.")],
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Send the order `rearm`."""
    _command(state, mode, Verb.REARM, bot)


def flatten(
    bot: BotOption = "",
    coin: CoinOption = "",
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Send the order `flatten`."""
    _command(state, mode, Verb.FLATTEN, bot=bot, coin=coin)


def wind_down(
    coin: Annotated[str, typer.Argument(help="The coin, as the venue names it.")],
    reason: Annotated[str, typer.Option(help="Reason kept with the alarm.")] = "",
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Send the order `wind-down`."""
    _command(state, mode, Verb.WIND_DOWN, f"{coin} {reason}".strip())


# What the operator may order: the command, and an example of it.
ORDERS: dict[Verb, tuple[Callable[..., None], str]] = {
    Verb.HALT: (halt, 'gnomon halt --reason "exchange maintenance"'),
    Verb.RESUME: (resume, "gnomon resume"),
    Verb.REARM: (rearm, "gnomon rearm donchian"),
    Verb.FLATTEN: (flatten, "gnomon flatten"),
    Verb.WIND_DOWN: (wind_down, 'gnomon wind-down SOL --reason "delisting announced"'),
}

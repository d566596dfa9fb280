"""gnomon status, top, halt, resume, rearm, flatten."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    ModeOption,
    StateOption,
    number,
    pick_state,
    print_json,
    print_table,
    reading,
    say,
)
from daemon.lock import is_held
from daemon.paths import StateDir
from market.errors import VenueUnreachable


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, top, halt, resume, rearm, flatten):
        app.command()(command)


def running(state: StateDir, verb: str, **more: Any) -> dict[str, Any] | None:
    """Return what a running daemon answers, None when nobody does."""
    from daemon import control

    try:
        return control.ask(state.socket, {"verb": verb, **more})
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
    where = pick_state(state, mode, config)
    found = (
        (running(where, "status") or _at_rest(where, config))
        if where is not None
        else fresh(config)
    )
    found["orchestration"] = _orchestration(where)
    if json_:
        print_json(found)
        return
    print_status(found)


def fresh(config: Any) -> dict[str, Any]:
    """Return the status of a state that does not exist yet: the configuration's defaults."""
    from daemon.cli.common import load_config

    equity = load_config(config, system=True).desk.equity_usd
    return {
        "running": False,
        "mode": None,
        "signals": 0,
        "admitted": 0,
        "blocked": 0,
        "phantoms": 0,
        "open_phantoms": 0,
        "equity_usd": equity,
        "start_usd": equity,
        "halts": {},
        "latched": "",
        "alarms": 0,
        "database": None,
        "last_seen_ns": None,
    }


def _at_rest(where: StateDir, config: Any) -> dict[str, Any]:
    import json

    with reading(where) as db:
        pieces = dict(db.execute("SELECT key, value FROM state WHERE key IN ('desk', 'vitals')"))
        desk, vitals = json.loads(pieces.get("desk", "{}")), json.loads(pieces.get("vitals", "{}"))
        signals = dict(db.execute("SELECT verdict, COUNT(*) FROM signal GROUP BY verdict"))
        phantoms, still_open = db.execute(
            "SELECT COUNT(*), SUM(status <> 'closed') FROM trade"
            " WHERE kind = 'phantom' AND cause IN ('block', 'stage')"
        ).fetchone()
        alarms = db.execute("SELECT COUNT(*) FROM alarm").fetchone()[0]
    found = {
        **fresh(config),
        "running": is_held(where),
        "mode": where.folder,
        "signals": sum(signals.values()),
        "admitted": signals.get("admitted", 0),
        "blocked": signals.get("blocked", 0),
        "phantoms": phantoms,
        "open_phantoms": still_open or 0,
        "alarms": alarms,
        "database": str(where.database),
        "last_seen_ns": vitals.get("now_ns"),
    }
    if desk:
        found["equity_usd"] = (desk["cash_e6"] + desk["open_e6"]) / 1e6
        found["start_usd"] = desk["start_e6"] / 1e6
        found["halts"], found["latched"] = desk["halts"], desk["latched"]
    return found


def _orchestration(where: StateDir | None) -> list[dict[str, Any]]:
    """Return what each stage from signal to fill has added, from the database."""
    import msgspec

    from daemon.replaying import filter_names
    from divisions.weights import combined
    from shadow.score import score

    if where is None or not where.database.exists():
        return []
    with reading(where) as db:
        stages: list[dict[str, Any]] = msgspec.to_builtins(score(db, filter_names(), combined))
    return stages


def print_status(s: dict[str, Any]) -> None:
    """Print a status for a person."""
    from shadow.rows import second_of

    change = s["equity_usd"] - s["start_usd"]
    if "feeds" in s:
        feed = "feed up" if s["connected"] else "FEED DOWN"
        ready = "ready" if s["ready"] else "warming up"
        typer.echo(f"running in {s['mode']}, {ready}, {feed}, up {s['uptime_s']:.0f} s")
    elif s["mode"] is None:
        typer.echo("never started; `gnomon run` begins")
    elif s["running"]:
        seen = second_of(s["last_seen_ns"]) if s["last_seen_ns"] else "never"
        typer.echo(f"running in {s['mode']}; its database was last written {seen}")
    else:
        seen = second_of(s["last_seen_ns"]) if s["last_seen_ns"] else "never"
        typer.echo(f"not running; {s['mode']} was last alive {seen}")
    typer.echo(f"equity {s['equity_usd']:,.2f} USD ({change:+,.2f})")
    typer.echo(
        f"{s['signals']} signals: {s['admitted']} admitted, {s['blocked']} blocked; "
        f"{s['phantoms']} phantoms, {s['open_phantoms']} open; {s['alarms']} alarms"
    )
    for who, why in s["halts"].items():
        typer.echo(f"HALTED by {who}: {why}")
    if s["latched"]:
        typer.echo(f"LATCHED: {s['latched']} (gnomon resume releases it)")
    if "feeds" in s:
        _print_running(s)
    if s["database"]:
        typer.echo(f"database {s['database']}")
    _print_orchestration(s["orchestration"])


def _print_orchestration(stages: list[dict[str, Any]]) -> None:
    if not stages or not stages[0]["days"]:
        return
    rows = []
    for stage in stages:
        low, high = (number(stage[k], sign=True) for k in ("low", "high"))
        interval = f"{low} … {high}" if stage["low"] is not None else "–"
        note = "absent" if stage["absent"] else ""
        name = stage["stage"].replace("_", " ")
        level, added = (number(stage[k], sign=True) for k in ("r_per_day", "added"))
        rows.append((name, level, added, interval, note))
    days = stages[0]["days"]
    title = f"Orchestration over {days} day{'s' * (days != 1)}"
    print_table(title, ("after", "R a day", "added", "95 %", ""), rows)


def _print_running(s: dict[str, Any]) -> None:
    rows = []
    for f in s["feeds"]:
        ages = f["ages_ms"]
        cells = [f"{ages[k] / 1000:.1f}" if k in ages else "–" for k in ("fast", "bbo", "context")]
        rows.append(
            (f["coin"], "ok" if f["ok"] else "NOT OK", f"{f['bid']:g}", f"{f['ask']:g}", *cells)
        )
    print_table("", ("coin", "book", "bid", "ask", "book age s", "bbo", "context"), rows, left=2)
    faulted = {name: bot["fault"] for name, bot in s["bots"].items() if bot["fault"]}
    for name, fault in faulted.items():
        typer.echo(f"FAULTED {name}: {fault} (gnomon rearm {name})")
    shadowed = [name for name, bot in s["bots"].items() if bot["stage"] == "shadow"]
    if shadowed:
        typer.echo(f"shadow-only: {', '.join(shadowed)}")
    if s["idle_bots"]:
        typer.echo(f"idle for want of their feed: {', '.join(s['idle_bots'])}")
    lenses = s["lenses"]
    if not lenses["warm"]:
        typer.echo("lenses: not ready yet")
    else:
        typer.echo(f"lenses: {lenses['ranked']} of {len(s['feeds'])} coins ranked")
    if lenses["bursts"]:
        typer.echo(f"trades come in a burst: {', '.join(lenses['bursts'])}")


def top(
    state: StateOption = None,
    mode: ModeOption = None,
    follow_parent: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    """Show a running daemon live; Ctrl-C leaves it running.

    Example: gnomon top
    """
    import signal

    from daemon import control
    from daemon.top import draw_until_gone

    if follow_parent:
        # Ctrl-C is for the daemon; the screen leaves when the daemon does.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    where = _commanded(state, mode)
    if not follow_parent:
        # Where nobody answers, say so instead of showing an empty screen.
        control.ask(where.socket, {"verb": "status"})
    draw_until_gone(where, follow_parent=follow_parent)


def _commanded(state: Any, mode: str | None) -> StateDir:
    where = pick_state(state, mode)
    if where is None:
        raise VenueUnreachable("no daemon has run here; `gnomon run` starts one")
    return where


def _command(state: Any, mode: str | None, verb: str, argument: str = "") -> None:
    from daemon import control

    where = _commanded(state, mode)
    reply = control.ask(where.socket, {"verb": verb, "argument": argument})
    if "error" in reply:
        raise VenueUnreachable(reply["error"])
    say(reply["reply"])


def halt(
    reason: Annotated[str, typer.Option(help="Kept with the alarm.")] = "",
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Stop new entries; open trades still exit by their plans.

    Example: gnomon halt --reason "exchange maintenance"
    """
    _command(state, mode, "halt", reason)


def resume(state: StateOption = None, mode: ModeOption = None) -> None:
    """Open entries again and release the loss limit's latch.

    Example: gnomon resume
    """
    _command(state, mode, "resume")


def rearm(
    bot: Annotated[str, typer.Argument(help="The faulted bot's name.")],
    state: StateOption = None,
    mode: ModeOption = None,
) -> None:
    """Put a faulted bot back into service.

    Example: gnomon rearm donchian
    """
    _command(state, mode, "rearm", bot)


def flatten(state: StateOption = None, mode: ModeOption = None) -> None:
    """Stop new entries and end every open trade now.

    Example: gnomon flatten
    """
    _command(state, mode, "flatten")

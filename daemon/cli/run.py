"""Commands `gnomon run`, `venue`, `record` and `replay`."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.common import (
    ConfigOption,
    JsonOption,
    StateOption,
    load_config,
    parse_span,
    print_json,
    say,
)
from daemon.instance.paths import StateDir, mode_folder, state_root
from market.errors import InvariantBroken, OperatorError

if TYPE_CHECKING:
    from daemon.config.sections import Config
    from daemon.live.startup import Plan

ForOption = Annotated[
    str | None, typer.Option("--for", help="Stop by itself after this long, e.g. 60s, 10m, 1h.")
]
RunMode = Annotated[
    str | None, typer.Option("--mode", help="local, paper, testnet or live (default: config).")
]
NoJitOption = Annotated[
    bool, typer.Option("--no-jit", help="Lenses in plain numpy, where nothing may be compiled.")
]
NetworkOption = Annotated[
    str | None, typer.Option("--network", help="testnet or mainnet (default: config).")
]


# Its place in `gnomon --help`.
RANK = 1


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(run)
    app.command()(venue)
    app.command()(record)
    app.command()(replay)


def make_plan(
    config: Config, state: Path | None, mode: str | None, network: str | None, for_: str | None
) -> Plan:
    """Return what to run from the options over the configuration."""
    from daemon.live.startup import Plan

    chosen: Any = config.mode if mode is None else mode
    net: Any = config.venue.network if network is None else network
    if chosen not in ("local", "paper", "testnet", "live"):
        raise typer.BadParameter(f"{chosen!r}: local, paper, testnet or live", param_hint="--mode")
    if net not in ("testnet", "mainnet"):
        raise typer.BadParameter(f"{net!r}: testnet or mainnet", param_hint="--network")
    config.require_built(chosen, net)
    if network is not None and chosen == "local":
        raise typer.BadParameter(
            f"local mode trades on its own venue; for {network}'s feed add --mode paper",
            param_hint="--network",
        )
    root = state_root(state, config.state_dir)
    seconds = None if for_ is None else parse_span(for_)
    # What a desk may do by itself follows the mode it runs in, and the tape must know that.
    config = config.model_copy(update={"mode": chosen})
    return Plan(config, chosen, net, StateDir(root.absolute(), mode_folder(chosen, net)), seconds)


def run(
    config: ConfigOption = None,
    state: StateOption = None,
    mode: RunMode = None,
    network: NetworkOption = None,
    for_: ForOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Log lines, no screen.")] = False,
    web: Annotated[
        bool | None,
        typer.Option("--web/--no-web", help="The page beside it; on a terminal unless --no-web."),
    ] = None,
    no_jit: NoJitOption = False,
) -> None:
    """Start the daemon; with no options it trades on paper on a local venue.

    Example: gnomon run --mode paper --network testnet
    """
    from daemon.live.run import run as run_daemon
    from daemon.live.telemetry import configure
    from daemon.screen.process import Screen
    from daemon.web.process import PageProcess

    settings = load_config(config, system=False)
    if no_jit:
        lens = settings.lens.model_copy(update={"jit": False})
        settings = settings.model_copy(update={"lens": lens})
    plan = make_plan(settings, state, mode, network, for_)
    # What is traded here is nobody else's business, but the group's, which may be given the report.
    os.umask(os.umask(0o027) | 0o027)
    plan.state.create()
    seen = sys.stdout.isatty()
    with (
        PageProcess(plan.state, wanted=seen if web is None else web) as page,
        Screen(plan.state, wanted=seen and not plain, page=page.url) as screen,
    ):
        configure(settings.log.level, screen.log)
        if page.url:
            say(f"page: {page.url}")

        def started() -> None:
            page.start()
            screen.show()

        why = _loop(run_daemon(plan, started=started, waiting=screen.say))
    say(f"stopped: {why}")
    root = shlex.quote(str(plan.state.root))
    command = f"gnomon shadow report --state {root} --mode {plan.state.folder}"
    say(f"see what the limits were worth: {command}")


def _loop(main: Any) -> Any:
    """Run a coroutine on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def venue(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8077,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the synthetic world.")] = 7,
    tape: Annotated[Path | None, typer.Option(help="Play this tape instead of a world.")] = None,
    speed: Annotated[float, typer.Option(help="Playback speed of the tape.")] = 1.0,
    epoch_ms: Annotated[
        int | None, typer.Option(help="UTC midnight the world's history begins at.")
    ] = None,
    faults: Annotated[
        str, typer.Option(help="Faults: a plan in TOML, or seed:N to draw one.")
    ] = "",
    accounts: Annotated[
        Path | None, typer.Option(help="Accounts to open beside the test account (TOML).")
    ] = None,
    network: Annotated[
        str, typer.Option(help="Accepted signatures: testnet, mainnet or both.")
    ] = "both",
    expose: Annotated[
        bool, typer.Option("--expose", help="Listen beyond this machine, where --host says so.")
    ] = False,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="End when standard input closes.")
    ] = False,
) -> None:
    """Run the local venue alone: Hyperliquid's protocol on loopback, trading included.

    Example: gnomon venue --port 8077 --seed 7
    """
    from venue.local.process import EXPOSED, SOURCES, is_loopback, serve_venue

    if network not in SOURCES:
        raise typer.BadParameter(f"{network!r}: {', '.join(SOURCES)}", param_hint="--network")
    if not is_loopback(host):
        if not expose:
            raise OperatorError(
                f"--host {host}: not of this machine alone; {EXPOSED}; --expose allows it"
            )
        say(f"warning: listening on {host}: {EXPOSED}")

    serve_venue(
        host=host,
        port=port,
        seed=seed,
        tape=tape,
        speed=speed,
        epoch_ms=epoch_ms,
        with_parent=with_parent,
        faults=faults,
        accounts=accounts,
        network=network,
    )


def record(
    out: Annotated[Path, typer.Option("--out", help="New folder for the tape.")],
    for_: ForOption = None,
    config: ConfigOption = None,
    mode: RunMode = None,
    network: NetworkOption = None,
) -> None:
    """Record the venue's feed to a tape without trading; replay it later.

    Example: gnomon record --out tapes/btc --for 1h --mode paper --network mainnet
    """
    from daemon.live.recorder import record_feed
    from daemon.live.telemetry import configure

    settings = load_config(config, system=False)
    configure(settings.log.level, sys.stderr)
    plan = make_plan(settings, out.parent / f".{out.name}.state", mode, network, for_)
    summary = _loop(record_feed(plan, out))
    say(f"recorded {summary.frames} frames of {summary.coins} coins in {out}")


def replay(
    tape: Annotated[Path, typer.Argument(help="Tape folder, or one segment.")],
    state: Annotated[
        Path | None, typer.Option("--state", help="Keep the results in STATE/replay/gnomon.db.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="A desk without this filter beside; may be repeated."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Leave those filters out of the desk itself.")
    ] = False,
    no_jit: NoJitOption = False,
    json_: JsonOption = False,
) -> None:
    """Re-run a tape at full speed through the same code and compare digests.

    With --without a second desk without those limits trades beside the recorded one, on the same
    signals with the weights as recorded; both results are shown. --whole leaves the limits out of
    the desk itself instead, so that weights and sizes follow.

    Example: gnomon replay ~/.local/state/gnomon/local/tape --without direction
    """
    if no_jit:
        os.environ["GNOMON_NO_JIT"] = "1"
    from daemon.cli.progress import progress
    from daemon.replay.results import replay_tape
    from risk.filter import filter_names
    from venue.tape.continuity import require_whole

    unknown = [name for name in without or [] if name not in filter_names()]
    if unknown:
        raise typer.BadParameter(
            f"no filter {', '.join(unknown)}; there are {', '.join(filter_names())}",
            param_hint="--without",
        )
    with progress("replaying the tape") as told:
        result = replay_tape(tape, state, without or [], whole=whole, progress=told)
    if json_:
        print_json(result)
    else:
        for line in result.lines():
            typer.echo(line)
    if result.same_code_mismatch and not (whole and without):
        raise InvariantBroken(
            f"{tape}: the same code made other decisions than recorded ({result.mismatch})"
        )
    require_whole(result.damage)

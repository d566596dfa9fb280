"""Command `gnomon notify`."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from datetime import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import ConfigOption, ModeOption, StateOption, load_config, pick_state, say
from daemon.instance.paths import StateDir, state_root
from market.errors import OperatorError, VenueUnreachable

if TYPE_CHECKING:
    from daemon.alerts.kind import Kind, Memory, Way
    from daemon.alerts.plan import Quiet
    from daemon.alerts.targets import Target
    from daemon.config.sections import NotifyConfig


# Its place in `gnomon --help`.
RANK = 17
HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(notify)


def notify(
    test: Annotated[bool, typer.Option("--test", help="Send one message to each target.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be told now, and send nothing.")
    ] = False,
    state: StateOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
) -> None:
    """Tell on the phone what an operator must hear of; a service beside the daemon.

    Example: gnomon notify --test
    """
    from daemon.alerts.looking import Looker
    from daemon.alerts.outbox import Outbox
    from daemon.alerts.service import Service

    settings = load_config(config, system=True)
    kinds = chosen(settings.notify)
    where = pick_state(state, mode, config)
    if dry_run:
        _dry_run(where, kinds)
        return
    quiet = quiet_of(settings.notify)
    targets = targets_of(settings.notify)
    if test:
        _test(targets, "gnomon" if where is None else where.folder)
        return
    if where is None:
        where = StateDir(state_root(state, settings.state_dir), "local")
        raise OperatorError(f"{where.root}: no daemon has run here; `gnomon run` starts one")
    outbox = Outbox(where.root / f"notify-{where.folder}.db")
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    service = Service(
        Looker(where, kinds, outbox.memory()),
        outbox,
        targets,
        mode=where.folder,
        per_hour=settings.notify.messages_per_hour,
        quiet=quiet,
        say=say,
    )
    say(f"{len(kinds)} kinds of alert to {', '.join(target.name for target in targets)}")
    try:
        service.run(over.wait)
    finally:
        outbox.close()


def chosen(settings: NotifyConfig) -> list[Kind]:
    """Return the kinds as the configuration wants them; raises OperatorError for unknown names."""
    from msgspec.structs import replace

    from daemon.alerts.kind import discover

    found = discover()
    known = ", ".join(kind.name for kind in found)
    wanted: dict[str, Way] = {}
    ways: tuple[tuple[Way, tuple[str, ...]], ...] = (
        ("on", settings.on),
        ("silent", settings.silent),
        ("off", settings.off),
    )
    for way, names in ways:
        for name in names:
            if name not in known.split(", "):
                raise OperatorError(f"[notify] {way}: no kind {name!r}; there are {known}")
            if name in wanted:
                raise OperatorError(f"[notify]: {name} is both {wanted[name]} and {way}; keep one")
            wanted[name] = way
    return [replace(kind, way=wanted.get(kind.name, kind.way)) for kind in found]


def quiet_of(settings: NotifyConfig) -> Quiet:
    """Return the quiet hours; raises OperatorError for what is no such thing."""
    from zoneinfo import ZoneInfo

    from daemon.alerts.plan import Quiet

    try:
        zone = ZoneInfo(settings.zone)
    except (KeyError, OSError, ValueError):
        raise OperatorError(
            f"[notify] zone {settings.zone!r}: no such time zone; like UTC or Europe/Vienna"
        ) from None
    if not settings.quiet:
        return Quiet(clock(0), clock(0), zone)
    hours = HOURS.fullmatch(settings.quiet)
    if hours is None:
        raise OperatorError(f'[notify] quiet {settings.quiet!r}: hours like "22:00-07:00"')
    begin_h, begin_m, end_h, end_m = map(int, hours.groups())
    return Quiet(clock(begin_h, begin_m), clock(end_h, end_m), zone)


def targets_of(settings: NotifyConfig) -> list[Target]:
    """Return the targets of the configured file, or of the service's credential."""
    from daemon.alerts.targets import read_targets

    if settings.targets_file:
        return read_targets(Path(settings.targets_file).expanduser())
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials:
        return read_targets(Path(credentials) / "targets", credential=True)
    raise OperatorError(
        "no targets: [notify] targets_file names a file of mode 0600 with an address a line, "
        "for example sendmail://you@example.org or ntfy://topic; docs/alerts.md has more"
    )


def _test(targets: list[Target], mode: str) -> None:
    from daemon.alerts.plan import Delivery

    told = Delivery(f"{mode}: test", "Messages of gnomon arrive here.", False, [], [0])
    failed = 0
    for target in targets:
        trouble = target.send(told)
        failed += bool(trouble)
        typer.echo(f"{target.name}: {trouble or 'delivered'}")
    if failed:
        raise VenueUnreachable(f"{failed} of {len(targets)} targets did not take the message")


def _dry_run(where: StateDir | None, kinds: list[Kind]) -> None:
    from daemon.alerts.looking import CURSOR, Looker

    for kind in kinds:
        urgent = ", urgent" if kind.urgent else ""
        typer.echo(f"{kind.name:<10} {kind.way}{urgent}: {kind.tells}")
    if where is None:
        typer.echo("no daemon has run here: nothing to tell")
        return
    # As if every alarm, trial and verdict there is were new.
    new: dict[str, Memory] = {
        CURSOR: {"alarm": 0},
        "trial": {"trial_id": 0},
        "verdict": {"told": {}},
    }
    found, _ = Looker(where, kinds, new).look(time.time_ns())
    typer.echo(
        f"of all that is in {where.database}, told would be:" if found else "nothing to tell"
    )
    for kind_name, _, _, message in found:
        body = message.body.replace("\n", " · ")
        typer.echo(f"  {kind_name}: {message.title}: {body}")

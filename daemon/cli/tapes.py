"""Commands `gnomon tape import`, `info` and `verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.common import JsonOption, print_json
from market.errors import InputDamaged, OperatorError

if TYPE_CHECKING:
    from venue.tape.survey import Survey

# Its place in `gnomon --help`.
RANK = 11

app = typer.Typer(help="Import, inspect and verify tapes.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    """Add these commands."""
    parent.add_typer(app, name="tape")


TapeArgument = Annotated[Path, typer.Argument(help="Tape folder, or one segment.")]


@app.command("import")
def import_(
    recording: Annotated[Path, typer.Argument(help="Folder of the recording, or its file.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the tape.")],
    meta: Annotated[
        Path | None, typer.Option(help="A `meta` reply (JSON) to take instrument rules from.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Turn a recording of another tool into a tape.

    Example: gnomon tape import recordings/btc --out tapes/btc
    """
    from daemon.cli.progress import waiting
    from daemon.config.load import parse
    from daemon.version import code_version
    from market.instrument import instruments_from_meta
    from venue.hyperliquid.universe import load_instruments, source
    from venue.tape.importer import Origin, import_recording, open_recording

    found = open_recording(recording)
    coins = list(dict.fromkeys(s.coin for s in found.streams))
    if meta is None:
        instruments, named = load_instruments(), source()
    else:
        instruments, named = instruments_from_meta(_universe(meta)), str(meta.name)
    origin = Origin(
        instruments, named, parse({"coins": coins}, "import").resolved(), code_version()
    )
    with waiting("importing the recording"):
        summary = import_recording(found, out, origin)
    if json_:
        print_json(asdict(summary))
        return
    typer.echo(
        f"{summary.frames:,} frames of {', '.join(summary.coins)} ({', '.join(summary.kinds)}) in "
        f"{summary.sessions} sessions: {out}"
    )
    if summary.out_of_order:
        typer.echo(f"{summary.out_of_order} frames were stamped before the one ahead of them")
    typer.echo(f"rules of the instruments: {summary.instruments_from}")


def _universe(path: Path) -> list[dict[str, object]]:
    from market.errors import ProtocolViolation
    from venue.hyperliquid.replies import decode_meta

    try:
        return decode_meta(path.read_bytes())
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from None
    except ProtocolViolation as error:
        raise InputDamaged(f"{path}: not a meta reply ({error})") from None


@app.command()
def info(tape: TapeArgument, json_: JsonOption = False) -> None:
    """Say what a tape holds.

    Example: gnomon tape info ~/.local/state/gnomon/local/tape
    """
    from shadow.store.rows import second_of
    from venue.tape.survey import survey

    found = survey(tape)
    if json_:
        _end_json(found)
        return
    typer.echo(f"{found.segments} segments, {found.bytes:,} bytes, {found.frames:,} frames")
    typer.echo(f"from {second_of(found.from_ns)} to {second_of(found.to_ns)}")
    typer.echo(f"coins: {', '.join(found.coins)}; recorded by {found.code_version} in {found.mode}")
    typer.echo(f"rules of the instruments: {found.instruments_from}")
    kinds = ", ".join(f"{count:,} {name}" for name, count in found.records.items())
    typer.echo(f"records: {kinds}")
    _end_text(found)


def _end_json(found: Survey) -> None:
    from venue.tape.continuity import require_whole

    print_json(asdict(found))
    require_whole(found.damage)


def _end_text(found: Survey) -> None:
    from venue.tape.continuity import require_whole, torn_end

    for name in found.torn:
        typer.echo(f"{name}: {torn_end(found.dropped_bytes)}")
    for line in found.damage:
        typer.echo(line)
    require_whole(found.damage)


@app.command()
def verify(tape: TapeArgument, json_: JsonOption = False) -> None:
    """Check every checksum and line of a tape, and that none is missing; exits 65 when damaged.

    Example: gnomon tape verify tapes/btc
    """
    from venue.tape.survey import survey

    found = survey(tape)
    if json_:
        _end_json(found)
        return
    records = sum(found.records.values())
    verdict = "DAMAGED, what is there is sound" if found.damage else "sound"
    typer.echo(f"{verdict}: {found.segments} segments, {records:,} records, every checksum matches")
    _end_text(found)

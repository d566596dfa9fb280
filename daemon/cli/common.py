"""Parts shared by commands: options, the choice of state, and how data is printed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from daemon.instance.paths import MODE_FOLDERS, StateDir, existing, find_config, state_root
from daemon.screen.terminal import for_drawing, shows
from market.errors import OperatorError
from market.text import UNFIT, visible

if TYPE_CHECKING:
    from daemon.config.sections import Config


def offer(values: Sequence[str]) -> Callable[[], list[str]]:
    """Return what completes an option in the shell; typer picks those that begin as typed."""
    return lambda: list(values)


StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="State folder; default: $STATE_DIRECTORY, config, the user's."),
]
ModeOption = Annotated[
    str | None,
    typer.Option(
        "--mode",
        help="local, paper, paper-testnet, paper-mainnet or replay; default: the newest.",
        autocompletion=offer(("local", "paper", "paper-testnet", "paper-mainnet", "replay")),
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file (default: $GNOMON_CONFIG, the user's)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


# JavaScript and spreadsheets know numbers as binary64.
EXACT_MAX = 2**53
SURROGATES = re.compile("[\ud800-\udfff]")
NOT_ASCII = re.compile("[^\x00-\x7f]")


def say(text: str) -> None:
    """Print a line about what is being done, where it cannot disturb data on standard output."""
    typer.echo(text, err=True)


def load_config(given: Path | None, *, system: bool) -> Config:
    """Return the configuration a command works with."""
    from daemon.config.load import load

    return load(find_config(given, system=system))


def pick_state(state: Path | None, mode: str | None, config: Path | None = None) -> StateDir | None:
    """Return the mode folder a command on state is about, None for a fresh state.

    Without a mode: the only database there, or of several the newest, said aloud.
    """
    named = state is not None or os.environ.get("STATE_DIRECTORY")
    configured = "" if named and config is None else load_config(config, system=True).state_dir
    root = state_root(state, configured)
    if mode is not None and mode != "paper" and mode not in MODE_FOLDERS:
        raise typer.BadParameter(
            f"{mode!r} is not one of paper, {', '.join(MODE_FOLDERS)}", param_hint="--mode"
        )
    found = places(root)
    if mode is not None:
        found = [s for s in found if s.folder == mode or s.folder.startswith(f"{mode}-")]
    if not found:
        return None
    if len(found) > 1:
        say(f"several modes under {root}; showing the newest, {found[0].folder} (--mode chooses)")
    return found[0]


def places(root: Path) -> list[StateDir]:
    """Return the mode folders with a database, the newest first; before them those without one
    where a daemon answers.
    """
    from daemon.instance.control import answers

    found = existing(root)
    there = {state.folder for state in found}
    others = [StateDir(root, name) for name in MODE_FOLDERS if name not in there]
    return [state for state in others if answers(state.socket)] + found


def json_text(value: object) -> str:
    """Return a value as JSON in which JavaScript, terminals and UTF-8 lose nothing.

    A whole number beyond 2^53 is text, and so is each byte of a name that is no UTF-8.
    """
    import msgspec

    plain = _exact(msgspec.to_builtins(value, str_keys=True))
    lines = msgspec.json.format(msgspec.json.encode(plain), indent=2).decode().split("\n")
    return "\n".join(UNFIT.sub(_json_escape, line) for line in lines) + "\n"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {_exact(key): _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, str):
        return value if value.isascii() else SURROGATES.sub(lambda m: visible(m[0]), value)
    if isinstance(value, int) and abs(value) > EXACT_MAX:
        return str(value)
    return value


def print_json(value: object) -> None:
    """Print a value as JSON; what standard output cannot show is escaped as JSON does."""
    text = json_text(value)
    sys.stdout.write(text if shows(text) else NOT_ASCII.sub(_json_escape, text))


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    left: int = 1,
    words: int = 0,
    spare: Sequence[int] = (),
) -> None:
    """Print a table; all but the first `left` and the last `words` columns align to the right.

    On a terminal too narrow for it the `spare` columns go, one after the other, until it fits:
    a figure cut in half would say something else.
    """
    from rich.console import Console
    from rich.table import Table

    # What stands in cells comes from reasons and faults: their brackets are no markup.
    console = Console(file=for_drawing(), markup=False, emoji=False)
    if not console.is_terminal:
        # A pipe has no width to respect: lines must not be cut.
        console.width = 10_000
    rows = [[visible(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    shown = list(range(len(columns)))
    for i in spare:
        if sum(widths[k] + 2 for k in shown) > console.width:
            shown.remove(i)
    if not console.is_terminal and not title:
        # As the table below would be; of a thousand rows that takes a second.
        _print_plain(console.file, columns, rows, widths, left, words)
        return
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    for i in shown:
        side: Literal["left", "right"] = (
            "left" if i < left or i >= len(columns) - words else "right"
        )
        table.add_column(columns[i], justify=side, no_wrap=i < left)
    for row in rows:
        table.add_row(*(row[i] for i in shown))
    console.print(table)
    if len(shown) < len(columns):
        gone = ", ".join(columns[i] for i in sorted(spare) if i not in shown)
        console.print(f"(the terminal is too narrow for {gone}; a wider one or --json has them)")


def _print_plain(
    file: IO[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    left: int,
    words: int,
) -> None:
    ends = len(columns) - words
    for row in (columns, *rows):
        cells = (
            text.ljust(width) if i < left or i >= ends else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        file.write("".join(f" {text} " for text in cells) + "\n")


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """Return a number for a table, a dash for none."""
    if value is None:
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}"


def one_of(value: str, allowed: tuple[str, ...], option: str) -> None:
    """Refuse a value that is none of those allowed; raises BadParameter with them."""
    if value not in allowed:
        raise typer.BadParameter(f"{value!r}: one of {', '.join(allowed)}", param_hint=option)


def parse_span(text: str) -> float:
    """Return the seconds in 90, 30s, 10m, 1h or 7d; raises BadParameter."""
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    digits, unit = (text[:-1], text[-1]) if text and text[-1] in units else (text, "s")
    try:
        seconds = float(digits) * units[unit]
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds < 1e9:
        raise typer.BadParameter(f"{text!r}: expected a time like 30s, 10m, 1h or 7d")
    return seconds


def usable_folder(path: Path) -> None:
    """Make a folder; raises OperatorError when that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be made ({error.strerror})") from None

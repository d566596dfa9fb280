"""What the pages say of the code, made from the code: `make docs` writes it.

A made part stands between `<!-- make docs: NAME -->` and `<!-- end of NAME -->`; all else on a
page is written by hand and left alone.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import typer.main

from daemon.cli import app
from daemon.config.load import parse
from daemon.config.text import as_toml
from daemon.views.glossary import TERMS
from market import errors
from quant.lens import discover
from shadow.store.schema import MIGRATIONS
from venue.local.faults import catalogue

# What most commands take; the page says so once.
COMMON = {"help", "state", "mode", "config", "as_json"}
DOCS = Path(__file__).resolve().parents[1] / "docs"


def defaults() -> str:
    """Return the configuration with every key, as `gnomon config init` writes it."""
    return f"```toml\n{as_toml(parse({}, 'defaults'), comments=True).rstrip()}\n```"


def exit_codes() -> str:
    """Return the table of exit codes."""
    rows = {0: "done", 2: "usage"}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.GnomonError) and kind.exit_means:
            rows[kind.exit_code] = kind.exit_means
    lines = [f"| {code} | {rows[code]} |" for code in sorted(rows)]
    return "\n".join(["| code | meaning |", "|---|---|", *lines])


def walked(command: Any, name: str = "gnomon") -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, in order of the names."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in sorted(children):
        yield from walked(children[child], f"{name} {child}")


def written(parameter: Any) -> str:
    """Return an argument or option as a usage line shows it."""
    if parameter.param_type_name == "argument":
        word = (parameter.metavar or parameter.name).upper()
        return word if parameter.required else f"[{word}]"
    name = next((o for o in parameter.opts if o.startswith("--")), parameter.opts[0])
    value = "" if parameter.is_flag else f" {parameter.metavar or name.lstrip('-').upper()}"
    return f"[{name}{value}]" + ("..." if parameter.multiple else "")


def commands() -> str:
    """Return every command with its usage line and what it does."""
    lines = []
    for name, command in walked(typer.main.get_command(app)):
        visible = [p for p in command.params if not getattr(p, "hidden", False)]
        shown = [p for p in visible if p.name not in COMMON]
        usage = " ".join([name, *map(written, shown)])
        lines.append(f"* `{usage}`\n  {' '.join((command.help or '').split(chr(10))[0].split())}")
    return "\n".join(lines)


def lenses() -> str:
    """Return the table of the lenses with what each is told unless told otherwise."""
    lines = ["| lens | asks | parameters and their defaults |", "|---|---|---|"]
    for lens in discover().values():
        told = ", ".join(f"`{name}` {value:g}" for name, value in lens.defaults.items())
        lines.append(f"| `{lens.name}` | {lens.asks} | {told or 'none'} |")
    return "\n".join(lines)


def faults() -> str:
    """Return the table of the local venue's faults."""
    return catalogue.table().rstrip()


def columns() -> str:
    """Return the columns of every table and view."""
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in MIGRATIONS:
            db.executescript(migration)
        names = db.execute(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
            " AND name NOT LIKE 'sqlite_%' ORDER BY type, name"
        ).fetchall()
        lines = ["| table or view | columns |", "|---|---|"]
        for (name,) in names:
            found = db.execute(f"SELECT name FROM pragma_table_info('{name}')").fetchall()
            lines.append(f"| `{name}` | {', '.join(f'`{column}`' for (column,) in found)} |")
    return "\n".join(lines)


def glossary() -> str:
    """Return the table of words."""
    lines = ["| word | means |", "|---|---|"]
    for term in TERMS:
        other = f" (also: {', '.join(term.other)})" if term.other else ""
        lines.append(f"| {term.word} | {term.means}{other} |")
    return "\n".join(lines)


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "configuration.md": {"defaults": defaults},
    "cli.md": {"exit codes": exit_codes, "commands": commands},
    "lenses.md": {"lenses": lenses},
    "faults.md": {"faults": faults},
    "database.md": {"columns": columns},
    "glossary.md": {"glossary": glossary},
}


def remade(page: str, text: str) -> str:
    """Return a page's text with its made parts as they are now.

    Raises ValueError when a part has no place on its page, or more than one.
    """
    for name, made in PARTS[page].items():
        begin, end = f"<!-- make docs: {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(rf"{re.escape(begin)}\n.*?{re.escape(end)}", re.S)
        if len(pattern.findall(text)) != 1 or text.count(begin) != 1:
            raise ValueError(f"docs/{page}: {name!r} must have exactly one place")
        part = f"{begin}\n{made()}\n{end}"
        text = pattern.sub(lambda _, part=part: part, text)
    return text


def stale() -> list[str]:
    """Return the pages that say something else than the code."""
    texts = {page: (DOCS / page).read_text() for page in PARTS}
    return [page for page, text in texts.items() if remade(page, text) != text]


def main() -> int:
    """Write anew what is stale and say which pages that was."""
    for page in (changed := stale()):
        path = DOCS / page
        path.write_text(remade(page, path.read_text()))
        print(f"docs/{page} written anew")
    if not changed:
        print("every page says what the code does")
    return 0


if __name__ == "__main__":
    sys.exit(main())

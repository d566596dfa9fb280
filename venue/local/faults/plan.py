"""The plan of faults: a TOML file, or nothing but a seed.

Every mistake in a plan ends in one line that says where it is and how to mend it.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from market.errors import OperatorError
from venue.local.faults.chance import GAP_S, UNTIL_S, drawn
from venue.local.faults.fault import Fault, discover

SEED_PREFIX = "seed:"
Seed = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class ByChance(Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[faults]`: faults drawn by seed, one every `gap_s` on average, of some `names`."""

    seed: Seed = 7
    gap_s: Annotated[float, Meta(gt=0.0)] = GAP_S
    until_s: Annotated[float, Meta(ge=0.0, le=7 * 86_400.0)] = UNTIL_S
    names: list[str] = []


class Plan(Struct, frozen=True):
    """A plan: faults in the order of their beginning, and the seed of their dice.

    With `after_connect` time begins with the first websocket connection, else with the venue.
    """

    faults: tuple[Fault, ...]
    seed: int = 7
    after_connect: bool = False


def plan_of(option: str) -> Plan:
    """Return the plan that `--faults` names: a file, or `seed:N`. Raises OperatorError."""
    if option.startswith(SEED_PREFIX):
        number = option.removeprefix(SEED_PREFIX)
        if not (number.isascii() and number.isdigit() and len(number) < 19):
            raise OperatorError(f"--faults {option}: write seed:N with a whole number, as seed:7")
        return Plan(tuple(drawn(int(number))), int(number))
    path = Path(option)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise OperatorError(
            f"--faults {option}: cannot be read ({why}); name a TOML file, or draw by seed:N"
        ) from None
    return parse(text, option)


def parse(text: str, where: str) -> Plan:
    """Return the plan in a TOML text; `where` names it in errors. Raises OperatorError."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise OperatorError(f"{where}: not TOML: {error}; see docs/faults.md") from None
    unknown = sorted(set(tables) - {"seed", "after_connect", "fault", "faults"})
    if unknown:
        raise OperatorError(
            f"{where}: {unknown[0]}: no such key; "
            "a plan has seed, after_connect, [[fault]] and [faults]"
        )
    seed = _converted(tables.get("seed", 7), Seed, f"{where}: seed")
    after = _converted(tables.get("after_connect", False), bool, f"{where}: after_connect")
    rows = tables.get("fault", [])
    if not isinstance(rows, list):
        raise OperatorError(f"{where}: fault: write [[fault]] with two brackets, once for each")
    faults = [_fault(row, f"{where}: fault {number}") for number, row in enumerate(rows, 1)]
    if "faults" in tables:
        chance = _converted(tables["faults"], ByChance, f"{where}: faults")
        for name in chance.names:
            _kind(name, f"{where}: faults.names")
        faults += drawn(chance.seed, chance.gap_s, chance.until_s, chance.names)
    if not faults:
        raise OperatorError(f"{where}: names no fault; add a [[fault]] table, or [faults]")
    return Plan(tuple(sorted(faults, key=lambda f: f.begin_ms)), seed, after)


def _fault(row: object, where: str) -> Fault:
    if not isinstance(row, dict):
        raise OperatorError(f"{where}: write [[fault]] with two brackets, once for each")
    fields = dict(row)
    name = fields.pop("name", None)
    if not isinstance(name, str):
        raise OperatorError(f'{where}: has no name; say which fault, as name = "stall"')
    kind = _kind(name, where)
    unknown = sorted(set(fields) - set(kind.__struct_fields__))
    if unknown:
        known = ", ".join(kind.__struct_fields__)
        raise OperatorError(f"{where} ({name}): {unknown[0]}: no such parameter; it has {known}")
    fault: Fault = _converted(fields, kind, f"{where} ({name})")
    return fault


def _kind(name: str, where: str) -> type[Fault]:
    kinds = discover()
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds)}"
        raise OperatorError(f"{where}: no fault is called {name!r}; {hint}")
    return kinds[name]


def _converted(value: object, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `$")
        field = at.rstrip("`").lstrip(".")
        place = f"{where}: {field}" if field else where
        raise OperatorError(f"{place}: {message}; mend the value (docs/faults.md)") from None

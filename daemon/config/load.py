"""Configuration files: reading, parsing, and errors that say what to mend."""

from __future__ import annotations

import codecs
import reprlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from daemon.config.discovery import _suggest
from daemon.config.relations import broken
from daemon.config.sections import Config
from market.errors import OperatorError
from venue.address import shown

BYTES_MAX = 1 << 20
# What editors of other systems put in front.
MARKS = {
    codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


def parse(data: Mapping[str, Any], source: str) -> Config:
    """Return the configuration in plain data; raises OperatorError naming key and remedy."""
    try:
        return Config.model_validate({"gate": {}, "bots": {}, **data})
    except ValidationError as error:
        lines = [_explain(e, data) for e in error.errors()]
        raise OperatorError(f"{source}: " + "; ".join(lines)) from None


def _explain(error: Any, data: Mapping[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    where = ".".join(path)
    if error["type"] == "extra_forbidden":
        model: Any = Config
        for part in path[:-1]:
            model = model.model_fields[part].annotation
        return f"unknown key {where!r}{_suggest(path[-1], model.model_fields)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    shown_input = reprlib.repr(_without_secrets(error["input"]))
    got = "" if error["type"] == "value_error" else f", got {shown_input}"
    return f"{where}: {message}{got}"


def _without_secrets(value: Any) -> Any:
    """Return what was given, URLs in it as they may be shown."""
    if isinstance(value, str):
        return shown(value) if "://" in value else value
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def load(path: Path | None) -> Config:
    """Return the configuration in a TOML file, the defaults for None; raises OperatorError.

    It must make sense as a whole; one that has run, on a tape, is taken as it was.
    """
    if path is None:
        return parse({}, "defaults")
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from None
    if len(raw) > BYTES_MAX:
        raise OperatorError(f"{path}: larger than {BYTES_MAX >> 20} MB; no configuration")
    mark = next((name for mark, name in MARKS.items() if raw.startswith(mark)), None)
    if mark is not None:
        raise OperatorError(
            f"{path}: begins with the byte order mark (BOM) of {mark}; save it as UTF-8 without one"
        )
    try:
        data = tomllib.loads(raw.decode())
    except RecursionError:
        raise OperatorError(f"{path}: nested too deeply; no configuration") from None
    except ValueError as error:
        raise OperatorError(f"{path}: not TOML ({error})") from None
    config = parse(data, str(path))
    lines = broken(config)
    if lines:
        raise OperatorError(f"{path}: " + "; ".join(lines))
    return config

"""Configuration files: reading, parsing, and errors that say what to mend."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from daemon.config.discovery import _suggest
from daemon.config.sections import Config
from market.errors import OperatorError
from venue.address import shown


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
    got = "" if error["type"] == "value_error" else f", got {_without_secrets(error['input'])!r}"
    return f"{where}: {message}{got}"


def _without_secrets(value: Any) -> Any:
    """Return what was given, URLs in it as they may be shown."""
    if isinstance(value, str):
        return shown(value) if "://" in value else value
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


def load(path: Path | None) -> Config:
    """Return the configuration in a TOML file, the defaults for None; raises OperatorError."""
    if path is None:
        return parse({}, "defaults")
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: not TOML ({error})") from None
    return parse(data, str(path))

"""Sections of the configuration that bots and filters bring themselves."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from divisions import roster
from risk import filter as filters


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise ValueError at the first name that is not known, with the nearest one that is."""
    names = list(known)
    for name in given:
        if name not in names:
            raise ValueError(f"no {what} {name!r}{_suggest(name, names)}")


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"


def _settings(kind: type[msgspec.Struct], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    refuse_in(where, given, kind.__struct_fields__)
    try:
        checked = msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from None
    plain: dict[str, Any] = msgspec.to_builtins(checked)
    return plain


def refuse_in(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError at the first unknown key of a section, saying which section."""
    try:
        refuse_unknown(given, known, "key")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def resolve_filter(cls: type[filters.Filter[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter's mode and settings with defaults filled in; raises ValueError."""
    rest = dict(given)
    mode = rest.pop("mode", cls.default_mode)
    allowed = ("enforce", "observe", "off") if cls.may_enforce else ("observe", "off")
    if mode not in allowed:
        raise ValueError(f"{cls.name}.mode: {mode!r} is not one of {', '.join(allowed)}")
    settings = _settings(cls.settings_type, rest, cls.name)
    make_filter(cls, {"mode": mode, **settings})
    return {"mode": mode, **settings}


def resolve_bot(cls: roster.BotClass, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a bot's stage and parameters with defaults filled in; raises ValueError."""
    rest = dict(given)
    enabled = rest.pop("enabled", True)
    if not isinstance(enabled, bool):
        raise ValueError(f"{cls.name}.enabled: must be true or false")
    stage = rest.pop("stage", roster.usual_stage(cls))
    if stage not in ("admit", "shadow"):
        raise ValueError(f"{cls.name}.stage: {stage!r} is not one of admit, shadow")
    return {"enabled": enabled, "stage": stage, **_settings(cls.params_type, rest, cls.name)}


def make_filter(cls: type[filters.Filter[Any]], resolved: Mapping[str, Any]) -> filters.Filter[Any]:
    """Return a filter from its resolved settings; raises ValueError when they contradict."""
    rest = dict(resolved)
    mode = rest.pop("mode")
    return cls(msgspec.convert(rest, cls.settings_type), mode)

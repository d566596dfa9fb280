"""A configuration as TOML for people, with what each key means."""

from __future__ import annotations

from typing import Any

import tomlkit
from pydantic import BaseModel
from tomlkit.items import Item, Table

from daemon.config.sections import Config
from divisions import roster
from risk import filter as filters


def as_toml(config: Config, *, comments: bool) -> str:
    """Return the whole configuration as TOML text."""
    document = tomlkit.document()
    if comments:
        document.add(tomlkit.comment("Every key with its default. Delete what you do not change."))
        document.add(tomlkit.nl())
    plain = config.resolved()
    sections = []
    for name, info in Config.model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel) or name in ("gate", "bots"):
            sections.append(name)
            continue
        document.add(name, _item(plain[name], info.description if comments else None))
    for name in sections:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            document.add(name, _table(value, comments))
        else:
            document.add(name, _tables(plain[name], _explanations(name) if comments else {}))
    return tomlkit.dumps(document)


def _table(section: BaseModel, comments: bool) -> Table:
    table = tomlkit.table()
    plain = section.model_dump(mode="json")
    for name, info in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            table.add(name, _table(value, comments))
            continue
        table.add(name, _item(plain[name], info.description if comments else None))
    return table


def _item(value: Any, comment: str | None) -> Item:
    item: Item = tomlkit.item(value)
    if comment:
        item.comment(comment)
    return item


def _tables(sections: dict[str, dict[str, Any]], explanations: dict[str, str]) -> Table:
    out = tomlkit.table(is_super_table=True)
    for name, settings in sections.items():
        table = tomlkit.table()
        if name in explanations:
            table.comment(explanations[name])
        for key, value in settings.items():
            inline = tomlkit.inline_table() if isinstance(value, dict) else None
            if inline is not None:
                inline.update(value)
            table.add(key, value if inline is None else inline)
        out.add(name, table)
    return out


def _explanations(section: str) -> dict[str, str]:
    if section == "gate":
        return {cls.name: cls.asks for cls in filters.discover()}
    return {
        cls.name: f"{cls.division}: {(cls.__doc__ or '').splitlines()[0].rstrip('.')}"
        for cls in roster.discover()
    }

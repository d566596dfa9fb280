"""The worked example of docs/write-a-bot.md: found, judged, blocked by its stage, admitted."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import divisions.trend
from daemon.config.load import parse
from daemon.config.sections import DEFAULT_COINS
from divisions import roster
from divisions.roster import BotClass
from risk.filter import discover
from shadow.store.rows import Rows
from tests.divisions.contract.keeping import keeps
from tests.divisions.contract.showings import PARTS
from tests.support import virtual

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "write-a-bot.md").read_text()
NAME = "streak"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BotClass]:
    """Put the page's one file beside the trend bots, as a reader would."""
    (source,) = blocks("python")
    (tmp_path / f"{NAME}.py").write_text(source)
    monkeypatch.setattr(divisions.trend, "__path__", [*divisions.trend.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        yield next(cls for cls in roster.discover() if cls.name == NAME)
    finally:
        sys.modules.pop(f"divisions.trend.{NAME}", None)


def test_the_page_names_the_file_it_shows() -> None:
    assert f"`divisions/trend/{NAME}.py`" in PAGE


def test_it_is_found_among_the_others_and_configured(example: BotClass) -> None:
    assert [cls.name for cls in roster.discover() if cls.division == "trend"] == sorted(
        [*(n for n in trend_names() if n != "__init__"), NAME]
    )
    settings = parse({}, "x").bots[NAME]
    assert settings == {"enabled": True, "stage": "shadow", **plain(example)}


def trend_names() -> set[str]:
    folder = Path(divisions.trend.__file__).parent
    return {path.stem for path in folder.glob("*.py")}


def plain(cls: BotClass) -> dict[str, Any]:
    params = cls.params_type()
    return {name: getattr(params, name) for name in params.__struct_fields__}


def traded(config: dict[str, Any]) -> Rows:
    # What the market looks like does not matter here; only the stage is to decide.
    config = {**config, "gate": {cls.name: {"mode": "off"} for cls in discover()}}
    run = virtual.begin(coins=DEFAULT_COINS[:2], config=config)
    run.advance(1200)
    return run.rows


def test_it_runs_shadow_only_until_the_one_line_admits_it(example: BotClass) -> None:
    shadowed = traded({})
    own = [row for row in shadowed.signals if row.bot == NAME]
    assert own
    assert {row.verdict for row in own} == {"blocked"}
    assert all(row.failing.split(",")[-1] == "stage" for row in own)
    causes = {row.cause for row in shadowed.trades if row.bot == NAME}
    assert causes == {"stage"}
    (line,) = blocks("toml")
    admitted = traded(tomllib.loads(line))
    words = {row.verdict for row in admitted.signals if row.bot == NAME}
    assert "admitted" in words
    assert not any("stage" in row.failing.split(",") for row in admitted.signals)
    others = [row.signal_id for row in shadowed.signals if row.bot != NAME]
    assert others, "the other bots trade on beside it"


def test_it_keeps_the_contract(example: BotClass) -> None:
    """Every check but the one that asks for its test file."""
    but = "a_bot_has_tests_of_its_own"
    assert but in PARTS["words"]
    assert sum(keeps(part, (example,), example, but=but) for part in PARTS) > 30

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from daemon.config.load import load, parse
from daemon.config.sections import Config
from daemon.config.text import as_toml
from divisions import roster
from market.errors import OperatorError
from risk import filter as filters

DEFAULT = parse({}, "test")
WRITTEN = as_toml(DEFAULT, comments=True)


def keys(plain: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(plain, dict):
        return {path}
    return {key for name, value in plain.items() for key in keys(value, (*path, name))}


def line_of(section: str, key: str) -> str:
    """Return the line of a key, comment and all."""
    part = WRITTEN if not section else WRITTEN[WRITTEN.index(f"[{section}]") :]
    found = re.search(rf"^{key} = .*$", part, re.MULTILINE)
    assert found is not None, (section, key)
    return found[0]


def test_a_written_file_is_read_back_as_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.toml"
    for comments in (True, False):
        path.write_text(as_toml(DEFAULT, comments=comments))
        assert load(path) == DEFAULT


@pytest.mark.parametrize("comments", [True, False])
def test_every_key_is_written_with_its_value(comments: bool) -> None:
    plain = tomllib.loads(as_toml(DEFAULT, comments=comments))
    assert plain == DEFAULT.resolved()
    assert ("gate", "control", "share") in keys(plain)


def test_comments_are_all_that_tells_the_two_forms_apart() -> None:
    bare = as_toml(DEFAULT, comments=False)
    assert "#" not in bare
    stripped = [line.split("#")[0].rstrip() for line in WRITTEN.splitlines()]
    assert [line for line in stripped if line] == [line for line in bare.splitlines() if line]


def described(model: type[BaseModel], section: str = "") -> list[tuple[str, str, str]]:
    found = []
    for name, info in model.model_fields.items():
        inner = getattr(getattr(DEFAULT, name, None), "__class__", None)
        if not section and isinstance(inner, type) and issubclass(inner, BaseModel):
            found += described(inner, name)
        elif info.description:
            found.append((section, name, info.description))
    return found


@pytest.mark.parametrize(("section", "key", "text"), described(Config))
def test_what_a_key_means_stands_on_its_line(section: str, key: str, text: str) -> None:
    assert line_of(section, key).endswith(f"# {text}")


@pytest.mark.parametrize("cls", filters.discover(), ids=lambda cls: cls.name)
def test_every_filter_says_what_it_asks(cls: Any) -> None:
    assert f"[gate.{cls.name}] # {cls.asks}\n" in WRITTEN


@pytest.mark.parametrize("cls", roster.discover(), ids=lambda cls: cls.name)
def test_every_bot_says_its_division_and_its_idea(cls: Any) -> None:
    (head,) = re.findall(rf"^\[bots\.{cls.name}\] # (.*)$", WRITTEN, re.MULTILINE)
    division, _, idea = head.partition(": ")
    assert division == cls.division
    assert idea and cls.__doc__.startswith(idea)


def test_any_line_may_be_deleted_and_the_default_stands() -> None:
    lines = WRITTEN.splitlines()
    tried = 0
    for number, line in enumerate(lines):
        # A header holds the keys below it, and an endpoint is named whole.
        if line.startswith("[") or "_url = " in line:
            continue
        tried += " = " in line
        rest = "\n".join(lines[:number] + lines[number + 1 :])
        assert parse(tomllib.loads(rest), "shortened") == DEFAULT, line
    assert tried > 80


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
def test_half_an_endpoint_is_refused_and_not_completed(network: str) -> None:
    head = f"[venue.{network}]\nws_url ="
    assert head in WRITTEN
    rest = WRITTEN.replace(head, f"[venue.{network}]\n# ws_url =")
    with pytest.raises(OperatorError, match="ws_url"):
        parse(tomllib.loads(rest), "shortened")


def test_what_was_changed_is_what_is_written() -> None:
    config = parse(
        {
            "mode": "paper",
            "coins": ["BTC", "kPEPE"],
            "tape": {"enabled": False},
            "venue": {"network": "mainnet"},
            "gate": {"direction": {"mode": "observe", "weights": {"1m": 0.25, "5m": 1e-7}}},
            "bots": {"donchian": {"enabled": False, "channel": 33}},
        },
        "test",
    )
    plain = tomllib.loads(as_toml(config, comments=True))
    assert plain["mode"] == "paper"
    assert plain["coins"] == ["BTC", "kPEPE"]
    assert plain["tape"]["enabled"] is False
    assert plain["venue"]["network"] == "mainnet"
    assert plain["gate"]["direction"]["weights"] == {"1m": 0.25, "5m": 1e-7}
    assert plain["bots"]["donchian"]["channel"] == 33
    assert parse(plain, "again") == config


@settings(max_examples=80)
@given(
    folder=st.text(st.characters(exclude_categories=["Cs"])),
    equity=st.floats(0.0, 1e9, exclude_min=True),
    seed=st.integers(0, 2**63 - 1),
    share=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
    comments=st.booleans(),
)
def test_whatever_a_value_is_it_comes_back_as_it_was(
    folder: str, equity: float, seed: int, share: float, comments: bool
) -> None:
    config = parse(
        {
            "state_dir": folder,
            "seed": seed,
            "desk": {"equity_usd": equity},
            "gate": {"control": {"share": share}},
        },
        "test",
    )
    assert parse(tomllib.loads(as_toml(config, comments=comments)), "again") == config

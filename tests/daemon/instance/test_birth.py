"""What a database was born with: said wherever a configuration says something else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
import pytest

from daemon.config.load import parse
from daemon.instance.birth import unheeded, unheeded_at
from market.desk import Desk

DESK = {"desk": msgspec.json.encode(Desk.opened_with(10_000_000_000, 7)).decode()}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, []),
        ({"desk": {"equity_usd": 5000.0}}, ["equity_usd = 5,000.00 ", "began with 10,000.00"]),
        ({"seed": 8}, ["seed = 8 ", "draws with 7"]),
        ({"desk": {"equity_usd": 10_000.000001}, "seed": 8}, ["equity_usd", "seed"]),
    ],
)
def test_what_counts_at_birth_alone_is_compared(data: dict[str, object], words: list[str]) -> None:
    text = "; ".join(unheeded(parse(data, "x"), DESK))
    assert bool(text) == bool(words)
    assert all(word in text for word in words), text


def test_a_database_that_is_not_born_yet_will_take_everything() -> None:
    assert unheeded(parse({"seed": 9}, "x"), {"vitals": "{}"}) == []


def test_one_that_cannot_be_read_is_for_others_to_tell() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        assert unheeded_at(parse({}, "x"), db) == []
        db.execute("CREATE TABLE state (key TEXT, value TEXT)")
        db.execute("INSERT INTO state VALUES ('desk', '{}')")
        assert unheeded_at(parse({}, "x"), db) == []

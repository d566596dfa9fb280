"""The table of the venue's facts: every behaviour has a source and tests that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "venue-facts.md").read_text()
# A line for each point of the checklist that the venue is built by, named by words of its rows.
CHECKLIST = (
    "POST /info, POST /exchange and GET /ws share one port",
    "vaultAddress and expiresAfter may be missing or null",
    "100 highest nonces",
    "lower case and accepted in mixed case",
    "asset=<n>",
    "comes before the first data",
    "closes the socket, 1006",
    "pong has no data",
    "60 s of the server's silence",
    "fast 5 levels every 0.54 s",
    "replay of 30",
    "settled on the hour",
    "approveBuilderFee and setReferrer",
    "userAbstraction, spotMeta",
    "$10 at the limit price",
    "Reduce-only orders shrink",
    "match with oneself cancels the resting order",
    "partly filled Ioc",
    "at most 200",
    "Address budget",
    "scheduleCancel",
    "modified order has a new oid",
    "left out when false",
)


def rows() -> Iterator[list[str]]:
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| behaviour"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


@cache
def named_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_behaviour_has_a_source_and_a_test_that_exists() -> None:
    found = list(rows())
    assert len(found) > 50
    for behaviour, source, tests, _confirmed in found:
        assert behaviour
        assert source
        names = re.findall(r"`([^`]+)`", tests)
        assert names, behaviour
        for name in names:
            path, _, test = name.partition("::")
            assert (ROOT / path).is_file(), f"{behaviour}: {path}"
            assert test in named_in(path), f"{behaviour}: {name}"


def test_the_whole_checklist_is_there() -> None:
    behaviours = "\n".join(row[0] for row in rows())
    missing = [words for words in CHECKLIST if words not in behaviours]
    assert not missing

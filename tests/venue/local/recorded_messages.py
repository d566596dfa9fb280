"""Recorded messages of the venue: websocket frames, replies, and cassettes of the official SDK."""

from __future__ import annotations

import csv
import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from tests.venue.local.serving import recordings


@cache
def rows(name: str) -> list[dict[str, Any]]:
    """Return the lines of a file of recorded messages."""
    return [json.loads(line) for line in (recordings() / name).read_text().splitlines()]


def trading(kind: str, case: str = "") -> list[Any]:
    """Return messages of the trading session: decoded."""
    found = rows("hyperliquid_frames_trading/frames.jsonl")
    return [json.loads(r["raw"]) for r in found if r["kind"] == kind and case in r["case"]]


def on_testnet(kind: str) -> list[Any]:
    """Return messages of the testnet session: decoded."""
    found = rows("hyperliquid_frames_testnet/testnet_20260728.jsonl")
    return [json.loads(r["raw"]) for r in found if r["kind"].startswith(kind)]


def fixture(name: str) -> Any:
    """Return a sample of another client's tests."""
    return json.loads((recordings() / "hyperliquid_fixtures" / name).read_text())


def session() -> list[Any]:
    """Return the frames of the raw session of BTC; its recorder sorted the names."""
    path = recordings() / "hyperliquid_ws_frames" / "btcusd_20250126.gz"
    with gzip.open(path, "rt") as lines:
        return [json.loads(line.split(" ", 1)[1]) for line in lines]


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with (recordings() / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def vault_rows() -> list[list[str]]:
    """Return the fills of public vaults; their columns are as in the list of recordings."""
    found: list[list[str]] = []
    for path in sorted((recordings() / "hyperliquid_userfills_vaults").glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
            found += list(csv.reader(lines))[1:]
    return found


def cassette(name: str) -> tuple[dict[str, Any], Any]:
    """Return the last question of a cassette and its reply."""
    path = recordings() / "hyperliquid_sdk_cassettes" / f"test_{name}.yaml"
    return _last(path, "body"), _last(path, "string")


def questions() -> list[str]:
    """Return the questions of all cassettes."""
    folder = recordings() / "hyperliquid_sdk_cassettes"
    return [json.dumps(_last(path, "body")) for path in sorted(folder.glob("*.yaml"))]


def _last(path: Path, key: str) -> Any:
    """Return the JSON in the last quoted scalar of a name: a YAML reader for just that.

    A quoted scalar goes on over lines: a line break and what blanks surround it are one blank, and
    in single quotes a quote is written twice.
    """
    pattern = rf"^ *{key}: '((?:[^']|'')*)'"
    text = re.findall(pattern, path.read_text(), re.M)[-1]
    return json.loads(re.sub(r"\s*\n\s*", " ", text).replace("''", "'"))

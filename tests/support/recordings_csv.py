"""Recordings in the forms that are imported."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

PRICE_COLUMNS = ["timestamp", "price", "size", "side", "exchange_timestamp"]


START = 1_756_900_000


def table(path: Path, columns: list[str], rows: list[list[object]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path.parent


def prices(folder: Path, *rows: list[object], coin: str = "BTC") -> Path:
    return table(folder / f"prices_{coin}.csv.gz", PRICE_COLUMNS, list(rows))


def price(at: float | str, side: str, px: object = "100.0", sz: object = "1.0") -> list[object]:
    return [at, px, sz, side, 1_756_900_000_000]


def raw_lines(folder: Path, *lines: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "frames.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
    return folder

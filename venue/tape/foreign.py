"""Files that are no recording of this venue, recognised by their well-known shapes.

A few bytes of the beginning are looked at, never a whole file: the answer is a word for whoever
gave the wrong file.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import AnyStr

HEAD_BYTES = 4_096
LINE_MAX = 16 << 20
FILES_LOOKED_AT = 5

EXPECTED = (
    "expected a folder of orderbooks_COIN, prices_COIN or trades_COIN.csv.gz, "
    "or one .gz of lines `<ns> <frame>` as Hyperliquid sends them"
)
COLUMNS = {b"timestamp", b"exchange_timestamp", b"price", b"size", b"side", b"bid_price_0"}

# What a file begins with, by its first bytes.
_MAGIC = (
    (b"PAR1", "a Parquet table"),
    (b"ARROW1", "a Feather (Arrow) table"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd, as tapes of Gnomon are"),
    (b"SQLite format 3", "a SQLite database"),
)

# What its first lines look like; the first that is found names it.
_SHAPES = (
    (rb'"stream"\s*:\s*"[a-z0-9]+@|"e"\s*:\s*"(depthUpdate|aggTrade|trade|bookTicker|kline)"',
     "a recording of Binance frames"),
    (rb'"topic"\s*:\s*"(orderbook|publicTrade|tickers|kline|trade|orderBook)[._]',
     "a recording of Bybit frames"),
    (rb'"arg"\s*:\s*\{[^}]*"instId"', "a recording of OKX frames"),
    (rb'"product_id"\s*:|"channel"\s*:\s*"(market_trades|l2_data)"',
     "a recording of Coinbase frames"),
    (rb'"table"\s*:\s*"(orderBook|trade|quote)[A-Za-z0-9_]*"|,XBTUSD\b',
     "a recording of BitMEX"),
    (rb'(?im)^"?(\w*time\w*|date|t|open_time)"?\s*,\s*"?(o|open)"?\s*,\s*"?(h|high)"?\s*,',
     "a CSV table of candles"),
    (rb"^\s*\[\s*\[\s*\d{10,13}\s*,", "a JSON list of candles"),
    (rb"(?m)^\d{10,16},[\d.]+,[\d.]+,[\d.]+,[\d.]+,", "a CSV table of candles without a header"),
    (rb'^\s*[\[{]', "JSON without receive times"),
    (rb"\A[^,\n]+(,[^,\n]*){2,}\n", "a CSV table in a shape that is not known here"),
)  # fmt: skip


def whole_lines(readline: Callable[[int], AnyStr]) -> Iterator[AnyStr]:
    """Yield the lines of a file; raises OSError at one that would fill the memory."""
    while line := readline(LINE_MAX):
        if len(line) == LINE_MAX:
            raise OSError(f"a line of more than {LINE_MAX >> 20} MB")
        yield line


def has_our_columns(table: Path) -> bool:
    """Say whether a packed table names any column of ours; damage is told when it is read."""
    try:
        with gzip.open(table, "rb") as file:
            first = file.readline(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return True
    named = {name.strip().strip(b'"') for name in first.split(b",")}
    return not first or not named.isdisjoint(COLUMNS)


def kind_of(path: Path) -> str | None:
    """Return what a file seems to be, None when it has no shape that is known here."""
    try:
        head = _head(path)
    except (OSError, EOFError, zlib.error):
        return None
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return what
    # Tools put the receive time, of whatever unit, before a frame.
    text = re.sub(rb"(?m)^\d{10,19}[ \t]", b"", head)
    return next((what for shape, what in _SHAPES if re.search(shape, text)), None)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    if not is_packed:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    with gzip.open(path, "rb") as packed:
        return packed.read(HEAD_BYTES)


def found_in(folder: Path) -> str:
    """Return in words what files a folder holds instead of a recording."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if not files:
        return "found no file"
    named = []
    for path in files[:FILES_LOOKED_AT]:
        what = kind_of(path)
        named.append(f"{path.name} ({what})" if what else path.name)
    more = len(files) - len(named)
    return f"found {', '.join(named)}" + (f" and {more} more" if more else "")

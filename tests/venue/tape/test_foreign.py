from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from venue.tape.foreign import found_in, kind_of

SHAPES = {
    b"PAR1\x15\x04": "Parquet",
    b"ARROW1\x00\x00": "Feather",
    b"PK\x03\x04rest": "zip",
    b"SQLite format 3\x00": "SQLite",
    b'1680652700423575 {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker"}}\n': "Binance",
    b'{"e":"depthUpdate","E":1,"s":"BTCUSDT"}\n': "Binance",
    b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","data":[]}\n': "Bybit",
    b'1700000000 {"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[]}\n': "OKX",
    b'{"type":"l2update","product_id":"BTC-USD","changes":[]}\n': "Coinbase",
    b'{"channel":"market_trades","events":[]}\n': "Coinbase",
    b'{"table":"orderBookL2_25","action":"partial"}\n': "BitMEX",
    b"timestamp,open,high,low,close,volume\n2021-01-01,1,2,0,1,5\n": "candles",
    b"1620000000000,1.0,2.0,0.5,1.5,10,\n": "candles without a header",
    b"[[1590004800000, 9.5, 9.6, 9.4, 9.5, 1.0]]": "JSON list of candles",
    b'{"a": 1}': "JSON without receive times",
    b"a,b,c\n1,2,3\n": "CSV table in a shape",
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("head", "what"), SHAPES.items(), ids=SHAPES.values())
def test_a_file_is_named_by_how_it_begins(
    head: bytes, what: str, packed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(head) if packed else head)
    found = kind_of(path)
    assert found is not None and what in found


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 10_000, b"# Notes\n\nsome words, and more\n", b"\x1f\x8bno gzip"]
)
def test_what_has_no_known_shape_is_not_named(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(raw)
    assert kind_of(path) is None


def test_of_a_folder_the_first_files_are_told_with_what_they_seem_to_be(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.parquet").write_bytes(b"PAR1")
    text = found_in(tmp_path)
    assert text.startswith("found 0.parquet (a Parquet table), ") and text.endswith(" and 2 more")

"""Recordings of other tools: every frame on the tape, every number as it was written."""

from __future__ import annotations

import csv
import gzip
import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import InputDamaged, OperatorError
from market.events import FeedDown, FeedUp, Recorded
from tests.support.recordings_csv import PRICE_COLUMNS, START, price, prices, raw_lines, table
from tests.support.venue import PONG, T0, S, ack, bbo, book, recorded, trade, trades
from venue.hyperliquid.session import Session
from venue.hyperliquid.streams import Subscription
from venue.hyperliquid.universe import load_instruments, source
from venue.tape.importer import Imported, Origin, import_recording, open_recording
from venue.tape.lines import Header, Record
from venue.tape.segment import segments_of

ORIGIN = Origin(load_instruments(), source(), {"seed": 11, "coins": ["BTC"]}, "1.0+test")
GAP_NS = 10 * S


@dataclass
class Made:
    """An import: its summary, its folder, and what stands in each of its segments."""

    found: Imported
    out: Path
    segments: list[list[Record]]

    def frames(self) -> list[tuple[int, bytes]]:
        return [(r.ns, r.payload) for s in self.segments for r in s if r.kind == "F"]


def bring_in(folder: Path, out: Path, origin: Origin = ORIGIN) -> Made:
    found = import_recording(open_recording(folder), out, origin)
    return Made(found, out, [list(s.records()) for s in segments_of(out)])


# The recordings.

TABLES = ["hyperliquid_rec_20250904", "hyperliquid_rec_20250903", "hyperliquid_rec_20250901_07"]
RECORDINGS = [*TABLES, "hyperliquid_ws_frames"]
_made: dict[str, Made] = {}


@pytest.fixture
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return the import of a recording, made once."""
    name = request.param
    folder = recorded(name)
    if name not in _made:
        _made[name] = bring_in(folder, tmp_path_factory.mktemp("tape") / name)
    return _made[name]


def each(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("made", names, indirect=True)


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def ns_of(text: str) -> int:
    return int(Decimal(text) * S)


Expected = list[tuple[int, Any]]


def expected_books(rows: list[dict[str, str]]) -> Expected:
    out: Expected = []
    for row in rows:
        sides = [
            [(row[f"{side}_price_{i}"], row[f"{side}_size_{i}"]) for i in range(20)]
            for side in ("bid", "ask")
        ]
        out.append((ns_of(row["timestamp"]), (int(row["exchange_timestamp"]), sides)))
    return out


def expected_bbos(rows: list[dict[str, str]]) -> Expected:
    out: Expected = []
    last: dict[str, tuple[str, str] | None] = {"bid": None, "ask": None}
    for (stamp, time), group in groupby(
        rows, key=lambda r: (r["timestamp"], r["exchange_timestamp"])
    ):
        for row in group:
            last[row["side"]] = (row["price"], row["size"])
        out.append((ns_of(stamp), (int(time), [last["bid"], last["ask"]])))
    return out


def expected_trades(rows: list[dict[str, str]]) -> Expected:
    out: Expected = []
    for stamp, group in groupby(rows, key=lambda r: r["timestamp"]):
        prints = [
            (
                {"buy": "B", "sell": "A"}[r["side"]],
                r["price"],
                r["size"],
                int(r["exchange_timestamp"]),
                int(r["trade_id"]),
            )
            for r in group
        ]
        out.append((ns_of(stamp), prints))
    return out


def found_in(value: Any) -> tuple[str, Any]:
    """Return the coin of a frame and its numbers in the shape of the expected ones."""
    data = value["data"]
    if value["channel"] == "trades":
        coin = data[0]["coin"]
        assert all(t["coin"] == coin for t in data)
        return coin, [(t["side"], t["px"], t["sz"], t["time"], t["tid"]) for t in data]
    if value["channel"] == "bbo":
        sides = [None if x is None else (x["px"], x["sz"]) for x in data["bbo"]]
        return data["coin"], (data["time"], sides)
    sides = [[(x["px"], x["sz"]) for x in side] for side in data["levels"]]
    return data["coin"], (data["time"], sides)


KINDS: dict[str, tuple[str, Callable[[list[dict[str, str]]], Expected]]] = {
    "orderbooks": ("l2Book", expected_books),
    "prices": ("bbo", expected_bbos),
    "trades": ("trades", expected_trades),
}


@each(*TABLES)
def test_each_row_is_on_the_tape_with_its_strings_and_its_time(made: Made) -> None:
    got: dict[tuple[str, str], Expected] = {}
    for ns, raw in made.frames():
        value = msgspec.json.decode(raw)
        coin, numbers = found_in(value)
        got.setdefault((value["channel"], coin), []).append((ns, numbers))
    total = 0
    for path in sorted(recorded(made.out.name).glob("*.csv.gz")):
        kind, coin = path.name.removesuffix(".csv.gz").split("_")
        channel, expect = KINDS[kind]
        expected = expect(rows_of(path))
        assert got.pop((channel, coin)) == expected
        total += len(expected)
    assert got == {}
    assert made.found.frames == total


@each("hyperliquid_ws_frames")
def test_raw_frames_are_on_the_tape_byte_for_byte(made: Made) -> None:
    path = recorded("hyperliquid_ws_frames/btcusd_20250126.gz")
    with gzip.open(path, "rb") as file:
        lines = [text.rstrip(b"\n").split(b" ", 1) for text in file]
    assert made.frames() == [(int(ns), raw) for ns, raw in lines]
    assert (made.found.frames, made.found.coins) == (55, ["BTC"])
    assert set(made.found.kinds) == {"l2Book", "trades"}


@each(*RECORDINGS)
def test_time_never_runs_backwards(made: Made) -> None:
    times = [r.ns for s in made.segments for r in s]
    assert all(a <= b for a, b in pairwise(times))
    frames = [ns for ns, _ in made.frames()]
    assert (made.found.from_ns, made.found.to_ns) == (frames[0], frames[-1])
    assert made.found.out_of_order == 0


@each(*RECORDINGS)
def test_sessions_are_split_where_nothing_came_for_ten_seconds(made: Made) -> None:
    frames = [ns for ns, _ in made.frames()]
    gaps = sum(b - a > GAP_NS for a, b in pairwise(frames))
    assert made.found.sessions == len(made.segments) == gaps + 1
    for segment in made.segments:
        inside = [r.ns for r in segment if r.kind == "F"]
        assert all(b - a <= GAP_NS for a, b in pairwise(inside))


@pytest.mark.parametrize(
    ("made", "sessions"), [("hyperliquid_rec_20250904", 2), ("hyperliquid_ws_frames", 1)],
    indirect=["made"],
)  # fmt: skip
def test_the_known_recordings_have_their_known_sessions(made: Made, sessions: int) -> None:
    assert made.found.sessions == sessions


@each(*RECORDINGS)
def test_each_session_begins_with_the_feed_up_and_ends_with_it_down(made: Made) -> None:
    fact = msgspec.json.Decoder(Recorded)
    for segment in made.segments:
        kinds = "".join(r.kind for r in segment)
        assert kinds.startswith("HX")
        assert kinds.endswith("XE")
        assert set(kinds[2:-2]) <= {"F", "T"}
        assert isinstance(fact.decode(segment[1].payload), FeedUp)
        assert isinstance(fact.decode(segment[-2].payload), FeedDown)
    # Only the last one ends a run: after a gap, the same run goes on.
    whys = [json.loads(segment[-1].payload)["why"] for segment in made.segments]
    assert whys == ["rotated"] * (len(whys) - 1) + ["end of recording"]


@each(*RECORDINGS)
def test_every_whole_second_of_a_session_has_its_tick(made: Made) -> None:
    for segment in made.segments:
        frames = [r.ns for r in segment if r.kind == "F"]
        ticks = [r.ns for r in segment if r.kind == "T"]
        first = frames[0] // S * S + S
        assert ticks == list(range(first, frames[-1] + 1, S))


@each(*RECORDINGS)
def test_the_header_names_whose_rules_and_which_streams(made: Made) -> None:
    seq = 0
    before = ""
    coins = set(made.found.coins)
    for segment in segments_of(made.out):
        header = segment.header()
        assert header.after == before
        before = segment.path.name
        assert header.instruments_from == source() == made.found.instruments_from
        assert {i.coin for i in header.instruments} == coins
        assert all(i == ORIGIN.instruments[i.coin] for i in header.instruments)
        assert (header.seed, header.config, header.code_version) == (11, ORIGIN.config, "1.0+test")
        assert header.first_seq > seq
        seq = header.first_seq
        wanted = msgspec.convert(header.subscriptions, list[Subscription])
        assert {s.coin for s in wanted} == coins
        assert {s.type for s in wanted} == set(made.found.kinds)


@each(*RECORDINGS)
def test_a_session_understands_every_imported_frame(made: Made) -> None:
    header = segments_of(made.out)[0].header()
    session = Session(msgspec.convert(header.subscriptions, list[Subscription]))
    for ns, raw in made.frames():
        session.receive(raw, ns)
    assert session.violations == {}
    assert session.events > 0.97 * session.frames


# Recordings of our own making.

BOOK_COLUMNS = [
    "timestamp", "sequence", "exchange_timestamp",
    *(f"{s}_{w}_{i}" for i in range(2) for s in ("bid", "ask") for w in ("price", "size")),
]  # fmt: skip
TRADE_COLUMNS = ["timestamp", "price", "size", "side", "trade_id", "exchange_timestamp"]


def test_all_three_tables_become_native_frames_in_receive_order(tmp_path: Path) -> None:
    rec = tmp_path / "rec"
    table(
        rec / "orderbooks_BTC.csv.gz",
        BOOK_COLUMNS,
        [[f"{START}.5", 1, 17, "99.50", "1.0", "100.5", "2", "99.0", "3", "101.0", "4.00"]],
    )
    prices(rec, price(f"{START}.25", "ask", "100.5", "2.10"), price(f"{START}.25", "bid"))
    table(
        rec / "trades_BTC.csv.gz",
        TRADE_COLUMNS,
        [
            [f"{START}.125000001", "100.5", "0.1", "buy", 7, 15],
            [f"{START}.125000001", "99.5", "0.2", "sell", 8, 15],
            [f"{START}.75", "99.5", "0.3", "sell", 9, 18],
        ],
    )
    made = bring_in(rec, tmp_path / "out")
    assert [(ns - START * S, json.loads(raw)) for ns, raw in made.frames()] == [
        (
            125_000_001,
            {
                "channel": "trades",
                "data": [
                    {"coin": "BTC", "side": "B", "px": "100.5", "sz": "0.1", "time": 15, "tid": 7},
                    {"coin": "BTC", "side": "A", "px": "99.5", "sz": "0.2", "time": 15, "tid": 8},
                ],
            },
        ),
        (
            250_000_000,
            {
                "channel": "bbo",
                "data": {
                    "coin": "BTC",
                    "time": 1_756_900_000_000,
                    "bbo": [{"px": "100.0", "sz": "1.0"}, {"px": "100.5", "sz": "2.10"}],
                },
            },
        ),
        (
            500_000_000,
            {
                "channel": "l2Book",
                "data": {
                    "coin": "BTC",
                    "time": 17,
                    "levels": [
                        [{"px": "99.50", "sz": "1.0"}, {"px": "99.0", "sz": "3"}],
                        [{"px": "100.5", "sz": "2"}, {"px": "101.0", "sz": "4.00"}],
                    ],
                },
            },
        ),
        (
            750_000_000,
            {
                "channel": "trades",
                "data": [
                    {"coin": "BTC", "side": "A", "px": "99.5", "sz": "0.3", "time": 18, "tid": 9}
                ],
            },
        ),
    ]
    assert made.found.kinds == ["l2Book", "bbo", "trades"]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 9 * 10**6), st.integers(0, 30_000_000)), min_size=1, max_size=8
    )
)
def test_receive_times_keep_every_digit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("rec")
    at, stamps = START * S, []
    for fraction, step in steps:
        at += 1 + step * 1_000
        stamps.append(at // 10 * 10 + fraction % 10)
        at = max(at, stamps[-1])
    rows = [price(f"{ns // S}.{ns % S:09d}", "bid") for ns in stamps]
    made = bring_in(prices(folder / "rec", *rows), folder / "out")
    # Time here never runs backwards, even where a recorder's did.
    assert [ns for ns, _ in made.frames()] == [*accumulate((ns for ns, _ in groupby(stamps)), max)]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1756900000", 1_756_900_000 * S),
        ("1756900000.", 1_756_900_000 * S),
        ("1756900000.1", 1_756_900_000 * S + 100_000_000),
        ("1756900000.1234567891234", 1_756_900_000 * S + 123_456_789),
    ],
)
def test_seconds_are_read_as_decimals(tmp_path: Path, text: str, ns: int) -> None:
    made = bring_in(prices(tmp_path / "rec", price(text, "bid")), tmp_path / "out")
    assert made.frames()[0][0] == ns


def test_a_lone_side_keeps_the_other_as_it_was_but_not_across_a_gap(tmp_path: Path) -> None:
    rec = prices(
        tmp_path / "rec",
        price(START, "bid", "99.0"),
        price(START + 1, "ask", "101.0"),
        price(START + 2, "bid", "98.0"),
        price(START + 100, "ask", "111.0"),
    )
    made = bring_in(rec, tmp_path / "out")
    tops = [
        [None if x is None else x["px"] for x in json.loads(raw)["data"]["bbo"]]
        for _, raw in made.frames()
    ]
    assert tops == [["99.0", None], ["99.0", "101.0"], ["98.0", "101.0"], [None, "111.0"]]


@pytest.mark.parametrize(("gap", "sessions"), [("10.000000000", 1), ("10.000000001", 2)])
def test_a_session_ends_after_more_than_ten_silent_seconds(
    tmp_path: Path, gap: str, sessions: int
) -> None:
    whole, fraction = gap.split(".")
    rec = prices(
        tmp_path / "rec", price(START, "bid"), price(f"{START + int(whole)}.{fraction}", "bid")
    )
    made = bring_in(rec, tmp_path / "out")
    assert made.found.sessions == len(made.segments) == sessions
    assert "".join(r.kind for s in made.segments for r in s) == (
        "HXF" + "T" * 10 + "FXE" if sessions == 1 else "HXFXEHXFXE"
    )


def test_a_receive_time_that_runs_backwards_is_counted_and_held(tmp_path: Path) -> None:
    frames = [bbo(time_ms=n) for n in range(3)]
    rec = raw_lines(
        tmp_path / "rec",
        b"%d %s" % (T0, frames[0]),
        b"%d %s" % (T0 - 5, frames[1]),
        b"%d %s" % (T0 + 7, frames[2]),
    )
    made = bring_in(rec, tmp_path / "out")
    assert made.frames() == [(T0, frames[0]), (T0, frames[1]), (T0 + 7, frames[2])]
    assert made.found.out_of_order == 1


def test_a_long_recording_is_written_in_several_groups(tmp_path: Path) -> None:
    lines = [b"%d %s" % (T0 + i, book(time_ms=i)) for i in range(5_000)]
    made = bring_in(raw_lines(tmp_path / "rec", *lines), tmp_path / "out")
    assert len(made.frames()) == 5_000
    assert len(list(segments_of(made.out)[0].groups())) > 1


def test_the_streams_of_raw_frames_are_found_in_them(tmp_path: Path) -> None:
    frames = [
        b"Websocket connection established.",
        ack(Subscription("bbo", "BTC")),
        PONG,
        bbo(),
        book(fast=True, coin="ETH"),
        book(coin="ETH"),
        trades(),
        trades(trade(1)),
        b'{"channel":"error","data":"no"}',
        b'{"channel":"error","data":"\xff"}',
        b'{"channel":"orderUpdates","data":[{"coin":"SOL"}]}',
        b'{"channel":["bbo"],"data":{"coin":"SOL"}}',
        b'{"channel":"bbo","data":{"coin":["SOL"]}}',
        b'{"channel":"bbo","data":{"coin":"BTC","fast":[1]}}',
        b"[" * 5_000,
        b"\xff\xfe",
        b"5",
        b'{"channel":"bbo"}',
    ]
    rec = raw_lines(tmp_path / "rec", *(b"%d %s" % (T0 + i, f) for i, f in enumerate(frames)))
    assert open_recording(rec).streams == [
        Subscription("bbo", "BTC"),
        Subscription("l2Book", "ETH", True),
        Subscription("l2Book", "ETH"),
        Subscription("trades", "BTC"),
    ]
    made = bring_in(rec, tmp_path / "out")
    assert [raw for _, raw in made.frames()] == frames
    assert made.found.coins == ["BTC", "ETH"]


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    table(rec / "candles_BTC.csv.gz", ["a"], [["b"]])
    table(rec / "prices_.csv.gz", ["a"], [["b"]])
    (rec / "README.md").write_text("notes")
    assert open_recording(rec).streams == [Subscription("bbo", "BTC")]


# What is not a recording, or not whole.


def test_a_folder_without_a_recording_says_what_was_expected_and_what_was_found(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputDamaged, match="no such folder or file"):
        open_recording(tmp_path / "none")
    with pytest.raises(InputDamaged, match=r"orderbooks_.*prices_.*<ns> <frame>.*found no file"):
        open_recording(tmp_path)
    for name in ("a.gz", "b.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"1 {}\n"))
    with pytest.raises(InputDamaged, match=r"no recording recognised.*found a\.gz.*b\.gz"):
        open_recording(tmp_path)


def test_a_file_of_a_recording_may_be_given_for_its_folder(tmp_path: Path) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    table(rec / "trades_ETH.csv.gz", TRADE_COLUMNS, [[START, "100.5", "0.1", "buy", 7, 15]])
    folder = open_recording(rec)
    for name in ("prices_BTC.csv.gz", "trades_ETH.csv.gz"):
        assert open_recording(rec / name).streams == folder.streams
    raw = tmp_path / "raw.gz"
    frame = b'{"channel":"trades","data":[{"coin":"BTC"}]}'
    raw.write_bytes(gzip.compress(b"1756993616000000000 " + frame + b"\n"))
    (tmp_path / "other.gz").write_bytes(b"")
    assert open_recording(raw).streams == [Subscription("trades", "BTC")]


def test_tables_of_another_tool_under_our_names_are_no_recording(tmp_path: Path) -> None:
    rows = b"2020-03-03 21:45:14,129,XBTUSD,8737.5,8738\n"
    for name in ("trades_20200303.csv.gz", "orderbooks_20200303.csv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(rows))
    with pytest.raises(InputDamaged, match=r"found orderbooks_20200303\.csv\.gz .*BitMEX"):
        open_recording(tmp_path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b'1 {"stream":"btcusdt@trade","data":{"e":"trade"}}', "Binance"),
        (b'1 {"topic":"orderbook.50.BTCUSDT","data":{}}', "Bybit"),
        (b"1 {}", "no frames of this venue's market streams"),
        (b'{"arg":{"channel":"books","instId":"BTC-USDT"},"data":[]}', "OKX"),
        (b"timestamp,open,high,low,close,volume", "candles"),
    ],
)
def test_another_venue_s_file_is_refused_by_its_name(
    line: bytes, what: str, tmp_path: Path
) -> None:
    raw = tmp_path / "frames.gz"
    raw.write_bytes(gzip.compress(line + b"\n"))
    for path in (raw, tmp_path):
        with pytest.raises(InputDamaged, match=f"frames.gz.* it seems to be .*{what}.*expected"):
            open_recording(path)


def refused(rec: Path, out: Path) -> str:
    """Return why a recording is refused; what was begun must be gone."""
    with pytest.raises(InputDamaged) as damage:
        import_recording(open_recording(rec), out, ORIGIN)
    assert not out.exists()
    text = str(damage.value)
    assert text
    assert "\n" not in text
    return text


GOOD_BOOK = [START, 1, 17, "99.5", "1", "100.5", "2", "99.0", "3", "101.0", "4"]
GOOD = {
    "orderbooks": (BOOK_COLUMNS, GOOD_BOOK),
    "prices": (PRICE_COLUMNS, price(START, "bid")),
    "trades": (TRADE_COLUMNS, [START, "100.5", "0.1", "buy", 7, 15]),
}


def test_a_packed_line_without_end_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    rec = tmp_path / "rec"
    rec.mkdir()
    (rec / "a.gz").write_bytes(b"".join(gzip.compress(b"1" * (8 << 20)) for _ in range(20)))
    tracemalloc.start()
    try:
        assert "a line of more than 16 MB" in refused(rec, tmp_path / "tape")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20, f"{peak >> 20} MB"


def good_rows(kind: str, count: int) -> list[list[object]]:
    return [[START + i, *GOOD[kind][1][1:]] for i in range(count)]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (kind, column)
        for kind, (columns, _) in GOOD.items()
        for column in columns
        if column not in ("sequence", "bid_price_1", "ask_price_1")
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, kind: str, column: str) -> None:
    columns, _ = GOOD[kind]
    at = columns.index(column)
    without = [row[:at] + row[at + 1 :] for row in good_rows(kind, 2)]
    name = f"{kind}_BTC.csv.gz"
    rec = table(tmp_path / "rec" / name, columns[:at] + columns[at + 1 :], without)
    text = refused(rec, tmp_path / "out")
    assert column in text
    assert f"{name} line 2" in text


NUMBERS = [
    ("orderbooks", "bid_price_0"),
    ("orderbooks", "ask_size_1"),
    ("prices", "price"),
    ("prices", "size"),
    ("trades", "price"),
    ("trades", "size"),
]
BAD = ["", "x", "nan", "inf", "-inf", "1_0", "1,5", "0x1f", "--1", " 1"]


@pytest.mark.parametrize(
    ("kind", "column", "bad"),
    # An empty best price is an empty side.
    [(*where, bad) for where in NUMBERS for bad in BAD if (where[1], bad) != ("bid_price_0", "")],
)
def test_a_bad_number_is_refused_with_its_line(
    tmp_path: Path, kind: str, column: str, bad: str
) -> None:
    check_refused_at(tmp_path, kind, column, bad)


@pytest.mark.parametrize(
    "bad", ["", "x", "nan", "1e9", "-5", "0", "99999999999", "1756900000.x", "\xb2"]
)
@pytest.mark.parametrize("kind", GOOD)
def test_a_bad_receive_time_is_refused_with_its_line(tmp_path: Path, kind: str, bad: str) -> None:
    check_refused_at(tmp_path, kind, "timestamp", bad)


@pytest.mark.parametrize("bad", ["", "x", "1.5", "nan"])
@pytest.mark.parametrize(
    ("kind", "column"),
    [(kind, "exchange_timestamp") for kind in GOOD] + [("trades", "trade_id")],
)
def test_a_bad_id_or_venue_time_is_refused_with_its_line(
    tmp_path: Path, kind: str, column: str, bad: str
) -> None:
    check_refused_at(tmp_path, kind, column, bad)


@pytest.mark.parametrize("bad", ["", "hold", "Buy", "bids"])
@pytest.mark.parametrize("kind", ["prices", "trades"])
def test_an_unknown_side_is_refused_with_its_line(tmp_path: Path, kind: str, bad: str) -> None:
    assert repr(bad) in check_refused_at(tmp_path, kind, "side", bad)


def check_refused_at(tmp_path: Path, kind: str, column: str, bad: str) -> str:
    """Spoil one cell in each row in turn, the last one too."""
    columns, _ = GOOD[kind]
    text = ""
    for spoiled in range(3):
        rows = good_rows(kind, 3)
        rows[spoiled][columns.index(column)] = bad
        name = f"{kind}_BTC.csv.gz"
        text = refused(table(tmp_path / "rec" / name, columns, rows), tmp_path / "out")
        assert f"{name} line {2 + spoiled}" in text
    return text


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("cells", [-1, 1])
def test_a_row_of_another_length_than_the_header_is_refused(
    tmp_path: Path, kind: str, cells: int
) -> None:
    columns, _ = GOOD[kind]
    rows = good_rows(kind, 3)
    rows[1] = rows[1][:-1] if cells < 0 else [*rows[1], "more"]
    rec = table(tmp_path / "rec" / f"{kind}_BTC.csv.gz", columns, rows)
    assert "line 3" in refused(rec, tmp_path / "out")


def test_an_empty_side_of_a_book_stays_empty(tmp_path: Path) -> None:
    row = [START, 1, 17, "", "", "100.5", "2", "", "", "101.0", "4"]
    rec = table(tmp_path / "rec" / "orderbooks_BTC.csv.gz", BOOK_COLUMNS, [row])
    made = bring_in(rec, tmp_path / "out")
    levels = json.loads(made.frames()[0][1])["data"]["levels"]
    assert [len(side) for side in levels] == [0, 2]


@pytest.mark.parametrize("kind", GOOD)
def test_a_gzip_file_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rec" / f"{kind}_BTC.csv.gz"
    rec = table(path, GOOD[kind][0], good_rows(kind, 40))
    whole = path.read_bytes()
    for size in [*range(1, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:size])
        assert path.name in refused(rec, tmp_path / "out")


def test_a_gzip_file_with_a_flipped_byte_is_refused_or_unharmed(tmp_path: Path) -> None:
    path = tmp_path / "rec" / "prices_BTC.csv.gz"
    rec = prices(tmp_path / "rec", *(price(START + i, "bid", f"{i}.5") for i in range(1, 60)))
    whole = path.read_bytes()
    truth = bring_in(rec, tmp_path / "truth").frames()
    for offset in range(0, len(whole), 3):
        raw = bytearray(whole)
        raw[offset] ^= 0xFF
        path.write_bytes(raw)
        out = tmp_path / f"out{offset}"
        try:
            made = bring_in(rec, out)
        except InputDamaged:
            assert not out.exists()
        else:
            # Only the file's name and date in the gzip header are covered by no checksum.
            assert offset < 10 + len(path.name)
            assert made.frames() == truth


@pytest.mark.parametrize("raw", [b"not gzip", b"timestamp,price\n1,2\n", b"\x1f\x8b\x08"])
def test_what_is_no_gzip_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    (rec / "prices_BTC.csv.gz").write_bytes(raw)
    assert "prices_BTC.csv.gz" in refused(rec, tmp_path / "out")


@pytest.mark.parametrize(
    "raw", [b"", gzip.compress(b"", mtime=0), gzip.compress(b"timestamp,price\n", mtime=0)]
)
def test_a_recording_without_a_single_frame_is_refused(tmp_path: Path, raw: bytes) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    (rec / "prices_BTC.csv.gz").write_bytes(raw)
    assert "no frames" in refused(rec, tmp_path / "out")


@pytest.mark.parametrize("raw", [b"", gzip.compress(b"", mtime=0)])
def test_a_file_without_a_single_line_is_refused(tmp_path: Path, raw: bytes) -> None:
    rec = raw_lines(tmp_path / "rec", b"1 {}")
    (rec / "frames.gz").write_bytes(raw)
    assert "no frames" in refused(rec, tmp_path / "out")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    text = b",".join(c.encode() for c in PRICE_COLUMNS) + b"\n1,1,1,\xff,1\n"
    (rec / "prices_BTC.csv.gz").write_bytes(gzip.compress(text))
    assert "prices_BTC.csv.gz" in refused(rec, tmp_path / "out")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"5",
        b"5 ",
        b"x {}",
        b"-5 {}",
        b"1.5 {}",
        b"{}",
        b"0 {}",
        b"%d {}" % 2**63,
        b"9" * 5000 + b" {}",
    ],
)
def test_a_line_that_is_no_stamped_frame_is_refused_with_its_number(
    tmp_path: Path, line: bytes
) -> None:
    for lines in ([line, b"%d {}" % T0], [b"%d {}" % T0, line]):
        rec = raw_lines(tmp_path / "rec", *lines)
        with pytest.raises(InputDamaged, match=f"frames.gz line {1 + lines.index(line)}: "):
            import_recording(open_recording(rec), tmp_path / "out", ORIGIN)
        assert not (tmp_path / "out").exists()


def test_a_raw_file_cut_off_is_refused(tmp_path: Path) -> None:
    rec = raw_lines(tmp_path / "rec", *(b"%d %s" % (T0 + i, bbo(time_ms=i)) for i in range(50)))
    whole = (rec / "frames.gz").read_bytes()
    for size in range(1, len(whole), 11):
        (rec / "frames.gz").write_bytes(whole[:size])
        with pytest.raises(InputDamaged, match=r"frames\.gz"):
            open_recording(rec)


def test_coins_without_rules_are_named(tmp_path: Path) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    prices(tmp_path / "rec", price(START, "bid"), coin="NOPE")
    prices(tmp_path / "rec", price(START, "bid"), coin="NADA")
    with pytest.raises(
        OperatorError, match=r"no rules for NADA, NOPE in venue/hyperliquid/universe\.json.*--meta"
    ):
        import_recording(open_recording(rec), tmp_path / "out", ORIGIN)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_exists_is_never_written_into(tmp_path: Path, what: str) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"))
    out = tmp_path / "out"
    if what == "folder":
        out.mkdir()
        (out / "mine").touch()
    else:
        out.write_text("mine")
    with pytest.raises(OperatorError, match="name a new folder"):
        import_recording(open_recording(rec), out, ORIGIN)
    assert (out / "mine").exists() if what == "folder" else out.read_text() == "mine"


def test_an_import_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    rec = prices(tmp_path / "rec", price(START, "bid"), price(START + 1, "bid", "x"))
    refused(rec, tmp_path / "deep" / "out")
    prices(tmp_path / "rec", price(START, "bid"), price(START + 1, "bid"))
    made = bring_in(rec, tmp_path / "deep" / "out")
    assert made.found.frames == 2


def test_the_header_of_an_import_is_written_as_such(tmp_path: Path) -> None:
    made = bring_in(prices(tmp_path / "rec", price(START, "bid")), tmp_path / "out")
    header = segments_of(made.out)[0].header()
    assert isinstance(header, Header)
    assert (header.mode, header.network, header.first_seq) == ("import", "mainnet", 1)
    assert bytes(header.engine) == bytes(header.session) == b"null"

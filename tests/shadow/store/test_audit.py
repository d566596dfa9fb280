from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.lies import Sound, lied, more, sound_history


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return sound_history(tmp_path_factory.mktemp("audit"))


def pieces(sound: Sound) -> dict[str, Any]:
    with closing(sqlite3.connect(sound[0])) as db:
        return {k: json.loads(v) for k, v in db.execute("SELECT key, value FROM state")}


def set_to(key: str, path: str, value: str) -> str:
    return f"UPDATE state SET value = json_set(value, '{path}', {value}) WHERE key = '{key}';"


TRADE = "trade/{open}"
LIES = [
    ("lots", "trade", more(TRADE, "$.filled_lots"), "qty_lots is"),
    ("side", "trade", set_to(TRADE, "$.side", "-1"), "side is"),
    ("entry", "trade", more(TRADE, "$.entry_notional_e6"), "entry_notional_e6 is"),
    ("risk", "trade", more(TRADE, "$.risk_e6"), "risk_e6 is"),
    ("stage", "trade", set_to(TRADE, "$.state", "2"), "status is"),
    ("closed", "trade", set_to(TRADE, "$.state", "3"), "no open trade's"),
    ("row", "trade", "UPDATE trade SET qty_lots = qty_lots + 1 WHERE trade_id = {open}", "qty_lo"),
    ("other", "trade", set_to(TRADE, "$.trade_id", "{open} + 1"), "holds trade"),
    ("day", "trade", set_to(TRADE, "$.attributed_e6", "7"), "were given to days"),
    ("days", "trade", "INSERT INTO trade_day VALUES ({open}, '2025-09-01', 5)", "its days are"),
    ("torn", "trade", f"UPDATE state SET value = 'x' WHERE key = '{TRADE}'", "cannot be read"),
    ("slot", "key", set_to("{key}", "$.real_id", "{sole}"), "no open trade of that key"),
    ("phantom", "key", set_to("{key}", "$.phantom_id", "99"), "no open trade of that key"),
    ("repeats", "key", "UPDATE trade SET repeats = 99 WHERE trade_id = {last}", "repeats, trade"),
    ("admitted", "vitals", more("vitals", "$.admitted"), "admitted, there are"),
    ("blocked", "vitals", more("vitals", "$.blocked", -1), "blocked, there are"),
    ("bots", "vitals", more("vitals", "$.signals.alpha"), "are not those admitted"),
    ("closed", "vitals", more("vitals", "$.closed", -9), "trades closed, there are"),
    ("seq", "vitals", set_to("vitals", "$.seq", "1"), "is of event"),
    ("now", "vitals", set_to("vitals", "$.now_ns", "1"), "is of event"),
    ("none", "vitals", "UPDATE state SET value = '{{}}' WHERE key = 'vitals'", "cannot be read"),
    ("piece", "weights", set_to("weights", "$.bots.alpha", "1.5"), "bot alpha weighs 1.5"),
    ("row", "weights", "UPDATE weight SET weight = 2 WHERE name = 'alpha'", "its newest row says"),
    ("known", "weights", set_to("weights", "$.known.alpha", "json('{{\"0\":[5,1]}}')"), "knows"),
    ("learnt", "weights", "UPDATE state SET value = json_set(value, '$.known.beta',"
     " json('{{\"0\":[0,0]}}')) WHERE key = 'weights'; INSERT INTO return_day VALUES"
     " ('2025-09-01', '2025-09-02', 'alpha', 'trend', 5, 1)", "does not know its return"),
    ("earned", "returns", set_to("returns", "$.alpha", "json('{{\"0\":[5,1]}}')"), "no trade did"),
    ("last", "trials", "INSERT INTO state (key, value) VALUES ('trials',"
     " '{{\"last_id\":3,\"running\":null}}')",
     "the register says"),
    ("later", "marks", set_to("marks", "$.SOL", "9000000000000000000"), "after the newest event"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "words"),
    [lie[2:] for lie in LIES],
    ids=[f"{piece}-{what}" for what, piece, *_ in LIES],
)
def test_a_piece_that_its_rows_contradict_is_found(
    sound: Sound, tmp_path: Path, script: str, words: str
) -> None:
    _, ids = sound
    held = pieces(sound)
    key = next(k for k, v in held.items() if k.startswith("key/") and v["last_id"])
    places = {
        "open": 4 * ids["open"], "sole": 4 * ids["sole"], "key": key, "last": held[key]["last_id"],
    }  # fmt: skip
    found = lied(sound, tmp_path, script.format(**places))
    assert any(words in line for line in found), found

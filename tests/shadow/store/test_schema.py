from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shadow.store.schema import MIGRATIONS, SCHEMA_VERSION
from shadow.store.store import Store, open_readonly


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("schema") / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(open_readonly(path)) as found:
        yield found


# The contract with those who write SQL.
TRADE = (
    "trade_id kind cause signal_id later_trade_id trial_id bot division coin side qty_lots"
    " opened_ns closed_ns entry_px exit_px gross_e6 fees_e6 funding_e6 net_e6 risk_e6 r bps"
    " mae_bps mfe_bps exit_reason repeats flags"
)
TABLES = {
    "signal": "signal_id seq ts_ns bot division coin side verdict failing sole trade_id",
    "check_result": "signal_id filter mode outcome value threshold reason version",
    "trade": TRADE,
    "fill": "trade_id ts_ns px lots notional_e6 fee_e6",
    "order_event": "trade_id ts_ns event",
    "trade_day": "trade_id day mtm_e6",
    "equity": "ts_ns equity_e6",
    "weight": "day name weight",
    "lens": "ts_ns coin lens value",
    "experiment": "trial_id bot",
    "run": "run_id config_hash code_version seed",
    "alarm": "ts_ns kind message",
    "rollup": "day filter mode scope bot entries r net_e6",
    "series": "series_id filter number from_ns money_r_e6 terms",
    "limit_day": "day filter series_id bot sample judged judged_r blocked blocked_r best_r worst_r",
    "matched_day": "day filter series_id bot sample judged judged_r blocked blocked_r",
    "limit_fold": "filter series_id sample day rule fold",
    "branch": "branch_id filter kind series_id forked_ns ended_ns why",
    "branch_day": "day branch_id filter series_id with_r without_r with_e6 without_e6 trades"
    " drawdown_e6 latches run_fraction repaired",
    "branch_trade": "trade_id branch_id signal_id bot division coin side qty_lots decided_ns"
    " opened_ns closed_ns entry_px exit_px entry_notional_e6 gross_e6 fees_e6 funding_e6 net_e6"
    " risk_e6 r exit_reason flags",
}
VIEWS = {
    "shadow_report": "filter mode blocked sole_blocked episodes days mean_r fail_closed",
    "shadow_open": "trade_id signal_id bot coin side",
    "shadow_by_day": "day filter mode entries r net_e6",
    "blocked": "signal_id bot coin side failing sole trade_id net_e6 r",
}


@pytest.mark.parametrize(("name", "columns"), [*TABLES.items(), *VIEWS.items()])
def test_names_of_tables_views_and_columns_last(
    db: sqlite3.Connection, name: str, columns: str
) -> None:
    kind = "view" if name in VIEWS else "table"
    found = db.execute("SELECT type FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    assert found is not None
    assert found["type"] == kind
    have = {row["name"] for row in db.execute(f"PRAGMA table_info({name})")}
    assert set(columns.split()) <= have


def test_every_table_is_strict(db: sqlite3.Connection) -> None:
    tables = [
        (row["name"], row["strict"])
        for row in db.execute("PRAGMA table_list")
        if row["type"] == "table" and not row["name"].startswith("sqlite_")
    ]
    assert {name for name, _ in tables} >= set(TABLES)
    assert [name for name, strict in tables if not strict] == []


def test_times_are_integers_and_money_too(db: sqlite3.Connection) -> None:
    for table in TABLES:
        for row in db.execute(f"PRAGMA table_info({table})"):
            if row["name"].endswith(("_ns", "_e6", "_lots")):
                assert row["type"] == "INTEGER", (table, row["name"])


@pytest.mark.parametrize(
    ("table", "column", "wrong"),
    [
        ("trade", "kind", "'shadow'"),
        ("trade", "cause", "'whim'"),
        ("trade", "status", "'gone'"),
        ("trade", "side", "'long'"),
        ("trade", "net_e6", "1.5"),
        ("trade", "opened_ns", "'noon'"),
        ("signal", "verdict", "'maybe'"),
        ("signal", "side", "'long'"),
        ("check_result", "outcome", "'perhaps'"),
        ("fill", "action", "'hold'"),
        ("weight", "scope", "'desk'"),
        ("limit_day", "sample", "'both'"),
        ("limit_day", "judged_r", "NULL"),
        ("limit_fold", "sample", "'repaired'"),
        ("branch_trade", "side", "'long'"),
    ],
)
def test_the_file_itself_refuses_what_no_row_may_hold(
    tmp_path: Path, table: str, column: str, wrong: str
) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    allowed = {
        "kind": "'phantom'", "cause": "'block'", "status": "'open'", "side": "'buy'",
        "verdict": "'blocked'", "outcome": "'pass'", "action": "'entry'", "scope": "'bot'",
        "sample": "'clean'",
    }  # fmt: skip
    with closing(sqlite3.connect(path)) as writer:
        info = writer.execute(f"PRAGMA table_info({table})").fetchall()

        def insert(**chosen: str) -> None:
            values = {
                row[1]: allowed.get(row[1], "'x'" if row[2] == "TEXT" else "1")
                for row in info
                if row[3] or row[5]
            }
            values.update(chosen)
            names, literals = ", ".join(values), ", ".join(values.values())
            writer.execute(f"INSERT INTO {table} ({names}) VALUES ({literals})")

        insert()
        writer.rollback()
        with pytest.raises(sqlite3.IntegrityError):
            insert(**{column: wrong})


def test_all_kinds_and_causes_of_the_contract_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.db"
    Store(path, mode="local", network="testnet").close()
    with closing(sqlite3.connect(path)) as writer:
        number = 0
        for kind in ("real", "paper", "phantom", "twin"):
            for cause in ("admit", "block", "clamp", "stage", "trial"):
                number += 1
                writer.execute(
                    "INSERT INTO trade (trade_id, kind, cause, status, signal_id, bot, division,"
                    " coin, side, asked_lots, qty_lots, decided_ns, decision_mid, repeats, flags)"
                    " VALUES (?, ?, ?, 'pending', 1, 'b', 'd', 'c', 'buy', 1, 0, 1, 1.0, 0, '')",
                    (number, kind, cause),
                )
        assert writer.execute("SELECT COUNT(*) FROM trade").fetchone() == (20,)


def test_the_version_counts_the_migrations() -> None:
    assert len(MIGRATIONS) == SCHEMA_VERSION >= 1


def test_the_version_is_inside_the_file(db: sqlite3.Connection) -> None:
    assert db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    about = {row["key"]: row["value"] for row in db.execute("SELECT * FROM about")}
    assert about == {"mode": "local", "network": "testnet", "closed": "in order"}

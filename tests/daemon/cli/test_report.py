from __future__ import annotations

from pathlib import Path

from tests.daemon.cli.conftest import Cli
from tests.support.closed_trades import put_trade, writable


def test_the_week_is_written_to_a_file_or_printed(cli: Cli, tmp_path: Path) -> None:
    _, db = writable(tmp_path / "s")
    put_trade(db, gross_e6=1_000_000)
    db.close()
    out = tmp_path / "week.html"
    ran = cli("report", "--week", "--out", out, "--state", tmp_path / "s")
    assert (ran.code, ran.out) == (0, "") and f": {out}" in ran.err
    assert out.read_text().startswith("<!doctype html>")
    assert "The desk made" in cli("report", "--state", tmp_path / "s").out
    wrong = cli("report", "--out", tmp_path / "none" / "x", "--state", tmp_path / "s")
    assert wrong.code == 78 and "cannot be written" in wrong.err
    none = cli("report", "--state", tmp_path / "nothing")
    assert none.code == 78 and "`gnomon run` starts one" in none.err

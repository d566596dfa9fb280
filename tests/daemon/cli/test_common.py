from __future__ import annotations

import io
import json
import re
import sqlite3
import sys
from pathlib import Path

import pytest
import typer

from daemon.cli.common import (
    number,
    one_of,
    parse_span,
    pick_state,
    print_json,
    print_table,
    say,
    usable_folder,
)
from daemon.instance.database import reading
from daemon.instance.paths import StateDir
from daemon.screen.terminal import Output
from market.errors import InputDamaged, OperatorError
from market.text import UNFIT
from tests.daemon.cli.conftest import Cli

Captured = pytest.CaptureFixture[str]


def test_a_word_that_is_not_among_those_allowed_is_refused_with_them() -> None:
    one_of("coin", ("coin", "day"), "--by")
    with pytest.raises(typer.BadParameter, match="'moon': one of coin, day"):
        one_of("moon", ("coin", "day"), "--by")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("30s", 30), ("10m", 600), ("1.5h", 5400), ("7d", 604_800), ("0.1", 0.1)],
)
def test_a_span_is_seconds_unless_it_names_a_unit(text: str, seconds: float) -> None:
    assert parse_span(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "soon", "10 minutes", "-5s", "0", "0h", "nan", "inf", "infd", "20000d", "1w"]
)
def test_what_is_no_span_is_said_back_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="30s, 10m, 1h or 7d") as refused:
        parse_span(text)
    assert repr(text) in refused.value.message


def test_a_number_has_the_digits_and_sign_asked_for_and_none_is_a_dash() -> None:
    assert number(1.23456) == "1.235"
    assert number(1.23456, 1, sign=True) == "+1.2"
    assert number(-0.5, 2, sign=True) == "-0.50"
    assert number(0.0, 0) == "0"
    assert number(None) == number(None, 1, sign=True) == "–"


def test_what_is_said_stays_off_standard_output(capsys: Captured) -> None:
    say("working")
    assert capsys.readouterr() == ("", "working\n")


def test_json_is_indented_readable_and_ends_its_line(capsys: Captured) -> None:
    print_json({"coin": "kPÉPÉ", "rows": [1, None, 0.5]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"coin": "kPÉPÉ", "rows": [1, None, 0.5]}
    assert "kPÉPÉ" in out and '\n  "rows"' in out and out.endswith("}\n")


def test_json_keeps_every_digit_where_javascript_would_round(capsys: Captured) -> None:
    numbers = {
        "ts_ns": 1790000000123456789,
        "below": [-(2**53), 2**53],
        "low": -(2**53) - 1,
        "b": True,
    }
    print_json(numbers)
    out = capsys.readouterr().out
    read = json.loads(out, parse_int=float)
    assert read == {
        "ts_ns": "1790000000123456789", "below": [-(2.0**53), 2.0**53], "low": "-9007199254740993",
        "b": True,
    }  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_json_is_sound_whatever_is_in_it_and_wherever_it_is_shown(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Output(stream, encoding))
    text = "é “so” – \x1b[2J \x9b \u202e \u2028 \U0001f600 \n"
    print_json({"file": f"{text}\udcff", "é": 1})
    assert json.loads(stream.getvalue()) == {"file": f"{text}\\xff", "é": 1}
    assert stream.getvalue().isascii() == (encoding == "ascii")
    assert UNFIT.search(stream.getvalue().replace("\n", "")) is None


# Tables.


def test_a_cell_moves_no_cursor_and_stays_on_its_line(capsys: Captured) -> None:
    assert len(table(capsys, ("\x1b[2J\rname", "a\nb"))) == 2
    print_table("", ("name",), [("\x1b[2J",)])
    assert "\x1b" not in capsys.readouterr().out


def table(capsys: Captured, *rows: tuple[object, ...], left: int = 1) -> list[str]:
    print_table("", ("name", "value"), rows, left=left)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_words_stand_left_and_figures_right(capsys: Captured) -> None:
    head, first, second = table(capsys, ("a", 1), ("long name", 1000))
    assert head.endswith("value") and first.endswith("1") and second.endswith("1000")
    assert len(head) == len(first) == len(second)
    assert first.startswith(" a ") and second.startswith(" long name ")


def test_a_title_stands_above_only_where_there_is_one(capsys: Captured) -> None:
    print_table("Title", ("name",), [("a",)])
    assert capsys.readouterr().out.splitlines()[0].strip() == "Title"
    assert table(capsys, ("a", 1))[0].split() == ["name", "value"]


def test_brackets_in_a_cell_are_text_and_not_markup(capsys: Captured) -> None:
    for text in ("[bold]loud[/nope]", "in [0, 1]", ":warning: [red]", "[/]"):
        assert text in table(capsys, (text, 1))[1]


def test_no_line_is_cut_or_broken_in_a_pipe(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name, reason = "n" * 300, "word " * 100 + "end"
    lines = table(capsys, (name, reason))
    assert len(lines) == 2 and name in lines[1] and reason in lines[1]


def test_a_terminal_s_width_is_respected(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    lines = table(capsys, ("n", "word " * 30))
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert len(plain) > 2 and max(map(len, plain)) <= 40


# Which state, and reading it.


def test_a_state_without_a_database_is_a_fresh_one(cli: Cli, tmp_path: Path) -> None:
    assert pick_state(tmp_path, None) is None
    (tmp_path / "local").mkdir()
    assert pick_state(tmp_path, None) is None
    assert pick_state(tmp_path / "missing", "paper") is None
    assert not (tmp_path / "missing").exists()


def test_the_given_state_goes_before_systemd_s_and_that_before_the_configured(
    cli: Cli, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text(f'state_dir = "{state}"\n')
    assert pick_state(None, None, config) == StateDir(state, "local")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "other"))
    assert pick_state(None, None, config) is None
    assert pick_state(state, None, config) == StateDir(state, "local")


@pytest.mark.parametrize("mode", ["", "Local", "paper-", "pap", "../local"])
def test_only_a_known_mode_chooses(mode: str, cli: Cli, state: Path) -> None:
    with pytest.raises(typer.BadParameter, match="paper-testnet"):
        pick_state(state, mode)


def test_reading_cannot_write_and_closes_behind_itself(traded: Path) -> None:
    with reading(StateDir(traded, "local")) as db:
        assert db.execute("SELECT COUNT(*) FROM signal").fetchone()[0] > 0
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM signal")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_damage_met_while_reading_names_the_file(state: Path) -> None:
    path = state / "local" / "gnomon.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * (size - 4096 * 2))
    damaged = pytest.raises(InputDamaged, match=r"gnomon\.db: cannot be read")
    with damaged, reading(StateDir(state, "local")) as db:
        db.execute("SELECT * FROM signal ORDER BY reason").fetchall()


def test_a_mistake_in_our_own_query_is_not_called_damage(traded: Path) -> None:
    ours = pytest.raises(sqlite3.OperationalError, match="no such table")
    with ours, reading(StateDir(traded, "local")) as db:
        db.execute("SELECT * FROM nowhere")


def test_a_folder_is_made_with_its_parents_or_the_operator_is_told(tmp_path: Path) -> None:
    for _ in range(2):
        usable_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OperatorError, match=f"{re.escape(str(path))}: cannot be made"):
            usable_folder(path)


@pytest.mark.parametrize("width", [40, 64, 200])
def test_a_narrow_terminal_loses_whole_columns_never_half_a_figure(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", str(width))
    columns = ("filter", "mode", "mean R", "95 %", "bps")
    rows = [("direction", "enforce", "+0.172", "-1.234 … +2.345", "-15.5123456789")]
    print_table("", columns, rows, left=2, spare=(4, 1))
    out = capsys.readouterr().out
    assert "…" not in out.replace(" … ", "")
    for cell in ("direction", "+0.172", "-1.234 … +2.345"):
        assert cell in out or width == 40
    assert ("-15.5123456789" in out) == (width >= 64)
    assert ("too narrow for mode, bps" in " ".join(out.split())) == (width == 40)


@pytest.mark.parametrize("how", [{}, {"left": 2}, {"words": 1}])
def test_a_table_in_a_pipe_looks_as_one_that_is_drawn(
    how: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("a–b", "1", "xy [z]"), ("longer", "22", "q"), ("ä … c", "333", "")]
    print_table("", ("name", "n", "w"), rows, **how)
    plain = capsys.readouterr().out
    # With a title it is drawn.
    print_table("title", ("name", "n", "w"), rows, **how)
    assert capsys.readouterr().out.split("\n", 1)[1] == plain

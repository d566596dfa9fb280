from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import pytest

from daemon.config.load import load, parse
from daemon.config.sections import Config
from daemon.doctor.doctor import examine
from daemon.live.telemetry import configure
from market.events import Command, Verb
from tests.daemon.cli.conftest import Cli
from tests.support.daemons import daemon_of, play

DEFAULTS = parse({}, "defaults")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gnomon.toml"
    path.write_text('coins = ["BTC"]\n[desk]\nequity_usd = 500.0\n')
    return path


def test_what_counts_at_birth_alone_is_said_at_start_by_doctor_and_by_show(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(equity_usd: float) -> str:
        said = io.StringIO()
        configure("info", said)
        daemon = daemon_of(tmp_path, desk={"equity_usd": equity_usd})
        play(daemon, lambda: daemon.consume(Command(Verb.HALT)))
        return said.getvalue()

    text = "desk.equity_usd = 77.00 counts for a new database only; this one began with 88.00"
    assert "without effect" not in started(88.0)
    assert text in started(77.0)
    config = tmp_path / "gnomon.toml"
    config.write_text("[desk]\nequity_usd = 77.0\n")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    for form in ((), ("--json",)):
        assert cli("config", "show", "--config", config, *form).err == f"local: {text}\n"
    (found,) = (f for f in examine(config, tmp_path, "local") if f.check == "birth")
    assert found.level == "warn" and text in found.text
    config.write_text("[desk]\nequity_usd = 88.0\n")
    assert cli("config", "show", "--config", config).err == ""


# check


def test_without_any_file_the_defaults_are_checked(cli: Cli) -> None:
    ran = cli("config", "check")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"defaults (no file): good, hash {DEFAULTS.hash()}\n"
    found = json.loads(cli("config", "check", "--json").out)
    assert found == {"file": None, "ok": True, "hash": DEFAULTS.hash()}


def test_a_good_file_is_named_with_its_hash(cli: Cli, config: Path) -> None:
    expected = load(config).hash()
    assert expected != DEFAULTS.hash()
    assert cli("config", "check", config).out == f"{config}: good, hash {expected}\n"
    found = json.loads(cli("config", "check", config, "--json").out)
    assert found == {"file": str(config), "ok": True, "hash": expected}


def test_the_file_in_use_is_checked_when_none_is_given(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GNOMON_CONFIG", str(config))
    assert json.loads(cli("config", "check", "--json").out)["file"] == str(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gate.direktion]\nn = 10\n", "direction"),
        ("[desk]\nequity_usd = 'much'\n", "desk.equity_usd"),
        ("nonsense = 1\n", "nonsense"),
        ("not toml", "not TOML"),
        (None, "cannot be read"),
    ],
    ids=["filter", "type", "key", "syntax", "missing"],
)
def test_a_wrong_file_is_refused_in_one_line_that_says_where(
    text: str | None, said: str, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.toml"
    if text is not None:
        path.write_text(text)
    for arguments in (("check", path), ("check", path, "--json"), ("show", "--config", path)):
        ran = cli("config", *arguments)
        assert (ran.code, ran.out) == (78, "")
        assert ran.err.startswith(f"gnomon: {path}: ") and ran.err.count("\n") == 1
        assert said in ran.err


# show


def test_everything_in_effect_is_shown_as_toml_that_means_the_same(cli: Cli, config: Path) -> None:
    ran = cli("config", "show", "--config", config)
    assert (ran.code, ran.err) == (0, "") and ran.out.endswith("\n")
    shown = parse(tomllib.loads(ran.out), "shown")
    assert shown.desk.equity_usd == 500.0 and shown.coins == ("BTC",)
    assert shown.hash() == load(config).hash()
    assert "#" not in ran.out


def test_json_shows_the_same_settings_as_toml(cli: Cli, config: Path) -> None:
    shown = json.loads(cli("config", "show", "--config", config, "--json").out)
    assert shown == load(config).resolved()
    assert shown.keys() == Config.model_fields.keys()
    assert parse(tomllib.loads(cli("config", "show").out), "shown").hash() == DEFAULTS.hash()


# init


def test_a_written_configuration_says_all_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "gnomon.toml"
    ran = cli("config", "init", path)
    assert (ran.code, ran.out) == (0, "")
    assert f"wrote {path}" in ran.err and f"gnomon config check {path}" in ran.err
    assert load(path).hash() == DEFAULTS.hash()
    text = path.read_text()
    for name, info in Config.model_fields.items():
        assert name in text and (info.description or "") in text


def test_without_a_name_it_is_the_user_s_own_and_in_use_from_then_on(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "home" / ".config" / "gnomon" / "gnomon.toml"
    assert cli("config", "init").code == 0 and path.is_file()
    assert json.loads(cli("config", "check", "--json").out)["file"] == str(path)


def test_what_is_there_already_is_left_as_it_is(cli: Cli, config: Path) -> None:
    before = config.read_bytes()
    ran = cli("config", "init", config)
    assert ran.code == 78
    assert ran.err == f"gnomon: {config}: exists already; it is left as it is\n"
    assert config.read_bytes() == before


def test_where_nothing_can_be_written_the_place_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = cli("config", "init", tmp_path / "file" / "gnomon.toml")
    assert ran.code == 78 and "exists already" not in ran.err
    assert ran.err.startswith(f"gnomon: {tmp_path / 'file'}: cannot be made")

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli.notify import chosen, quiet_of, targets_of
from daemon.config.sections import NotifyConfig
from market.errors import OperatorError
from tests.daemon.cli.conftest import Cli
from tests.support.closed_trades import writable

# What apprise imports is its own business.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SECRET = "hunter2-hunter2"


def configured(tmp_path: Path, *lines: str, targets: str = "sendmail://me@example.org") -> Path:
    where = tmp_path / "targets"
    where.write_text(targets + "\n")
    where.chmod(0o600)
    path = tmp_path / "gnomon.toml"
    path.write_text("\n".join([f"[notify]\ntargets_file = '{where}'", *lines]) + "\n")
    return path


def test_a_test_message_says_of_each_target_whether_it_was_delivered(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "sendmail"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    config = configured(tmp_path)
    ran = cli("notify", "--test", "--config", config, "--state", tmp_path / "s")
    assert (ran.code, ran.out) == (0, "1: sendmail: delivered\n")
    program.write_text("#!/bin/sh\nexit 75\n")
    ran = cli("notify", "--test", "--config", config, "--state", tmp_path / "s")
    assert ran.code == 69 and "1 of 1 targets did not take the message" in ran.err


def test_what_would_be_told_is_shown_and_nothing_is_sent(cli: Cli, tmp_path: Path) -> None:
    state, db = writable(tmp_path / "s")
    db.execute("INSERT INTO alarm VALUES (1, 1, 'halt', 'operator: lunch')")
    db.close()
    ran = cli("notify", "--dry-run", "--state", tmp_path / "s")
    assert ran.code == 0 and "verdict    on: a limit has a verdict it did not have" in ran.out
    assert "  halted: Entries closed: operator: lunch · To open: gnomon resume" in ran.out
    assert not list(state.root.glob("notify*"))


def test_without_targets_or_state_it_says_what_is_missing(cli: Cli, tmp_path: Path) -> None:
    ran = cli("notify", "--state", tmp_path / "s")
    assert ran.code == 78 and "[notify] targets_file" in ran.err
    ran = cli("notify", "--config", configured(tmp_path), "--state", tmp_path / "s")
    assert ran.code == 78 and "no daemon has run here" in ran.err


def test_the_service_takes_its_credential_as_systemd_hands_it_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "targets"
    path.write_text("sendmail://me@example.org\n")
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert [target.name for target in targets_of(NotifyConfig())] == ["1: sendmail"]
    with pytest.raises(OperatorError, match="chmod 600"):
        targets_of(NotifyConfig(targets_file=str(path)))


def test_a_target_s_secret_is_in_nothing_that_is_printed(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("apprise")
    config = configured(tmp_path, targets=f"json://u:{SECRET}@127.0.0.1:9/x")
    for command in (("notify", "--test"), ("config", "show"), ("config", "check"), ("doctor",)):
        ran = cli(*command, "--config", config)
        assert SECRET not in ran.out + ran.err, command


def test_kinds_are_as_the_configuration_wants_them() -> None:
    settings = NotifyConfig(off=("weekly",), on=("trial",), silent=("bot",))
    ways = {kind.name: kind.way for kind in chosen(settings)}
    assert [ways[name] for name in ("weekly", "trial", "bot", "feed")] == [
        "off", "on", "silent", "on",
    ]  # fmt: skip
    with pytest.raises(
        OperatorError, match=r"\[notify\] off: no kind 'weakly'; there are bot, clock"
    ):
        chosen(NotifyConfig(off=("weakly",)))
    with pytest.raises(OperatorError, match="bot is both on and off"):
        chosen(NotifyConfig(on=("bot",), off=("bot",)))


def test_quiet_hours_are_read_in_their_zone() -> None:
    found = quiet_of(NotifyConfig(quiet="22:00-07:30", zone="Europe/Vienna"))
    assert (found.begin.hour, found.end.minute, str(found.zone)) == (22, 30, "Europe/Vienna")
    for wrong in (NotifyConfig(quiet="22-7"), NotifyConfig(quiet="25:00-07:00")):
        with pytest.raises(OperatorError, match='like "22:00-07:00"'):
            quiet_of(wrong)
    with pytest.raises(OperatorError, match="no such time zone"):
        quiet_of(NotifyConfig(zone="Moon/Sea"))

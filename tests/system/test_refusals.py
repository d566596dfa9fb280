"""What cannot work is refused with one clear line, the documented exit code, and nothing lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.process import PLAIN, gnomon, query, running, status


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("gnomon: ")]
    assert len(lines) == 1, text
    return lines[0]


def test_a_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with running("run", *PLAIN, "--state", tmp_path) as daemon:
        daemon.wait_for("ready")
        second = gnomon("run", *PLAIN, "--state", tmp_path)
        assert second.returncode == 75
        assert str(daemon.popen.pid) in one_line(second.stderr)
        assert status(tmp_path)["connected"] is True


def test_an_unwritable_state_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    refused = gnomon("run", *PLAIN, "--state", file)
    assert refused.returncode == 78
    assert "--state" in one_line(refused.stderr)


def damage_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        db.commit()


def damage_mode(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE about SET value = 'live' WHERE key = 'mode'")
        db.commit()


def damage_bytes(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def test_a_wrong_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with running("run", *PLAIN, "--state", tmp_path, "--for", "1s") as daemon:
        daemon.wait_for("ready")
        assert daemon.end() == 0
    path = tmp_path / "local" / "gnomon.db"
    sound = path.read_bytes()
    for damage in (damage_version, damage_mode, damage_bytes):
        path.write_bytes(sound)
        damage(path)
        before = path.read_bytes()
        refused = gnomon("run", *PLAIN, "--state", tmp_path)
        assert refused.returncode == 78, damage.__name__
        assert "gnomon.db" in one_line(refused.stderr)
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gate.direktion]\nn = 10\n", "did you mean 'direction'"),
        ("[fees]\ntaker_bps = 'free'\n", "fees.taker_bps"),
        ("coins = ['BTC', 'NOSUCH']\n", "NOSUCH"),
        ("[gate.position]\ncoin_cap_share = -1\n", "coin_cap_share"),
        ("not toml at all", "not TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_naming_the_key(
    tmp_path: Path, text: str, said: str
) -> None:
    config = tmp_path / "gnomon.toml"
    config.write_text(text)
    refused = gnomon("run", "--plain", "--config", config, "--state", tmp_path / "state")
    assert refused.returncode == 78
    assert said in one_line(refused.stderr)


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with running("venue", "--port", "0") as venue:
        venue.wait_for("http://127.0.0.1:")
        port = venue.text().split("127.0.0.1:")[1].split('"')[0]
        refused = gnomon("venue", "--port", port)
    assert refused.returncode == 78
    assert port in one_line(refused.stderr)


def test_real_orders_are_refused_for_now(tmp_path: Path) -> None:
    for mode in ("testnet", "live"):
        refused = gnomon("run", "--mode", mode, "--state", tmp_path / mode)
        assert refused.returncode == 78
        assert "--mode paper" in one_line(refused.stderr)
        assert not (tmp_path / mode).exists()


def test_a_corrupt_tape_is_refused_and_the_sound_part_named(tmp_path: Path) -> None:
    with running("run", *PLAIN, "--state", tmp_path, "--for", "2s") as daemon:
        daemon.wait_for("ready")
        assert daemon.end() == 0
    segment = next((tmp_path / "local" / "tape").iterdir())
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(bytes(data))
    for command in (("replay",), ("tape", "verify"), ("tape", "info")):
        refused = gnomon(*command, segment.parent)
        assert refused.returncode == 65, command
        assert segment.name in one_line(refused.stderr)
    nothing = gnomon("replay", tmp_path / "nowhere")
    assert nothing.returncode == 65
    assert query(tmp_path, "SELECT COUNT(*) FROM run")[0][0] == 1


def test_usage_errors_exit_with_two(tmp_path: Path) -> None:
    assert gnomon("run", "--mode", "elsewhere", "--state", tmp_path).returncode == 2
    assert gnomon("run", "--for", "soon", "--state", tmp_path).returncode == 2
    assert gnomon("nonsense").returncode == 2
    assert gnomon("shadow", "report", "--by", "mood", "--state", tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_accounts_with_a_mistake_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text('[[account]]\naddress = "0x12"\nusd = 5\n')
    refused = gnomon("venue", "--port", "0", "--accounts", path)
    assert refused.returncode == 78
    assert "account 1: address must be" in one_line(refused.stderr)
    assert not refused.stdout

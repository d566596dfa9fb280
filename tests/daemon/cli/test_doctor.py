from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.doctor import doctor
from tests.daemon.cli.conftest import Cli


@pytest.fixture(autouse=True)
def _no_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "UNIT_FOLDERS", (tmp_path / "units", tmp_path / "units"))


def test_a_line_for_each_check_and_zero_when_nothing_fails(cli: Cli, tmp_path: Path) -> None:
    ran = cli("doctor", "--state", tmp_path / "none")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok", "warn"}
    assert all(" → " in line for line in lines if line.startswith("warn"))
    assert [line.split()[1] for line in lines][:4] == ["python", "packages", "config", "state"]
    assert {p.name for p in tmp_path.iterdir()} == {"home"}


def test_json_is_a_list_of_findings(cli: Cli, state: Path) -> None:
    ran = cli("doctor", "--json", "--state", state)
    found = json.loads(ran.out)
    assert ran.code == 0
    assert all(f.keys() == {"check", "level", "text", "remedy"} for f in found)
    by = {f["check"]: f for f in found}
    assert by["database"]["text"] == "local: sound"
    assert "the newest sound" in by["tape"]["text"]


def test_what_fails_is_said_in_capitals_with_the_remedy_and_exits_78(cli: Cli, state: Path) -> None:
    (state / "local" / "gnomon.db").write_bytes(b"no database" * 1000)
    before = sorted(p.name for p in (state / "local").iterdir())
    ran = cli("doctor", "--state", state)
    assert ran.code == 78
    assert ran.err == "gnomon: doctor: fix first: database (see above)\n"
    (line,) = [line for line in ran.out.splitlines() if line.startswith("FAIL")]
    assert line.split()[1] == "database" and "restore a backup" in line
    ran = cli("doctor", "--json", "--state", state)
    assert ran.code == 78 and "fail" in {f["level"] for f in json.loads(ran.out)}
    assert sorted(p.name for p in (state / "local").iterdir()) == before


def test_a_wrong_configuration_fails_and_the_rest_is_still_told(cli: Cli, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[desk]\nequity = 5\n")
    ran = cli("doctor", "--config", bad, "--state", tmp_path / "none")
    assert ran.code == 78 and "config" in ran.err
    assert len(ran.out.splitlines()) > 8
    assert cli("doctor", "--config", tmp_path / "missing.toml").code == 78

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from divisions.roster import DIVISIONS, discover
from divisions.weights import UP
from tests.daemon.cli.conftest import Cli
from tests.support.learning import learned


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state whose weights have moved. Only to be read."""
    root = tmp_path_factory.mktemp("learned")
    (root / "local").mkdir()
    learned(root / "local" / "gnomon.db", 24)
    return root


def shown(cli: Cli, *arguments: object) -> dict[str, dict[str, dict[str, object]]]:
    ran = cli("weights", "--json", *arguments)
    assert ran.code == 0, ran.err
    found: dict[str, dict[str, dict[str, object]]] = json.loads(ran.out)
    return found


def test_a_fresh_state_shows_what_everyone_begins_with(cli: Cli, tmp_path: Path) -> None:
    found = shown(cli, "--state", tmp_path / "none")
    assert list(found["divisions"]) == list(DIVISIONS)
    assert {d["weight"] for d in found["divisions"].values()} == {1.0}
    assert {n: b["division"] for n, b in found["bots"].items()} == {
        cls.name: cls.division for cls in discover()
    }
    assert {b["weight"] for b in found["bots"].values()} == {1.0}
    ran = cli("weights", "--verify", "--state", tmp_path / "none")
    assert ran.code == 0 and "nothing has moved yet" in ran.out


def test_weights_that_moved_are_shown_with_their_reasons(cli: Cli, made: Path) -> None:
    found = shown(cli, "--state", made)
    trend = found["divisions"]["trend"]
    assert trend["weight"] == pytest.approx(UP**5) and trend["reason"] == "top quartile: 1 of 5"
    assert trend["days"] == 24 and trend["closed"] == 48
    last = found["moves"][-1]  # type: ignore[index]
    assert last["before"] != last["weight"] and last["day"] == trend["moved"]
    text = cli("weights", "--state", made).out
    assert "trend" in text and "top quartile: 1 of 5" in text and "→" in text


def test_verify_says_that_all_comes_out(cli: Cli, made: Path) -> None:
    ran = cli("weights", "--verify", "--state", made)
    assert ran.code == 0 and "come out as stored" in ran.out
    assert shown(cli, "--verify", "--state", made)["verified"] is True


def test_verify_exits_70_on_any_difference(cli: Cli, made: Path, tmp_path: Path) -> None:
    root = tmp_path / "state"
    shutil.copytree(made, root)
    with closing(sqlite3.connect(root / "local" / "gnomon.db")) as db:
        db.execute("UPDATE weight SET weight = 1.5 WHERE name = 'flow' AND days = 22")
        db.commit()
    ran = cli("weights", "--verify", "--state", root)
    assert ran.code == 70 and "DIFFERS" in ran.out and "flow" in ran.err
    as_json = cli("weights", "--verify", "--json", "--state", root)
    assert as_json.code == 70 and json.loads(as_json.out)["verified"] is False
    assert cli("weights", "--state", root).code == 0


def test_the_regime_of_a_fresh_state_is_undetermined(cli: Cli, tmp_path: Path) -> None:
    ran = cli("regime", "--json", "--state", tmp_path / "none")
    found = json.loads(ran.out)
    assert ran.code == 0 and found["regime"] == "UNDETERMINED" and found["labels"] == {}
    text = cli("regime", "--state", tmp_path / "none").out
    assert "UNDETERMINED: no weight has moved yet" in text and "no tape holds bars" in text


def test_the_regime_is_shown_with_its_band(cli: Cli, made: Path) -> None:
    found = json.loads(cli("regime", "--json", "--state", made).out)
    assert found["leader"] == "trend" and found["days"] == 24
    assert 0.0 < found["p"] <= 1.0 and found["band"] > 0.0
    assert found["weights"]["trend"] == pytest.approx(UP**5)
    text = cli("regime", "--state", made).out
    assert "trend leads by" in text and "in 95 of 100" in text


def test_coins_are_labelled_in_the_same_table(cli: Cli, state: Path) -> None:
    found = json.loads(cli("regime", "--json", "--state", state).out)
    assert found["labels"] and found["timeframe"] == "5m"
    for label in found["labels"].values():
        assert label["state"] in ("calm", "usual", "wild") and label["bars"] > 100
        assert sum(label["probabilities"]) == pytest.approx(1.0)
        assert isinstance(label["rv_z"], float)
    text = cli("regime", "--state", state).out
    assert text.count("3-state HMM") == text.count("volatility z") == len(found["labels"])

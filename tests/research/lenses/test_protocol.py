from __future__ import annotations

from datetime import date

import msgspec
import pytest

from research.lenses import protocol as module
from research.lenses.protocol import Protocol, digest, registered


def test_the_file_is_the_protocol_and_its_numbers_make_sense() -> None:
    protocol = registered()
    assert protocol.horizon in protocol.horizons
    assert 0.0 < protocol.alarm_rate < protocol.block_rate < 0.5
    assert protocol.shifts >= 999 and protocol.random_gates >= 500
    assert protocol.garch.alpha + protocol.garch.beta < 1.0 < protocol.garch.degrees / 2.0
    assert len(digest()) == 12


def test_every_crash_names_a_file_of_its_own_and_dates_that_are_dates() -> None:
    crashes = registered().crash
    assert len({c.file for c in crashes}) == len(crashes)
    for crash in crashes:
        assert crash.coin in crash.file
        for day in (crash.since, crash.to):
            assert not day or date.fromisoformat(day)
    events = {c.event for c in crashes if c.coin not in registered().holdout_coins}
    assert len(events) == 7


def test_an_unknown_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("protocol") / "p.toml"
    path.write_text("tuned = 1\n" + module.FILE.read_text())
    monkeypatch.setattr(module, "FILE", path)
    before = digest()
    with pytest.raises(msgspec.ValidationError, match="tuned"):
        registered()
    path.write_text("")
    assert digest() != before


def test_it_can_be_made_small_for_a_trial_run() -> None:
    assert isinstance(msgspec.structs.replace(registered(), window=64), Protocol)

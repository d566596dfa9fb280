"""Faults by chance, seed after seed: the daemon lives through each, and what it leaves is true.

`GNOMON_SEED=n make chaos ARGS='-k storms'` begins at that seed; `GNOMON_STORM_MINUTES` is how long
the long suite goes on. A failure prints the seed, which alone repeats it.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from daemon.engine import intake
from tests.chaos.storm import storm, told

SEED = int(os.environ.get("GNOMON_SEED", "1"))
MINUTES = float(os.environ.get("GNOMON_STORM_MINUTES", "60"))


def test_one_storm_is_lived_through(tmp_path: Path) -> None:
    found = storm(SEED, tmp_path, minutes=0.5, gap_s=8.0, quiet_s=60.0)
    assert not found.wrong, told(found)
    assert found.faults and found.signals, told(found)


def test_a_frame_that_the_tape_lacks_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    plain = intake.frame_line

    def forgetful(raw: bytes, now_ns: int, *, skipped: bool = False) -> bytes:
        nonlocal written
        written += 1
        return b"" if written % 7 == 0 else plain(raw, now_ns, skipped=skipped)

    monkeypatch.setattr(intake, "frame_line", forgetful)
    found = storm(SEED, tmp_path, minutes=0.0, quiet_s=50.0)
    assert any("replays differently" in wrong for wrong in found.wrong), told(found)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_storms_as_many_as_the_time_allows(tmp_path: Path) -> None:
    began = time.monotonic()
    seeds = failures = 0
    while time.monotonic() - began < MINUTES * 60.0:
        seed = SEED + seeds
        found = storm(seed, tmp_path / str(seed), minutes=6.0)
        if found.wrong:
            failures += 1
            print(told(found))
        shutil.rmtree(tmp_path / str(seed))
        seeds += 1
    print(f"{seeds} storms from seed {SEED} on, {failures} with something wrong afterwards")
    assert not failures

"""One tape, one digest, under whichever Python runs this."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from daemon.replay.player import Player
from tests.support import golden

# Changes only in a commit that says what is decided otherwise, and why; `make digests` then
# compares all the Pythons at hand.
DIGEST = "347e1d5455ef31232c0d512320fd2283"


def test_the_golden_tape_gives_its_digest() -> None:
    result = Player().play(golden.TAPE)
    assert result.digest == DIGEST
    assert (result.events, result.admitted, result.blocked) == (5_116, 6, 12)


def test_a_sum_that_keeps_its_rounding_errors_gives_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This is what the builtin does from Python 3.12 on."""
    bots = [module for name, module in sys.modules.items() if name.startswith("divisions.")]
    for module in bots:
        if hasattr(module, "sum_in_order"):
            monkeypatch.setattr(module, "sum_in_order", math.fsum)
    assert Player().play(golden.TAPE).digest != DIGEST


def test_the_tape_can_be_made_anew(tmp_path: Path) -> None:
    path = golden.make(tmp_path)
    kept = golden.TAPE / path.name
    assert path.name == kept.name
    made = Player().play(path)
    assert made.digest_match is True and made.admitted > 0 and made.blocked > 0

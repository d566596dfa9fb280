"""One tape, one digest, under whichever Python runs this."""

from __future__ import annotations

import math
import sys
from contextlib import closing
from pathlib import Path

import pytest

from daemon.replay.player import Player
from divisions.roster import discover
from research.explain.fills import fills_of, trade_of
from research.explain.orders import hold_orders
from research.explain.proof import Proof
from shadow.store.store import Store, open_readonly
from tests.support import golden

# Changes only in a commit that says what is decided otherwise, and why; `make digests` then
# compares all the Pythons at hand.
DIGEST = "1dcda23e891b75ade42c77f2da46dab0"


def test_the_golden_tape_gives_its_digest_and_what_its_trades_lost_on_their_way(
    tmp_path: Path,
) -> None:
    """The latter made again from its frames, by code that knows nothing of engine and ledger."""
    store = Store(tmp_path / "gnomon.db", mode="replay", network="testnet")
    result = Player(store).play(golden.TAPE)
    store.close()
    assert result.digest == DIGEST
    assert (result.events, result.admitted, result.blocked) == (5_116, 6, 12)
    proof, closed = Proof(), "SELECT trade_id FROM trade WHERE net_e6 IS NOT NULL"
    with closing(open_readonly(store.path)) as db:
        for trade in [trade_of(db, trade_id) for (trade_id,) in db.execute(closed)]:
            assert trade is not None
            hold_orders(db, trade, fills_of(db, trade["trade_id"]), golden.TAPE, proof)
    assert proof.differs == [] and proof.checked["costs from the tape's mids"] == 20


def test_a_sum_that_keeps_its_rounding_errors_gives_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This is what the builtin does from Python 3.12 on."""
    discover()
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

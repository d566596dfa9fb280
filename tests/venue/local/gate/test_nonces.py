from __future__ import annotations

from market.events import MS_PER_DAY
from venue.local.gate.nonces import Nonces

NOW_MS = 1_756_700_000_000
ME, OTHER = "0x" + "1" * 40, "0x" + "2" * 40


def test_the_hundred_highest_are_kept_and_need_no_order() -> None:
    nonces = Nonces()
    for nonce in range(NOW_MS + 100, NOW_MS, -1):
        assert nonces.refusal(ME, nonce, NOW_MS) is None
        nonces.use(ME, nonce)
    # Full: below the lowest is too late, a gap at the top is not.
    assert nonces.refusal(ME, NOW_MS, NOW_MS) == f"Invalid nonce: nonce too low {NOW_MS}"
    assert nonces.refusal(ME, NOW_MS + 500, NOW_MS) is None
    nonces.use(ME, NOW_MS + 500)
    # That pushed out the lowest, whose replay is now below the lowest kept.
    assert nonces.refusal(ME, NOW_MS + 1, NOW_MS) == f"Invalid nonce: nonce too low {NOW_MS + 1}"
    nonces.use(ME, NOW_MS + 700)
    assert nonces.refusal(ME, NOW_MS + 600, NOW_MS) is None


def test_a_nonce_is_used_once_by_each_signer() -> None:
    nonces = Nonces()
    nonces.use(ME, NOW_MS)
    assert nonces.refusal(ME, NOW_MS, NOW_MS) == f"Invalid nonce: duplicate nonce {NOW_MS}"
    assert nonces.refusal(OTHER, NOW_MS, NOW_MS) is None
    assert nonces.refusal(ME, NOW_MS - 1, NOW_MS) is None


def test_the_window_is_open_at_both_ends() -> None:
    nonces = Nonces()
    for inside in (NOW_MS - 2 * MS_PER_DAY + 1, NOW_MS + MS_PER_DAY - 1):
        assert nonces.refusal(ME, inside, NOW_MS) is None
    for outside in (0, NOW_MS - 2 * MS_PER_DAY, NOW_MS + MS_PER_DAY):
        assert "too far" in (nonces.refusal(ME, outside, NOW_MS) or "")

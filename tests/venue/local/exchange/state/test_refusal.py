from __future__ import annotations

from venue.local.exchange.state import refusal
from venue.local.exchange.state.refusal import Rejection, worded


def test_words_about_an_order_end_with_its_asset() -> None:
    assert worded(refusal.TICK, 3) == "Price must be divisible by tick size. asset=3"


def test_a_rejection_carries_words_and_status() -> None:
    refused = Rejection(refusal.MARGIN, "perpMarginRejected")
    assert (str(refused), refused.text, refused.status) == (
        refusal.MARGIN, refusal.MARGIN, "perpMarginRejected",
    )  # fmt: skip


def test_no_two_texts_are_the_same() -> None:
    texts = [v for k, v in vars(refusal).items() if k.isupper() and isinstance(v, str)]
    assert len(set(texts)) == len(texts) > 40

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.venue.local.exchange.scripted import ScriptedMarket
from venue.local.exchange.state.price_rule import is_valid, valid_px

COINS = sorted(ScriptedMarket.instruments)


@given(st.sampled_from(COINS), st.integers(1, 10**9))
def test_a_price_is_valid_when_the_venues_rule_says_so(coin: str, px: int) -> None:
    instrument = ScriptedMarket.instruments[coin]
    exact = Decimal(px).scaleb(-instrument.px_decimals)
    assert is_valid(px, instrument) == instrument.is_valid_px(exact)


@given(st.sampled_from(COINS), st.floats(0.1, 1e8))
def test_the_nearest_valid_price_lies_on_the_side_asked_for(coin: str, px: float) -> None:
    instrument = ScriptedMarket.instruments[coin]
    down, up = valid_px(px, instrument, -1), valid_px(px, instrument, 1)
    assert is_valid(down, instrument) and is_valid(up, instrument)
    assert up >= px and (down <= px or down == 1)

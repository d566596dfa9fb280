from __future__ import annotations

import msgspec

from shadow.report.terms import Terms, terms_of


def test_terms_survive_as_json_and_what_older_ones_lack_is_the_default() -> None:
    terms = Terms(margin_s_r=0.4, blocked_min=50)
    assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms
    assert msgspec.json.decode(b'{"margin_s_r": 0.4, "taker_bps": 4.5}', type=Terms) == Terms(
        margin_s_r=0.4
    )


def test_choice_is_shared_out_among_sixteen_limits() -> None:
    assert Terms().alpha_s == 0.10 / 16


def test_terms_of_a_series_are_read_from_its_row() -> None:
    text = '{"filter": "cap", "verdict": {"alpha_s": 0.00625, "slots": 16, "margin_v_r": 0.5}}'
    assert terms_of(text) == Terms(margin_v_r=0.5)
    assert terms_of("{}") == Terms()

from __future__ import annotations

from tests.venue.local.tiny import fill_row
from venue.local.server.aggregation import aggregated


def test_fills_of_one_order_and_moment_become_one() -> None:
    rows = [
        {**fill_row(1), "px": "100.0", "sz": "1.0", "fee": "0.01", "tid": 1},
        {**fill_row(2), "tid": 2},
        {
            **fill_row(1),
            "px": "103.0",
            "sz": "2.0",
            "fee": "0.02",
            "tid": 3,
            "startPosition": "1.0",
        },
        {**fill_row(1), "time": 10, "tid": 4},
    ]
    first, second, third = aggregated(rows)
    assert (first["px"], first["sz"], first["fee"]) == ("102.0", "3.0", "0.03")
    assert first["startPosition"] == "0.0"
    assert (second["tid"], third["tid"]) == (2, 4)
    assert set(first) == set(rows[0])


def test_a_fill_alone_is_as_it_was() -> None:
    rows = [fill_row(5)]
    assert aggregated(rows) == rows
    assert aggregated([]) == []


def test_a_mean_price_that_never_ends_is_cut_to_eight_decimals() -> None:
    rows = [{**fill_row(1), "px": "1.0", "sz": "1.0"}, {**fill_row(1), "px": "2.0", "sz": "2.0"}]
    assert aggregated(rows)[0]["px"] == "1.66666667"

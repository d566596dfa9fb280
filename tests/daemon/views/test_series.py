from __future__ import annotations

import msgspec
import pytest

from daemon.sheet.series import Seen
from daemon.views.series import series_reading
from quant.lens import Reading

READING = Reading("rqa", 0.63, 512, {"dim": 3, "rate": 0.1}, ("a remark",), {"lam": [0.25, 1.0]})
PLAIN = {
    "lens": "rqa",
    "value": 0.63,
    "n": 512,
    "params": {"dim": 3, "rate": 0.1},
    "flags": ["a remark"],
    "measures": {"lam": [0.25, 1.0]},
}


def test_no_rank_and_no_reference_that_was_not_asked_for() -> None:
    found = msgspec.to_builtins(series_reading(Seen(READING), null=False, check=False))
    assert found == PLAIN and list(found) == list(PLAIN)


def test_what_was_asked_for_stands_beside_the_value_even_when_there_is_none() -> None:
    seen = Seen(READING, 0.5, 0.5)
    found = msgspec.to_builtins(series_reading(seen, null=True, check=False))
    assert found == {**PLAIN, "null_rank": 0.5} and list(found)[2] == "null_rank"
    found = msgspec.to_builtins(series_reading(seen, null=False, check=True))
    assert found == {**PLAIN, "reference": 0.5, "difference": pytest.approx(0.13)}
    found = msgspec.to_builtins(series_reading(Seen(READING), null=True, check=True))
    assert (found["null_rank"], found["reference"], found["difference"]) == (None, None, None)

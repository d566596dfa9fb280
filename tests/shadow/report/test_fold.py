from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from shadow.report.fold import CLEAN, REPAIRED, Fold, empty
from shadow.report.measured import Evidence, measure
from shadow.report.terms import Terms
from shadow.report.verdict import PROTECTIVE, decide, look
from tests.support.evidence import day_of, worked


def folded(evidence: Evidence, days: int, *, clean: bool = False) -> Fold:
    """Return the fold of the first days, as it comes back from where it was kept."""
    fold = empty(evidence.terms)
    for day in map(day_of, range(days)):
        rows = [row for row in evidence.judged if row.day == day]
        if clean:
            rows = [row for row in rows if row.sample == CLEAN]
        if rows:
            fold.add(day, rows)
    return msgspec.json.decode(msgspec.json.encode(fold), type=Fold)


def with_folds(evidence: Evidence, days: int) -> Evidence:
    """Return the same evidence with the first days as folds, and the rows of the others."""
    return structs.replace(
        evidence,
        judged=[row for row in evidence.judged if row.day >= day_of(days)],
        folded=folded(evidence, days),
        folded_clean=folded(evidence, days, clean=True),
    )


@settings(max_examples=12)
@given(st.integers(0, 90))
def test_days_that_are_folded_need_no_rows(days: int) -> None:
    evidence = worked(90)
    kept = with_folds(evidence, days)
    assert measure(kept) == measure(evidence)
    assert decide("limit", kept) == decide("limit", evidence)
    # Rows that are folded already are not counted again, and the fold is as it was.
    assert measure(structs.replace(kept, judged=evidence.judged)) == measure(evidence)


def test_without_repaired_trades_there_is_a_fold_of_its_own() -> None:
    whole = worked(120)
    judged = [
        structs.replace(row, sample=REPAIRED) if row.day < day_of(20) else row
        for row in whole.judged
    ]
    evidence = structs.replace(whole, judged=judged)
    kept = with_folds(evidence, 60)
    assert measure(kept, clean=True) == measure(evidence, clean=True)
    assert decide("limit", kept) == decide("limit", evidence)
    assert decide("limit", kept).verdict == PROTECTIVE


def test_a_window_wants_the_rows_of_its_days() -> None:
    evidence = worked(60)
    kept = with_folds(evidence, 30)
    assert look(kept, day_of(30)) == look(evidence, day_of(30))
    with pytest.raises(ValueError, match="folded"):
        look(kept, day_of(29))


def test_one_fold_of_two_would_leave_days_out() -> None:
    kept = structs.replace(with_folds(worked(60), 30), folded_clean=None)
    with pytest.raises(ValueError, match="both folds"):
        decide("limit", kept)


def test_terms_are_those_of_the_series() -> None:
    fold = empty(Terms(seen_min=7, odds_half_life_days=5.0, odds_prior=3.0))
    assert (fold.known.seen_min, fold.known.half_life_days, fold.known.prior) == (7, 5.0, 3.0)
    assert (fold.blocked_days, fold.first, fold.last) == (0.0, "", "")


def test_days_that_do_not_count_make_known_what_bots_do() -> None:
    evidence = worked(40)
    fold = empty(Terms())
    for day in map(day_of, range(40)):
        rows = [row for row in evidence.judged if row.day == day]
        fold.add(day, rows, counts=day >= day_of(25))
    assert (fold.first, fold.last) == (day_of(25), day_of(39))
    assert fold.booked == measure(evidence, since=day_of(25)).choice.booked
    assert fold.known == measure(evidence).choice.known

"""The verdict on a limit: protective, restrictive, equivalent, or undetermined.

Two daily series must both speak. *Selection*: was what the limit alone blocked worse than what it
let the same bots do (`quant/inference/selection.py`)? *Value*: the desk with the limit less the
same desk without it. Value alone praises every limit of a losing desk, selection alone a limit
that throws away signals which are worse but still earn. The intervals hold whatever day one looks,
for all limits together (`quant/inference/anytime.py`); docs/verdict.md says what they promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import ceil, floor, isfinite

from msgspec import Struct, structs

from quant.inference.anytime import (
    Bounds,
    Guard,
    Sums,
    c2_anytime,
    c2_single,
    days_until_decided,
    detection_limit,
    interval,
)
from quant.inference.selection import no_counterpart
from shadow.report import sentences
from shadow.report.fold import ChosenDay, Counted
from shadow.report.measured import Evidence, Measured, measure, measure_window
from shadow.report.terms import Terms

PROTECTIVE, RESTRICTIVE, UNDETERMINED = "PROTECTIVE", "RESTRICTIVE", "UNDETERMINED"
EQUIVALENT = "EQUIVALENT"
COIN, VALUE = "coin", "value"
# Where choice and value, decided or not, make no verdict together.
UNDECIDED = {
    (True, True): "choice and value point opposite ways",
    (True, False): "its choice is decided, what that is worth is not",
    (False, True): "what it is worth is decided, its choice is not",
    (False, False): "neither its choice nor its worth is decided",
}
NO_VERDICT = "No verdict: "
# A reason that is a sentence by itself.
NOT_SHOWN = " "
CORRELATION_MAX = 0.5
WILD_BEST = 15.0


class Once(Struct, frozen=True):
    """An estimate with the interval of one look at 95 %; it carries no verdict.

    `r` is None until it is shown, `single` also where nothing can be excluded or has spread.
    """

    r: float | None
    single: Bounds | None
    n_eff: float


class Estimate(Struct, frozen=True):
    """An estimate with what a verdict asks of it.

    `anytime` is the interval at the verdict's α with its guard, None where nothing can be excluded.
    `limit_now` and `limit_later`, in twice the `days`,
    are the smallest effects seen with probability 0.8; infinite while there is none. `days_to_go`
    until this effect decides, None where it never would.
    """

    r: float | None
    single: Bounds | None
    anytime: Bounds | None
    n_eff: float
    days: int
    limit_now: float
    limit_later: float
    days_to_go: int | None


class Window(Struct, frozen=True):
    """Some days of a series: selection with and without the odds factor, and value."""

    selection: Once
    slow: Once
    value: Once
    booked: Counted
    days: int


class Ruling(Struct, frozen=True):
    """A verdict with what it rests on.

    `kind` says in what a limit is EQUIVALENT: to a coin, or in value. `mixed` marks choice and
    value that are both decided and disagree, which is no verdict. `days_to_go` is the later of
    choice's and value's. `slow` is choice without the odds factor: choice of times that last
    weeks shows in it, and in no verdict.
    """

    verdict: str
    kind: str
    mixed: bool
    reason: str
    sentence: str
    warnings: tuple[str, ...]
    selection: Estimate
    slow: Once
    value: Estimate
    days_to_go: int | None
    booked: Counted
    provisional: Counted
    no_counterpart: float
    series_number: int
    refused: int


class _Told(Struct, frozen=True):
    """What the intervals say, before the wording.

    `choice` and `value` are the decided signs; `held_back` is how the sentence of a verdict begins
    that is none for another reason than its intervals.
    """

    verdict: str
    reason: str
    choice: int
    value: int
    kind: str = ""
    mixed: bool = False
    held_back: str = ""

    @property
    def words(self) -> str:
        """The verdict as a row names it."""
        return f"{self.verdict} ({self.kind})" if self.kind else self.verdict


def decide(name: str, evidence: Evidence) -> Ruling:
    """Judge a limit's series; `name` is the limit's, for the sentence."""
    terms = evidence.terms
    found = measure(evidence)
    told = _tell(found, terms, evidence.bias_within)
    if found.repaired and (told.mixed or told.verdict != UNDETERMINED):
        without = _tell(measure(evidence, clean=True), terms, evidence.bias_within)
        if (told.words, told.mixed) != (without.words, without.mixed):
            reason = sentences.disagreement(told.words, without.words)
            told = _Told(UNDETERMINED, reason, told.choice, told.value, held_back=NO_VERDICT)
    shown = _too_few(found, terms) is None
    selection = _selection(found, terms, shown=shown)
    value = _value(found, terms, shown=shown)
    waits = (selection.days_to_go, value.days_to_go)
    return Ruling(
        verdict=told.verdict,
        kind=told.kind,
        mixed=told.mixed,
        reason=told.reason,
        sentence=_sentence(name, told, selection, value, evidence),
        warnings=_warnings(found, evidence),
        selection=selection,
        slow=_once(found.choice.slow, terms, shown=shown),
        value=value,
        days_to_go=None if None in waits else max(wait for wait in waits if wait is not None),
        booked=found.choice.booked,
        provisional=found.provisional,
        no_counterpart=no_counterpart(found.choice.known.bots.values()),
        series_number=evidence.series_number,
        refused=found.refused,
    )


def look(evidence: Evidence, since: str, days: Sequence[ChosenDay] | None = None) -> Window:
    """Return selection and value of the days from `since` on, as one look each.

    Without verdict: a window that somebody chose is a further look. Where what those `days` came
    to is known, rows of earlier ones are not needed.
    """
    if days is None:
        found = measure(evidence, since=since)
    else:
        found = measure_window(days, evidence, since)
    shown = _too_few(found, evidence.terms) is None
    return Window(
        selection=_once(found.choice.selection, evidence.terms, shown=shown),
        slow=_once(found.choice.slow, evidence.terms, shown=shown),
        value=_once(found.value, evidence.terms, shown=shown),
        booked=found.choice.booked,
        days=found.days,
    )


def _too_few(found: Measured, terms: Terms) -> str | None:
    """Return what is missing until anything is shown."""
    if not found.choice.booked.blocked:
        if found.provisional.blocked:
            return f"the {found.provisional.blocked} signals it blocked are not booked yet"
        if found.stopped:
            return "none of its own blocks has closed yet"
        return "it has not blocked anything yet"
    least = terms.n_eff_min
    for days, of in (
        (found.choice.selection.days, "trading days"),
        (found.choice.blocked_days, "trading days with blocks"),
    ):
        if days < least:
            # Of nearly twenty effective days, nineteen are there.
            return sentences.too_early(floor(days), ceil(least), of)
    if found.choice.booked.blocked < terms.blocked_min:
        return sentences.too_early(
            found.choice.booked.blocked, terms.blocked_min, "blocked signals"
        )
    return None


def _value_speaks(found: Measured, terms: Terms) -> bool:
    return (
        found.value.h >= terms.value_days_min and found.choice.booked.blocked >= terms.blocked_min
    )


def _tell(found: Measured, terms: Terms, bias_within: bool) -> _Told:
    """Return what the intervals say."""
    choice = _sign(_anytime(found.choice.selection, terms.alpha_s, found.guard, terms))
    value = _sign(_anytime(found.value, terms.alpha_v, found.value_guard, terms))

    def told(
        verdict: str, reason: str, kind: str = "", *, mixed: bool = False, held_back: str = ""
    ) -> _Told:
        return _Told(verdict, reason, choice, value, kind, mixed, held_back)

    missing = _too_few(found, terms)
    if missing is None and bias_within:
        if choice < 0 < value:
            return told(PROTECTIVE, "it chooses the worse signals, and the desk gains")
        if value < 0 < choice:
            return told(RESTRICTIVE, "it chooses the better signals, and the desk loses")
        equal = _anytime(found.choice.selection, terms.alpha_eq, found.guard, terms)
        if _inside(equal, terms.margin_s_r):
            return told(EQUIVALENT, "it chooses like a coin", COIN)
    if _value_speaks(found, terms):
        equal = _anytime(found.value, terms.alpha_eq, found.value_guard, terms)
        if _inside(equal, terms.margin_v_r):
            return told(EQUIVALENT, "the desk earns the same without it", VALUE)
    if missing is not None:
        return told(UNDETERMINED, missing, held_back=NOT_SHOWN)
    if not bias_within:
        reason = "the simulator's bias is not known to be small"
        return told(UNDETERMINED, reason, held_back=NO_VERDICT)
    decided = (choice != 0, value != 0)
    return told(UNDETERMINED, UNDECIDED[decided], mixed=all(decided))


def _anytime(sums: Sums, alpha: float, guard: Guard, terms: Terms) -> Bounds:
    kappa = sums.inflation(terms.phi_max)
    return interval(sums, kappa * c2_anytime(sums.days, alpha, terms.t_star_days), guard)


def _sign(bounds: Bounds) -> int:
    return int(bounds.low > 0.0) - int(bounds.high < 0.0)


def _inside(bounds: Bounds, margin: float) -> bool:
    return -margin < bounds.low and bounds.high < margin


def _once(sums: Sums, terms: Terms, *, shown: bool) -> Once:
    single = None
    if shown and sums.spread:
        single = _finite(interval(sums, sums.inflation(terms.phi_max) * c2_single(sums.days)))
    return Once(sums.estimate if shown and sums.h else None, single, sums.days)


def _selection(found: Measured, terms: Terms, *, shown: bool) -> Estimate:
    sums = found.choice.selection
    estimate = _estimate(sums, terms.alpha_s, found.guard, found.days, terms, shown=shown)
    return estimate if shown else _wait_for_gate(estimate, found, terms)


def _value(found: Measured, terms: Terms, *, shown: bool) -> Estimate:
    shown = shown or _value_speaks(found, terms)
    days = found.value_days
    return _estimate(found.value, terms.alpha_v, found.value_guard, days, terms, shown=shown)


def _estimate(
    sums: Sums, alpha: float, guard: Guard, days: int, terms: Terms, *, shown: bool
) -> Estimate:
    once = _once(sums, terms, shown=shown)
    t_star, phi_max = terms.t_star_days, terms.phi_max

    def limit(times: float) -> float:
        return detection_limit(sums, alpha, guard, times=times, t_star=t_star, phi_max=phi_max)

    return Estimate(
        r=once.r,
        single=once.single,
        anytime=_finite(_anytime(sums, alpha, guard, terms)) if shown else None,
        n_eff=once.n_eff,
        days=days,
        limit_now=limit(1.0),
        limit_later=limit(2.0),
        days_to_go=days_until_decided(sums, days, alpha, guard, t_star=t_star, phi_max=phi_max),
    )


def _finite(bounds: Bounds) -> Bounds | None:
    return bounds if isfinite(bounds.low) else None


def _wait_for_gate(selection: Estimate, found: Measured, terms: Terms) -> Estimate:
    """Let the days to go be no fewer than the gate takes at the pace so far."""
    counted = (
        (selection.n_eff, terms.n_eff_min),
        (found.choice.blocked_days, terms.n_eff_min),
        (float(found.choice.booked.blocked), float(terms.blocked_min)),
    )
    if selection.days_to_go is None or any(have <= 0.0 for have, _ in counted):
        return structs.replace(selection, days_to_go=None)
    times = max(least / have for have, least in counted)
    gate = ceil(selection.days * times) - selection.days
    return structs.replace(selection, days_to_go=max(selection.days_to_go, gate))


def _sentence(
    name: str, told: _Told, selection: Estimate, value: Estimate, evidence: Evidence
) -> str:
    terms = evidence.terms
    choice, worth = selection.r or 0.0, value.r or 0.0
    if told.verdict == PROTECTIVE:
        return sentences.protective(name, choice, worth)
    if told.verdict == RESTRICTIVE:
        return sentences.restrictive(name, choice, worth)
    if told.kind == COIN:
        return sentences.like_a_coin(name, terms.margin_s_r, worth if told.value else None)
    if told.kind == VALUE:
        return sentences.worth_nothing(name, terms.margin_v_r)
    if told.mixed:
        return sentences.mixed(name, choice, worth)
    if told.held_back == NOT_SHOWN:
        return f"{told.reason[:1].upper()}{told.reason[1:]}."
    if told.held_back:
        return f"{told.held_back}{told.reason}."
    limits = (selection.limit_now, selection.limit_later)
    by = date.fromisoformat(evidence.through) + timedelta(days=selection.days)
    said = sentences.undetermined(selection.n_eff, selection.days, *limits, by.isoformat())
    if told.choice and not told.value:
        return f"{said}{sentences.worth_unknown(choice, value.limit_now)}"
    return said


def _warnings(found: Measured, evidence: Evidence) -> tuple[str, ...]:
    said, median_r = [], evidence.median_r
    if evidence.series_number > 1:
        said.append(sentences.another_series(evidence.series_number))
    for of, sums in (("choice", found.choice.selection), ("value", found.value)):
        if sums.autocorrelation > CORRELATION_MAX:
            said.append(sentences.dependent(of, sums.autocorrelation))
    if median_r is not None and found.choice.best > WILD_BEST * median_r > 0.0:
        said.append(sentences.wild(found.choice.best, median_r))
    return tuple(said)

"""Daily sums per filter, kept with every write so that a report never scans the ledger.

A trade's daily marks count in the statistics named by its tags. When a blocked episode was later
admitted after all, the episode is worth the phantom's profit less that trade's, so the trade's
days are taken off the phantom's statistics, in units of the phantom's risk. A trade that turns
out to lack a fact (an hour's funding rate, a price to believe, an end of its own) is taken out
again, whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from market.decision import STAGE, Verdict
from shadow.ledger.trade import EXCLUDING, Tag, Trade
from shadow.store.rows import Rows, day_of
from shadow.store.tables.rollups import RollupRow

REFUSED = ("sole", "shared", "fail_closed")
TWIN = Tag("", "admit", "twin")
# Where a refusal is put down in the orchestration score: the first of these that failed the
# signal, or none of them where all that refused it lacked data.
LIMITS, NO_DATA = "limits", "no_data"
STAGES = ("direction", "phase_space", LIMITS)


def block_tags(verdict: Verdict) -> list[Tag]:
    """Return the statistics that a blocked signal counts in.

    One for each filter that refused it, and one for the stage of the score that did so first.
    """
    by_outcome = {c.filter: c.outcome for c in verdict.checks}
    tags = []
    for name in verdict.failing:
        if by_outcome[name] == "no_data":
            scope = "fail_closed"
        else:
            scope = "sole" if name == verdict.sole else "shared"
        tags.append(Tag(name, "enforce", scope))
    tags.append(score_tag([n for n in verdict.failing if by_outcome[n] != "no_data"]))
    return tags


def stage_tags(verdict: Verdict) -> list[Tag]:
    """Return the statistic of a signal that its bot's stage withheld: apart from every filter's.

    `sole` are those that the gate would have admitted.
    """
    return [Tag(STAGE, STAGE, "sole" if verdict.sole == STAGE else "shared")]


def score_tag(failing: Collection[str]) -> Tag:
    """Return where the orchestration score puts a refusal that these filters had data for."""
    place = next((name for name in STAGES if name in failing), LIMITS) if failing else NO_DATA
    return Tag("", "score", place)


def complete(trade: Trade) -> None:
    """Give a trade its place in the score, whatever an older version knew of it."""
    for tags in (trade.tags, trade.offset_tags):
        refused = [tag for tag in tags if tag.mode == "enforce" and tag.scope in REFUSED]
        if refused:
            place = score_tag([tag.filter for tag in refused if tag.scope != "fail_closed"])
            tags[:] = [*(tag for tag in tags if tag.mode != "score"), place]


def observe_tags(verdict: Verdict) -> list[Tag]:
    """Return the statistics of an admitted signal that observing filters would have blocked."""
    return [
        Tag(c.filter, "observe", "sole")
        for c in verdict.checks
        if c.mode == "observe" and c.outcome == "fail"
    ]


def clamp_tags(verdict: Verdict) -> list[Tag]:
    """Return the statistics of what caps cut off."""
    return [Tag(c.filter, "enforce", "clamped") for c in verdict.clamps]


def count_signal(rows: Rows, tags: Iterable[Tag], bot: str, now_ms: int) -> None:
    """Count a signal row in its statistics."""
    day = day_of(now_ms)
    for tag in tags:
        rows.rollups.append(RollupRow(day, tag.filter, tag.mode, tag.scope, bot, 1, 0, 0.0, 0.0, 0))


def count_day(rows: Rows, trade: Trade, day_ms: int, amount_e6: int) -> None:
    """Count one day of a trade; the entry itself counts on its first day."""
    trade.days.append((day_ms, amount_e6))
    if trade.excluded:
        return
    entries = 0 if trade.counted else 1
    trade.counted = True
    days = [(day_ms, amount_e6)]
    _add(rows, trade, days, entries=entries, sign=1)
    _add_offset(rows, trade, days, entries=0, sign=-1)


def pair(phantom: Trade, later: Trade) -> None:
    """Bind an admitted trade to the phantom of the same episode.

    A phantom that outlives its later trade keeps it: another one is an episode of its own.
    """
    if phantom.partner_days:
        return
    phantom.later_trade_id = later.trade_id
    later.earlier_trade_id = phantom.trade_id
    if not phantom.excluded:
        later.offset_tags = list(phantom.tags)
        later.offset_risk_e6 = phantom.risk_e6
        later.offset_notional_e6 = phantom.entry_notional_e6


def exclude(rows: Rows, trade: Trade, partner: Trade | None) -> None:
    """Take back everything that a trade's episode has counted so far.

    `partner` is the other half of the pair until its money is final. When the later half lacks a
    fact, so does the episode, and the phantom goes too.
    """
    _take_back(rows, trade)
    if trade.offset_tags:
        _add_offset(rows, trade, trade.days, entries=0, sign=1)
        if partner is None:
            _add_offset(rows, trade, trade.partner_days, entries=-1, sign=-1)
        trade.offset_tags = []
        if partner is not None:
            for name in EXCLUDING:
                if name in trade.flags:
                    partner.flag(name)
            _take_back(rows, partner)
            partner.tags = []
    elif partner is None:
        _add(rows, trade, trade.partner_days, entries=0, sign=1)
    elif partner.offset_tags:
        _add_offset(rows, partner, partner.days, entries=0, sign=1)
        partner.offset_tags = []
    trade.tags = []


def _take_back(rows: Rows, trade: Trade) -> None:
    if trade.counted:
        _add(rows, trade, trade.days, entries=-1, sign=-1)
        trade.counted = False


Days = list[tuple[int, int]]


def _add(rows: Rows, trade: Trade, days: Days, *, entries: int, sign: int) -> None:
    """Add `sign` × days to the trade's own statistics, and entries on the first of them."""
    risk, notional = trade.risk_e6, trade.entry_notional_e6
    _sum(rows, trade.bot, trade.tags, days, risk, notional, entries, sign)


def _add_offset(rows: Rows, trade: Trade, days: Days, *, entries: int, sign: int) -> None:
    """Add `sign` × days to the statistics of the phantom this trade followed."""
    risk, notional = trade.offset_risk_e6, trade.offset_notional_e6
    if notional:  # else the phantom never filled, and its episode has no outcome
        _sum(rows, trade.bot, trade.offset_tags, days, risk, notional, entries, sign)


def _sum(
    rows: Rows,
    bot: str,
    tags: Iterable[Tag],
    days: Days,
    risk_e6: int,
    notional_e6: int,
    entries: int,
    sign: int,
) -> None:
    for day_ms, amount_e6 in days:
        day, amount = day_of(day_ms), sign * amount_e6
        r = amount / risk_e6 if risk_e6 else 0.0
        bps = amount / notional_e6 * 1e4 if notional_e6 else 0.0
        for tag in tags:
            rows.rollups.append(
                RollupRow(day, tag.filter, tag.mode, tag.scope, bot, 0, entries, r, bps, amount)
            )
        entries = 0

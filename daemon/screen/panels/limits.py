"""What did my limits do? Each with what its phantoms made, what it saved or cost, its verdict."""

from __future__ import annotations

from rich.text import Text

from daemon.screen.columns import Column, heading, number, table
from daemon.screen.seen import Seen
from daemon.views.standing import is_decided, standing
from shadow.report.row import ReportRow

QUESTION = "What did my limits do?"
STYLES = {"PROTECTIVE": "bold green", "RESTRICTIVE": "bold red", "EQUIVALENT": "bold"}


def limits(seen: Seen, width: int, height: int) -> list[Text]:
    """Return at most `height` lines: the heading, a head and a row a limit, the placebo last."""
    books, glyphs = seen.books, seen.glyphs
    if books is None:
        said = "the database is being read"
        return [heading(QUESTION, "", width, glyphs.rule), Text(said, "dim")][:height]
    rows = [*books.limits, *books.rules]
    decided = sum(map(is_decided, books.limits))
    answer = f"{decided} of {len(books.limits)} decided"
    lines = [heading(QUESTION, answer, width, glyphs.rule)]
    if not rows:
        return [*lines, Text("no limit has blocked anything yet", "dim")][:height]
    room = height - 2
    shown = rows
    if len(rows) > room:
        # The placebo stays in sight, as it tells whether the instrument is sane.
        placebo = [row for row in rows if row.name == "control"][:1]
        others = [row for row in rows if row not in placebo]
        shown = [*others[: max(room - 1 - len(placebo), 0)], *placebo]
    lines += table(_columns(shown, glyphs.observing), width)
    if len(shown) < len(rows):
        undecided = sum(not is_decided(row) for row in rows if row not in shown)
        said = f"{glyphs.more} {len(rows) - len(shown)} more, {undecided} undecided"
        lines.append(Text(said, "dim"))
    return lines[:height]


def _columns(rows: list[ReportRow], mark: str) -> list[Column]:
    return [
        Column(
            head="limit",
            cells=[Text(f"{row.name}{mark if row.mode == 'observe' else ''}") for row in rows],
            left=True,
        ),
        Column(head="blocked", cells=[_count(row.blocked) for row in rows], leaves=4),
        Column(head="only this", cells=[_count(row.sole_blocked) for row in rows], leaves=1),
        # What its phantoms made, whatever they are worth to the desk.
        Column(head="phantoms USD", cells=[_phantoms(row) for row in rows], leaves=2),
        Column(head="saved USD", cells=[_saved(row) for row in rows]),
        Column(
            head="vs taken R",
            cells=[Text(number(row.selection_r, sign=True)) for row in rows],
            leaves=3,
        ),
        Column(head="verdict", cells=[_verdict(row) for row in rows], left=True),
    ]


def _count(value: int) -> Text:
    return Text(number(value, 0), "" if value else "dim")


def _phantoms(row: ReportRow) -> Text:
    return Text(number(row.net_usd, sign=True)) if row.sole_blocked else Text("–", "dim")


def _saved(row: ReportRow) -> Text:
    """Return what a limit was worth; coloured once it is decided, however large before."""
    if row.value_usd is None:
        return Text("–", "dim")
    style = "dim" if not is_decided(row) else "green" if row.value_usd > 0 else "red"
    return Text(number(row.value_usd, sign=True), style)


def _verdict(row: ReportRow) -> Text:
    said = standing(row)
    if row.name == "control" and not is_decided(row):
        return Text("placebo, sane", "dim")
    return Text(said, STYLES.get(said, "dim"))

"""Tables of the live screen, whose columns give way by importance.

A number is shown whole or not at all: what does not fit goes column by column, the least important
first, and only words are ever cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from rich.cells import cell_len
from rich.text import Text

GAP = 2
# A column of words that is cut keeps this much; the longest name of a bot has as many letters.
WORDS_MIN = 17


class Column(Struct, kw_only=True):
    """One column: its head, its cells, and how long it stays (0 is never left out).

    `above` is a first line of the head, where one is too long for the column.
    `words` may be cut with an ellipsis, down to `least` cells; all else is shown whole.
    """

    head: str
    above: str = ""
    cells: list[Text] = field(default_factory=list)
    leaves: int = 0
    left: bool = False
    words: bool = False
    least: int = WORDS_MIN

    @property
    def width(self) -> int:
        """Return the cells it takes on the screen."""
        return max(
            [
                cell_len(self.head),
                cell_len(self.above),
                *(cell_len(cell.plain) for cell in self.cells),
            ]
        )


def table(columns: Sequence[Column], width: int) -> list[Text]:
    """Return the head, of two lines where a column has one above, and the rows of what fits."""
    kept = fitting(columns, width)
    widths = _widths(kept, width)
    lines = [[Text(column.head, "dim") for column in kept]]
    if any(column.above for column in columns):
        lines.insert(0, [Text(column.above, "dim") for column in kept])
    lines += [[column.cells[at] for column in kept] for at in range(len(kept[0].cells))]
    return [_line(kept, widths, cells) for cells in lines]


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit, in their order; those that never leave are always there."""
    kept = list(columns)
    for column in sorted(columns, key=lambda column: -column.leaves):
        least = sum(min(c.width, c.least) if c.words else c.width for c in kept)
        if least + GAP * (len(kept) - 1) <= width or not column.leaves:
            break
        kept.remove(column)
    return kept


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    widths = [column.width for column in columns]
    over = sum(widths) + GAP * (len(columns) - 1) - width
    for at, column in enumerate(columns):
        if over > 0 and column.words:
            cut = min(over, max(widths[at] - column.least, 0))
            widths[at] -= cut
            over -= cut
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text]) -> Text:
    line = Text(no_wrap=True)
    for at, (column, width, cell) in enumerate(zip(columns, widths, cells, strict=True)):
        if at:
            line.append(" " * GAP)
        room = " " * max(width - cell_len(cell.plain), 0)
        if column.left or column.words:
            line.append_text(fit(cell, width))
            line.append(room)
        else:
            line.append(room)
            line.append_text(cell)
    line.rstrip()
    return line


def fit(text: Text, width: int) -> Text:
    """Return a text no wider than `width`, cut between words, so that no number is cut."""
    if cell_len(text.plain) <= width:
        return text
    cut = text.copy()
    cut.truncate(max(width - 1, 0))
    if text.plain[len(cut.plain) : len(cut.plain) + 1] != " " and " " in cut.plain.strip():
        cut.right_crop(len(cut.plain) - cut.plain.rstrip().rfind(" "))
    cut.rstrip()
    return Text.assemble(cut, "…", no_wrap=True)


def padded(text: Text, width: int) -> Text:
    """Return a text of just that width."""
    line = fit(text, width)
    return Text.assemble(line, " " * (width - cell_len(line.plain)))


def beside(left: Sequence[Text], right: Sequence[Text], width: int, gap: int = 3) -> list[Text]:
    """Return two blocks of lines side by side, the left one `width` wide."""
    empty = Text()
    lines = []
    for at in range(max(len(left), len(right))):
        first = left[at] if at < len(left) else empty
        second = right[at] if at < len(right) else empty
        lines.append(Text.assemble(padded(first, width), " " * gap, second, no_wrap=True))
    return lines


def heading(question: str, answer: str, width: int, rule: str) -> Text:
    """Return a panel's first line: the question, one answer beside it, a hairline to the end."""
    said = Text.assemble((question, "bold"), "  " if answer else "", (answer, "dim"))
    said = fit(said, width)
    left = width - cell_len(said.plain)
    if left > 1:
        said.append(" " + rule * (left - 1), "dim")
    return said


def number(value: float | None, decimals: int = 2, *, sign: bool = False, minus: str = "−") -> str:
    """Return a number with thousands apart and a real minus; a dash where nothing is known."""
    if value is None:
        return "–"
    text = f"{value:+,.{decimals}f}" if sign else f"{value:,.{decimals}f}"
    # What rounds to nothing has no sign.
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", minus)

"""Tables of `gnomon research lenses` as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import typer

from daemon.cli.common import number, print_table
from research.lenses.crashes import Crash
from research.lenses.protocol import Protocol
from research.lenses.rejections import Rejection
from research.lenses.study import DEVELOPMENT, AlarmRow, GateRow, Skill, Tables, Verdict
from research.lenses.worlds import NULLS

# What is printed of the parts held out, to keep the tables readable; --json has everything.
LATER_LENSES = ("composite", "rv60", "rv_z")


def rejections(rows: Sequence[Rejection], protocol: Protocol) -> None:
    """Print how often the ranks reject, each world's composite last."""
    if not rows:
        return
    cells = [
        (
            row.world,
            row.lens,
            row.windows,
            row.abstained,
            *(_share(v, 1) for v in (row.sign, row.garch, row.share)),
            f"{row.low:.1%} … {row.high:.1%}",
        )
        for row in rows
    ]
    names = ("world", "lens", "windows", "abstained", "signs", "GARCH", "both", "95 %")
    print_table("Windows whose rank rejects at 5 %, two-sided", names, cells, left=2)
    if rows[0].world not in NULLS:
        typer.echo("windows that do not overlap")
        return
    typer.echo(
        f"garch, heston and iid hold nothing: at most {protocol.false_rejection_max:.0%} of the "
        "composite is accepted; logistic is order; lorenz is order in sizes only"
    )


def tables(found: Tables) -> None:
    """Print what is known of later falls, the alarms, the gates and the verdicts of one data."""
    data = found.verdicts[0].data
    _skill(data, found.skill)
    _alarms(data, [r for r in found.alarms if r.part == DEVELOPMENT or r.lens in LATER_LENSES])
    _gates(data, [r for r in found.gates if r.part == DEVELOPMENT or r.lens in LATER_LENSES])
    _verdicts(data, found.verdicts)


def _skill(data: str, rows: Sequence[Skill]) -> None:
    cells = [
        (
            row.part,
            row.lens,
            row.points,
            *(number(v, 2, sign=True) for v in (row.rho_raw, row.rho)),
            *(_known(v, 3) for v in (row.auc_raw, row.auc)),
            number(row.partial, 3, sign=True),
            f"{row.low:+.3f} … {row.high:+.3f}",
            number(row.beyond, 3, sign=True),
            number(row.p, 3),
            _known(row.p_holm, 3),
        )
        for row in rows
    ]
    names = (
        "part", "lens", "points", "ρ raw", "ρ rank", "AUC raw", "AUC rank", "partial", "95 %",
        "beyond", "p", "Holm",
    )  # fmt: skip
    print_table(f"{data}: what is known of later falls", names, cells, left=2, spare=(3, 5))


def _alarms(data: str, rows: Sequence[AlarmRow]) -> None:
    cells = [
        (
            row.part,
            row.lens,
            _share(row.alarm.rate, 1),
            row.alarm.events,
            *(_share(v) for v in (row.alarm.precision, row.alarm.followed)),
            *(_share(v) for v in (row.alarm.recall, row.alarm.chance)),
            _known(row.alarm.lead, 0),
            number(row.alarm.p, 3),
            *(_share(v) for v in (row.twin.precision, row.twin.recall)),
        )
        for row in rows
    ]
    names = (
        "part", "lens", "alarms", "falls", "precision", "base", "recall", "at random", "lead", "p",
        "rv_z precision", "rv_z recall",
    )  # fmt: skip
    print_table(f"{data}: alarms", names, cells, left=2, spare=(8,))


def _gates(data: str, rows: Sequence[GateRow]) -> None:
    cells = [
        (
            row.part,
            row.lens,
            _share(use.gate.blocked, 1),
            *(number(worth.mean, 2, sign=True) for worth in (use.always, use.gate, use.volatility)),
            f"{use.random_mean[0]:+.2f} … {use.random_mean[2]:+.2f}",
            *(number(worth.drawdown, 2) for worth in (use.gate, use.volatility)),
            f"{use.random_drawdown[0]:.2f} … {use.random_drawdown[2]:.2f}",
            "yes" if use.beats else "no",
        )
        for row in rows
        for use in (row.utility,)
    ]
    names = (
        "part", "lens", "blocked", "always bp", "gate bp", "rv_z bp", "random 95 %", "drawdown ×",
        "rv_z ×", "random × 95 %", "beats",
    )  # fmt: skip
    print_table(f"{data}: gates", names, cells, left=2, spare=(3,))


def _verdicts(data: str, rows: Sequence[Verdict]) -> None:
    cells = [
        (
            row.lens,
            row.verdict,
            number(row.beyond, 3, sign=True),
            number(row.p_holm, 3),
            "yes" if row.beats_twins else "no",
            row.signs,
            "–" if isnan(row.later) else number(row.later, 3, sign=True),
        )
        for row in rows
    ]
    names = ("lens", "verdict", "beyond", "Holm", "beats twins", "periods of 4", "last quarter")
    print_table(f"{data}: verdict", names, cells, left=2)


def crashes(data: str, rows: Sequence[Crash]) -> None:
    """Print where each lens stood at its last reading before the deepest fall of each path."""
    lenses = list(rows[0].stood)
    cells = [
        (
            row.path,
            f"{row.depth:.1%}",
            row.bars_before,
            *("–" if at is None else f"{at:.0%}" for at in row.stood.values()),
        )
        for row in rows
    ]
    names = ("path", "fall", "bars before", *lenses)
    print_table(f"{data}: share of readings below the last one before the fall", names, cells)


def _share(value: float, digits: int = 0) -> str:
    return "–" if isnan(value) else f"{value:.{digits}%}"


def _known(value: float, digits: int) -> str:
    return "–" if isnan(value) else f"{value:.{digits}f}"

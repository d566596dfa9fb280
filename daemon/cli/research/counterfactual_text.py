"""Tables of `gnomon research counterfactual` as text for the terminal."""

from __future__ import annotations

import typer

from daemon.backtest.counterfactual import Counterfactual, Split, Worth
from daemon.cli.common import number, print_table
from shadow.store.rows import second_of

WORTH = (
    "limit", "mode", "value USD", "value R", "drawdown with", "without", "trades with", "without",
    "phantoms USD", "missing data USD",
)  # fmt: skip
PARTS = (
    "limit", "value USD", "it refused", "other cap", "cooldown", "drawdown", "busy slot", "size",
    "other", "still open",
)  # fmt: skip


def print_counterfactual(found: Counterfactual) -> None:
    """Print the desk, what each limit was worth to it, and where the values come from."""
    base = found.base
    in_r = "" if base.net_r is None else f" ({base.net_r:+.2f} R)"
    typer.echo(
        f"{second_of(found.from_ns)} to {second_of(found.to_ns)}; the desk: "
        f"{base.net_usd:+,.2f} USD{in_r}, drawdown {base.drawdown_usd:,.2f} USD, "
        f"trades closed: {base.trades:,}"
    )
    if found.changed:
        typer.echo("the limits were others before that: what came earlier on the tape is not here")
    if not found.equal:
        typer.echo(
            "the recorded desk forgot what a crash kept from its database; these desks did not"
        )
    if not found.traded:
        typer.echo("nothing was traded, with or without any limit, so there is nothing to compare")
        return
    print_table(
        "Desk with each limit less desk without it",
        WORTH,
        [_worth(name, worth) for name, worth in found.limits.items()],
        left=2,
        spare=(9, 4, 5),
    )
    for name, worth in found.limits.items():
        caps = ", ".join(
            f"{cap} {number(part.value_usd, 2, sign=True)}"
            for cap, part in worth.differences.other_cap.items()
        )
        if caps:
            typer.echo(f"other caps that refused, with or without {name}: {caps} USD")
    differing = {n: w for n, w in found.limits.items() if any(map(_differs, _parts(w)))}
    if differing:
        print_table(
            "Where the two desks differ, USD: trades by what kept one of them from it",
            PARTS,
            [_sources(name, worth) for name, worth in differing.items()],
            spare=(8,),
        )
    typer.echo("in brackets: trades that only the desk with the limit has | only the one without")
    typer.echo(
        "phantoms: what the limit alone refused (observing: would have refused), each as if it "
        "stood alone"
    )


def _worth(name: str, worth: Worth) -> tuple[object, ...]:
    return (
        name,
        worth.mode,
        number(worth.value_usd, 2, sign=True),
        number(worth.value_r, 2, sign=True),
        number(worth.drawdown_with_usd, 2),
        number(worth.drawdown_without_usd, 2),
        worth.trades_with,
        worth.trades_without,
        number(worth.phantoms_usd, 2, sign=True),
        number(worth.missing_data_usd, 2, sign=True),
    )


def _parts(worth: Worth) -> list[Split]:
    d = worth.differences
    caps = d.other_cap.values()
    other_cap = Split(
        sum(part.value_usd for part in caps),
        sum(part.open_usd for part in caps),
        sum(part.only_with for part in caps),
        sum(part.only_without for part in caps),
    )
    return [d.admitted, other_cap, d.cooldown, d.drawdown, d.busy_slot, d.size, d.other]


def _differs(part: Split) -> bool:
    return bool(part.value_usd or part.open_usd or part.only_with or part.only_without)


def _sources(name: str, worth: Worth) -> tuple[object, ...]:
    parts = _parts(worth)
    return (
        name,
        number(worth.value_usd, 2, sign=True),
        *(_amount(part) for part in parts),
        number(sum(part.open_usd for part in parts), 2, sign=True),
    )


def _amount(part: Split) -> str:
    """Return a part with how many trades the one and the other desk alone have."""
    if not _differs(part):
        return "–"
    amount = number(part.value_usd, 2, sign=True)
    if not part.only_with and not part.only_without:
        return amount
    return f"{amount} ({part.only_with}|{part.only_without})"

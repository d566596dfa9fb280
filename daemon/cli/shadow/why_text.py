"""A signal's record as text for the terminal: checks, sizing, vote, trades."""

from __future__ import annotations

import typer

from daemon.cli.common import number, print_table
from daemon.views.vote import VoteView
from daemon.views.why import CheckStory, SizingStory, TradeStory, Why
from shadow.store.rows import second_of


def print_why(found: Why) -> None:
    """Print a signal, its checks, and its trades or phantom."""
    s = found.signal
    typer.echo(
        f"{second_of(s.ts_ns)}  {s.bot} ({s.division}) wanted to {s.side} {s.coin} "
        f"at {s.mid:.10g} with conviction {s.conviction:.2f}"
    )
    typer.echo(f"because {s.reason}")
    if s.saw is not None:
        saw = ", ".join(f"{name} {value:g}" for name, value in s.saw.items())
        typer.echo(f"it saw {saw or 'nothing more'}")
    extras = [f"stop {s.stop_px:.10g}", f"horizon {s.horizon_ns / 60e9:g} min"]
    if s.target_px:
        extras.insert(1, f"target {s.target_px:.10g}")
    if s.trail:
        extras.append(f"trailing {s.trail:g}")
    typer.echo(
        f"size {s.requested_lots} lots ({s.notional_e6 / 1e6:,.2f} USD), " + ", ".join(extras)
    )
    if s.sizing:
        typer.echo(_sizing(s.sizing))
    for clamp in s.clamps:
        typer.echo(f"  {clamp.filter} cut {clamp.before_lots} lots to {clamp.after_lots}")
    if s.ages is not None:
        ages = ", ".join(f"{name} {age:.10g}" for name, age in s.ages.items())
        typer.echo(f"data ages in ms: {ages}")
    else:
        typer.echo("its details are not kept any more; of its checks, those that did not pass:")
    cut = {clamp.filter for clamp in s.clamps}
    rows = [
        (
            c.filter,
            c.mode,
            "trimmed" if c.filter in cut else c.outcome,
            in_unit(c.value, c.unit),
            _limit(c),
            c.reason,
        )
        for c in found.checks
    ]
    print_table("", ("filter", "mode", "outcome", "value", "limit", ""), rows, left=3, words=2)
    if s.vote:
        _print_vote(s.coin, s.vote)
    verdict = s.verdict if not s.failing else f"{s.verdict} by {s.failing}"
    typer.echo(f"verdict: {verdict}" + (" (only this limit)" if s.sole else ""))
    for trade in found.trades:
        typer.echo(_fate(trade))


def in_unit(value: float | None, unit: str) -> str:
    """Return a number with its unit, with as many digits as are read."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.2f} %"
    size = abs(value)
    text = f"{value:,.0f}" if size >= 1_000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def _limit(c: CheckStory) -> str:
    if c.threshold is None:
        return "–"
    # Of a filter that is gone nobody knows which side it refused.
    side = f"blocks {c.blocks} " if c.blocks else ""
    return side + in_unit(c.threshold, c.unit)


def _sizing(n: SizingStory) -> str:
    return (
        f"sized by {n.equity_usd:,.2f} USD × {n.vol_target:.2%} target ÷ "
        f"{n.daily_vol:.2%} daily volatility × weight {n.weight:.3f} (division "
        f"{n.division_weight:.3f} × bot {n.bot_weight:.3f}, within 0.3 and 2.5) × conviction "
        f"{n.conviction:.2f} = {n.notional_usd:,.2f} USD"
    )


def _print_vote(coin: str, vote: VoteView) -> None:
    typer.echo(
        f"the divisions' vote on {coin}: {vote.value:+.2f}, disagreement {vote.disagreement:.2f}"
    )
    for name, d in vote.divisions.items():
        typer.echo(
            f"  {name} {d.stance:+.2f}, weight {d.weight:.3f}, confidence {d.confidence:.2f}"
        )
        for bot, voice in d.bots.items():
            typer.echo(
                f"    {bot} {voice.side} {voice.conviction:.2f}, "
                f"{voice.age_s:.0f} s ago: {voice.reason}"
            )


def _so_far(t: TradeStory) -> str:
    so_far = t.so_far_e6
    if so_far is None:
        return ""
    r = so_far / t.risk_e6 if t.risk_e6 else None
    return f", so far {so_far / 1e6:+.4f} USD ({number(r, 2, sign=True)} R) before leaving"


def _fate(t: TradeStory) -> str:
    name = t.kind if t.cause in ("admit", "block", "stage") else f"{t.kind} of what was clamped"
    if t.exit_reason == "UNAVAILABLE":
        called_off = "cancelled" in t.flags.split(",")
        why = "called off before it was filled" if called_off else "no book in time"
        return f"{name}: {why}, so nothing is known of it"
    if t.status != "closed":
        entry = f"entered at {_px(t.entry_px)}" if t.entry_px else "waiting for its entry"
        return f"{name}: {t.status}, {entry}{_so_far(t)}"
    flags = f" [{t.flags}]" if t.flags else ""
    return (
        f"{name}: {_px(t.entry_px)} → {_px(t.exit_px)} by {t.exit_reason}, "
        f"gross {_usd(t.gross_e6)}{_lost(t)}, fees {_usd(t.fees_e6, sign=False)}, funding "
        f"{_usd(t.funding_e6)}, net {_usd(t.net_e6)} USD ({number(t.r, 2, sign=True)} R), "
        f"worst {number(t.mae_bps, 1)}, best {number(t.mfe_bps, 1)} bps{flags}"
    )


def _lost(t: TradeStory) -> str:
    """Return what of the gross lies between the decisions' mids and the fills, where known."""
    entry, left = (t.entry_delay_e6, t.entry_impact_e6), (t.exit_delay_e6, t.exit_impact_e6)
    delays, impacts = zip(entry, left, strict=True)
    if None in delays:
        return ""
    waited, paid = (-sum(cost or 0 for cost in both) for both in (delays, impacts))
    return f" (waiting cost {_usd(waited)}, spread and impact {_usd(paid)})"


def _px(px: float | None) -> str:
    return "–" if px is None else f"{px:.10g}"


def _usd(e6: int | None, *, sign: bool = True) -> str:
    return number(None if e6 is None else e6 / 1e6, 4, sign=sign)

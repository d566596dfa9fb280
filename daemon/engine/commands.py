"""Commands to a running engine, from the operator or from the daemon itself."""

from __future__ import annotations

from typing import assert_never

from daemon.engine.branch import Branch
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from market.decision import TradeKind
from market.events import Command, Verb


def obey(command: Command, market: MarketHalf, branch: Branch, out: Outbox) -> str:
    """Carry out a command and return the answer in words."""
    match command.verb:
        case Verb.HALT:
            return _halt(branch, command, out)
        case Verb.RESUME:
            return _resume(branch, command.source, out)
        case Verb.FLATTEN:
            return _flatten(branch, command.source, out)
        case Verb.TRIAL:
            return _trial(market, branch, command.argument, out)
        case Verb.REARM:
            return _rearm(market, command.argument, out)
        case _:
            assert_never(command.verb)


def _halt(branch: Branch, command: Command, out: Outbox) -> str:
    reason = command.argument or "asked to"
    branch.desk.halts[command.source] = reason
    out.touch("desk")
    out.alarm("halt", f"{command.source}: {reason}")
    return "entries halted; exits go on; `gnomon resume` opens again"


def _flatten(branch: Branch, source: str, out: Outbox) -> str:
    branch.desk.halts[source] = "flatten"
    out.touch("desk")
    changes = branch.flatten()
    ours = [change.what for change in changes if change.trade.kind == TradeKind.PAPER]
    told = _count(ours.count("exiting"), "trade", "told to exit")
    called_off = _count(ours.count("closed"), "entry", "called off")
    reply = f"entries halted; {told}, {called_off}; `gnomon resume` opens again"
    out.alarm("flatten", f"{source}: {reply}")
    return reply


def _count(count: int, one: str, what: str) -> str:
    many = "entries" if one == "entry" else f"{one}s"
    return f"{count} {one if count == 1 else many} {what}"


def _resume(branch: Branch, source: str, out: Outbox) -> str:
    desk = branch.desk
    held = desk.halts.pop(source, None) is not None
    if desk.latched and source == "operator":
        # The limits measure from here on; else the same loss would latch again at once.
        desk.latched = ""
        desk.day_start_e6 = desk.peak_e6 = desk.equity_e6
        held = True
    out.touch("desk")
    holders = [f"{who}: {why}" for who, why in desk.halts.items()]
    still = "; ".join([*holders, desk.latched] if desk.latched else holders)
    state = f"still halted by {still}" if still else "entries are open"
    reply = state if held else f"nothing to resume; {state}"
    out.alarm("resume", f"{source}: {reply}")
    return reply


def _trial(market: MarketHalf, branch: Branch, argument: str, out: Outbox) -> str:
    if not branch.books.shadow:
        return "refused: a trial runs in the shadow, which is switched off"
    reply = market.bench.obey(argument, branch.books.identity.config_hash)
    if not reply.startswith("refused"):
        branch.drop_arms({arm.name for arm in market.bench.arms})
        market.resubscribe()
        out.alarm("trial", reply)
    return reply


def _rearm(market: MarketHalf, bot: str, out: Outbox) -> str:
    if bot not in market.lanes:
        return f"no bot {bot!r}; there are {', '.join(market.lanes)}"
    fault = market.rearm(bot)
    reply = f"{bot} re-armed" + (f" after {fault}" if fault else ", it was healthy")
    out.alarm("rearm", reply)
    return reply

"""Commands to a running engine, from the operator or from the daemon itself."""

from __future__ import annotations

from typing import assert_never

from daemon.engine.branch import Branch
from daemon.engine.desks import OPERATOR, Desks
from daemon.engine.market_half import MarketHalf
from daemon.engine.outcome import Outbox
from market.decision import TradeKind
from market.desk import Desk, scope_flags, scope_of, scope_text
from market.events import Command, Verb


def obey(command: Command, market: MarketHalf, desks: Desks, out: Outbox) -> str:
    """Carry out a command and return the answer in words."""
    match command.verb:
        case Verb.HALT:
            return _absent(market, command) or _halt(desks, command, out)
        case Verb.RESUME:
            if command.argument:
                return _reopen(market, command, out)
            if command.bot or command.coin:
                return _absent(market, command) or _resume_scope(desks, command, out)
            return _resume(desks, command.source, out)
        case Verb.FLATTEN:
            return _absent(market, command) or _flatten(desks, command, out)
        case Verb.WIND_DOWN:
            return _wind_down(market, desks, command, out)
        case Verb.TRIAL:
            return _trial(market, desks.main, command.argument, out)
        case Verb.REARM:
            return _rearm(market, command.argument, out)
        case _:
            assert_never(command.verb)


def _absent(market: MarketHalf, command: Command) -> str:
    """Return what is wrong with a bot or coin that is named and not here, or ""."""
    if command.bot and command.bot not in market.lanes:
        return f"no bot {command.bot!r}; there are {', '.join(market.lanes)}"
    if command.coin and command.coin not in market.coins:
        there = ", ".join(market.coins)
        return f"no coin {command.coin!r} is traded here; there are {there}"
    return ""


def _close(desks: Desks, command: Command, reason: str, out: Outbox) -> tuple[str, str]:
    """Halt all entries or those named; return of whom in words, and the command that opens them."""
    desk = desks.main.desk
    scope = scope_of(command.bot, command.coin)
    if scope == scope_of("", ""):
        desk.halts[command.source] = reason
        whose, opener = "", "`gnomon resume`"
    else:
        desk.scopes[scope] = f"{command.source}: {reason}"
        whose, opener = f" of {scope_text(scope)}", f"`gnomon resume {scope_flags(scope)}`"
    desks.halted()
    out.touch("desk")
    return whose, opener


def _halt(desks: Desks, command: Command, out: Outbox) -> str:
    reason = command.argument or "asked to"
    whose, opener = _close(desks, command, reason, out)
    out.alarm("halt", f"{command.source}: {reason}" + (f" (entries{whose})" if whose else ""))
    return f"entries{whose} halted; exits go on; {opener} opens again"


def _flatten(desks: Desks, command: Command, out: Outbox) -> str:
    whose, opener = _close(desks, command, "flatten", out)
    changes = desks.flatten(command.bot, command.coin)
    ours = [change.what for change in changes if change.trade.kind == TradeKind.PAPER]
    told = _count(ours.count("exiting"), "trade", "told to exit")
    called_off = _count(ours.count("closed"), "entry", "called off")
    reply = f"entries{whose} halted; {told}, {called_off}; {opener} opens again"
    out.alarm("flatten", f"{command.source}: {reply}")
    return reply


def _wind_down(market: MarketHalf, desks: Desks, command: Command, out: Outbox) -> str:
    name, _, why = command.argument.partition(" ")
    coin = market.coins.get(name)
    if coin is None:
        return f"no coin {name!r} is traded here; there are {', '.join(market.coins)}"
    market.close(coin, command.source, why or "asked to")
    changes = desks.wind_down(coin)
    ended = [change.trade for change in changes if change.what == "closed"]
    ours = [trade for trade in ended if trade.kind == TradeKind.PAPER]
    bought = [trade for trade in ours if trade.filled_lots]
    sold = _count(len(bought), "trade", "closed at the last mark")
    called_off = _count(len(ours) - len(bought), "entry", "called off")
    shadows = _count(len(ended) - len(ours), "shadow trade", "ended")
    reply = f"{name} is wound down: {sold}, {called_off}, {shadows}"
    out.alarm("wind_down", f"{coin.why_closed}: {reply}")
    return reply


def _reopen(market: MarketHalf, command: Command, out: Outbox) -> str:
    """Let the next start trade a coin again: until then nobody listens to it."""
    coin = market.coins.get(command.argument)
    if coin is None or command.source not in coin.closed:
        return f"{command.argument} was not wound down by the {command.source}"
    del coin.closed[command.source]
    coin.closed.setdefault("restart", "it is traded again from the next start on")
    out.touch("closed")
    reply = f"{coin.name} is traded again from the next start on"
    out.alarm("resume", f"{command.source}: {reply}")
    return reply


def _count(count: int, one: str, what: str) -> str:
    many = "entries" if one == "entry" else f"{one}s"
    return f"{count} {one if count == 1 else many} {what}"


def _resume(desks: Desks, source: str, out: Outbox) -> str:
    desk = desks.main.desk
    held = desk.halts.pop(source, None) is not None
    desks.halted()
    if source == OPERATOR:
        held = held or bool(desk.latched)
        desks.release()
    out.touch("desk")
    state = _state(desk)
    reply = state if held else f"nothing to resume; {state}"
    out.alarm("resume", f"{source}: {reply}")
    return reply


def _resume_scope(desks: Desks, command: Command, out: Outbox) -> str:
    """Open what was halted under just this name; wider and narrower halts stand."""
    scope, desk = scope_of(command.bot, command.coin), desks.main.desk
    held = desk.scopes.pop(scope, None) is not None
    desks.halted()
    out.touch("desk")
    done = f"the halt of {scope_text(scope)} is lifted"
    reply = f"{done if held else f'{scope_text(scope)} was not halted'}; {_state(desk)}"
    out.alarm("resume", f"{command.source}: {reply}")
    return reply


def _state(desk: Desk) -> str:
    """Return who halts entries still, of the desk and of bots and coins."""
    holders = [f"{who}: {why}" for who, why in desk.halts.items()]
    still = "; ".join([*holders, desk.latched] if desk.latched else holders)
    state = f"still halted by {still}" if still else "entries are open"
    apart = [f"{scope_text(scope)} ({who})" for scope, who in desk.scopes.items()]
    return f"{state}, but not of {', '.join(apart)}" if apart else state


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

"""What the operator, or the daemon on their behalf, may tell a running engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.engine.outcome import Outbox
from market.decision import TradeKind
from market.events import Command

if TYPE_CHECKING:
    from daemon.engine.engine import Engine


def obey(engine: Engine, command: Command, out: Outbox) -> str:
    """Carry out a command and return the answer in words."""
    if command.verb == "halt":
        return _halt(engine, command, out)
    if command.verb == "resume":
        return _resume(engine, command.source, out)
    if command.verb == "flatten":
        return _flatten(engine, command.source, out)
    if command.verb == "trial":
        return _trial(engine, command.argument, out)
    return _rearm(engine, command.argument, out)


def _halt(engine: Engine, command: Command, out: Outbox) -> str:
    reason = command.argument or "asked to"
    engine.desk.halts[command.source] = reason
    out.touch("desk")
    out.alarm("halt", f"{command.source}: {reason}")
    return "entries halted; exits go on; `gnomon resume` opens again"


def _flatten(engine: Engine, source: str, out: Outbox) -> str:
    engine.desk.halts[source] = "flatten"
    out.touch("desk")
    changes = engine.ledger.flatten(out.now_ns)
    engine.settlement.apply(changes)
    ours = [change.what for change in changes if change.trade.kind == TradeKind.PAPER]
    told = _count(ours.count("exiting"), "trade", "told to exit")
    called_off = _count(ours.count("closed"), "entry", "called off")
    reply = f"entries halted; {told}, {called_off}; `gnomon resume` opens again"
    out.alarm("flatten", f"{source}: {reply}")
    return reply


def _count(count: int, one: str, what: str) -> str:
    many = "entries" if one == "entry" else f"{one}s"
    return f"{count} {one if count == 1 else many} {what}"


def _resume(engine: Engine, source: str, out: Outbox) -> str:
    desk = engine.desk
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


def _trial(engine: Engine, argument: str, out: Outbox) -> str:
    if not engine.shadow:
        return "refused: a trial runs in the shadow, which is switched off"
    reply = engine.bench.obey(argument, engine.identity.config_hash)
    if not reply.startswith("refused"):
        engine.drop_keys()
        engine.resubscribe()
        out.alarm("trial", reply)
    return reply


def _rearm(engine: Engine, bot: str, out: Outbox) -> str:
    lane = engine.lanes.get(bot)
    if lane is None:
        return f"no bot {bot!r}; there are {', '.join(engine.lanes)}"
    fault = lane.fault
    lane.rearm()
    engine.resubscribe()
    out.touch(f"lane/{bot}")
    reply = f"{bot} re-armed" + (f" after {fault}" if fault else ", it was healthy")
    out.alarm("rearm", reply)
    return reply

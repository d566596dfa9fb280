"""A daemon without sockets, fed from a made market as its feed would."""

from __future__ import annotations

from daemon.live.daemon import Daemon
from market.events import Timer
from tests.daemon import rig
from venue.tape.lines import Record, decode_fact


def made_market() -> list[Record]:
    """Return some minutes of a busy market: an outage, a midnight, commands."""
    return [r for r in rig.records_of(rig.eventful().run.lines) if r.kind in "FfTRCXL"]


def feed(daemon: Daemon, record: Record) -> None:
    """Let a daemon take what was recorded as if it came now; it stands on its own tape too.

    What the daemon itself has to say meanwhile is of that time, too.
    """
    daemon.clock.now_ns = lambda: record.ns  # type: ignore[method-assign]
    if record.kind in "Ff":
        daemon.intake.frames([record.payload], record.ns)
    elif record.kind == "T":
        daemon.intake.fact(Timer(record.ns))
    else:
        event = decode_fact(record.payload, record.ns)
        daemon.intake.fact(event)  # type: ignore[arg-type]

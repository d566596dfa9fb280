"""Checks of what earlier runs left: databases, what they were born with, tapes, sockets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress

from daemon.doctor.finding import FAIL, OK, WARN, Case, Finding
from daemon.instance import control
from daemon.instance.birth import unheeded_at
from daemon.instance.paths import StateDir
from daemon.views.soundness import unsound
from market.errors import GnomonError, VenueUnreachable
from shadow.report.instruments import dead_instruments
from shadow.store.store import open_readonly
from venue.tape.lines import SUFFIX
from venue.tape.segment import Segment

ASK_S = 5.0


def databases(case: Case) -> Iterator[Finding]:
    """Check every database as `gnomon db check` does."""
    if not case.places:
        yield Finding("database", OK, f"none under {case.root} yet")
    for place in case.places:
        try:
            with closing(open_readonly(place.database)) as db:
                broken = unsound(db)
        except (GnomonError, sqlite3.DatabaseError) as error:
            remedy = "restore a backup, or move it aside to start afresh"
            yield Finding("database", FAIL, str(error), remedy)
            continue
        if broken:
            more = f" (and {len(broken) - 1} more)" * (len(broken) > 1)
            text = f"{place.folder}: {broken[0]}{more}"
            yield Finding("database", FAIL, text, "`gnomon db check` lists all; restore a backup")
        else:
            yield Finding("database", OK, f"{place.folder}: sound")


def births(case: Case) -> Iterator[Finding]:
    """Name the keys that say something else than what a database was born with."""
    for place in case.places:
        with suppress(GnomonError), closing(open_readonly(place.database)) as db:
            for line in unheeded_at(case.config, db):
                yield Finding("birth", WARN, f"{place.folder}: {line}", "or begin another --state")


def instruments(case: Case) -> Iterator[Finding]:
    """Name the instruments of the report that measure nothing any more."""
    for place in case.places:
        try:
            with closing(open_readonly(place.database)) as db:
                found = dead_instruments(db)
        except (GnomonError, sqlite3.DatabaseError):
            # What is wrong with the file was said of it.
            continue
        for one in found:
            yield Finding("figures", WARN, f"{place.folder}: {one.words}", one.remedy)
        if not found:
            yield Finding("figures", OK, f"{place.folder}: no instrument of the report seems dead")


def tapes(case: Case) -> Iterator[Finding]:
    """Read the newest segment of every tape from end to end."""
    for place in case.places:
        try:
            found = sorted(p for p in place.tape.iterdir() if p.name.endswith(SUFFIX))
        except OSError:
            found = []
        if not found:
            yield Finding("tape", OK, f"{place.folder}: none")
            continue
        segment = Segment(found[-1])
        try:
            segment.header()
            records = sum(1 for _ in segment.records())
        except (GnomonError, OSError) as error:
            remedy = "move the segment aside; `gnomon tape verify` checks the others"
            yield Finding("tape", FAIL, str(error), remedy)
            continue
        text = f"{place.folder}: {len(found)} segments, the newest sound, {records} records"
        if segment.torn and _silence(place):
            remedy = "nothing to do: the next start mends it"
            yield Finding("tape", WARN, f"{text}, its end torn by a crash", remedy)
        else:
            yield Finding("tape", OK, text)


def _silence(place: StateDir) -> str:
    """Return why no daemon answers there, "" when one does."""
    try:
        control.ask(place.socket, control.Request("status"), object, timeout_s=ASK_S)
    except VenueUnreachable as error:
        return str(error)
    return ""


def sockets(case: Case) -> Finding:
    """See which daemons answer."""
    for place in case.places:
        if not place.socket.exists():
            continue
        if silence := _silence(place):
            remedy = "start the daemon, or ask as its user (sudo -u gnomon)"
            return Finding("socket", WARN, silence, remedy)
        return Finding("socket", OK, f"{place.folder}: a daemon answers")
    return Finding("socket", OK, "no daemon is running")

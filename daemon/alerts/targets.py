"""Targets of messages: addresses as apprise knows them, and the local sendmail.

An address holds a secret. It is read from a file that nobody else can read, is never part of a
message, a log line or an error, and a target is named by its place in the file and its kind alone.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol

from daemon.alerts.plan import Delivery
from market.errors import ExtraMissing, OperatorError

SENDMAIL = "sendmail://"
WITHIN_S = 20.0
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*(?=://)", re.I)


class Target(Protocol):
    """Where messages go."""

    name: str

    def send(self, delivery: Delivery) -> str:
        """Deliver; return "" once it was taken, else why not, without the address."""


def read_targets(path: Path, *, credential: bool = False) -> list[Target]:
    """Return the targets of a file, one address a line; raises OperatorError.

    A `credential` of systemd's may show bits of a group: where one user is let in by an access
    list, they are its mask (https://github.com/systemd/systemd/issues/29435). Its folder is closed
    to all others.
    """
    others = 0o007 if credential else 0o077
    try:
        if path.stat().st_mode & others:
            raise OperatorError(
                f"{path}: others can read it, and it holds secrets; chmod 600 {path}"
            )
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"{path}: the targets cannot be read ({getattr(error, 'strerror', 'no text')}); "
            "docs/alerts.md says what stands in it"
        ) from None
    found = []
    for number, line in enumerate(lines, 1):
        address = line.strip()
        if address and not address.startswith("#"):
            found.append(_target(path, number, address))
    if not found:
        raise OperatorError(f"{path}: no target in it; one address a line, docs/alerts.md has some")
    return found


def _target(path: Path, number: int, address: str) -> Target:
    scheme = SCHEME.match(address)
    if scheme is None:
        raise OperatorError(f"{path}: line {number} is no address (scheme://…)")
    name = f"{number}: {scheme[0].lower()}"
    if address.startswith(SENDMAIL):
        return Sendmail(name, address.removeprefix(SENDMAIL).strip("/"))
    try:
        import apprise
    except ImportError:
        raise ExtraMissing(
            "this target", "apprise", "alerts", instead="sendmail://you@example.org needs nothing"
        ) from None
    # Their log lines name addresses, and so do those of what carries them.
    for source in ("apprise", "urllib3", "requests"):
        logging.getLogger(source).setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise OperatorError(f"{path}: line {number}: apprise knows no such {scheme[0]} address")
    return ByApprise(name, service)


class ByApprise:
    """Any of apprise's services."""

    def __init__(self, name: str, service: Any) -> None:
        self.name = name
        self._service = service

    def send(self, delivery: Delivery) -> str:
        """Deliver; the page is attached where the service takes files."""
        from apprise import AppriseAttachment, NotifyType

        kind = NotifyType.WARNING if delivery.urgent else NotifyType.INFO
        with tempfile.TemporaryDirectory(prefix="gnomon-") as folder:
            paths = _written(delivery.pages, Path(folder))
            attach = AppriseAttachment([str(path) for path in paths]) if paths else None
            try:
                taken = self._service.notify(
                    title=delivery.title, body=delivery.body, notify_type=kind, attach=attach
                )
            except Exception as error:
                # Its words may hold the address.
                return f"{type(error).__name__}"
        return "" if taken else "not taken"


class Sendmail:
    """The machine's own mail, through the program that every mail system brings."""

    def __init__(self, name: str, to: str) -> None:
        self.name = name
        self._to = to

    def send(self, delivery: Delivery) -> str:
        """Deliver with the page attached."""
        mail = EmailMessage()
        mail["To"], mail["Subject"] = self._to, delivery.title
        mail["X-Gnomon-Messages"] = ",".join(map(str, delivery.messages))
        mail.set_content(delivery.body)
        for at, page in enumerate(delivery.pages):
            mail.add_attachment(page, subtype="html", filename=f"week{at or ''}.html")
        path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib"))
        try:
            done = subprocess.run(
                ["sendmail", "-t", "-oi"],  # noqa: S607 - whichever the machine has
                input=mail.as_bytes(),
                capture_output=True,
                timeout=WITHIN_S,
                check=False,
                env={**os.environ, "PATH": path},
            )
        except FileNotFoundError:
            return "there is no sendmail on this machine"
        except subprocess.TimeoutExpired:
            return f"sendmail took longer than {WITHIN_S:g} s"
        return "" if done.returncode == 0 else f"sendmail ended with {done.returncode}"


def _written(pages: Sequence[str], folder: Path) -> list[Path]:
    paths = []
    for at, page in enumerate(pages):
        path = folder / f"week{at or ''}.html"
        path.write_text(page)
        paths.append(path)
    return paths

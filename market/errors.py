"""Errors, classed by who must act, each with the exit code a process ends with.

```
GnomonError
  ProtocolViolation    nobody: the frame is dropped, counted and a sample kept
  VenueUnreachable 69  the supervisor retries; a one-shot command gives up
  InputDamaged     65  the file is not what it claims to be
  OperatorError    78  configuration, permissions, a wrong database: mend it, then start again
  AnotherInstance  75  the state folder is held by a running daemon
  InvariantBroken  70  our bug; the tape reproduces it
```
A blocked signal, a partial fill or a skipped book is not an error: those are values.
"""

from __future__ import annotations


class GnomonError(Exception):
    """Any failure this project names; `exit_code` follows sysexits.h, `exit_means` tells a user."""

    exit_code = 70
    exit_means = ""


class ProtocolViolation(GnomonError):
    """A frame that is not what the venue's documentation promises; `kind` is what is counted."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class VenueUnreachable(GnomonError):
    """No usable answer from the venue."""

    exit_code = 69
    exit_means = "venue or daemon unreachable (commands that ask once)"


class InputDamaged(GnomonError):
    """A tape, recording or series is torn, corrupt or of another format."""

    exit_code = 65
    exit_means = (
        "an input file is damaged or not what it claims to be (tape, recording, series, database "
        "file); what is sound of a tape is still told"
    )


class OperatorError(GnomonError):
    """An error only the operator can mend: configuration, permissions, versions, ports."""

    exit_code = 78
    exit_means = (
        "configuration, permissions, a wrong database or a port in use: the operator must act; "
        "systemd does not restart"
    )


class ExtraMissing(OperatorError):
    """A library that only an extra brings is not installed; `instead` says what would do without.

    The text names the extra and the command that installs it, in a checkout and on a server.
    """

    def __init__(self, what: str, library: str, extra: str, *, instead: str = "") -> None:
        super().__init__(
            f"{what} needs {library}, of the extra {extra}: make setup in a checkout, "
            f"deploy/install.sh --extra {extra} on a server" + (f"; {instead}" if instead else "")
        )


class AnotherInstance(GnomonError):
    """A state folder that another process holds."""

    exit_code = 75
    exit_means = "another instance holds the state folder"


class InvariantBroken(GnomonError):
    """A broken invariant: something that must always hold did not."""

    exit_code = 70
    exit_means = "a bug of ours, an invariant broken, a digest that differs"


def require(condition: bool, message: str) -> None:
    """Raise InvariantBroken unless `condition` holds; unlike assert it survives `python -O`."""
    if not condition:
        raise InvariantBroken(message)

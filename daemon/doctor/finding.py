"""What a check of an installation found, and what it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.config.sections import Config
from daemon.instance.paths import StateDir

OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Finding:
    """One check: its subject, whether it is in order, what was seen, and how to mend it."""

    check: str
    level: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Case:
    """Subject of the checks: a configuration, a state folder, and the mode that would run there."""

    config: Config
    root: Path
    folder: str
    places: tuple[StateDir, ...]

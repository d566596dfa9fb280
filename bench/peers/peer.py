"""Peers: which version runs on which Python, in an environment of its own made from a lock."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers.run import ROOT
from tests.support.environment import environment

PACKAGE = "nautilus_trader"
# The newest Python that both versions of the peer have wheels for.
LATER = (3, 13)


@dataclass(frozen=True)
class Peer:
    """One version on one Python. `side` is its replay's module, `side`_live the live one's.

    `goals` says whether our figures beside it are held against the goals: beside a version that
    is there twice they are once, on the Python that we run on.
    """

    name: str
    python: Path
    side: str
    goals: bool = True


@dataclass(frozen=True)
class Wanted:
    """What a peer is made of: its lock, the folder of its environment, and its side."""

    lock: Path
    folder: Path
    side: str
    later: bool = False
    goals: bool = True

    def pinned(self) -> str:
        """Return the version that the lock pins."""
        found = re.search(r"^nautilus-trader==(\S+)", self.lock.read_text(), re.M)
        assert found is not None
        return found[1]

    def name(self, version: tuple[int, int]) -> str:
        """Return the peer's name with its version and Python's."""
        return f"nautilus {self.pinned()} on Python {version[0]}.{version[1]}"


FIRST = ROOT / "requirements-peers.lock"
SECOND = ROOT / "requirements-peers-2.lock"
WANTED = (
    Wanted(FIRST, ROOT / ".venv-peers", "bench.peers.nautilus"),
    Wanted(FIRST, ROOT / ".venv-peers-later", "bench.peers.nautilus", later=True, goals=False),
    Wanted(SECOND, ROOT / ".venv-peers-2", "bench.peers.nautilus_2", later=True),
)


def later_python(given: str) -> Path | None:
    """Return the interpreter of the later Python that was given, None when it is none."""
    path = shutil.which(given)
    if path is None:
        return None
    code = f"import sys; sys.exit(sys.version_info[:2] != {LATER})"
    answer = subprocess.run([path, "-c", code], check=False, capture_output=True)
    return None if answer.returncode else Path(path)


def peers(given: str, say: Callable[[str], None]) -> tuple[list[Peer], list[str]]:
    """Return the peers that can be had, and the names of those that cannot.

    `given` is the command of the later Python; `say` is told why a peer is absent.
    """
    found: list[Peer] = []
    absent: list[str] = []
    own, later = Path(sys.executable), later_python(given)
    for wanted in WANTED:
        python = later if wanted.later else own
        name = wanted.name(LATER if wanted.later else sys.version_info[:2])
        if python is None:
            say(f"SKIPPED, {name}: {given} is no Python {LATER[0]}.{LATER[1]}")
        else:
            python = environment(wanted.lock, wanted.folder, PACKAGE, say, base=python)
        if python is None:
            absent.append(name)
        else:
            found.append(Peer(name, python, wanted.side, wanted.goals))
    return found, absent

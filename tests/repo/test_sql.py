"""SQL that every Python reads alike."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")


def test_no_placeholder_is_numbered() -> None:
    """From Python 3.12 on `?1` is a name and wants a dictionary."""
    found = [
        f"{path.relative_to(ROOT)}: {match}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for match in re.findall(r"\?[0-9]+\b", path.read_text())
    ]
    assert not found, found

"""Versions of the package, and of the code that decides."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

VERSION = "0.1.0"


PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "daemon")


def code_version() -> str:
    """Return the version with a digest of the sources that decide what an event leads to."""
    root = Path(__file__).resolve().parent.parent
    total = blake2b(digest_size=4)
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "local" not in path.parts[len(root.parts) :]:
                total.update(path.read_bytes())
    return f"{VERSION}+{total.hexdigest()}"

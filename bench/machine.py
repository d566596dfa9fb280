"""Machine and versions of a measurement."""

from __future__ import annotations

import os
import platform
import sqlite3
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from daemon.version import code_version

PACKAGES = ("msgspec", "numpy", "numba", "websockets", "uvloop", "zstandard", "pydantic")


def machine() -> str:
    """Return the processor, its cores, the system and the interpreter in one line."""
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()} "
        f"({'with' if optimised else 'without'} PGO)"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def load() -> str:
    """Return the load averages of the last 1, 5 and 15 minutes."""
    return " ".join(f"{x:.2f}" for x in os.getloadavg())


def versions() -> str:
    """Return the versions of what does the work."""
    found = [f"gnomon {code_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} absent")
    return ", ".join([*found, f"SQLite {sqlite3.sqlite_version}"])

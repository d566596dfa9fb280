"""Discovery of commands: a family of commands is a file, or a folder, that registers them."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def families(package: str) -> list[ModuleType]:
    """Return the modules of a package with `register(app)` and `RANK`, in the order of help.

    Files of words alone (`*_text.py`) hold no commands and are imported by those that print.
    """
    folder = importlib.import_module(package).__path__
    names = [info.name for info in pkgutil.iter_modules(folder)]
    found = [
        importlib.import_module(f"{package}.{name}") for name in names if not name.endswith("_text")
    ]
    return sorted((m for m in found if hasattr(m, "register")), key=lambda m: m.RANK)

"""Discovery of commands: a family of commands is a file, or a folder, that registers them."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from market.errors import require

# What commands have in common.
SHARED = ("cells", "common", "export", "families", "progress")


def families(package: str) -> list[ModuleType]:
    """Return the modules of a package with `register(app)` and `RANK`, in the order of help.

    Files of words (`*_text.py`) and those in `SHARED` hold no commands; every other file must
    have both, else its commands would be missing without a word. Raises InvariantBroken.
    """
    folder = importlib.import_module(package).__path__
    names = [info.name for info in pkgutil.iter_modules(folder)]
    found = [
        importlib.import_module(f"{package}.{name}")
        for name in names
        if name not in SHARED and not name.endswith("_text")
    ]
    for module in found:
        whole = hasattr(module, "register") and hasattr(module, "RANK")
        require(whole, f"{module.__name__} needs register(app) and RANK to be a file of commands")
    return sorted(found, key=lambda module: module.RANK)

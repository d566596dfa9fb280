"""Environments for programs too large for the project's own, made from locks with hashes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

INSTALL_S = 1_200.0


def environment(
    lock: Path,
    folder: Path,
    what: str,
    say: Callable[[str], None],
    *,
    base: Path = Path(sys.executable),
) -> Path | None:
    """Return the interpreter of an environment that holds the lock, None when it cannot be had.

    `base` is the interpreter that the environment is made with.
    """
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    say(f"installing {lock.name} in {folder.name}, which takes a minute or two")
    shutil.rmtree(folder, ignore_errors=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([str(base), "-m", "venv", str(folder)], check=True)
        subprocess.run(
            [*pip, "--require-hashes", "-r", str(lock)],
            check=True,
            timeout=INSTALL_S,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        say(f"SKIPPED, {what} cannot be installed here: {why[-1] if why else error}")
        return None
    stamp.write_text(wanted)
    return python

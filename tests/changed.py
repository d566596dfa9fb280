"""The tests of what changed since the last commit: `make quick` runs them.

A source leads to its mirror (`market/book.py` to `tests/market/test_book.py`); a source without
one, and whatever several tests share, to the tests that name it. Pages, the Makefile and lists of
dependencies lead to tests/repo. Nothing else is run: `make check` is the whole.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALWAYS = "tests/repo/test_tidy.py"
PAGES = ("tests/repo/test_docs.py", "tests/repo/test_packaging.py")
# More than these two files in processes of their own are not worth their start.
ALONE = 2


def changed() -> list[str]:
    """Return the files that differ from the last commit or are new, from the root, sorted."""
    found: set[str] = set()
    for words in ("diff --name-only HEAD", "ls-files --others --exclude-standard"):
        told = subprocess.run(
            ["git", *words.split()], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.update(told.stdout.splitlines())
    return sorted(found)


def naming(path: str) -> list[str]:
    """Return the test files that name a module by its dotted name, or another file by its own."""
    at = Path(path)
    parts = at.with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    package, name = re.escape(".".join(parts[:-1])), re.escape(parts[-1])
    dotted = rf"\b{package}\.{name}\b|from {package} import [^\n]*\b{name}\b"
    pattern = re.compile(dotted if at.suffix == ".py" else re.escape(at.name))
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(f.relative_to(ROOT)) for f in files if pattern.search(f.read_text())]


def tests_of(path: str) -> list[str]:
    """Return the test files that answer for one changed file."""
    at = Path(path)
    if at.suffix != ".py":
        return [*PAGES, *naming(path)]
    if at.parts[0] == "tests":
        if at.name.startswith("test_"):
            return [path] if (ROOT / path).exists() else []
        if at.name == "conftest.py":
            return [] if len(at.parts) == 2 else [str(at.parent)]
        return naming(path)
    mirror = Path("tests") / at.parent / f"test_{at.name}"
    return [str(mirror)] if (ROOT / mirror).exists() else naming(path)


def chosen(paths: Iterable[str]) -> list[str]:
    """Return the test files to run, each once: what changed first, then the tidy rules."""
    return list(dict.fromkeys([*(test for path in paths for test in tests_of(path)), ALWAYS]))


def main() -> int:
    """Say what is run and why, run it, and return pytest's exit code."""
    paths = changed()
    tests = chosen(paths)
    print(f"{len(paths)} changed files lead to {len(tests)} test files:")
    print("".join(f"  {test}\n" for test in tests), end="", flush=True)
    workers = ["-n", "2"] if len(tests) > ALONE else ["-n", "0"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", *workers, "--dist", "loadgroup"]
    command += ["-m", "not long", *sys.argv[1:], *tests]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

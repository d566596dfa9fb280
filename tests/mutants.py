"""Planted bugs, each alone in a copy of the tree: which of them do the tests let live?

`make mutants` runs all, `make mutants ARGS=gate` those whose file or text holds the word. First the
tests must pass without a bug; then a bug is dead when they fail, and alive when they pass. The list
is tests/mutants.toml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_suffix(".toml")
KILLED_SHARE_MIN = 0.98
PROCESSES = 2
SUITE_S_MAX = 1_800.0
# A bug is to be seen, not a busy machine: only what hangs runs into this.
TEST_S_MAX = 600
SLOW_S = 90.0
T = TypeVar("T")


class Mutant(NamedTuple):
    """One planted bug: `old` in `file` becomes `new`; `tests` is what is to notice."""

    file: str
    old: str
    new: str
    tests: str

    def __str__(self) -> str:
        return f"{self.file}: {self.old} -> {self.new}"


def listed() -> list[Mutant]:
    """Return the list; the tests of a source are those of the folder that mirrors its own."""
    rows = tomllib.loads(LIST.read_text())["mutants"]
    return [
        Mutant(r["file"], r["old"], r["new"], r.get("tests", f"tests/{Path(r['file']).parent}"))
        for r in rows
    ]


def unfit(mutant: Mutant, root: Path = ROOT) -> str:
    """Return why an entry cannot be planted, "" when it can."""
    source = root / mutant.file
    if not source.is_file():
        return f"{mutant.file}: there is no such file"
    if not (root / mutant.tests).exists():
        return f"{mutant.file}: there is no {mutant.tests}"
    if mutant.old == mutant.new:
        return f"{mutant}: changes nothing"
    count = source.read_text().count(mutant.old)
    return "" if count == 1 else f"{mutant.file}: {mutant.old!r} stands {count} times, not once"


def files() -> Iterable[str]:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in told.stdout.splitlines() if (ROOT / name).is_file()]


def copied(names: Iterable[str], to: Path) -> None:
    """Copy the tree as it stands, with what git ignores left out."""
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)


def forget(source: Path) -> None:
    """Remove a source's bytecode: it is told from newer text by a time in whole seconds."""
    for kept in (source.parent / "__pycache__").glob(f"{source.stem}.*"):
        kept.unlink()


def suite(root: Path, mutant: Mutant) -> list[str]:
    """Return what to run, the mirror first: it is where a bug most likely shows."""
    mirror = Path("tests") / Path(mutant.file).parent / f"test_{Path(mutant.file).name}"
    return [*([str(mirror)] if (root / mirror).exists() else []), mutant.tests]


def failure(root: Path, tests: list[str]) -> str:
    """Run tests in a copy; return the end of what they say when they fail, "" when they pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-m", "not long"]
    command += ["--timeout", str(TEST_S_MAX), "-p", "no:cacheprovider", *tests]
    place = {"PYTHONPATH": str(root), "HYPOTHESIS_STORAGE_DIRECTORY": str(root / ".hypothesis")}
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, **place},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SUITE_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {SUITE_S_MAX:.0f} s"
    # 1: a test failed; 2: the tests could not even be collected.
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout[-2_000:]}")
    return done.stdout[-4_000:] if done.returncode else ""


def broken(root: Path, place: str) -> bool:
    """Say whether tests fail without a bug, and show how."""
    found = failure(root, [place])
    print(found, end="")
    return bool(found)


def lives(root: Path, mutant: Mutant) -> bool:
    """Plant a bug in a copy, run its tests, take it out again."""
    source = root / mutant.file
    sound = source.read_text()
    source.write_text(sound.replace(mutant.old, mutant.new))
    forget(source)
    try:
        return not failure(root, suite(root, mutant))
    finally:
        source.write_text(sound)
        forget(source)


def in_copies(
    work: Callable[[Path, T], bool], jobs: list[T], roots: list[Path], words: tuple[str, str]
) -> list[bool]:
    """Do each job in one of the copies, as many at a time as there are copies.

    `words` tell what no and yes mean.
    """
    free: Queue[Path] = Queue(len(roots))
    for root in roots:
        free.put(root)

    def one(job: T) -> bool:
        root = free.get()
        begun = time.monotonic()
        try:
            found = work(root, job)
        finally:
            free.put(root)
        spent = time.monotonic() - begun
        slow = f"  ({spent:.0f} s)" if spent > SLOW_S else ""
        print(f"  {words[found]} {job}{slow}", flush=True)
        return found

    with ThreadPoolExecutor(len(roots)) as pool:
        return list(pool.map(one, jobs))


def main(words: list[str]) -> int:
    """Return 0 when enough of the chosen bugs die, 1 otherwise, 2 when the list is unfit."""
    chosen = [m for m in listed() if not words or any(word in str(m) for word in words)]
    faults = [fault for m in chosen if (fault := unfit(m))]
    if faults or not chosen:
        print("\n".join(faults) or f"no entry holds {' or '.join(words)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        roots = [Path(folder) / str(i) for i in range(PROCESSES)]
        names = list(files())
        for root in roots:
            copied(names, root)
        print("without a bug:")
        places = sorted({m.tests for m in chosen})
        if any(in_copies(broken, places, roots, ("pass", "FAIL"))):
            print("tests must pass without a bug before one can be planted", file=sys.stderr)
            return 2
        print("with one bug each:")
        lived = in_copies(lives, chosen, roots, ("dead ", "ALIVE"))
    alive = [m for m, it_lived in zip(chosen, lived, strict=True) if it_lived]
    share = 1.0 - len(alive) / len(chosen)
    print(f"\n{len(chosen) - len(alive)} of {len(chosen)} died ({share:.1%})")
    print("".join(f"  lives: {m}\n" for m in alive), end="")
    return 0 if share >= KILLED_SHARE_MIN else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

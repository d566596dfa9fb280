from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from daemon.version import PACKAGES, VERSION, code_version

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_the_code_version_names_the_version_and_is_the_same_every_time() -> None:
    found = code_version()
    assert found.startswith(f"{VERSION}+") and len(found.split("+")[1]) == 8
    assert code_version() == found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def version_in(folder: Path) -> str:
    """Return what the code in a folder would call itself."""
    with pytest.MonkeyPatch.context() as m:
        m.setattr("daemon.version.__file__", str(folder / "daemon" / "version.py"))
        return code_version()


def test_a_copy_of_the_code_has_the_same_version_wherever_it_lies(copy: Path) -> None:
    assert version_in(copy) == code_version()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_code_version_changes_when_any_source_that_decides_changes(
    package: str, copy: Path
) -> None:
    before = version_in(copy)
    path = sorted(p for p in (copy / package).rglob("*.py") if "local" not in p.parts)[-1]
    source = path.read_bytes()
    try:
        path.write_bytes(source + b"\n# changed\n")
        assert version_in(copy) != before
    finally:
        path.write_bytes(source)
    assert version_in(copy) == before


def test_the_local_venue_decides_nothing(copy: Path) -> None:
    before = version_in(copy)
    (copy / "venue" / "local" / "new.py").write_text("x = 1\n")
    assert version_in(copy) == before

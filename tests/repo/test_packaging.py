"""What a wheel, a lock file and an import may look like."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_top_level_name_has_exactly_one_owner() -> None:
    """`daemon` is also the name of another distribution; two owners would overwrite each other."""
    owners = packages_distributions()
    for name in PACKAGES:
        assert owners.get(name, ["gnomon"]) == ["gnomon"], name


def test_the_wheel_lists_every_package_and_nothing_else() -> None:
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == list(PACKAGES)
    assert PROJECT["tool"]["hatch"]["build"]["dev-mode-exact"] is True


def test_the_systemd_folder_is_no_package() -> None:
    assert not (ROOT / "systemd" / "__init__.py").exists()
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_lock_files_pin_by_hash_and_name_no_registry() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        pins = re.findall(r"^([a-z0-9._-]+)==\S+", text, re.M)
        assert len(pins) > 20
        blocks = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.M)[1:]
        assert all("--hash=sha256:" in block for block in blocks), name


def test_every_declared_dependency_is_locked() -> None:
    text = (ROOT / "requirements.lock").read_text()
    for requirement in PROJECT["project"]["dependencies"]:
        name = re.split(r"[<>=; ]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==", text, re.M), name


def test_the_running_daemon_does_not_import_the_report_stack() -> None:
    """A 1 GB server pays for every import of the trading process."""
    script = (
        "import sys; import daemon.live.daemon, daemon.cli; "
        "heavy = [m for m in ('scipy', 'pyarrow', 'numba', 'tomlkit') if m in sys.modules];"
        "print(heavy); sys.exit(bool(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_layers_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout

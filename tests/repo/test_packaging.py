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
EXTRAS = PROJECT["project"]["optional-dependencies"]
EXTRA_LOCKS = [f"requirements-{extra}.lock" for extra in EXTRAS]


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


def pins(name: str) -> dict[str, list[str]]:
    """Return the versions that a lock file pins, by package."""
    found: dict[str, list[str]] = {}
    for package, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.M):
        found.setdefault(package, []).append(version)
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=; ]", requirement)[0] for requirement in requirements}


LOCKED = re.compile(
    r"[a-z0-9._-]+==[\w.+!-]+( ; [\w.' <>=!()]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?"
)


def test_lock_files_hold_pins_and_hashes_and_name_no_registry() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text()
        odd = [line for line in text.splitlines() if not LOCKED.fullmatch(line)]
        assert not odd, (path.name, odd)
        blocks = re.split(r"^(?=[a-z0-9._-]+==)", text, flags=re.M)[1:]
        pinned = [line for line in text.splitlines() if not line.startswith(" ")]
        least = 3 if path.name == "requirements-peers-2.lock" else 7
        assert len(blocks) == len(pinned) >= least, path.name
        assert all("--hash=sha256:" in block for block in blocks), path.name


def test_every_declared_dependency_is_locked_where_it_belongs() -> None:
    assert names(PROJECT["project"]["dependencies"]) <= set(pins("requirements.lock"))
    assert names(PROJECT["dependency-groups"]["build"]) <= set(pins("requirements-build.lock"))
    groups = PROJECT["dependency-groups"].values()
    assert names([line for group in groups for line in group]) <= set(pins("requirements-dev.lock"))
    for extra, requirements in EXTRAS.items():
        assert names(requirements) <= set(pins(f"requirements-{extra}.lock")), extra


def test_all_pythons_and_all_locks_have_one_pin_of_a_package() -> None:
    """Another numpy may add its floats otherwise, and then the same tape decides otherwise."""
    whole = pins("requirements-dev.lock")
    assert {name: versions for name, versions in whole.items() if len(versions) > 1} == {}
    for name in ("requirements.lock", "requirements-build.lock", *EXTRA_LOCKS):
        part = pins(name)
        assert {k: v for k, v in part.items() if whole.get(k) != v} == {}, name
    for name in EXTRA_LOCKS:
        assert pins("requirements.lock").items() <= pins(name).items()


def test_a_server_installs_no_extra_and_no_tool() -> None:
    groups = PROJECT["dependency-groups"].values()
    absent = names([line for group in (*groups, *EXTRAS.values()) for line in group])
    absent |= {"pandas", "scikit-learn", "joblib", "pillow", "pip"}
    assert absent & set(pins("requirements.lock")) == set()


def test_nothing_but_the_run_time_is_imported_before_it_is_needed() -> None:
    """Every module imports where only `requirements.lock` is installed."""
    script = (
        "import sys, importlib, pkgutil\n"
        "for name in sys.argv[1].split(): sys.modules[name] = None\n"
        f"for package in {PACKAGES}:\n"
        "    top = importlib.import_module(package)\n"
        "    for found in pkgutil.walk_packages(top.__path__, package + '.'):\n"
        "        if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
    )
    owners = packages_distributions()
    locked = {*pins("requirements.lock"), "gnomon"}
    absent = [
        module
        for module, owner in owners.items()
        if not locked & {re.sub(r"[-_.]+", "-", name).lower() for name in owner}
        and module.isidentifier()
    ]
    assert {"arch", "hmmlearn", "matplotlib", "pyarrow", "pytest", "sklearn"} <= set(absent)
    done = subprocess.run(
        [sys.executable, "-c", script, " ".join(absent)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def would(goal: str, folder: Path) -> str:
    """Return the commands that make would run for a goal in an environment that is not there."""
    done = subprocess.run(
        ["make", "-n", goal, f"PYTHON={sys.executable}", f"VENV={folder / 'none'}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_make_run_installs_what_runs_and_make_test_all_of_it(tmp_path: Path) -> None:
    lean, whole = would("run", tmp_path), would("test", tmp_path)
    assert "-r requirements.lock" in lean and "requirements-dev.lock" not in lean
    assert "--only-binary :all:" in lean
    assert "-r requirements-dev.lock" in whole and "pytest" in whole
    stamps = re.findall(r"\.(?:lean|whole)-(\S+)$", lean + whole, re.M)
    assert set(stamps) == {"{}.{}".format(*sys.version_info)}


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

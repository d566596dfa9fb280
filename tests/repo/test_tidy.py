"""Style as a test: what may not be called where, and how large things may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

# Files that do no I/O, read no clock and start nothing: decisions are made in these.
PURE = sorted(
    {
        *(
            p
            for package in ("market", "quant", "divisions", "risk")
            for p in (ROOT / package).rglob("*.py")
        ),
        *(
            ROOT / name
            for name in (
                "shadow/ledger/episodes.py",
                "shadow/ledger/ledger.py",
                "shadow/ledger/marks.py",
                "shadow/ledger/gaps.py",
                "shadow/ledger/steps.py",
                "shadow/store/rollup.py",
                "shadow/store/rows.py",
                "shadow/ledger/trade.py",
                "shadow/report/verdict.py",
                "daemon/engine/admission.py",
                "daemon/engine/commands.py",
                "daemon/engine/engine.py",
                "daemon/lens/inline.py",
                "daemon/engine/intake.py",
                "daemon/lens/bank.py",
                "daemon/engine/lens_schedule.py",
                "daemon/engine/outcome.py",
                "daemon/engine/settlement.py",
                "daemon/engine/snapshot.py",
                "daemon/engine/dispatch.py",
                "daemon/engine/trials.py",
                "daemon/engine/weighing.py",
            )
        ),
    }
)
IMPURE_MODULES = {
    "asyncio": "the rim awaits; decisions are one call stack",
    "socket": "the rim talks; decisions get events",
    "sqlite3": "shadow.store.store writes; decisions return rows",
    "threading": "one writer thread lives in daemon.journal",
    "time": "now is the event's receive time",
    "logging": "the rim logs outcomes",
    "structlog": "the rim logs outcomes",
    "aiohttp": "venue.hyperliquid.info asks; answers come back as events",
    "random": "only the placebo draws, from a hash",
    "secrets": "only the placebo draws, from a hash",
    "uuid": "ids come from the event's number",
}
# Contracts in pyproject.toml keep the imports of these folders pure, new files included. What needs
# no import, such as open(), is forbidden here.
PURE_FOLDERS = (
    "venue/local/exchange",
    "venue/local/faults",
    "venue/local/gate",
    "venue/local/market",
    "venue/local/protocol",
    "venue/local/server",
    "venue/local/world",
)
PURE_BY_CONTRACT = sorted(
    {
        *(p for folder in PURE_FOLDERS for p in (ROOT / folder).rglob("*.py")),
        *(
            ROOT / "venue" / "hyperliquid" / f"{n}.py"
            for n in ("session", "signing", "streams", "wire")
        ),
    }
)
FILE_LINES_MAX = 460
FUNCTION_LINES_MAX = 70


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def calls(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=relative)
def test_pure_files_import_nothing_impure(path: Path) -> None:
    found = {name: IMPURE_MODULES[name] for name in imported(tree(path)) if name in IMPURE_MODULES}
    assert not found, f"{relative(path)}: {found}"


@pytest.mark.parametrize("path", [*PURE, *PURE_BY_CONTRACT], ids=relative)
def test_pure_files_open_and_print_nothing(path: Path) -> None:
    banned = {"open", "print", "input", "datetime.now", "datetime.utcnow", "id", "hash"}
    found = [name for name, _ in calls(tree(path)) if name in banned]
    assert not found, f"{relative(path)} calls {found}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_random_numbers_have_a_seed_or_an_owner(path: Path) -> None:
    """Only jitter in the feed may come from an unseeded generator."""
    for name, call in calls(tree(path)):
        if name.startswith("random.") and name != "random.Random":
            raise AssertionError(f"{relative(path)}: {name} draws from the global generator")
        if name == "random.Random" and not call.args:
            assert relative(path) in ("daemon/live/daemon.py", "daemon/live/recorder.py")
        if name in ("np.random.default_rng", "np.random.Generator"):
            assert call.args, f"{relative(path)}: {name} without a seed"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_queues_are_bounded(path: Path) -> None:
    for name, call in calls(tree(path)):
        if name.rsplit(".", 1)[-1] in ("Queue", "SimpleQueue", "LifoQueue", "PriorityQueue"):
            assert call.args or call.keywords, f"{relative(path)}: {name}() has no limit"
            assert not name.endswith("SimpleQueue"), f"{relative(path)}: SimpleQueue has no limit"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_broad_except_stands_only_at_a_barrier(path: Path) -> None:
    barriers = {
        "daemon/engine/market_half.py",  # a bot that raises is faulted alone
        "daemon/live/supervisor.py",  # a task that raises is started again
        "daemon/live/daemon.py",  # whatever the engine raises becomes InvariantBroken
        "daemon/__main__.py",  # the last line before the shell
        "venue/hyperliquid/signing.py",  # whatever a stranger's signature breaks is no signature
        "venue/websocket.py",  # hands the engine's exception to the supervisor
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            if caught in ("", "Exception"):
                known = relative(path) in barriers or relative(path).startswith("venue/local/")
                assert known, f"{relative(path)}:{node.lineno} catches everything"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_files_and_functions_stay_small(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= FILE_LINES_MAX, f"{relative(path)} has {lines} lines"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            size = node.end_lineno - node.lineno + 1
            assert size <= FUNCTION_LINES_MAX, f"{relative(path)}:{node.name} has {size} lines"


# asyncio.Protocol says what these mean.
INHERITED = {"connection_made", "data_received", "eof_received", "connection_lost"}


def named_things(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield public classes, functions and methods with their dotted names."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in module.body:
        if not isinstance(node, kinds) or node.name.startswith("_"):
            continue
        yield node.name, node
        for inner in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(inner, kinds) and not inner.name.startswith("_"):
                yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_public_things_say_what_they_are(path: Path) -> None:
    module = tree(path)
    assert ast.get_docstring(module), f"{relative(path)} does not say what it is for"
    silent = [
        name
        for name, node in named_things(module)
        if not ast.get_docstring(node) and name.rsplit(".", 1)[-1] not in INHERITED  # type: ignore[arg-type]
    ]
    assert not silent


def test_no_left_over_markers() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        text = path.read_text()
        found = [w for w in words if w in text]
        assert not found, f"{relative(path)}: {found}"


def test_every_module_has_its_test_file() -> None:
    """Tests mirror the sources; what is tested elsewhere says where."""
    elsewhere = {
        "daemon/config/discovery.py": "tests/daemon/config/test_sections.py",
        "daemon/config/load.py": "tests/daemon/config/test_sections.py",
        "daemon/instance/database.py": "tests/daemon/cli/test_common.py",
        "daemon/replay/result.py": "tests/daemon/replay/test_player.py",
        "daemon/__main__.py": "tests/system/test_refusals.py",
        "daemon/screen/process.py": "tests/system/test_terminal.py",
        "shadow/report/by_filter.py": "tests/shadow/report/test_report.py",
        "shadow/report/by_trades.py": "tests/shadow/report/test_report.py",
        "shadow/report/row.py": "tests/shadow/report/test_report.py",
        "venue/local/process.py": "tests/system/test_refusals.py",
        "shadow/store/schema.py": "tests/shadow/store/test_store.py",
        "venue/local/server/endpoint.py": "tests/venue/local/server/test_info_handler.py",
        "venue/local/exchange/port.py": "tests/venue/local/server/test_floor.py",
    }
    missing = []
    for path in SOURCES:
        name = relative(path)
        # What a row's struct promises is the same for all tables.
        if path.name == "__init__.py" or path.parent.name == "tables":
            continue
        mirror = ROOT / "tests" / path.relative_to(ROOT).parent / f"test_{path.name}"
        if not mirror.exists() and not (ROOT / elsewhere.get(name, "-")).exists():
            missing.append(name)
    assert not missing

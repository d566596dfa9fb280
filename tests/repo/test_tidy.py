"""Style as a test: what may not be called where, and how large things may grow.

Every source is read and parsed once; each test goes over all of them and tells all it finds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")

# Files that do no I/O, read no clock and start nothing: decisions are made in these.
PURE_FOLDERS = (
    "market", "quant", "divisions", "risk", "venue/local/exchange", "venue/local/faults",
)  # fmt: skip
PURE_FILES = {
    "venue/hyperliquid/wire.py",
    "venue/hyperliquid/session.py",
    "venue/local/gate/agents.py",
    "venue/local/gate/budget.py",
    "venue/local/server/fills.py",
    "venue/local/server/floor.py",
    "venue/local/gate/gateway.py",
    "venue/local/gate/nonces.py",
    "venue/local/server/overview.py",
    "venue/hyperliquid/signing.py",
    "venue/local/protocol/stream.py",
    "venue/local/exchange/port.py",
    "venue/local/server/user.py",
    "shadow/ledger/episodes.py",
    "shadow/ledger/ledger.py",
    "shadow/ledger/marks.py",
    "shadow/ledger/repair.py",
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
    "daemon/views/lens.py",
    "daemon/engine/lens_schedule.py",
    "daemon/engine/outcome.py",
    "daemon/engine/settlement.py",
    "daemon/engine/snapshot.py",
    "daemon/engine/dispatch.py",
    "daemon/engine/trials.py",
    "daemon/engine/weighing.py",
}
READS_A_PLAN = "venue/local/faults/plan.py"
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
BANNED_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "id", "hash"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# A bare except is allowed where a stranger's fault must end at a border.
BARRIERS = {
    "daemon/engine/engine.py",  # a bot that raises is faulted alone
    "daemon/live/supervisor.py",  # a task that raises is started again
    "daemon/live/daemon.py",  # whatever the engine raises becomes InvariantBroken
    "daemon/__main__.py",  # the last line before the shell
    "venue/hyperliquid/signing.py",  # whatever a stranger's signature breaks is no signature
    "venue/websocket.py",  # hands the engine's exception to the supervisor
}
# Only jitter in the feed may come from an unseeded generator.
JITTER = {"daemon/live/daemon.py", "daemon/live/recorder.py"}
# asyncio.Protocol says what these mean.
INHERITED = {"connection_made", "data_received", "eof_received", "connection_lost"}

# ---- TEMPORARY: empty each of these when the file it names is mended, then delete it. ----
TOO_LONG_STILL = {
    "daemon/engine/engine.py",
    "daemon/live/daemon.py",
    "shadow/ledger/ledger.py",
}
IMPORTS_A_TEST_STILL = {
    "tests/daemon/cli/conftest.py",
    "tests/daemon/cli/research/test_lenses.py",
    "tests/daemon/cli/research/test_regimes.py",
    "tests/daemon/cli/research/test_study.py",
    "tests/daemon/cli/shadow/test_shadow.py",
    "tests/daemon/cli/test_control.py",
    "tests/daemon/cli/test_lens.py",
    "tests/daemon/cli/test_positions.py",
    "tests/daemon/cli/test_run.py",
    "tests/daemon/cli/test_tapes.py",
    "tests/daemon/views/test_positions.py",
    "tests/daemon/views/test_status.py",
    "tests/research/lenses/test_crashes.py",
    "tests/research/lenses/test_readings.py",
    "tests/research/lenses/test_rejections.py",
    "tests/venue/local/server/test_hub.py",
    "tests/venue/local/world/test_virtual.py",
}
CALLS_PRIVATES_STILL = {
    "tests/daemon/cli/test_control.py",
    "tests/daemon/cli/test_positions.py",
    "tests/daemon/live/test_daemon.py",
    "tests/daemon/views/test_positions.py",
    "tests/daemon/views/test_status.py",
}
# ---- end of TEMPORARY ----


class Source(NamedTuple):
    """One parsed file; `name` is its path from the root."""

    name: str
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node

    def imported(self) -> Iterator[str]:
        """Yield the full names of imported modules; of `from a import b` both a and a.b."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def read(folders: Iterable[str]) -> tuple[Source, ...]:
    found = []
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text, str(path))
        name = path.relative_to(ROOT).as_posix()
        found.append(Source(name, text, tree, tuple(ast.walk(tree))))
    return tuple(found)


@cache
def sources() -> tuple[Source, ...]:
    return read(PACKAGES)


@cache
def suites() -> tuple[Source, ...]:
    return read(["tests", "bench"])


def pure() -> list[Source]:
    folders = tuple(f"{folder}/" for folder in PURE_FOLDERS)
    return [
        source
        for source in sources()
        if source.name in PURE_FILES
        or (source.name.startswith(folders) and source.name != READS_A_PLAN)
    ]


def told(faults: Iterable[str]) -> str:
    return "\n".join(["", *faults])


def test_the_lists_above_name_files_that_exist() -> None:
    there = {source.name for source in (*sources(), *suites())}
    listed = PURE_FILES | {READS_A_PLAN} | BARRIERS | JITTER
    temporary = TOO_LONG_STILL | IMPORTS_A_TEST_STILL | CALLS_PRIVATES_STILL
    assert not (listed | temporary) - there
    assert len(pure()) > len(PURE_FILES) + len(PURE_FOLDERS)


def test_pure_files_import_nothing_impure() -> None:
    faults = [
        f"{source.name} imports {name}: {IMPURE_MODULES[name]}"
        for source in pure()
        for name in sorted({name.split(".")[0] for name in source.imported()})
        if name in IMPURE_MODULES
    ]
    assert not faults, told(faults)


def test_pure_files_open_and_print_nothing() -> None:
    faults = [
        f"{source.name}:{call.lineno} calls {name}"
        for source in pure()
        for name, call in source.calls()
        if name in BANNED_CALLS
    ]
    assert not faults, told(faults)


def test_random_numbers_have_a_seed_or_an_owner() -> None:
    faults = []
    for source in sources():
        for name, call in source.calls():
            at = f"{source.name}:{call.lineno} {name}"
            if name.startswith("random.") and name != "random.Random":
                faults.append(f"{at} draws from the global generator")
            if name == "random.Random" and not call.args and source.name not in JITTER:
                faults.append(f"{at} has no seed")
            if name in ("np.random.default_rng", "np.random.Generator") and not call.args:
                faults.append(f"{at} has no seed")
    assert not faults, told(faults)


def test_queues_are_bounded() -> None:
    faults = []
    for source in sources():
        for name, call in source.calls():
            kind = name.rsplit(".", 1)[-1]
            if kind in ("Queue", "SimpleQueue", "LifoQueue", "PriorityQueue") and (
                kind == "SimpleQueue" or not (call.args or call.keywords)
            ):
                faults.append(f"{source.name}:{call.lineno} {name} has no limit")
    assert not faults, told(faults)


def test_a_broad_except_stands_only_at_a_barrier() -> None:
    faults = [
        f"{source.name}:{node.lineno} catches everything"
        for source in sources()
        if source.name not in BARRIERS and not source.name.startswith("venue/local/")
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    assert not faults, told(faults)


def test_files_stay_small() -> None:
    lengths = {source.name: source.text.count("\n") for source in sources()}
    faults = [
        f"{name} has {lines} lines"
        for name, lines in lengths.items()
        if lines > FILE_LINES_MAX and name not in TOO_LONG_STILL
    ]
    assert not faults, told(faults)


def test_functions_stay_small() -> None:
    faults = []
    for source in sources():
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                size = node.end_lineno - node.lineno + 1
                if size > FUNCTION_LINES_MAX:
                    faults.append(f"{source.name}:{node.lineno} {node.name} has {size} lines")
    assert not faults, told(faults)


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


def test_public_things_say_what_they_are() -> None:
    faults = []
    for source in sources():
        if not ast.get_docstring(source.tree):
            faults.append(f"{source.name} does not say what it is for")
        for name, node in named_things(source.tree):
            if not ast.get_docstring(node) and name.rsplit(".", 1)[-1] not in INHERITED:  # type: ignore[arg-type]
                faults.append(f"{source.name}: {name} does not say what it is for")
    assert not faults, told(faults)


def test_no_left_over_markers() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")
    faults = [
        f"{source.name}: {word}"
        for source in (*sources(), *suites())
        for word in words
        if word in source.text
    ]
    assert not faults, told(faults)


def test_no_test_imports_another_test() -> None:
    """What two tests need stands in tests/support or in a file beside them that is no test."""
    faults = [
        f"{source.name} imports {name}"
        for source in suites()
        if source.name not in IMPORTS_A_TEST_STILL
        for name in source.imported()
        if name.startswith("tests.") and name.rsplit(".", 1)[-1].startswith("test_")
        and (ROOT / f"{name.replace('.', '/')}.py").exists()
    ]  # fmt: skip
    assert not faults, told(faults)


def privates_of(path: str, name: str) -> set[str]:
    """Return the private methods and attributes of one class."""
    (tree,) = (source.tree for source in sources() if source.name == path)
    (cls,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    found = {n.name for n in ast.walk(cls) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    found |= {n.attr for n in ast.walk(cls) if isinstance(n, ast.Attribute) and own(n)}
    return {name for name in found if name.startswith("_") and not name.startswith("__")}


def own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def test_no_test_calls_what_is_private_to_the_daemon() -> None:
    private = privates_of("daemon/live/daemon.py", "Daemon")
    assert private
    faults = [
        f"{source.name}:{node.lineno} {ast.unparse(node)}"
        for source in suites()
        if source.name not in CALLS_PRIVATES_STILL
        and "daemon.live.daemon.Daemon" in source.imported()
        for node in source.nodes
        if isinstance(node, ast.Attribute) and node.attr in private and not own(node)
    ]
    assert not faults, told(faults)


def test_every_module_has_its_test_file() -> None:
    """Tests mirror the sources; what is tested elsewhere says where."""
    elsewhere = {
        "daemon/config/discovery.py": "tests/daemon/config/test_sections.py",
        "daemon/config/load.py": "tests/daemon/config/test_sections.py",
        "daemon/instance/database.py": "tests/daemon/cli/test_common.py",
        "daemon/live/decision_log.py": "tests/daemon/views/test_status.py",
        "daemon/replay/result.py": "tests/daemon/replay/test_player.py",
        "daemon/views/at_rest.py": "tests/daemon/views/test_status.py",
        "venue/websocket.py": "tests/venue/hyperliquid/test_feed.py",
        "venue/tape/lines.py": "tests/venue/tape/test_segment.py",
        "venue/tape/writer.py": "tests/venue/tape/test_segment.py",
        "venue/local/market/levels.py": "tests/venue/local/world/test_depth.py",
        "venue/local/protocol/refused.py": "tests/venue/local/server/test_questions.py",
        "venue/local/protocol/address.py": "tests/venue/local/gate/test_agents.py",
        "daemon/__main__.py": "tests/system/test_refusals.py",
        "daemon/live/daemon.py": "tests/system/test_run_local.py",
        "venue/local/process.py": "tests/system/test_refusals.py",
        "daemon/screen/process.py": "tests/system/test_terminal.py",
        "shadow/store/schema.py": "tests/shadow/store/test_store.py",
        "venue/local/server/endpoint.py": "tests/venue/local/server/test_info.py",
        "venue/local/exchange/port.py": "tests/venue/local/server/test_floor.py",
        "venue/local/exchange/state/notes.py": "tests/venue/local/server/test_floor.py",
    }
    missing = []
    for source in sources():
        path = Path(source.name)
        if path.name == "__init__.py":
            continue
        mirror = ROOT / "tests" / path.parent / f"test_{path.name}"
        if not mirror.exists() and not (ROOT / elsewhere.get(source.name, "-")).exists():
            missing.append(source.name)
    assert not missing, told(missing)

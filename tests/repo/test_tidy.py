"""Style as a test: what may not be called where, and how large things may grow.

Every source is read and parsed once; each test goes over all of them and tells all it finds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("market", "quant", "venue", "divisions", "risk", "shadow", "research", "daemon")

# Folders whose files do no I/O, read no clock and start nothing: decisions are made in these. The
# contracts in pyproject.toml keep their imports so; what needs no import is forbidden here.
PURE = (
    "daemon/engine/",
    "daemon/lens/bank.py",
    "daemon/lens/inline.py",
    "divisions/",
    "market/",
    "quant/",
    "risk/",
    "shadow/ledger/",
    "shadow/report/fold.py",
    "shadow/report/measured.py",
    "shadow/report/sentences.py",
    "shadow/report/slices.py",
    "shadow/report/tails.py",
    "shadow/report/terms.py",
    "shadow/report/verdict.py",
    "shadow/store/bookkeeper.py",
    "shadow/store/rollup.py",
    "shadow/store/rows.py",
    "shadow/store/tables/",
    "venue/hyperliquid/session.py",
    "venue/hyperliquid/signing.py",
    "venue/hyperliquid/streams.py",
    "venue/hyperliquid/wire.py",
    "venue/local/exchange/",
    "venue/local/faults/",
    "venue/local/gate/",
    "venue/local/market/",
    "venue/local/protocol/",
    "venue/local/server/",
    "venue/local/world/",
)
READS_A_PLAN = "venue/local/faults/plan.py"
BANNED_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "id", "hash"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# A bare except is allowed where a stranger's fault must end at a border.
BARRIERS = {
    "daemon/engine/market_half.py",  # a bot that raises is faulted alone
    "daemon/live/supervisor.py",  # a task that raises is started again
    "daemon/live/daemon.py",  # whatever the engine raises becomes InvariantBroken
    "daemon/__main__.py",  # the last line before the shell
    "venue/hyperliquid/signing.py",  # whatever a stranger's signature breaks is no signature
    "daemon/alerts/looking.py",  # a kind that raises is told of, and the others go on
    "daemon/alerts/targets.py",  # a service's library is a stranger; its words may hold a secret
    "venue/websocket.py",  # hands the engine's exception to the supervisor
}
# Only jitter in the feed may come from an unseeded generator.
JITTER = {"daemon/live/daemon.py", "daemon/live/recorder.py"}
# asyncio.Protocol says what these mean.
INHERITED = {"connection_made", "data_received", "eof_received", "connection_lost"}


@dataclass(frozen=True, eq=False)
class Source:
    """One file; `name` is its path from the root. It is parsed once, when a test looks into it."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Return what is called, with the call."""
        return [(dotted(node.func), node) for node in self.nodes if isinstance(node, ast.Call)]

    def imported(self) -> Iterator[str]:
        """Yield the full names of imported modules; of `from a import b` both a and a.b."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    """Return a name with its dots, which begins with one where it is an attribute of no name."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    names.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(names))


def read(folders: Iterable[str]) -> tuple[Source, ...]:
    found = []
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        found.append(Source(path.relative_to(ROOT).as_posix(), path.read_text()))
    return tuple(found)


@cache
def sources() -> tuple[Source, ...]:
    return read(PACKAGES)


@cache
def suites() -> tuple[Source, ...]:
    return read(["tests", "bench"])


def pure() -> list[Source]:
    return [s for s in sources() if s.name.startswith(PURE) and s.name != READS_A_PLAN]


def told(faults: Iterable[str]) -> str:
    return "\n".join(["", *faults])


def test_the_lists_above_name_files_that_exist() -> None:
    there = {source.name for source in sources()}
    assert not ({READS_A_PLAN} | BARRIERS | JITTER) - there
    idle = [name for name in PURE if not any(file.startswith(name) for file in there)]
    assert not idle, told(idle)


def test_pure_files_open_and_print_nothing() -> None:
    faults = [
        f"{source.name}:{call.lineno} calls {name}"
        for source in pure()
        for name, call in source.calls
        if name in BANNED_CALLS
    ]
    assert not faults, told(faults)


def test_random_numbers_have_a_seed_or_an_owner() -> None:
    faults = []
    for source in sources():
        for name, call in source.calls:
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
        for name, call in source.calls:
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
        f"{name} has {lines} lines" for name, lines in lengths.items() if lines > FILE_LINES_MAX
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


# Of an import of the suites, all it names; that is parsed only where a test is among it.
OF_TESTS = re.compile(r"^\s*(?:from|import) tests\b(?:[^\n(]*\([^)]*\)|[^\n]*)", re.MULTILINE)


def test_no_test_imports_another_test() -> None:
    """What two tests need stands in tests/support or in a file beside them that is no test."""
    faults = [
        f"{source.name} imports {name}"
        for source in suites()
        if any("test_" in line for line in OF_TESTS.findall(source.text))
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
        if "from daemon.live.daemon import" in source.text
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
        "daemon/replay/result.py": "tests/daemon/replay/test_player.py",
        "daemon/__main__.py": "tests/system/test_refusals.py",
        "daemon/doctor/finding.py": "tests/daemon/doctor/test_doctor.py",
        "daemon/screen/process.py": "tests/system/test_terminal.py",
        "shadow/report/by_slice.py": "tests/shadow/report/test_report.py",
        "shadow/report/counts.py": "tests/shadow/report/test_by_limit.py",
        "shadow/report/evidence.py": "tests/shadow/report/test_by_limit.py",
        "shadow/report/row.py": "tests/shadow/report/test_report.py",
        "venue/local/process.py": "tests/system/test_refusals.py",
        "shadow/store/schema.py": "tests/shadow/store/test_store.py",
        "shadow/store/sums_audit.py": "tests/shadow/report/test_report.py",
        "venue/local/server/endpoint.py": "tests/venue/local/server/test_info_handler.py",
        "venue/local/exchange/port.py": "tests/venue/local/server/test_floor.py",
    }
    missing = []
    for source in sources():
        path = Path(source.name)
        # What a row's struct promises is the same for all tables.
        if path.name == "__init__.py" or path.parent.name == "tables":
            continue
        mirror = ROOT / "tests" / path.parent / f"test_{path.name}"
        if not mirror.exists() and not (ROOT / elsewhere.get(source.name, "-")).exists():
            missing.append(source.name)
    assert not missing, told(missing)

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from hypothesis import settings

# Examples are drawn from the test itself, so that a red build stays red until it is mended.
settings.register_profile("gnomon", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("gnomon")

# Support modules that assert: a failure shows both sides, as in a test.
pytest.register_assert_rewrite("tests.divisions.contract", "tests.support.controls")

# Tests of whole processes share nothing and take long: they are spread one by one.
SPREAD = {"bench", "chaos", "soak", "system"}
TESTS = Path(__file__).parent
# What takes longest begins first, at work or waiting, so that none of it is left over at the end.
FIRST = (
    "bench/test_bench.py", "divisions/test_contract.py", "divisions/test_controls.py",
    "daemon/cli/test_contract.py", "daemon/engine/test_snapshot.py", "daemon/replay/test_player.py",
    "system/test_faults.py",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Let every worker begin with another folder.

    Nothing is compiled yet in a fresh checkout: so each compiles a share of the tests and reads
    what the others have compiled, where all of them side by side would compile everything.
    """
    gc.disable()
    told = getattr(config, "workerinput", None)
    if told is None or [Path(at).resolve() for at in config.args] != [TESTS]:
        return
    folders = [str(path) for path in sorted(TESTS.iterdir()) if any(path.rglob("test_*.py"))]
    number = int(told["workerid"].removeprefix("gw"))
    turn = len(folders) * number // int(told["workercount"])
    config.args = folders[turn:] + folders[:turn]


# Before the workers read the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, so that what they share is made once, not per worker.

    A file whose tests share little names smaller groups itself. Workers collect in different
    orders and must agree on one: that of the files.
    """
    places = {item: item.path.relative_to(TESTS) for item in items}
    items.sort(key=lambda item: (places[item].as_posix() not in FIRST, places[item].as_posix()))
    for item, place in places.items():
        if place.parts[0] not in SPREAD and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(place)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """See that groups hold, or every worker would make anew what a group shares."""
    # Ten thousand tests stay until the end: no collection need look at them again.
    gc.freeze()
    gc.enable()
    config = session.config
    if hasattr(config, "workerinput") and config.getvalue("loadgroup"):
        loose = [i.nodeid for i in session.items if i.get_closest_marker("xdist_group")]
        if loose and not any("@" in name for name in loose):
            raise pytest.UsageError("pytest-xdist does not group by its marks with this pytest")

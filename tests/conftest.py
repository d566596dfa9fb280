from __future__ import annotations

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


# Before the workers read the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file together, so that what they share is made once, not per worker.

    A file whose tests share little names smaller groups itself.
    """
    for item in items:
        place = item.path.relative_to(TESTS)
        if place.parts[0] not in SPREAD and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(place)))

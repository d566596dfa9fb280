"""The whole contract, part by part."""

from __future__ import annotations

import pytest

from divisions.roster import BotClass
from tests.divisions.contract import actions, extremes, restraint, words
from tests.divisions.contract.showings import PARTS, Bots

MODULES = (words, actions, restraint, extremes)


def keeps(name: str, bots: Bots, cls: BotClass, *, but: str = "") -> int:
    """Run the checks of one part on a bot, all of them, and return how many there were.

    Raises BaseExceptionGroup holding the failure of each check that failed.
    """
    checks = {label: check for label, check in PARTS[name].items() if label != but}
    failures: list[BaseException] = []
    for label, check in checks.items():
        try:
            check(bots, cls)
        except (Exception, pytest.fail.Exception) as failure:
            failure.add_note(f"{cls.name}: {label.replace('_', ' ')}")
            failures.append(failure)
    if failures:
        raise BaseExceptionGroup(f"{cls.name} breaks the contract", failures)
    return len(checks)

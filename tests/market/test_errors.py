from __future__ import annotations

import subprocess
import sys

import pytest

from market import errors
from tests.support.market import REPO

# The contract that scripts and systemd rely on.
EXIT_CODES = {
    errors.InputDamaged: 65,
    errors.VenueUnreachable: 69,
    errors.InvariantBroken: 70,
    errors.AnotherInstance: 75,
    errors.OperatorError: 78,
}


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES.items())
def test_each_class_of_error_ends_the_process_with_its_code(
    kind: type[errors.GnomonError], code: int
) -> None:
    assert kind("why").exit_code == code


def test_every_error_is_one_of_ours_and_its_code_is_in_the_contract() -> None:
    found = [item for item in vars(errors).values() if isinstance(item, type)]
    assert len(found) > len(EXIT_CODES)
    for kind in found:
        assert issubclass(kind, errors.GnomonError)
        assert kind.exit_code in {65, 69, 70, 75, 78}


def test_no_operator_error_passes_for_another_class() -> None:
    for kind in EXIT_CODES:
        for other in EXIT_CODES:
            assert issubclass(kind, other) is (kind is other)


def test_a_protocol_violation_names_what_is_counted() -> None:
    violation = errors.ProtocolViolation("bad_level", "BTC bid -1")
    assert violation.kind == "bad_level"
    assert str(violation) == "bad_level: BTC bid -1"
    assert str(errors.ProtocolViolation("bad_json")) == "bad_json"


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    missing = errors.ExtraMissing("--png", "matplotlib", "plot")
    assert str(missing) == (
        "--png needs matplotlib, of the extra plot: make setup in a checkout, "
        "deploy/install.sh --extra plot on a server"
    )
    assert missing.exit_code == 78
    assert str(errors.ExtraMissing("a", "b", "c", instead="d")).endswith(" on a server; d")


def test_require_raises_only_when_the_condition_does_not_hold() -> None:
    errors.require(True, "never said")
    with pytest.raises(errors.InvariantBroken, match="sum is off"):
        errors.require(False, "sum is off")


def test_require_survives_optimisation() -> None:
    code = "from market.errors import require; require(False, 'still here')"
    done = subprocess.run(
        [sys.executable, "-O", "-c", code], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert "InvariantBroken: still here" in done.stderr

from __future__ import annotations

import msgspec

from daemon.engine.branches.variant import CUMULATIVE, standard, without
from risk.filter import discover

FILTERS = [cls(msgspec.convert({}, cls.settings_type), cls.default_mode) for cls in discover()]
RULES = {f.name for f in FILTERS if f.rule}


def test_every_limit_has_the_branches_that_its_value_needs_and_no_rule_has_one() -> None:
    found = standard(FILTERS)
    by = {(v.kind, v.filter): v for v in found}
    assert len(by) == len(found) and found[0].kind == "nothing"
    for f in FILTERS:
        kinds = {kind for kind, name in by if name == f.name}
        expected = {"observed", "data"} if f.mode == "enforce" else {"enforced"}
        assert kinds == (set() if f.rule else expected), f.name
    assert by["observed", "position"].ignored == {"position"}
    assert by["data", "position"].lenient == {"position"}
    assert by["enforced", "control"].added == {"control"}
    assert not RULES & set().union(*(v.ignored | v.added for v in found))


def test_the_cumulative_ones_add_up_to_all_limits_at_weight_one() -> None:
    found = {v.kind: v for v in standard(FILTERS) if v.kind in CUMULATIVE}
    enforced = {f.name for f in FILTERS if f.mode == "enforce" and not f.rule}
    kept = [enforced - found[kind].ignored for kind in CUMULATIVE]
    # The phase-space limit observes at first, so it adds nothing yet.
    assert kept == [set(), {"direction"}, {"direction"}, enforced]
    assert not any(found[kind].weighted for kind in CUMULATIVE)
    assert all(v.weighted for v in standard(FILTERS) if v.kind not in CUMULATIVE)


def test_what_is_off_has_no_branch() -> None:
    off = [type(f)(f.settings, "off") for f in FILTERS]
    assert [v.name for v in standard(off)] == ["nothing", *CUMULATIVE]


def test_a_counterfactual_leaves_out_what_was_named_beside_the_desk() -> None:
    same, less = without(["direction", "position"])
    assert same.kind == "nothing" and not same.ignored
    assert less.ignored == {"direction", "position"} and less.weighted

from __future__ import annotations

import msgspec
import pytest

from daemon.views.report import ReportLine, report_lines
from shadow.report.instruments import Dead
from shadow.report.report import Bias, Report, ReportRow, empty
from tests.support.report import GUARD, SLICE, SMALL, YOUNG, report_of


@pytest.mark.parametrize("by", ["filter", "division", "bot", "coin", "regime", "day"])
def test_a_row_names_its_group_twice_and_carries_the_bias(by: str) -> None:
    line, _ = report_lines(report_of(by=by), "here")
    plain = msgspec.to_builtins(line)
    assert plain[by] == plain["name"] == "guard" and plain["mean_r"] == -0.5
    assert (plain["bias_bps"], plain["bias_within"], plain["server"]) == (0.1, True, "here")
    own = {by, "server", "instruments", "bias_bps", "bias_within"}
    assert plain.keys() == {*ReportRow.__struct_fields__, *own}


def test_shadow_only_bots_come_last_and_have_no_bias() -> None:
    staged = msgspec.structs.replace(YOUNG, name="nova", mode="stage", verdict="NONE")
    report = Report("bot", "", [GUARD], [staged], SMALL, 0, 0, 0)
    first, last = report_lines(report)
    assert (first.bot, first.bias_within) == ("guard", True)
    assert (last.bot, last.name, last.bias_bps, last.bias_within) == ("stage", "nova", None, None)


def test_nothing_to_report_is_no_line_and_an_unknown_bias_is_null() -> None:
    assert report_lines(empty("filter", "")) == []
    unknown = Bias(0, None, None, None, within=False)
    (line,) = report_lines(report_of(GUARD, bias=unknown))
    assert (line.bias_bps, line.bias_within) == (None, False)


def test_dead_instruments_stand_with_their_limit_and_those_of_the_desk_everywhere() -> None:
    report = report_of(GUARD, YOUNG)
    report.instruments = [Dead("young", "young is deaf", "?"), Dead("", "the desk slept", "?")]
    guard, young = report_lines(report)
    assert guard.instruments == ["the desk slept"]
    assert young.instruments == ["young is deaf", "the desk slept"]
    report = report_of(SLICE, by="coin")
    report.instruments = [Dead("young", "young is deaf", "?")]
    assert report_lines(report)[0].instruments == ["young is deaf"]


def test_a_line_reads_back_from_its_json() -> None:
    lines = report_lines(report_of())
    assert msgspec.json.decode(msgspec.json.encode(lines), type=list[ReportLine]) == lines

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from daemon.page.svg import Curve, chart, interval, number, spark, tone
from daemon.views.panels.limits import Bar

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<x>{text}</x>")


@given(VALUES, VALUES)
def test_a_chart_is_sound_and_stays_in_its_frame(a: list[float], b: list[float]) -> None:
    curves = [Curve(a, "taken <b>", "a"), Curve(b, "blocked", "", dashed=True)]
    wide, narrow = drawn(chart(curves, ["x", "y"], shade=[max(a)] * len(a))).iter("svg")
    for svg, width in ((wide, 820.0), (narrow, 400.0)):
        assert svg.get("viewBox") == f"0 0 {width:.0f} 260"
        for path in svg.iter("path"):
            points = re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d") or "")
            assert all(0 <= float(x) <= width and 0 <= float(y) <= 260 for x, y in points)
        assert any(text.text == "taken <b>" for text in svg.iter("text"))


def test_the_interval_lies_on_the_axis_and_beyond_it_stops_at_its_end() -> None:
    svg = drawn(interval(Bar(5.0, 2.0, 8.0, 1.0, 90.0), 10.0, "g"))
    (rect,), (dot,) = svg.iter("rect"), svg.iter("circle")
    x, width = float(rect.get("x") or 0), float(rect.get("width") or 0)
    assert x < float(dot.get("cx") or 0) < x + width
    assert "H296.0" in (list(svg.iter("path"))[1].get("d") or "")
    assert not list(drawn(interval(None, 10.0, "")).iter("circle"))


def test_a_spark_needs_two_values_and_a_number_has_a_real_minus() -> None:
    assert spark([1.0], "g") == "" and len(list(drawn(spark([1.0, -2.0], "l")).iter("path"))) == 2
    assert (number(-1234.5, sign=True), number(None), number(-0.001, sign=True)) == (
        "−1,234.50", "–", "0.00",
    )  # fmt: skip
    assert (tone(1.0), tone(-1.0), tone(0.0), tone(None)) == ("g", "l", "", "")

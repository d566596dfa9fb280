from __future__ import annotations

from pathlib import Path

import pytest

from market.errors import OperatorError
from venue.local.faults.kinds.market.frozen_book import FrozenBook
from venue.local.faults.kinds.wire.stall import Stall
from venue.local.faults.plan import parse, plan_of

GOOD = """
seed = 3
[[fault]]
name = "frozen_book"
at_s = 9
coin = "BTC"
time_moves = false
[[fault]]
name = "stall"
at_s = 4
for_s = 2.5
"""


def test_a_plan_is_its_faults_in_order() -> None:
    plan = parse(GOOD, "plan.toml")
    assert plan.seed == 3
    assert not plan.after_connect
    assert parse("after_connect = true\n" + GOOD, "").after_connect
    assert plan.faults == (
        Stall(at_s=4.0, for_s=2.5),
        FrozenBook(at_s=9.0, coin="BTC", time_moves=False),
    )


def test_faults_by_chance_come_beside_those_of_the_plan() -> None:
    text = GOOD + '[faults]\nseed = 5\ngap_s = 10\nuntil_s = 300\nnames = ["stall", "garbage"]'
    names = [fault.name for fault in parse(text, "p").faults]
    assert len(names) > 15
    assert set(names) == {"stall", "garbage", "frozen_book"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[fault]\n", "p.toml: not TOML: .*line 1"),
        ("", "p.toml: names no fault; add"),
        ("sede = 3", "p.toml: sede: no such key; a plan has"),
        ("after_connect = 1", "p.toml: after_connect: Expected .bool."),
        ("seed = -1", "p.toml: seed: Expected .* >= 0"),
        ("fault = 7", "p.toml: fault: write"),
        ("[fault]\nname='stall'", r"p.toml: fault: write \[\[fault\]\]"),
        ("fault = [1]", "p.toml: fault 1: write"),
        ("[[fault]]\nat_s = 1", "p.toml: fault 1: has no name"),
        (
            "[[fault]]\nname = 'stal'",
            "p.toml: fault 1: no fault is called 'stal'; did you mean stall",
        ),
        (
            "[[fault]]\nname = 'earthquake!'",
            "no fault is called 'earthquake!'; there are bad_context",
        ),
        (
            "[[fault]]\nname='stall'\nseconds=2",
            r"fault 1 \(stall\): seconds: no such parameter; it has",
        ),
        (
            "[[fault]]\nname='stall'\nat_s='2'",
            r"fault 1 \(stall\): at_s: Expected .float., got .str.",
        ),
        ("[[fault]]\nname='stall'\nat_s=nan", r"fault 1 \(stall\): at_s"),
        ("[[fault]]\nname='stall'\nshare=1.5", r"fault 1 \(stall\): share: .* <= 1.0"),
        (
            "[[fault]]\nname='one_sided'\nside='left'",
            r"one_sided\): side: Invalid enum value 'left'",
        ),
        ("[faults]\ngap_s = 0", "p.toml: faults: gap_s: "),
        ("[faults]\nnames = ['quake']", "p.toml: faults.names: no fault is called 'quake'"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_place(text: str, words: str) -> None:
    with pytest.raises(OperatorError, match=words) as caught:
        parse(text, "p.toml")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_seed_alone_is_a_plan() -> None:
    assert plan_of("seed:5") == plan_of("seed:5")
    assert plan_of("seed:5") != plan_of("seed:6")
    assert plan_of("seed:5").seed == 5


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(GOOD)
    assert plan_of(str(path)) == parse(GOOD, "")


@pytest.mark.parametrize("option", ["seed:", "seed:x", "seed:-1", "seed:1e3", "seed:" + "9" * 30])
def test_a_seed_is_a_number(option: str) -> None:
    with pytest.raises(OperatorError, match="write seed:N"):
        plan_of(option)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.toml: cannot be read \(No such file"):
        plan_of(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"seed = '\xe9'")
    with pytest.raises(OperatorError, match="not UTF-8"):
        plan_of(str(tmp_path / "latin.toml"))

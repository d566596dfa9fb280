from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from daemon.cli.shadow.why_text import in_unit, print_why
from daemon.views.why import CheckStory, ClampStory, SignalStory, SizingStory, TradeStory, Why
from daemon.views.why import why as story_of
from shadow.store.store import open_readonly
from tests.daemon.cli.conftest import Story

Captured = pytest.CaptureFixture[str]


def found(story: Story, name: str) -> Why:
    with closing(open_readonly(story.root / "local" / "gnomon.db")) as db:
        result = story_of(db, story.ids[name])
    assert result is not None
    return result


def change(part: SignalStory | CheckStory | TradeStory, **changes: Any) -> None:
    for name, value in changes.items():
        setattr(part, name, value)


def told(capsys: Captured, what: Why) -> list[str]:
    capsys.readouterr()
    print_why(what)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def alter(part: Struct, **changes: Any) -> None:
    for name, value in changes.items():
        assert hasattr(part, name)
        setattr(part, name, value)


@pytest.fixture
def why(story: Story, capsys: Captured) -> Any:
    """Return the lines told of a named signal, perhaps of one a little different."""

    def lines(name: str, **changes: Any) -> list[str]:
        what = found(story, name)
        change(what.signal, **changes)
        return told(capsys, what)

    return lines


def test_it_begins_with_who_wanted_what_when_and_why(why: Any) -> None:
    first, second, third, size, *_ = why("sole")
    assert first.startswith("2025-09-01 12:00:20Z  alpha (trend) wanted to sell SOL at 100 ")
    assert second == "because told to"
    assert third == "it saw nothing more"
    assert size == "size 1000 lots (1,000.00 USD), stop 101, target 99, horizon 0.2 min"


def test_only_the_exits_a_plan_has_are_told(why: Any) -> None:
    assert why("paired")[3].endswith("stop 101, horizon 0.5 min")
    assert why("sole", trail=0.25)[3].endswith("target 99, horizon 0.2 min, trailing 0.25")


def test_what_the_bot_saw_and_how_old_it_was_is_told_by_name(why: Any) -> None:
    lines = why("sole", saw={"ema": 99.5, "rank": 2}, ages={"fast": 120, "context": 1_234_567})
    assert "it saw ema 99.5, rank 2" in lines
    assert "data ages in ms: fast 120, context 1234567" in lines


def test_details_that_are_gone_are_said_to_be(why: Any) -> None:
    lines = why("sole", saw=None, book=None, ages=None, sizing=None, vote=None)
    assert "its details are not kept any more; of its checks, those that did not pass:" in lines
    assert not any(line.startswith(("it saw", "data ages", "sized")) for line in lines)


def test_prices_keep_all_their_digits(why: Any, story: Story, capsys: Captured) -> None:
    lines = why("sole", mid=112_345.5, stop_px=113_579.25, target_px=110_000.125)
    assert "at 112345.5 with" in lines[0]
    assert "stop 113579.25, target 110000.125" in lines[3]
    what = found(story, "open")
    change(what.trades[0], entry_px=112_345.75)
    assert told(capsys, what)[-2].startswith("paper: open, entered at 112345.75, so far")
    what = found(story, "sole")
    change(what.trades[0], entry_px=112_345.75, exit_px=113_579.25)
    assert "112345.75 → 113579.25" in told(capsys, what)[-1]


def test_every_check_stands_with_value_threshold_and_reason(why: Any) -> None:
    lines = why("blind", vote=None)
    rows = [line.split(maxsplit=5) for line in lines if line.startswith(" ")]
    assert rows == [
        ["filter", "mode", "outcome", "value", "limit"],
        ["cap", "enforce", "pass", "2", "1"],
        ["limit", "enforce", "no_data", "–", "–", "the script knows nothing"],
        ["other", "enforce", "pass", "2", "1"],
        ["watch", "observe", "pass", "2", "1"],
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "bp", "–"), (12.5, "bp", "12.5 bp"), (0.0302, "share", "3.02 %"),
     (19_919.4, "USD", "19,919 USD"), (-0.155, "", "-0.155")],
)  # fmt: skip
def test_a_number_has_its_unit(value: float | None, unit: str, text: str) -> None:
    assert in_unit(value, unit) == text


def test_a_limit_says_which_side_it_blocks_and_what_it_trimmed(
    story: Story, capsys: Captured
) -> None:
    what = found(story, "sole")
    name = what.checks[0].filter
    change(what.checks[0], value=2.5, threshold=10.0, unit="bp", blocks="above")
    what.signal.clamps = [ClampStory(name, 10, 5)]
    line = next(x for x in told(capsys, what) if "blocks above" in x)
    assert line.split()[0] == name
    assert "2.5 bp  blocks above 10 bp" in line and line.split()[2] == "trimmed"


def test_a_reason_with_brackets_is_told_as_it_is(story: Story, capsys: Captured) -> None:
    what = found(story, "sole")
    what.checks[1].reason = "outside [0, 1] [/close]"
    assert any("outside [0, 1] [/close]" in line for line in told(capsys, what))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("admitted", "verdict: admitted"),
        ("sole", "verdict: blocked by limit (only this limit)"),
        ("shared", "verdict: blocked by limit,other"),
        ("blind", "verdict: blocked by limit"),
        ("watched", "verdict: admitted"),
    ],
)
def test_the_verdict_says_by_whom_and_whether_alone(name: str, verdict: str, why: Any) -> None:
    assert verdict in why(name)


def test_a_closed_trade_is_told_to_the_last_cent(why: Any) -> None:
    assert why("sole")[-1] == (
        "phantom: 99.99 → 101.21 by stop, gross -12.2000 (waiting cost +0.0000, "
        "spread and impact -0.2000), fees 0.9054, funding +0.0000, net -13.1054 USD (-1.31 R), "
        "worst -121.0, best 0.0 bps"
    )
    paper, twin = why("admitted")[-2:]
    assert paper.startswith("paper: 100.01 → 101.19 by target, gross +11.8000")
    assert twin == paper.replace("paper", "twin", 1)


def test_what_a_trade_lacks_is_flagged(story: Story, capsys: Captured) -> None:
    what = found(story, "sole")
    change(what.trades[0], flags="no_funding", r=None)
    assert told(capsys, what)[-1].endswith("(– R), worst -121.0, best 0.0 bps [no_funding]")
    change(what.trades[0], exit_delay_e6=None, exit_impact_e6=None)
    assert "gross -12.2000, fees" in told(capsys, what)[-1]


def test_what_was_cut_off_is_told_with_its_phantom(why: Any) -> None:
    lines = why("clamped")
    assert "  cap cut 1000 lots to 400" in lines
    assert lines[-1].startswith("phantom of what was clamped: 100.01 → 99.99 by horizon")
    assert [line.split(":")[0] for line in lines[-3:-1]] == ["paper", "twin"]


def test_a_signal_that_joined_an_episode_shows_that_episode_s_phantom(why: Any) -> None:
    assert why("joined")[-1] == why("paired")[-1]


def test_an_open_one_says_how_far_it_has_come(why: Any, story: Story, capsys: Captured) -> None:
    # The desk's own are marked every second, the others with the next full minute.
    assert why("open")[-2:] == [
        "paper: open, entered at 100.01, so far -0.5500 USD (-0.06 R) before leaving",
        "twin: open, entered at 100.01",
    ]
    what = found(story, "phantom")
    change(what.trades[0], status="pending", entry_px=None)
    assert told(capsys, what)[-1] == "phantom: pending, waiting for its entry"


def test_of_one_without_a_book_nothing_is_made_up(why: Any) -> None:
    assert why("missed")[-1] == "phantom: no book in time, so nothing is known of it"


def test_an_entry_that_was_called_off_is_told_apart(story: Story, capsys: Captured) -> None:
    what = found(story, "missed")
    change(what.trades[0], flags="cancelled")
    expected = "phantom: called off before it was filled, so nothing is known of it"
    assert told(capsys, what)[-1] == expected


def test_every_signal_of_a_real_run_has_a_story(traded: Path, capsys: Captured) -> None:
    with closing(open_readonly(traded / "local" / "gnomon.db")) as db:
        ids = [row[0] for row in db.execute("SELECT signal_id FROM signal")]
        kept = [story_of(db, number) for number in ids]
    assert len(kept) > 10
    for what in kept:
        assert what is not None
        lines = told(capsys, what)
        assert sum(line.startswith("verdict: ") for line in lines) == 1
        assert len([line for line in lines if line.startswith(("paper", "twin", "phantom"))]) == (
            len(what.trades)
        )


def test_the_numbers_behind_a_size_are_told(why: Any) -> None:
    numbers = SizingStory(
        equity_usd=10_000.0, vol_target=0.005, daily_vol=0.04, division_weight=1.05,
        bot_weight=0.95, weight=0.9975, conviction=0.5, notional_usd=623.4375,
    )  # fmt: skip
    assert (
        "sized by 10,000.00 USD × 0.50% target ÷ 4.00% daily volatility × weight 0.998 (division "
        "1.050 × bot 0.950, within 0.3 and 2.5) × conviction 0.50 = 623.44 USD"
    ) in why("sole", sizing=numbers)
    assert not any(line.startswith("sized") for line in why("sole", sizing=None))


def test_the_vote_is_told_with_each_division_s_evidence(why: Any) -> None:
    lines = why("sole")
    at = next(i for i, line in enumerate(lines) if "vote on SOL" in line)
    assert lines[at].startswith("the divisions' vote on SOL: -")
    assert lines[at].endswith("disagreement 0.00")
    assert lines[at + 1] == "  trend -0.00, weight 1.000, confidence 1.00"
    assert lines[at + 2].startswith("    alpha sell 0.00, 0 s ago: told to")
    assert not any("vote on" in line for line in why("sole", vote=None))


def test_an_open_trade_is_told_with_what_it_has_earned_so_far(story: Story, capsys: Any) -> None:
    what = found(story, "sole")
    what.trades = what.trades[:1]
    change(
        what.trades[0], status="open", entry_px=99.5, exit_reason=None, risk_e6=2_000_000,
        so_far_e6=500_000,
    )  # fmt: skip
    line = told(capsys, what)[-1]
    assert line == "phantom: open, entered at 99.5, so far +0.5000 USD (+0.25 R) before leaving"
    what.trades[0].so_far_e6 = None
    assert told(capsys, what)[-1] == "phantom: open, entered at 99.5"

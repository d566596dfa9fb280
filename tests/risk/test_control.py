from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.load import parse
from market.errors import OperatorError
from market.events import NS_PER_S
from risk.control import Control, Settings, draw
from tests.support.shadow import T0, Puppet, Stage, make_proposal, make_view


def test_draws_are_uniform_over_many_episodes() -> None:
    draws = [draw(7, f"bot{i % 26}|COIN{i % 150}|1", T0 + i * NS_PER_S) for i in range(20_000)]
    assert all(0.0 <= d < 1.0 for d in draws)
    # Four standard errors of a share of a fifth are 0.0113.
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        share = sum(low <= d < low + 0.2 for d in draws) / len(draws)
        assert abs(share - 0.2) < 0.0113


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_it_would_block_its_share_of_episodes(share: float) -> None:
    f = Control(Settings(share), "observe")
    view = make_view()
    failed = 0
    for i in range(5_000):
        view.opened_ns = T0 + i
        failed += f.check(make_proposal(bot=f"bot{i % 26}"), view).outcome == "fail"
    assert abs(failed / 5_000 - share) < 4 * (share * (1 - share) / 5_000) ** 0.5


def test_value_and_threshold_are_the_draw_and_the_share() -> None:
    f = Control(Settings(), "observe")
    view = make_view()
    for i in range(50):
        view.opened_ns = T0 + i
        check = f.check(make_proposal(), view)
        value = draw(7, "alpha|SOL|1", T0 + i)
        assert (check.value, check.threshold) == (value, 0.2)
        assert check.outcome == ("fail" if value < 0.2 else "pass")


def test_an_episode_is_drawn_once_however_often_it_is_asked_and_whatever_else_is_said() -> None:
    f = Control(Settings(), "observe")
    view = make_view()
    first = f.check(make_proposal(), view)
    for i in range(100):
        view.now_ns += NS_PER_S
        f.check(make_proposal(bot=f"other{i}", side=-1), view)
        assert f.check(make_proposal(lots=i + 1), view) == first
    assert Control(Settings(), "observe").check(make_proposal(), view) == first


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["alpha", "beta"]),
            st.sampled_from([1, -1]),
            st.integers(0, 3),
            st.integers(7, 8),
        ),
        max_size=30,
    )
)
def test_a_draw_that_was_kept_is_the_one_that_is_drawn(
    asked: list[tuple[str, int, int, int]],
) -> None:
    seasoned, view = Control(Settings(), "observe"), make_view()
    for bot, side, opened, seed in asked:
        view.opened_ns, view.desk.seed = T0 + opened, seed
        check = seasoned.check(make_proposal(bot=bot, side=side), view)
        assert check.value == draw(seed, f"{bot}|SOL|{side}", T0 + opened)


def test_an_episode_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counted(seed: int, key: str, opened_ns: int) -> float:
        hashed.append(key)
        return draw(seed, key, opened_ns)

    monkeypatch.setattr("risk.control.draw", counted)
    f, view = Control(Settings(), "observe"), make_view()
    for _ in range(5):
        f.check(make_proposal(), view)
        f.check(make_proposal(side=-1), view)
    assert hashed == ["alpha|SOL|1", "alpha|SOL|-1"]
    view.opened_ns += 1
    f.check(make_proposal(), view)
    assert hashed == ["alpha|SOL|1", "alpha|SOL|-1", "alpha|SOL|1"]


def test_seed_key_and_opening_time_all_move_the_draw() -> None:
    base = draw(7, "alpha|SOL|1", T0)
    others = {
        draw(8, "alpha|SOL|1", T0),
        draw(7, "beta|SOL|1", T0),
        draw(7, "alpha|ETH|1", T0),
        draw(7, "alpha|SOL|-1", T0),
        draw(7, "alpha|SOL|1", T0 + 1),
    }
    assert len(others | {base}) == 6


def test_the_draw_is_a_hash_that_no_release_may_change() -> None:
    assert draw(7, "alpha|SOL|1", 0) == 0.732786307159126


def test_it_observes_by_default_and_may_not_be_enforced() -> None:
    assert Control.default_mode == "observe"
    assert parse({}, "test").gate["control"]["mode"] == "observe"
    with pytest.raises(OperatorError, match=r"control\.mode"):
        parse({"gate": {"control": {"mode": "enforce"}}}, "test")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_a_share_of_none_or_all_is_refused(share: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"share": share}, Settings)


def test_changes_within_an_episode_see_the_same_opening_time() -> None:
    """While its phantom is open an episode goes on, however the verdict changes."""
    stage = Stage(bots=[Puppet("alpha")], filters={"a": "enforce", "b": "enforce"})
    stage.book()
    opened = []
    for a, b in (("fail", "pass"), ("fail", "fail"), ("pass", "fail"), ("pass", "pass")):
        stage.script(a=a, b=b)  # type: ignore[arg-type]
        assert stage.signal() is not None
        opened.append(stage.engine.branch.view.opened_ns)
        stage.books(3)
    assert opened == [T0] * 4

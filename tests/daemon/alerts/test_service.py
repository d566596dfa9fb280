from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.alerts.kind import Kind, Memory, Message, Seen
from daemon.alerts.looking import Looker
from daemon.alerts.outbox import NS_PER_HOUR, Outbox
from daemon.alerts.plan import Delivery, Quiet
from daemon.alerts.service import RETRY_S, Service
from daemon.instance.paths import StateDir

SECOND = 10**9
NEVER = Quiet(time(0), time(0), ZoneInfo("UTC"))


class Killed(BaseException):
    """What kill -9 looks like from inside."""


class Fake:
    """A target that takes what it is told to; `kill` ends the process after it has taken one."""

    def __init__(self, name: str = "1: fake") -> None:
        self.name = name
        self.heard: list[Delivery] = []
        self.trouble = ""
        self.kill = False

    def send(self, delivery: Delivery) -> str:
        if not self.trouble:
            self.heard.append(delivery)
        if self.kill:
            raise Killed
        return self.trouble


class Course:
    """A state in which things happen at times; each is told by the kind `happens`."""

    def __init__(
        self, path: Path, *targets: Fake, per_hour: int = 10, urgent: bool = False
    ) -> None:
        self.path, self.targets = path, targets
        self.happened: list[str] = []
        self.now_ns = 1_796_000_000 * SECOND
        self.said: list[str] = []
        self._per_hour = per_hour
        self._kind = Kind("happens", "what happens", self._look, urgent=urgent)
        self.start()

    def _look(self, seen: Seen, memory: Memory) -> tuple[list[Message], Memory]:
        fresh = self.happened[memory.get("seen", 0) :]
        return [Message(name, name, name) for name in fresh], {"seen": len(self.happened)}

    def start(self) -> None:
        """Begin, or begin again after a kill."""
        self.box = Outbox(self.path / "notify.db")
        looker = Looker(StateDir(self.path, "local"), [self._kind], self.box.memory())
        self.service = Service(
            looker, self.box, self.targets, mode="local", per_hour=self._per_hour, quiet=NEVER,
            say=self.said.append, now_ns=lambda: self.now_ns,
        )  # fmt: skip

    def after(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)
        self.service.step()


def titles(target: Fake) -> list[str]:
    return [delivery.title for delivery in target.heard]


def test_what_happens_is_told_once_to_each(tmp_path: Path) -> None:
    one, two = Fake("1: a"), Fake("2: b")
    course = Course(tmp_path, one, two)
    course.happened.append("x")
    for _ in range(5):
        course.after(10)
    assert titles(one) == titles(two) == ["local: x"]
    course.box.close()


def test_a_target_that_takes_nothing_is_asked_again_ever_later_and_holds_nobody_up(
    tmp_path: Path,
) -> None:
    down, up = Fake("1: down"), Fake("2: up")
    course = Course(tmp_path, down, up)
    down.trouble = "not taken"
    course.happened.append("x")
    for _ in range(12):
        course.after(10)
    assert titles(up) == ["local: x"]
    assert (
        course.said
        == [
            f"target 1: down: not taken; again in {RETRY_S:g} s",
            f"target 1: down: not taken; again in {2 * RETRY_S:g} s",
        ]
        or len(course.said) == 3
    )
    down.trouble = ""
    course.happened.append("y")
    course.after(600)
    assert titles(down) == ["local: x", "local: y"]
    course.box.close()


def test_a_kill_between_the_target_and_the_mark_repeats_and_loses_nothing(tmp_path: Path) -> None:
    target = Fake()
    course = Course(tmp_path, target)
    course.happened += ["x", "y"]
    target.kill = True
    with pytest.raises(Killed):
        course.after(10)
    course.box.close()
    target.kill = False
    course.start()
    course.after(10)
    course.after(10)
    assert titles(target) == ["local: x", "local: x", "local: y"]
    # The repeat is known by its number.
    assert target.heard[0].messages == target.heard[1].messages
    course.box.close()


EVENTS = st.lists(
    st.sampled_from(("happens", "kill", "down", "up", "restart", "hour", "wait")), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(EVENTS)
def test_whatever_goes_wrong_everything_is_told_and_never_a_flood(
    tmp_path_factory: pytest.TempPathFactory, events: list[str]
) -> None:
    target = Fake()
    course = Course(tmp_path_factory.mktemp("course"), target, per_hour=3)
    times: list[int] = []
    for at, event in enumerate([*events, "up", *["hour"] * 4]):
        before = len(target.heard)
        if event == "happens":
            course.happened += [f"{at}/{n}" for n in range(5)]
        target.kill = event == "kill"
        target.trouble = {"down": "gone", "up": ""}.get(event, target.trouble)
        try:
            course.after(3_600 if event == "hour" else 10)
        except Killed:
            course.box.close()
            course.start()
        if event == "restart":
            course.box.close()
            course.start()
        times += [course.now_ns] * (len(target.heard) - before)
    told = "\n".join(d.title + d.body for d in target.heard)
    assert all(name in told for name in course.happened)
    kills = events.count("kill")
    for now in times:
        assert sum(now - NS_PER_HOUR < t <= now for t in times) <= 3 + kills
    course.box.close()


def test_it_goes_on_until_it_is_over(tmp_path: Path) -> None:
    course = Course(tmp_path, Fake())
    waited: list[float] = []

    def over(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 3

    course.service.run(over)
    assert len(waited) == 3
    course.box.close()
    assert isinstance(course.said, list) and Any

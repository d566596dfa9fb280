from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from daemon.engine.outcome import Outcome
from daemon.instance import control
from daemon.instance.control import Refusal, Reply, Request
from daemon.instance.paths import StateDir
from daemon.live.answers import Answers
from daemon.views.lens import CoinLenses
from daemon.views.positions import Positions
from daemon.views.status import RunningStatus
from market.events import Command, Verb
from tests.daemon import rig
from tests.support.daemons import StandIn


class Scene:
    """Answers about an engine, and in which order commands were taken and committed."""

    def __init__(self) -> None:
        self.engine = rig.fresh({}, rig.PAIR).engine
        self.story: list[Any] = []
        self.answers = Answers(StandIn(self.engine), self.obey, self.commit)

    def obey(self, command: Command) -> Outcome:
        self.story.append(command)
        self.engine.vitals.seq += 1
        return Outcome(reply=f"{command.verb} done")

    async def commit(self, seq: int) -> None:
        self.story.append(seq)

    def answer(self, *request: Any, **more: Any) -> Any:
        return asyncio.run(self.answers.answer(Request(*request, **more)))


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (Request("status"), RunningStatus),
        (Request("positions"), Positions),
        (Request("positions", phantoms=True), Positions),
        (Request("lens", "ETH"), CoinLenses),
    ],
)
def test_a_question_is_answered_by_its_view_and_is_no_event(request_: Request, kind: type) -> None:
    scene = Scene()
    assert type(asyncio.run(scene.answers.answer(request_))) is kind
    assert scene.story == []


def test_of_an_unknown_coin_the_known_ones_are_named() -> None:
    found = Scene().answer("lens", "PEPE")
    assert found == Refusal("'PEPE' is not traded here; there are BTC, ETH", ["BTC", "ETH"])


# What an order may name.
NAMED = {"rearm": "donchian", "resume": "BTC", "wind-down": "BTC announced"}


@pytest.mark.parametrize("verb", list(Verb))
def test_a_command_is_an_event_that_is_on_disk_before_it_is_answered(verb: Any) -> None:
    scene = Scene()
    argument = NAMED.get(verb, "anything")
    assert scene.answer(verb, argument) == Reply(f"{verb} done")
    assert scene.story == [Command(verb, argument), 1]


@pytest.mark.parametrize("verb", ["resume", "wind-down"])
def test_an_order_about_an_unknown_coin_names_the_known_ones_and_is_no_event(verb: str) -> None:
    scene = Scene()
    assert scene.answer(verb, "PEPE") == Refusal(
        "'PEPE' is not traded here; there are BTC, ETH", ["BTC", "ETH"]
    )
    assert scene.story == []


@pytest.mark.parametrize("verb", ["halt", "resume", "flatten"])
def test_an_order_of_a_bot_or_coin_is_one_event_and_a_misspelt_one_none(verb: str) -> None:
    scene = Scene()
    assert scene.answer(verb, bot="donchian", coin="BTC") == Reply(f"{verb} done")
    assert scene.story == [Command(verb, bot="donchian", coin="BTC"), 1]
    for more, meant in (({"bot": "donchain"}, "donchian"), ({"coin": "btc"}, "BTC")):
        found = scene.answer(verb, **more)
        assert isinstance(found, Refusal)
        assert f"did you mean {meant}?" in found.error and meant in found.choices
    assert len(scene.story) == 2


def test_of_an_unknown_bot_the_known_ones_are_named_and_it_is_no_event() -> None:
    scene = Scene()
    found = scene.answer("rearm", "donkey")
    assert found == Refusal(f"no bot 'donkey'; there are {', '.join(found.choices)}", found.choices)
    assert "donchian" in found.choices
    assert scene.story == []


def test_an_argument_that_is_too_long_is_cut() -> None:
    for verb in set(Verb) - {Verb.REARM, Verb.RESUME}:
        limit = verb.argument_max
        scene = Scene()
        argument = f"BTC {'x' * 5_000}"
        scene.answer(verb, argument)
        assert scene.story[0].argument == argument[:limit]


@pytest.mark.parametrize("verb", ["explode", "", "Halt"])
def test_anything_else_is_refused_and_is_no_event(verb: str) -> None:
    scene = Scene()
    assert scene.answer(verb, "x") == Refusal(f"unknown verb {verb!r}")
    assert scene.story == []


def test_the_socket_is_there_while_it_answers_and_not_afterwards(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    state.create()
    scene = Scene()

    async def main() -> None:
        task = asyncio.create_task(scene.answers.serve(state))
        for _ in range(500):
            if state.socket.exists():
                break
            await asyncio.sleep(0.01)
        found = await asyncio.to_thread(control.ask, state.socket, Request("status"), RunningStatus)
        assert found.running and [feed.coin for feed in found.feeds] == list(rig.PAIR)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not state.socket.exists()

    asyncio.run(main())

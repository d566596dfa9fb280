"""Trials under way: a bot with one change beside its unmodified control, both as phantoms.

The two arms hear what every bot hears and keep memories and episode keys of their own. What they
say goes past gate, vote and weights and opens phantoms of cause `trial` at unit weight. A trial
begins and ends by the command `trial`, which is on the tape, so a replay runs it too. Nothing
here can be told to change a bot, a filter, a fee or a row that is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from daemon.engine.outcome import Outbox
from divisions import roster
from divisions.lane import Lane, LaneState
from divisions.search import changes
from market.events import MS_PER_DAY, NS_PER_MS
from shadow.store.rows import to_json
from shadow.store.tables.trials import DecisionUpdate, ExperimentRow

CONTROL, CHALLENGER = "control", "challenger"
DAYS = 30


class Start(Struct, forbid_unknown_fields=True):
    """Beginning of a trial; `detail` is what was registered before it, kept as it is."""

    trial_id: int
    bot: str
    name: str
    value: float
    detail: dict[str, Any] = field(default_factory=dict)


class End(Struct, forbid_unknown_fields=True):
    """End of a trial; `result` is what the decision rests on, kept as it is."""

    trial_id: int
    decision: Literal["keep", "revert"]
    naive_decision: Literal["keep", "revert"]
    result: dict[str, Any] = field(default_factory=dict)


class Order(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The argument of the command `trial`: one of the two."""

    start: Start | None = None
    end: End | None = None


class Trial(Struct):
    """A running trial. Days from `first_ms` until before `ends_ms` count: whole UTC days.

    `arms` holds the parameters of both by their part; `fault` is why they fell silent, "" else.
    """

    trial_id: int
    bot: str
    first_ms: int
    ends_ms: int
    arms: dict[str, dict[str, Any]]
    fault: str = ""


class Trials(Struct):
    """State of trials: the newest number, and the one that runs."""

    last_id: int = 0
    running: Trial | None = None


class Arm(Lane):
    """One side of a trial."""

    def __init__(self, trial: Trial, part: str, of: Lane) -> None:
        super().__init__(roster.build(type(of.bot), trial.arms[part]), "shadow")
        self.trial_id = trial.trial_id
        self.name = arm_name(trial.bot, trial.trial_id, part)


def arm_name(bot: str, trial_id: int, part: str) -> str:
    """Return the name that an arm's keys and trades carry."""
    return f"{bot}#{trial_id}-{part}"


def is_arm(name: str) -> bool:
    """Say whether a name is that of an arm rather than of a bot."""
    return "#" in name


class Bench:
    """The arms at work. `state` is written down; the arms are made from it."""

    def __init__(self, lanes: Mapping[str, Lane], outbox: Outbox) -> None:
        self.state = Trials()
        self._lanes = lanes
        self._out = outbox
        self.arms: list[Arm] = []

    def adopt(self, state: Trials) -> None:
        """Take up a written state and make the arms of the trial that runs."""
        self.state = state
        self.arms = []
        trial = state.running
        # A bot that is not there any more says nothing; its trial ends like any other.
        of = self._lanes.get(trial.bot) if trial is not None else None
        if trial is not None and of is not None and not trial.fault:
            try:
                self.arms = [Arm(trial, part, of) for part in (CONTROL, CHALLENGER)]
            except ValueError as error:
                trial.fault = f"{trial.bot} has other parameters now: {error}"

    def memories(self) -> dict[str, LaneState]:
        """Return both arms' states by name."""
        return {arm.name: arm.state() for arm in self.arms}

    def remember(self, states: Mapping[str, LaneState]) -> None:
        """Take up the arms' states."""
        for arm in self.arms:
            if arm.name in states:
                arm.restore(states[arm.name])

    def obey(self, argument: str, config_hash: str) -> str:
        """Begin or end a trial; return what came of it in words, "refused: …" for nothing."""
        try:
            order = msgspec.json.decode(argument, type=Order)
        except msgspec.MsgspecError as error:
            return f"refused: {error}"
        if order.start is not None and order.end is None:
            return self._start(order.start, config_hash)
        if order.end is not None and order.start is None:
            return self._end(order.end)
        return "refused: expected either a start or an end"

    def fail(self, arm: Lane) -> None:
        """Silence both arms after one of them failed: half a comparison is none."""
        trial = self.state.running
        if trial is not None:
            trial.fault = f"{arm.name}: {arm.fault}"
        self.arms = []
        self._out.touch("trials")

    def _start(self, order: Start, config_hash: str) -> str:
        state, lane = self.state, self._lanes.get(order.bot)
        if state.running is not None:
            return f"refused: trial {state.running.trial_id} is running"
        if order.trial_id <= state.last_id:
            return f"refused: the next trial is number {state.last_id + 1}"
        if lane is None:
            return f"refused: no bot {order.bot!r}"
        params = lane.bot.params
        space = {tuple(c): c for c in changes(type(lane.bot), params)}
        change = space.get((order.name, order.value))
        if change is None:
            return f"refused: {order.name} = {order.value:g} is no change {order.bot} declares"
        control = msgspec.to_builtins(params)
        challenger = {**control, change.name: change.value}
        now_ms = self._out.venue_ms
        first_ms = (now_ms // MS_PER_DAY + 1) * MS_PER_DAY
        trial = Trial(
            order.trial_id,
            order.bot,
            first_ms,
            first_ms + DAYS * MS_PER_DAY,
            {CONTROL: control, CHALLENGER: challenger},
        )
        self.state.last_id, self.state.running = order.trial_id, trial
        self.arms = [Arm(trial, part, lane) for part in (CONTROL, CHALLENGER)]
        told = {"name": change.name, "from": control[change.name], "to": change.value}
        self._out.rows.experiments.append(
            ExperimentRow(
                order.trial_id,
                order.bot,
                to_json(told),
                self._out.now_ns,
                _hash(order.bot, control, config_hash),
                _hash(order.bot, challenger, config_hash),
                to_json({**order.detail, "first_ms": first_ms, "ends_ms": trial.ends_ms}),
            )
        )
        self._out.touch("trials")
        return f"trial {order.trial_id} of {order.bot} began: {change.name} = {change.value:g}"

    def _end(self, order: End) -> str:
        trial = self.state.running
        if trial is None or trial.trial_id != order.trial_id:
            return f"refused: trial {order.trial_id} is not running"
        early = self._out.now_ns // NS_PER_MS < trial.ends_ms
        if early and not trial.fault:
            return f"refused: trial {trial.trial_id} has not seen its {DAYS} days"
        if trial.fault and order.decision == "keep":
            return f"refused: an arm of trial {trial.trial_id} failed"
        self.state.running = None
        self.arms = []
        self._out.rows.decisions.append(
            DecisionUpdate(
                self._out.now_ns,
                order.decision,
                order.naive_decision,
                to_json(order.result),
                order.trial_id,
            )
        )
        self._out.touch("trials")
        return f"trial {order.trial_id} of {trial.bot} ended: {order.decision}"


def _hash(bot: str, params: Mapping[str, Any], config_hash: str) -> str:
    text = to_json([bot, params, config_hash])
    return blake2b(text.encode(), digest_size=8).hexdigest()

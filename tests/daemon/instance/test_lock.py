from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import pytest

from daemon.instance.lock import alone, is_held
from daemon.instance.paths import StateDir
from market.errors import AnotherInstance, OperatorError


def state_in(path: Path) -> StateDir:
    state = StateDir(path, "local")
    state.create()
    return state


def hold(path: str, ready: Any, done: Any) -> None:
    with alone(StateDir(Path(path), "local")):
        ready.set()
        done.wait(10)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(str(tmp_path), ready, done))
    holder.start()
    try:
        assert ready.wait(10)
        with pytest.raises(AnotherInstance, match=rf"\(pid {holder.pid}\)") as caught, alone(state):
            pytest.fail("two daemons hold one state")
        assert caught.value.exit_code == 75
        assert is_held(state)
        assert (state.path / "lock").read_text() == f"{holder.pid}\n", "the second changed nothing"
    finally:
        done.set()
        holder.join(10)
    with alone(state):
        assert (state.path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("there", [True, False])
def test_a_lock_that_is_a_link_is_not_followed(there: bool, tmp_path: Path) -> None:
    state, other = state_in(tmp_path), tmp_path / "precious"
    if there:
        other.write_text("keep me")
    (state.path / "lock").symlink_to(other)
    with pytest.raises(OperatorError, match=r"lock: cannot be opened \(a link\)"), alone(state):
        pytest.fail("held through a link")
    assert not is_held(state)
    assert other.read_text() == "keep me" if there else not other.exists()


def test_a_lock_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    os.mkfifo(state.path / "lock")
    with pytest.raises(OperatorError, match="lock: is no file"), alone(state):
        pytest.fail("held a pipe")


def test_a_lock_left_by_a_dead_process_holds_nobody_back(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (state.path / "lock").write_text("999999999\n")
    for _ in range(2):
        with alone(state):
            assert (state.path / "lock").read_text() == f"{os.getpid()}\n"


def test_two_modes_of_one_root_do_not_exclude_each_other(tmp_path: Path) -> None:
    other = StateDir(tmp_path, "paper-testnet")
    other.create()
    with alone(state_in(tmp_path)), alone(other):
        pass


def test_a_lock_that_cannot_be_opened_is_the_operator_s_to_mend(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    (state.path / "lock").mkdir()
    with pytest.raises(OperatorError, match="lock"), alone(state):
        pytest.fail("held nothing")


def test_a_lock_counts_as_held_only_while_somebody_holds_it(tmp_path: Path) -> None:
    state = StateDir(tmp_path, "local")
    assert not is_held(state), "no folder"
    state.create()
    assert not is_held(state), "no lock"
    with alone(state):
        assert is_held(state)
    assert not is_held(state), "a file is left, but nobody behind it"

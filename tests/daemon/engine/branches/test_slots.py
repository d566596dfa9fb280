from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.engine.branches.slots import Slots
from market.decision import Verdict
from shadow.ledger.episodes import KeyState, Step

BLOCKED = Verdict(False, [], ("limit",), "limit", 1, [])
ADMITTED = Verdict(True, [], (), "", 1, [])
MOVES = st.lists(
    st.tuples(st.sampled_from(["hear", "hear", "close", "end"]), st.integers(0, 30), st.booleans()),
    max_size=40,
)


@given(moves=MOVES)
def test_a_slot_is_what_is_left_of_a_key_for_those_who_open_no_phantoms(
    moves: list[tuple[str, int, bool]],
) -> None:
    """Three branches admit at will; each is armed and taken as a desk's own key would be."""
    slots, keys, now_ns = Slots(armed=0b111), [KeyState() for _ in range(3)], 100
    for number, (move, step, admits) in enumerate(moves, start=1):
        now_ns += step
        if move == "hear":
            ready = slots.hear(now_ns, 10, 0b111)
            for at, key in enumerate(keys):
                armed = key.hear(now_ns, 10)
                assert armed == bool(ready >> at & 1)
                if armed and (admits or at == 0):
                    assert key.step(ADMITTED) is Step.OPEN_REAL
                    key.real_id = number
                    slots.taken |= 1 << at
                elif armed:
                    key.step(BLOCKED)
        else:
            at = step % 3
            if keys[at].real_id:
                keys[at].close(keys[at].real_id)
                slots.close(1 << at)


def test_a_fork_takes_over_when_the_bot_spoke_and_whose_slot_is_taken() -> None:
    assert Slots.of(KeyState(spoke_ns=5, real_id=9), 7) == Slots(5, taken=7, armed=7)
    assert Slots.of(KeyState(spoke_ns=5, real_armed=False), 7) == Slots(5, taken=0, armed=0)

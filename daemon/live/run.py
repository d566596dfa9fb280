"""Run of a daemon from its lock to its end: the one file in which local and paper differ.

The lock first, then a socket that answers, the database, the venue and its rules, and only then
the daemon itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack

from daemon.instance import lease
from daemon.instance.lock import alone
from daemon.live.daemon import Daemon
from daemon.live.keeping.guard import give_back
from daemon.live.lobby import receiving
from daemon.live.opening import open_store
from daemon.live.startup import Plan, meet_venue, open_endpoint, until_stopped
from daemon.live.telemetry import log
from market.errors import AnotherInstance
from venue.hyperliquid.info import InfoClient


async def run(
    plan: Plan,
    *,
    started: Callable[[], None] = lambda: None,
    waiting: Callable[[str], None] = lambda text: None,
) -> str:
    """Run the daemon until it is told to stop; return why it stopped.

    `waiting` is told in words when the venue does not answer. A plan for some time waits for it
    no longer than that.
    """
    plan.state.create()
    with alone(plan.state):
        async with receiving(plan.state) as lobby, AsyncExitStack() as undo:

            def say(text: str) -> None:
                lobby.say(text)
                waiting(text)

            state = plan.state
            await lease.wait_turn(state.database)
            opening = open_store(state.database, mode=state.folder, network=plan.venue, say=say)
            store = await until_stopped(opening, within_s=None)
            if isinstance(store, str):
                return store
            opened = undo.enter_context(ExitStack())
            own = lease.mine(state.database)
            try:
                if left := lease.take(store, own):
                    log.warning("the lease was left behind", what=left)
            except AnotherInstance:
                store.leave()
                raise
            opened.callback(store.close)
            opened.callback(give_back, store, own)
            endpoint = await undo.enter_async_context(open_endpoint(plan))
            info = await undo.enter_async_context(
                InfoClient(endpoint.rest, weight_per_minute=plan.config.venue.weight_per_minute)
            )
            met = await until_stopped(meet_venue(info, waiting=say), within_s=plan.for_s)
            if isinstance(met, str):
                return met
            opened.pop_all()
            daemon = Daemon(plan, endpoint, info, *met, store=store, own=own)
            for order in lobby.orders:
                daemon.consume(order)
            started()
            return await daemon.run()

"""The local venue as a process of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
import sys
import time
from pathlib import Path

from market.errors import OperatorError
from market.events import MS_PER_DAY
from venue.hyperliquid.signing import MAINNET, TESTNET
from venue.local.faults.plan import plan_of
from venue.local.gate.accounts import Account, account_of_seed, load_accounts
from venue.local.gate.gateway import GatewayRules
from venue.local.market.contract import LocalMarket
from venue.local.market.grid import HISTORY_DAYS
from venue.local.playback.playback import Playback
from venue.local.server.client import Limits
from venue.local.server.faulty.injector import Injector
from venue.local.server.floor import floor_over
from venue.local.server.server import serve
from venue.local.world.world import World
from venue.tape.segment import segments_of
from venue.tape.survey import check

# A tape larger than this takes some seconds to check.
TOLD_BYTES = 100 << 20

# Which signatures count: clients sign for a network, and not all can be told which.
SOURCES = {"testnet": (TESTNET,), "mainnet": (MAINNET,), "both": (TESTNET, MAINNET)}
WORTHLESS = "for tests only: these keys follow from the seed, anyone can have them"

EXPOSED = "whoever reaches it can trade on its accounts, whose keys anyone can have, and stall it"


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve_venue(
    *,
    host: str,
    port: int,
    seed: int,
    tape: Path | None,
    speed: float,
    epoch_ms: int | None,
    with_parent: bool,
    faults: str = "",
    accounts: Path | None = None,
    network: str = "both",
) -> None:
    """Serve until interrupted; says where, and who has an account, once the port is open.

    That is one JSON line on standard output, and the accounts for a reader on standard error.
    Raises OperatorError for options that contradict and a file of accounts or faults that is none,
    and InputDamaged for a tape that is not sound, before the port is open where checksums tell.
    """
    plan = plan_of(faults) if faults else None
    opened = [account_of_seed(seed), *(load_accounts(accounts) if accounts else [])]
    rules = GatewayRules(sources=SOURCES[network])
    market = played = _market(seed, tape, speed, epoch_ms)
    injector = None if plan is None else Injector(plan, _tell)
    if injector is not None:
        market = injector.market(market)

    acting = None if injector is None else injector.trading
    shown, floor = floor_over(market, accounts=opened, rules=rules, acting=acting)

    def ready(actual_port: int) -> None:
        told = {
            "http": f"http://{host}:{actual_port}",
            "ws": f"ws://{host}:{actual_port}/ws",
            "accounts": [account.row() for account in opened],
        }
        if not with_parent:
            sys.stderr.write("\n".join((WORTHLESS, *_lines(opened))) + "\n")
            sys.stderr.flush()
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            await _stop_at_eof(stop)
        await serve(
            shown,
            host=host,
            port=port,
            now_ms=lambda: time.time() * 1000.0,
            on_ready=ready,
            stop=stop,
            injector=injector,
            # A daemon and whoever tries its venue share one address.
            limits=Limits.generous() if with_parent else Limits(),
            floor=floor,
        )

    try:
        if tape is not None:
            _check(tape)
        asyncio.run(main())
    finally:
        if isinstance(played, Playback):
            played.close()


def _market(seed: int, tape: Path | None, speed: float, epoch_ms: int | None) -> LocalMarket:
    if tape is not None:
        return Playback(tape, speed=speed)
    if speed != 1.0:
        raise OperatorError("--speed plays a --tape faster; a synthetic world runs in real time")
    today_ms = int(time.time() * 1000) // MS_PER_DAY * MS_PER_DAY
    begin_ms = today_ms - HISTORY_DAYS * MS_PER_DAY if epoch_ms is None else epoch_ms
    if begin_ms % MS_PER_DAY:
        raise OperatorError(f"--epoch-ms {begin_ms}: must be a UTC midnight")
    return World(seed, begin_ms)


def _tell(what: str) -> None:
    sys.stderr.write(what + "\n")
    sys.stderr.flush()


def _check(tape: Path) -> None:
    size = sum(segment.path.stat().st_size for segment in segments_of(tape))
    if size > TOLD_BYTES:
        sys.stderr.write(f"checking {size >> 20:,} MB of tape before it is played\n")
        sys.stderr.flush()
    check(tape)


def _lines(accounts: list[Account]) -> list[str]:
    return [line for account in accounts for line in account.lines()]


async def _stop_at_eof(stop: asyncio.Event) -> None:
    """Set `stop` once standard input closes, which it does however the parent dies."""

    class Pipe(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

        def eof_received(self) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(Pipe, sys.stdin)

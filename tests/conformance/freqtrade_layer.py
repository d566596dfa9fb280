"""`make conformance`: freqtrade's exchange layer starts and trades on the local venue.

freqtrade is large, so it has an environment of its own, made here from a lock with hashes. Where
it cannot be installed this says so and is skipped; everything else that goes wrong is a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conformance.hosting import hosted
from tests.support.environment import environment

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements-conformance.lock"
ENVIRONMENT = ROOT / ".venv-conformance"
CLIENT = Path(__file__).parent / "freqtrade_client.py"
TRADE_S = 180.0

EXPECTED = {
    "markets": 50,
    "levels": 20,
    "cancelled": "canceled",
    "filled": "closed",
    "positions": [["long", 0.01, 3.0]],
    "trades": 1,
    "stopped": "canceled",
    "closed": "closed",
    "left": 0,
    "ticker": "BTC/USDC:USDC",
    "funding": "BTC/USDC:USDC",
    "max_leverage": 40,
}


def say(text: str) -> None:
    sys.stderr.write(f"conformance: {text}\n")


def trade(python: Path) -> dict[str, Any] | None:
    """Let freqtrade trade on a venue; return what it told, None when it failed."""
    with hosted() as venue:
        wallet = venue.test.wallet
        asked = {"http": venue.http, "ws": venue.ws, "address": wallet.address, "key": wallet.key}
        done = subprocess.run(
            [str(python), str(CLIENT)],
            input=json.dumps(asked),
            text=True,
            capture_output=True,
            timeout=TRADE_S,
            check=False,
        )
    if done.returncode:
        say(f"freqtrade failed:\n{done.stderr}")
        return None
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> int:
    """Return 0 when freqtrade traded as expected or cannot be installed."""
    python = environment(LOCK, ENVIRONMENT, "freqtrade", say)
    if python is None:
        return 0
    told = trade(python)
    if told is None:
        return 1
    wrong = {name: told.get(name) for name, value in EXPECTED.items() if told.get(name) != value}
    if wrong or not told["candles"] or told["free"] <= 0:
        say(f"freqtrade saw something else than expected: {wrong or told}")
        return 1
    say(f"freqtrade's exchange layer works: {json.dumps(told)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

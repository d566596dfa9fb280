"""Accounts at the start: keys, money, agents.

There is always a test account, so that a client can trade at once. Its keys follow from the seed
of the world and are printed at start: anyone can have them, so they are worth nothing anywhere
else. More accounts come from a file.

```toml
[[account]]
name = "alice"                  # for the reader
key = "0x…"                     # or address = "0x…"
usd = 5000.0

[[account.agents]]
name = "bot"                    # without a name: the unnamed agent
address = "0x…"                 # or key = "0x…"
```
A file that ends in `.json` holds the same as `{"account": [...]}`.
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from msgspec import Struct

from market.errors import OperatorError
from venue.hyperliquid.signing import address_of, keccak
from venue.local.gate.agents import NAME_LENGTH_MAX
from venue.local.market.contract import Row
from venue.local.protocol.address import ZERO_ADDRESS, normal_address

USD_E6 = 1_000_000
TEST_FUNDS_USD = 100_000
USD_MAX = 1_000_000_000
_KEY = re.compile("(0x)?[0-9a-fA-F]{64}")


class Wallet(Struct, frozen=True):
    """An address, with its private key where the venue is to tell it."""

    address: str
    key: str | None = None
    name: str = ""


class Account(Struct, frozen=True):
    """One account at the start."""

    wallet: Wallet
    usd_e6: int
    agents: tuple[Wallet, ...] = ()

    def row(self) -> Row:
        """Return what is told of it at the start."""
        return {
            **_told(self.wallet),
            "usd": self.usd_e6 / USD_E6,
            "agents": [_told(agent) for agent in self.agents],
        }

    def lines(self) -> list[str]:
        """Return the same for a reader."""
        lines = [f"account  {self.wallet.address}  {self.usd_e6 / USD_E6:,.2f} USDC"]
        if self.wallet.key:
            lines.append(f"  key    {self.wallet.key}")
        for agent in self.agents:
            lines.append(f"  agent  {agent.address}" + (f"  {agent.name!r}" if agent.name else ""))
            if agent.key:
                lines.append(f"    key  {agent.key}")
        return lines


def account_of_seed(seed: int) -> Account:
    """Return the account that every world of a seed has."""
    wallet, agent = (
        _wallet_of(keccak(f"gnomon local venue, {role} of seed {seed}".encode()))
        for role in ("account", "agent")
    )
    return Account(wallet, TEST_FUNDS_USD * USD_E6, (agent,))


def load_accounts(path: Path) -> list[Account]:
    """Return the accounts of a file; raises OperatorError with one line that says what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise OperatorError(f"{path}: {_one_line(error)}") from None
    try:
        return _accounts(data)
    except _Wrong as wrong:
        raise OperatorError(f"{path}: {wrong}") from None


class _Wrong(Exception):
    """A fault in a file of accounts."""


def _accounts(data: Any) -> list[Account]:
    rows = data.get("account") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows:
        raise _Wrong("no [[account]] in it")
    _require_only(data, {"account"}, "the file")
    found = [_account(row, f"account {number}") for number, row in enumerate(rows, 1)]
    seen: set[str] = set()
    for account in found:
        for wallet in (account.wallet, *account.agents):
            if wallet.address in seen:
                raise _Wrong(f"{wallet.address} is in it twice")
            seen.add(wallet.address)
    return found


def _account(row: Any, where: str) -> Account:
    wallet = _wallet(row, where, {"usd", "agents"})
    usd = row.get("usd")
    if not isinstance(usd, int | float) or isinstance(usd, bool) or not 0 < usd <= USD_MAX:
        raise _Wrong(f"{where}: usd must be a number above 0, at most {USD_MAX}")
    agents = row.get("agents", [])
    if not isinstance(agents, list):
        raise _Wrong(f"{where}: agents must be a list")
    wallets = tuple(
        _wallet(agent, f"{where}, agent {i}", set()) for i, agent in enumerate(agents, 1)
    )
    names = [agent.name for agent in wallets]
    if len(set(names)) < len(names):
        raise _Wrong(f"{where}: two agents of one name")
    return Account(wallet, round(usd * USD_E6), wallets)


def _wallet(row: Any, where: str, more: set[str]) -> Wallet:
    if not isinstance(row, dict):
        raise _Wrong(f"{where} must be a table")
    _require_only(row, {"name", "address", "key"} | more, where)
    name, address, key = row.get("name", ""), row.get("address"), row.get("key")
    if not isinstance(name, str) or (not more and len(name) > NAME_LENGTH_MAX):
        raise _Wrong(f"{where}: name must be text of at most {NAME_LENGTH_MAX} characters")
    if (address is None) == (key is None):
        raise _Wrong(f"{where}: give address or key, and not both")
    if key is not None:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise _Wrong(f"{where}: key must be 0x and 64 hexadecimal digits")
        try:
            wallet = _wallet_of(bytes.fromhex(key.removeprefix("0x")))
        except ValueError:
            raise _Wrong(f"{where}: key is no private key") from None
        return Wallet(wallet.address, wallet.key, name)
    normal = normal_address(address)
    if normal is None or normal == ZERO_ADDRESS:
        raise _Wrong(f"{where}: address must be 0x and 40 hexadecimal digits")
    return Wallet(normal, None, name)


def _require_only(row: dict[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(row) - names)
    if unknown:
        raise _Wrong(f"{where}: unknown {', '.join(unknown)} (there is {', '.join(sorted(names))})")


def _wallet_of(key: bytes) -> Wallet:
    return Wallet(address_of(PrivateKey(key).public_key), "0x" + key.hex())


def _told(wallet: Wallet) -> Row:
    row: Row = {"address": wallet.address}
    if wallet.key is not None:
        row["key"] = wallet.key
    if wallet.name:
        row["name"] = wallet.name
    return row


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).splitlines()[0] if str(error) else type(error).__name__

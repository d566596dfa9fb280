"""Agent wallets and the accounts they may act for.

An account has one unnamed agent and a few named ones. An agent signs every trading action of its
account and nothing that moves money away. Approving again under a name replaces the agent there;
approving the zero address revokes it, after which the account may change no agent for a moment.
The address of an agent can never be one again.

Source: Hyperliquid documentation, "Nonces and API wallets", and a testnet experiment on what
agents may do. How soon the venue acts upon an expiry is not documented.
"""

from __future__ import annotations

from dataclasses import dataclass

from market.events import MS_PER_DAY
from venue.hyperliquid.signing import address_bytes
from venue.local.market.contract import Row
from venue.local.protocol.address import ZERO_ADDRESS

NAME_LENGTH_MAX = 16
VALID_UNTIL = " valid_until "


@dataclass(frozen=True)
class AgentRules:
    """Rules of agents that experiments left open, and their numbers; times in ms."""

    named_max: int = 3
    validity_ms: int = 90 * MS_PER_DAY
    validity_ms_max: int = 180 * MS_PER_DAY
    removal_ms: int = 5_000
    expires: bool = True


@dataclass(frozen=True)
class Agent:
    """One approved agent; the unnamed one has an empty name."""

    address: str
    master: str
    name: str
    valid_until_ms: int


class Agents:
    """The agents of all accounts; every address in it is lower-case."""

    def __init__(self, rules: AgentRules | None = None) -> None:
        self._rules = rules or AgentRules()
        self._by_address: dict[str, Agent] = {}
        self._by_master: dict[str, dict[str, Agent]] = {}
        self._spent: set[str] = set()
        self._removed_ms: dict[str, int] = {}

    def approve(self, master: str, address: str, name: str, now_ms: int) -> str | None:
        """Approve, replace or (with the zero address) revoke; return the refusal, if any.

        `name` may end in ` valid_until <ms>`. Raises Unsignable when `address` is none.
        """
        agent = "0x" + address_bytes(address).hex()
        name, until_ms, refusal = self._parsed(name, now_ms)
        mine = self._by_master.setdefault(master, {})
        refusal = refusal or self._refusal(master, agent, name, now_ms)
        if refusal is not None:
            return refusal
        replaced = mine.pop(name, None)
        if replaced is not None:
            del self._by_address[replaced.address]
        if agent == ZERO_ADDRESS:
            self._removed_ms[master] = now_ms
            return None
        self._spent.add(agent)
        mine[name] = self._by_address[agent] = Agent(agent, master, name, until_ms)
        return None

    def of(self, address: str, now_ms: int) -> Agent | None:
        """Return the agent that an address is now, None when it is none or no longer one."""
        agent = self._by_address.get(address)
        if agent is None or (self._rules.expires and agent.valid_until_ms <= now_ms):
            return None
        return agent

    def unnamed(self, master: str, now_ms: int) -> Agent | None:
        """Return an account's unnamed agent."""
        agent = self._by_master.get(master, {}).get("")
        return None if agent is None else self.of(agent.address, now_ms)

    def named_rows(self, master: str, now_ms: int) -> list[Row]:
        """Return the rows of `extraAgents`: unnamed agents are not shown there."""
        return [
            {"name": agent.name, "address": agent.address, "validUntil": agent.valid_until_ms}
            for agent in self._by_master.get(master, {}).values()
            if agent.name and self.of(agent.address, now_ms) is not None
        ]

    def _parsed(self, text: str, now_ms: int) -> tuple[str, int, str | None]:
        name, mark, until = text.partition(VALID_UNTIL)
        rules = self._rules
        if len(name) > NAME_LENGTH_MAX:
            return name, 0, f"Agent name too long, at most {NAME_LENGTH_MAX} characters."
        if not mark:
            return name, now_ms + rules.validity_ms, None
        if not until.isascii() or not until.isdecimal():
            return name, 0, "Invalid agent valid_until."
        # int() refuses text of thousands of digits.
        until_ms = min(int(until[:20]), now_ms + rules.validity_ms_max)
        return name, until_ms, _expired(until_ms, now_ms)

    def _refusal(self, master: str, agent: str, name: str, now_ms: int) -> str | None:
        removed_ms = self._removed_ms.get(master)
        if removed_ms is not None and now_ms < removed_ms + self._rules.removal_ms:
            return "User has pending agent removal"
        mine = self._by_master[master]
        if agent == ZERO_ADDRESS:
            return None if name in mine else "Agent was never approved."
        if agent in self._spent or agent == master:
            return "Extra agent already used."
        live = [row for row in self.named_rows(master, now_ms) if row["name"] != name]
        if name and len(live) >= self._rules.named_max:
            return (
                "Too many extra agents for cumulative volume traded. "
                f"Current limit is {self._rules.named_max}"
            )
        return None


def _expired(until_ms: int, now_ms: int) -> str | None:
    return "Agent valid_until already expired." if until_ms <= now_ms else None

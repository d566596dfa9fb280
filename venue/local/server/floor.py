"""The trading floor: the exchange with its gate, agents, account questions and streams.

The server owns one floor and one market and asks each what it needs. Everything here is one call
stack, so an action is done before its reply is written and heard of with the next block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from market.errors import OperatorError
from venue.local.exchange.exchange import Exchange
from venue.local.exchange.port import Answer, Trading
from venue.local.exchange.state.notes import Note
from venue.local.exchange.state.rules import Rules
from venue.local.exchange.views import answers
from venue.local.exchange.views.merged_market import MergedMarket
from venue.local.gate.accounts import Account
from venue.local.gate.agents import Agents
from venue.local.gate.gateway import Gateway, GatewayRules
from venue.local.market.contract import LocalMarket, Row
from venue.local.protocol.address import normal_address
from venue.local.protocol.refused import UNREADABLE, Refused
from venue.local.protocol.stream import OVERVIEWS, Stream
from venue.local.server.overview import Overviews
from venue.local.server.user import Habits, UserStreams

# What the gate answers, or knows better than the exchange.
GATE_KINDS = frozenset(
    (
        "extraAgents",
        "userDexAbstraction",
        "userRateLimit",
        "userRole",
        "userToMultiSigSigners",
        "webData2",
    )
)


def floor_over(
    market: LocalMarket,
    *,
    accounts: Iterable[Account] = (),
    exchange_rules: Rules | None = None,
    rules: GatewayRules | None = None,
    habits: Habits | None = None,
    acting: Callable[[Trading], Trading] | None = None,
) -> tuple[LocalMarket, Floor]:
    """Return a market with an exchange on it, as it is to be shown, and that exchange's floor.

    `acting` puts something between the gate and the exchange.
    """
    exchange = Exchange(market, exchange_rules or Rules())
    shown = MergedMarket(market, exchange)

    def answer(kind: str, question: Row, now_ms: int) -> Any:
        return answers.answer(exchange, kind, question, now_ms)

    floor = Floor(
        acting(exchange) if acting else exchange,
        answer,
        answers.KINDS,
        shown,
        accounts=accounts,
        rules=rules,
        habits=habits,
    )
    return shown, floor


class Floor:
    """The trading floor of one exchange; `kinds` are the account questions of /info it answers."""

    def __init__(
        self,
        exchange: Trading,
        answer: Answer,
        kinds: Iterable[str],
        market: LocalMarket,
        *,
        accounts: Iterable[Account] = (),
        rules: GatewayRules | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.kinds = frozenset(kinds) | GATE_KINDS
        self.agents = Agents()
        self.gateway = Gateway(exchange, self.agents, rules)
        self._exchange = exchange
        self._views = answer
        self._accounts = list(accounts)
        self._users = UserStreams(self.answer, self.agents, habits)
        self._overviews = Overviews(market)
        self._now_ms = 0

    def open(self, now_ms: int) -> None:
        """Fund the accounts and approve their agents; raises OperatorError for what is refused."""
        self._now_ms = now_ms
        for account in self._accounts:
            user = account.wallet.address
            self._exchange.deposit(user, account.usd_e6, now_ms)
            for agent in account.agents:
                refusal = self.agents.approve(user, agent.address, agent.name, now_ms)
                if refusal is not None:
                    raise OperatorError(f"agent {agent.address} of account {user}: {refusal}")

    def moment(self, now_ms: int) -> int:
        """Return the time of the exchange, which never goes back."""
        self._now_ms = max(self._now_ms, now_ms)
        return self._now_ms

    def advance(self, now_ms: int) -> list[Note]:
        """Let a block pass; return what happened to accounts since the last."""
        self._exchange.advance(self.moment(now_ms))
        return self.news()

    def news(self) -> list[Note]:
        """Return what happened to accounts and was not told yet."""
        return [note for note in self._exchange.drain() if isinstance(note, Note)]

    def obey(self, body: object, now_ms: int) -> Row:
        """Return the reply to a posted action; raises Refused."""
        return self.gateway.obey(body, self.moment(now_ms))

    def answer(self, kind: str, question: Row, now_ms: int) -> Any:
        """Return the answer to an account question; raises Refused."""
        now_ms = self.moment(now_ms)
        if kind not in GATE_KINDS:
            return self._views(kind, question, now_ms)
        user = normal_address(question.get("user"))
        if user is None:
            raise Refused(UNREADABLE)
        if kind == "extraAgents":
            return self.agents.named_rows(user, now_ms)
        if kind == "webData2":
            return self._web_data(user, question, now_ms)
        if kind == "userRateLimit":
            row = self._views(kind, question, now_ms)
            return {**row, "nRequestsUsed": row["nRequestsUsed"] + self.gateway.budget.fined(user)}
        return self._role(user, now_ms) if kind == "userRole" else None

    def _web_data(self, user: str, question: Row, now_ms: int) -> Row:
        agent = self.agents.unnamed(user, now_ms)
        return {
            **self._views("webData2", question, now_ms),
            "agentAddress": agent.address if agent else None,
            "agentValidUntil": agent.valid_until_ms if agent else None,
        }

    def _role(self, user: str, now_ms: int) -> Row:
        if self._exchange.has(user):
            return {"role": "user"}
        agent = self.agents.of(user, now_ms)
        return {"role": "agent", "data": {"user": agent.master}} if agent else {"role": "missing"}

    # Streams.

    def serves(self, stream: Stream) -> bool:
        """Say whether there is such a stream."""
        return stream.type in OVERVIEWS or self._users.serves(stream)

    def first(self, stream: Stream, now_ms: int) -> list[bytes]:
        """Return the frames that a new subscriber gets after the acknowledgement."""
        if stream.type in OVERVIEWS:
            return [self._overviews.first(stream, now_ms)]
        return self._users.first(stream, self.moment(now_ms))

    def due(
        self, streams: Iterable[Stream], notes: list[Note], since_ms: int, now_ms: int
    ) -> Iterator[tuple[Stream, bytes]]:
        """Yield the frames that fall into (since, now] for the wanted streams."""
        wanted = list(streams)
        overviews = [stream for stream in wanted if stream.type in OVERVIEWS]
        others = [stream for stream in wanted if stream.type not in OVERVIEWS]
        return chain(
            self._overviews.due(overviews, since_ms, now_ms),
            self._users.due(others, notes, since_ms, now_ms),
        )

    def forget(self, stream: Stream) -> None:
        """Take note that nobody listens to a stream any more."""
        self._users.forget(stream)

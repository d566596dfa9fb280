"""The gateway: admission of signed actions.

The checks a request passes on its way to the exchange, in the venue's order: who signed, for which
account, not expired, not seen before, within the account's budget. What the exchange itself has no
business with, agents and the gates of a whole venue, is answered here.

Source: Hyperliquid documentation, "Exchange endpoint" and "Nonces and API wallets"; the words are
those of recorded replies where there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venue.hyperliquid.signing import (
    MAINNET,
    TESTNET,
    USER_SIGNED,
    Signature,
    Unsignable,
    action_hash,
    l1_digest,
    nonce_field,
    recover,
    user_digest,
)
from venue.local.exchange.port import Trading
from venue.local.gate.agents import Agents
from venue.local.gate.budget import AddressBudget
from venue.local.gate.nonces import Nonces
from venue.local.market.contract import Row
from venue.local.protocol.address import normal_address
from venue.local.protocol.refused import UNREADABLE, Refused
from venue.local.protocol.request import is_integer

# How an exchange says that a field of an action is missing or ill-typed.
ILL_TYPED = "Failed to deserialize the JSON body into the target type"
CHAINS = {MAINNET: "Mainnet", TESTNET: "Testnet"}
SUB_ACCOUNT_VOLUME_USD = 100_000

# What this venue knows of and does not have, with what it says instead.
ABSENT = {
    "approveBuilderFee": "Builder has insufficient balance to be approved.",
    "setReferrer": "Referral code does not exist.",
    "registerReferrer": "Cannot generate referral code until enough volume traded.",
    "subAccountTransfer": "Sub-account does not exist.",
    "subAccountSpotTransfer": "Sub-account does not exist.",
    "spotSend": "Insufficient balance for token transfer",
    "tokenDelegate": "Insufficient staking balance.",
}
# Kinds of action of other parts of the venue: read, signed by somebody, refused.
ELSEWHERE = frozenset(
    (
        "CSignerAction",
        "CValidatorAction",
        "agentEnableDexAbstraction",
        "agentSendAsset",
        "agentSetAbstraction",
        "cDeposit",
        "cWithdraw",
        "claimRewards",
        "convertToMultiSigUser",
        "createVault",
        "evmUserModify",
        "gossipPriorityBid",
        "multiSig",
        "perpDeploy",
        "setDisplayName",
        "spotDeploy",
        "spotUser",
        "userDexAbstraction",
        "userPortfolioMargin",
        "vaultDistribute",
        "vaultModify",
    )
)
# What goes on to the exchange.
TRADED = frozenset(
    (
        "order",
        "cancel",
        "cancelByCloid",
        "modify",
        "batchModify",
        "scheduleCancel",
        "updateLeverage",
        "updateIsolatedMargin",
        "topUpIsolatedOnlyMargin",
        "twapOrder",
        "twapCancel",
        "noop",
        "reserveRequestWeight",
        "usdSend",
        "withdraw3",
        "usdClassTransfer",
    )
)
_HERE = frozenset(
    ("approveAgent", "createSubAccount", "sendAsset", "userSetAbstraction", "vaultTransfer")
)


@dataclass(frozen=True)
class GatewayRules:
    """The gateway of one exchange.

    `sources` are the networks a signature may be meant for ("a" mainnet, "b" testnet), tried in
    order. With `builders` an approval of builder fees is said to be fine; without, clients that
    would add a builder to every order leave it out.
    """

    sources: tuple[str, ...] = (TESTNET, MAINNET)
    builders: bool = False
    referrals: bool = False


class Signed:
    """A signed request; raises Refused(422) when the venue could not read it."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, dict):
            raise Refused(UNREADABLE)
        action: Any = body.get("action")
        nonce: Any = body.get("nonce")
        if not isinstance(action, dict) or not _is_time(nonce):
            raise Refused(UNREADABLE)
        self.action: Row = action
        self.kind = action.get("type")
        if not isinstance(self.kind, str) or self.kind not in _KNOWN:
            raise Refused(UNREADABLE)
        self.nonce: int = nonce
        self.signature = _signature(body.get("signature"))
        self.vault = body.get("vaultAddress")
        if self.vault is not None and normal_address(self.vault) is None:
            raise Refused(UNREADABLE)
        self.expires_ms = body.get("expiresAfter")
        if self.expires_ms is not None and not _is_time(self.expires_ms):
            raise Refused(UNREADABLE)

    def signers(self, sources: tuple[str, ...]) -> list[str]:
        """Return who may have signed this, the likeliest first; raises Refused(422)."""
        try:
            if self.kind in USER_SIGNED:
                return self._user_signer(sources)
            digest = action_hash(self.action, self.nonce, self.vault, self.expires_ms)
        except Unsignable:
            raise Refused(UNREADABLE) from None
        found = [recover(l1_digest(digest, source), self.signature) for source in sources]
        return [signer for signer in found if signer is not None]

    def _user_signer(self, sources: tuple[str, ...]) -> list[str]:
        signer = recover(user_digest(self.action), self.signature)
        chains = {CHAINS[source] for source in sources}
        if signer is None or self.action.get("hyperliquidChain") not in chains:
            return []
        return [signer]


class Gateway:
    """The gate of one exchange."""

    def __init__(
        self, exchange: Trading, agents: Agents, rules: GatewayRules | None = None
    ) -> None:
        self.agents = agents
        self._exchange = exchange
        self._rules = rules or GatewayRules()
        self._nonces = Nonces()
        self.budget = AddressBudget(exchange)

    def obey(self, body: object, now_ms: int) -> Row:
        """Return the body of the reply to a posted action; raises Refused for the unreadable."""
        request = Signed(body)
        signers = request.signers(self._rules.sources)
        if not signers:
            return err("Invalid signature.")
        found = self._account(request, signers, now_ms)
        if isinstance(found, str):
            return err(found)
        signer, user = found
        refusal = self._refusal(request, signer, user, now_ms)
        if refusal is not None:
            return err(refusal)
        self._nonces.use(signer, request.nonce)
        refusal = self.budget.refusal(user, request.action, now_ms)
        return err(refusal) if refusal is not None else self._do(user, request, now_ms)

    def _account(self, request: Signed, signers: list[str], now_ms: int) -> tuple[str, str] | str:
        """Return signer and account, or why there is none."""
        for signer in signers:
            if self._exchange.has(signer):
                return signer, signer
            if request.kind not in USER_SIGNED:
                agent = self.agents.of(signer, now_ms)
                if agent is not None:
                    return signer, agent.master
        if request.kind in USER_SIGNED:
            return f"Must deposit before performing actions. User: {signers[0]}"
        return f"User or API Wallet {signers[0]} does not exist."

    def _refusal(self, request: Signed, signer: str, user: str, now_ms: int) -> str | None:
        if request.kind in USER_SIGNED:
            if request.action[nonce_field(request.kind)] != request.nonce:
                return f"Invalid nonce: {request.nonce} is not the nonce of the action"
        elif request.vault is not None:
            return f"Vault not registered: {normal_address(request.vault)}"
        elif request.expires_ms is not None and request.expires_ms < now_ms:
            self.budget.fine(user, request.action)
            return "Action already expired"
        return self._nonces.refusal(signer, request.nonce, now_ms)

    def _do(self, user: str, request: Signed, now_ms: int) -> Row:
        action, kind = request.action, request.kind
        if kind in TRADED:
            return self._act(user, action, now_ms)
        if kind == "approveAgent":
            name = action.get("agentName") or ""
            refusal = self.agents.approve(user, action["agentAddress"], name, now_ms)
            return done() if refusal is None else err(refusal)
        if kind == "approveBuilderFee" and self._rules.builders:
            return self._act(user, action, now_ms)
        if kind == "sendAsset":
            return self._send(user, action, now_ms)
        if kind == "setReferrer" and self._rules.referrals:
            return done()
        return self._refuse(user, action)

    def _send(self, user: str, action: Row, now_ms: int) -> Row:
        """Send money from one account's perpetuals to another's: there is nothing else to send."""
        plain = not (action["sourceDex"] or action["destinationDex"] or action["fromSubAccount"])
        if not plain or action["token"].partition(":")[0] != "USDC":
            return err("Insufficient balance for token transfer")
        send = {
            "type": "usdSend",
            "destination": action["destination"],
            "amount": action["amount"],
            "time": action["nonce"],
        }
        return self._act(user, send, now_ms)

    def _act(self, user: str, action: Row, now_ms: int) -> Row:
        reply = self._exchange.act(user, action, now_ms)
        if reply.get("response") == ILL_TYPED:
            # What the exchange could not read, the venue's web framework would not have let in.
            raise Refused(UNREADABLE)
        return reply

    def _refuse(self, user: str, action: Row) -> Row:
        kind = action["type"]
        if kind == "createSubAccount":
            traded = self._exchange.volume_e6(user) / 1e6
            return err(
                "Cannot create sub-accounts until enough volume traded. "
                f"Required: ${SUB_ACCOUNT_VOLUME_USD}. Traded: ${traded:.2f}."
            )
        if kind == "vaultTransfer":
            return err(f"Vault not registered: {str(action.get('vaultAddress')).lower()}")
        if kind == "userSetAbstraction" and action.get("abstraction") == "disabled":
            return done()
        return err(ABSENT.get(kind, f"Action {kind} is not part of this venue."))


def err(text: str) -> Row:
    """Return the refusal of a whole action."""
    return {"status": "err", "response": text}


def done() -> Row:
    """Return the reply to an action that has nothing to tell."""
    return {"status": "ok", "response": {"type": "default"}}


def _is_time(value: Any) -> bool:
    return is_integer(value) and 0 <= value < 1 << 63


def _signature(raw: object) -> Signature:
    if isinstance(raw, dict):
        r, s, v = raw.get("r"), raw.get("s"), raw.get("v")
        if isinstance(r, str) and isinstance(s, str) and is_integer(v):
            return Signature(r, s, v)
    raise Refused(UNREADABLE)


_KNOWN = TRADED | _HERE | ELSEWHERE | ABSENT.keys()

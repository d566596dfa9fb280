from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from eth_account import Account as Key
from hyperliquid.utils import signing as sdk

from tests.venue.local.tiny import (
    AGENT,
    MASTER,
    OK,
    STRANGER,
    USER,
    Tiny,
    approval,
    floor,
    signed,
)
from venue.local.gate.gateway import GatewayRules
from venue.local.protocol.address import ZERO_ADDRESS
from venue.local.protocol.refused import Refused

NOW_MS = 1_756_700_000_000
CANCEL = {"type": "cancel", "cancels": [{"a": 0, "o": 1}]}


class Gate:
    """A gate with one account and its agent, and bodies that come over a wire."""

    def __init__(self, rules: GatewayRules | None = None) -> None:
        self.tiny = Tiny()
        self.floor = floor(self.tiny, rules=rules)
        self.floor.open(NOW_MS)

    def obey(self, body: Any, now_ms: int = NOW_MS) -> Any:
        return self.floor.obey(msgspec.json.decode(json.dumps(body)), now_ms)


def refusal(reply: Any) -> str:
    assert reply["status"] == "err"
    return str(reply["response"])


@pytest.mark.parametrize("wallet", [MASTER, AGENT], ids=["master", "agent"])
@pytest.mark.parametrize("mainnet", [False, True])
@pytest.mark.parametrize("nulls", [{}, {"vaultAddress": None, "expiresAfter": None}], ids=str)
def test_master_and_agent_trade_for_the_same_account(
    wallet: Any, mainnet: bool, nulls: dict[str, None]
) -> None:
    gate = Gate()
    assert gate.obey(signed(CANCEL, wallet, NOW_MS, mainnet=mainnet, **nulls)) == OK
    assert gate.tiny.acted == [(USER, CANCEL, NOW_MS)]


def test_a_configured_network_takes_no_signature_for_the_other() -> None:
    gate = Gate(GatewayRules(sources=("a",)))
    assert "does not exist" in refusal(gate.obey(signed(CANCEL, MASTER, NOW_MS)))
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS, mainnet=True)) == OK
    assert refusal(gate.obey(approval(STRANGER.address, MASTER, NOW_MS))) == "Invalid signature."


def test_strangers_and_wrong_signatures_are_told_the_recovered_address() -> None:
    gate = Gate()
    stranger = STRANGER.address.lower()
    assert refusal(gate.obey(signed(CANCEL, STRANGER, NOW_MS))) == (
        f"User or API Wallet {stranger} does not exist."
    )
    assert refusal(gate.obey(approval(AGENT.address, STRANGER, NOW_MS))) == (
        f"Must deposit before performing actions. User: {stranger}"
    )
    body = signed(CANCEL, MASTER, NOW_MS)
    body["action"] = {**CANCEL, "cancels": [{"a": 0, "o": 2}]}
    assert refusal(gate.obey(body)).startswith("User or API Wallet 0x")
    body = signed(CANCEL, MASTER, NOW_MS)
    body["action"] = {"cancels": CANCEL["cancels"], "type": "cancel"}
    assert refusal(gate.obey(body)).startswith("User or API Wallet 0x")
    assert gate.tiny.acted == []


def test_a_nonce_passes_once_for_each_signer() -> None:
    gate = Gate()
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS)) == OK
    text = f"Invalid nonce: duplicate nonce {NOW_MS}"
    assert refusal(gate.obey(signed(CANCEL, MASTER, NOW_MS))) == text
    assert gate.obey(signed(CANCEL, AGENT, NOW_MS)) == OK
    assert "too far" in refusal(gate.obey(signed(CANCEL, MASTER, NOW_MS - 3 * 86_400_000)))
    assert len(gate.tiny.acted) == 2


def test_what_expired_is_not_done() -> None:
    gate = Gate()
    late = signed(CANCEL, MASTER, NOW_MS, expiresAfter=NOW_MS - 1)
    assert refusal(gate.obey(late)) == "Action already expired"
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS, expiresAfter=NOW_MS)) == OK
    # It costs five requests that were none.
    limit = gate.floor.answer("userRateLimit", {"user": USER}, NOW_MS)
    assert limit["nRequestsUsed"] == 5
    gate.tiny.used = 19_995
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS + 1)) == OK
    assert "(20001 > 20000)" in refusal(gate.obey(signed(CANCEL, MASTER, NOW_MS + 2)))


def test_there_are_no_vaults_and_no_sub_accounts() -> None:
    gate = Gate()
    vault = "0x" + "aB" * 20
    body = signed(CANCEL, MASTER, NOW_MS, vaultAddress=vault)
    assert refusal(gate.obey(body)) == f"Vault not registered: {vault.lower()}"
    # The vault is part of what is signed.
    body["vaultAddress"] = "0x" + "cd" * 20
    assert "does not exist" in refusal(gate.obey(body))
    gate.tiny.traded_e6 = 1_250_000
    assert refusal(gate.obey(signed({"type": "createSubAccount", "name": "x"}, nonce=NOW_MS))) == (
        "Cannot create sub-accounts until enough volume traded. Required: $100000. Traded: $1.25."
    )


def test_an_agent_is_approved_used_and_revoked() -> None:
    gate = Gate()
    new = Key.from_key("0x" + "77" * 32)
    assert gate.obey(approval(new.address, MASTER, NOW_MS, "bot")) == OK
    assert gate.obey(signed(CANCEL, new, NOW_MS)) == OK
    assert gate.tiny.acted[-1][0] == USER
    rows = gate.floor.answer("extraAgents", {"user": MASTER.address}, NOW_MS)
    assert [(row["name"], row["address"]) for row in rows] == [("bot", new.address.lower())]
    assert gate.obey(approval(ZERO_ADDRESS, MASTER, NOW_MS + 1, "bot")) == OK
    text = refusal(gate.obey(signed(CANCEL, new, NOW_MS + 2)))
    assert text == f"User or API Wallet {new.address.lower()} does not exist."
    pending = approval(STRANGER.address, MASTER, NOW_MS + 3, "bot")
    assert refusal(gate.obey(pending)) == "User has pending agent removal"


def test_an_agent_cannot_make_agents() -> None:
    text = refusal(Gate().obey(approval(STRANGER.address, AGENT, NOW_MS)))
    assert text == f"Must deposit before performing actions. User: {AGENT.address.lower()}"


def test_the_nonce_of_a_user_signed_action_is_the_one_it_carries() -> None:
    body = approval(STRANGER.address, MASTER, NOW_MS)
    body["nonce"] += 1
    assert refusal(Gate().obey(body)).startswith("Invalid nonce")


def test_builders_are_refused_unless_wanted() -> None:
    def ask(gate: Gate) -> Any:
        action = {
            "maxFeeRate": "0.01%",
            "builder": "0x" + "65" * 20,
            "nonce": NOW_MS,
            "type": "approveBuilderFee",
        }
        signature = sdk.sign_approve_builder_fee(MASTER, action, False)
        return gate.obey({"action": action, "nonce": NOW_MS, "signature": signature})

    assert ask(Gate())["status"] == "err"
    assert ask(Gate(GatewayRules(builders=True))) == OK


def test_other_parts_of_the_venue_are_refused_by_name() -> None:
    gate = Gate()
    for number, kind in enumerate(("setReferrer", "perpDeploy", "evmUserModify", "vaultTransfer")):
        assert refusal(gate.obey(signed({"type": kind}, MASTER, NOW_MS + number)))
    assert gate.tiny.acted == []
    allowed = Gate(GatewayRules(referrals=True))
    assert allowed.obey(signed({"type": "setReferrer", "code": "X"}, nonce=NOW_MS)) == OK


def test_who_is_over_budget_is_told_so_and_the_nonce_is_gone() -> None:
    gate = Gate()
    gate.tiny.used = 30_000
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS)) == OK
    text = refusal(gate.obey(signed(CANCEL, AGENT, NOW_MS + 1)))
    assert text.startswith("Too many cumulative requests sent (30001 > 20000)")
    assert len(gate.tiny.acted) == 1


def test_time_at_the_gate_never_goes_back() -> None:
    gate = Gate()
    gate.floor.advance(NOW_MS + 500)
    assert gate.obey(signed(CANCEL, MASTER, NOW_MS), NOW_MS) == OK
    assert gate.tiny.acted[0][2] == NOW_MS + 500


GOOD = signed(CANCEL, MASTER, NOW_MS)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {**GOOD, "action": None},
        {**GOOD, "action": {}},
        {**GOOD, "action": {"type": "noSuchAction"}},
        {**GOOD, "action": {"type": ["order"]}},
        {**GOOD, "nonce": "1"},
        {**GOOD, "nonce": -1},
        {**GOOD, "nonce": 1 << 64},
        {**GOOD, "nonce": True},
        {**GOOD, "signature": None},
        {**GOOD, "signature": {"r": "0x1", "s": "0x1"}},
        {**GOOD, "signature": {"r": 1, "s": "0x1", "v": 27}},
        {**GOOD, "vaultAddress": "0x12"},
        {**GOOD, "vaultAddress": 7},
        {**GOOD, "expiresAfter": "soon"},
        {**GOOD, "action": {"type": "usdSend", "destination": 5}},
        {**GOOD, "action": {"type": "approveAgent", "agentAddress": "0x12"}},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_as_such(body: Any) -> None:
    with pytest.raises(Refused) as refused:
        Gate().obey(body)
    assert refused.value.status == 422


def test_no_signature_at_all_is_a_refusal_and_no_crash() -> None:
    body = {**GOOD, "signature": {"r": "0x0", "s": "0x0", "v": 27}}
    assert refusal(Gate().obey(body)) == "Invalid signature."

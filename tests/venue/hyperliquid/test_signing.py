"""The signer of an action must be who the official SDK signed it for."""

from __future__ import annotations

import json
import random
from typing import Any

import msgpack
import msgspec
import pytest
from eth_account import Account
from hyperliquid.utils import signing as sdk

from venue.hyperliquid.signing import (
    USER_SIGNED,
    Signature,
    Unsignable,
    action_hash,
    l1_digest,
    nonce_field,
    recover,
    user_digest,
)

RNG = random.Random(20260901)
WALLETS = [Account.from_key(RNG.randbytes(32)) for _ in range(4)]


def address(rng: random.Random) -> str:
    return "0x" + rng.randbytes(20).hex()


def order(rng: random.Random) -> dict[str, Any]:
    kind: dict[str, Any] = {"limit": {"tif": rng.choice(["Alo", "Ioc", "Gtc"])}}
    if rng.random() < 0.3:
        kind = {"trigger": {"isMarket": rng.random() < 0.5, "triggerPx": "1.5", "tpsl": "sl"}}
    out = {
        "a": rng.choice([0, 127, 128, 255, 256, 65_535, 65_536, 110_003]),
        "b": rng.random() < 0.5,
        "p": str(rng.randint(1, 10**6)),
        "s": str(rng.randint(1, 10**6)),
        "r": rng.random() < 0.5,
        "t": kind,
    }
    if rng.random() < 0.5:
        out["c"] = "0x" + rng.randbytes(16).hex()
    return out


def action(rng: random.Random) -> dict[str, Any]:
    count = rng.choice([1, 2, 15, 16, 40])
    return rng.choice(
        [
            {"type": "order", "orders": [order(rng) for _ in range(count)], "grouping": "na"},
            {"type": "cancel", "cancels": [{"a": 3, "o": rng.getrandbits(rng.randint(1, 63))}]},
            {
                "type": "updateIsolatedMargin",
                "asset": 0,
                "isBuy": True,
                "ntli": -rng.getrandbits(40),
            },
            {"type": "scheduleCancel", "time": rng.getrandbits(42)},
            {"type": "setReferrer", "code": "é" * rng.choice([1, 20, 200, 70_000])},
            {"type": "noop"},
            {"type": "x", "nothing": None, "fraction": 1.5, "deep": {"a": [[], {}, [True]]}},
        ]
    )


def over_the_wire(value: Any) -> Any:
    """Return a value as the venue gets it: through JSON, key order kept."""
    return msgspec.json.decode(json.dumps(value))


def signature(raw: dict[str, Any]) -> Signature:
    return Signature(raw["r"], raw["s"], raw["v"])


@pytest.mark.parametrize("seed", range(150))
def test_the_signer_of_an_l1_action_is_recovered(seed: int) -> None:
    rng = random.Random(seed)
    wallet, body, nonce = rng.choice(WALLETS), action(rng), rng.getrandbits(41)
    vault = address(rng) if rng.random() < 0.5 else None
    expires = rng.getrandbits(41) if rng.random() < 0.5 else None
    mainnet = rng.random() < 0.5
    raw = sdk.sign_l1_action(wallet, body, vault, nonce, expires, mainnet)
    hashed = action_hash(over_the_wire(body), nonce, vault, expires)
    right, wrong = ("a", "b") if mainnet else ("b", "a")
    assert recover(l1_digest(hashed, right), signature(raw)) == wallet.address.lower()
    assert recover(l1_digest(hashed, wrong), signature(raw)) != wallet.address.lower()
    assert action_hash(over_the_wire(body), nonce + 1, vault, expires) != hashed


def test_a_signature_without_its_leading_zeros_is_as_good() -> None:
    """The SDK writes r and s as minimal hex; one in 256 lacks a byte, one in 16 a digit."""
    wallet, shortest = WALLETS[0], {"r": 66, "s": 66}
    for nonce in range(400):
        raw = sdk.sign_l1_action(wallet, {"type": "noop"}, None, nonce, None, False)
        hashed = action_hash({"type": "noop"}, nonce, None, None)
        assert recover(l1_digest(hashed, "b"), signature(raw)) == wallet.address.lower()
        shortest = {part: min(shortest[part], len(raw[part])) for part in shortest}
    assert shortest["r"] < 66
    assert shortest["s"] < 66


def test_packing_is_that_of_the_reference() -> None:
    for number in (0, 127, 128, 2**16, 2**32, 2**63, 2**64 - 1, -1, -32, -33, -(2**31), -(2**63)):
        assert msgspec.msgpack.encode(number) == msgpack.packb(number)
    for rows in (0, 15, 16, 65_535, 65_536):
        assert msgspec.msgpack.encode([0] * rows) == msgpack.packb([0] * rows)
        mapping = {str(i): i for i in range(rows)}
        assert msgspec.msgpack.encode(mapping) == msgpack.packb(mapping)


def test_key_order_matters() -> None:
    assert action_hash({"type": "a", "x": 1}, 1, None, None) != action_hash(
        {"x": 1, "type": "a"}, 1, None, None
    )


SAMPLES: dict[str, Any] = {
    "usdSend": sdk.sign_usd_transfer_action,
    "spotSend": sdk.sign_spot_transfer_action,
    "withdraw3": sdk.sign_withdraw_from_bridge_action,
    "usdClassTransfer": sdk.sign_usd_class_transfer_action,
    "sendAsset": sdk.sign_send_asset_action,
    "approveAgent": sdk.sign_agent,
    "approveBuilderFee": sdk.sign_approve_builder_fee,
    "tokenDelegate": sdk.sign_token_delegate_action,
    "userDexAbstraction": sdk.sign_user_dex_abstraction_action,
    "userSetAbstraction": sdk.sign_user_set_abstraction_action,
    "convertToMultiSigUser": sdk.sign_convert_to_multi_sig_user_action,
}


def user_action(kind: str, rng: random.Random) -> dict[str, Any]:
    makers = {
        "string": lambda: rng.choice(["", "1.5", address(rng), "ü"]),
        "uint64": lambda: rng.getrandbits(64),
        "bool": lambda: rng.random() < 0.5,
        "address": lambda: Account.from_key(rng.randbytes(32)).address,
    }
    fields = USER_SIGNED[kind][1][1:]
    return {"type": kind, **{name: makers[type_]() for name, type_ in fields}}


def test_every_user_signed_action_has_its_sample() -> None:
    assert set(SAMPLES) == set(USER_SIGNED)
    assert nonce_field("usdSend") == "time"
    assert nonce_field("approveAgent") == "nonce"


@pytest.mark.parametrize("kind", sorted(SAMPLES))
@pytest.mark.parametrize("mainnet", [True, False])
def test_the_signer_of_a_user_signed_action_is_recovered(kind: str, mainnet: bool) -> None:
    rng = random.Random(kind)
    for _ in range(5):
        wallet, body = rng.choice(WALLETS), user_action(kind, rng)
        raw = SAMPLES[kind](wallet, body, mainnet)
        got = over_the_wire(body)
        assert recover(user_digest(got), signature(raw)) == wallet.address.lower()
        got["hyperliquidChain"] = "Testnet" if mainnet else "Mainnet"
        assert recover(user_digest(got), signature(raw)) != wallet.address.lower()


def test_an_unnamed_agent_is_signed_with_an_empty_name() -> None:
    rng = random.Random(3)
    body = {**user_action("approveAgent", rng), "agentName": ""}
    raw = sdk.sign_agent(WALLETS[1], body, False)
    del body["agentName"]
    assert recover(user_digest(body), signature(raw)) == WALLETS[1].address.lower()


def test_any_chain_of_the_wallet_will_do() -> None:
    body = {**user_action("usdSend", random.Random(5)), "hyperliquidChain": "Testnet"}
    body["signatureChainId"] = "0xa4b1"
    fields = sdk.USD_SEND_SIGN_TYPES
    data = sdk.user_signed_payload("HyperliquidTransaction:UsdSend", fields, body)
    raw = sdk.sign_inner(WALLETS[2], data)
    assert recover(user_digest(body), signature(raw)) == WALLETS[2].address.lower()


@pytest.mark.parametrize(
    "broken",
    [
        {"nonce": -1},
        {"nonce": 1 << 64},
        {"nonce": "1"},
        {"nonce": True},
        {"agentAddress": "0x12"},
        {"agentAddress": "0x" + "g" * 40},
        {"agentAddress": None},
        {"agentName": 7},
        {"agentName": "\ud800"},
        {"signatureChainId": "zz"},
        {"signatureChainId": 5},
        {"hyperliquidChain": None},
    ],
    ids=str,
)
def test_what_cannot_have_been_signed_is_said_to_be_so(broken: dict[str, Any]) -> None:
    body = user_action("approveAgent", random.Random(1))
    body |= {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
    user_digest(body)
    with pytest.raises(Unsignable):
        user_digest(body | broken)


def test_an_action_too_large_for_its_format_is_unsignable() -> None:
    with pytest.raises(Unsignable):
        action_hash({"type": "noop"}, 1 << 64, None, None)
    with pytest.raises(Unsignable):
        action_hash({"type": "noop"}, 1, "0x12", None)
    with pytest.raises(Unsignable):
        action_hash({"type": "noop", "n": 1 << 70}, 1, None, None)


@pytest.mark.parametrize(
    "bad",
    [
        Signature("0x0", "0x0", 27),
        Signature("", "0x1", 27),
        Signature("0x1", "0xzz", 27),
        Signature("0x" + "f" * 64, "0x1", 27),
        Signature("0x" + "f" * 65, "0x1", 27),
        Signature("0x1", "0x1", 99),
        Signature("0x1", "0x1", -1),
        Signature("-1", "0x1", 27),
    ],
    ids=str,
)
def test_no_signature_is_nobodys(bad: Signature) -> None:
    assert recover(bytes(32), bad) is None

"""Signatures of actions: digests, and the recovery of the signer.

Two schemes. Trading actions are packed with msgpack in the order in which their keys arrived and
hashed with nonce, vault and expiry; the hash is signed as the `connectionId` of a phantom agent.
Actions that move money or rights are signed field by field as typed data (EIP-712). A signature
names its signer by itself: what is recovered from a wrong one is some other address.

Source: Hyperliquid documentation, "Signing", and the official SDK, `hyperliquid/utils/signing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak
from msgspec import Struct

# A decoded JSON object; the order of its keys is part of what is signed.
Action = dict[str, Any]

ADDRESS_BYTES = 20
WORD_BYTES = 32
L1_CHAIN_ID = 1337
MAINNET, TESTNET = "a", "b"
# Where the first byte of v starts to count, by convention of the chain.
V_BASE = 27
UINT64_MAX = (1 << 64) - 1
UINT256_MAX = (1 << 256) - 1

_PREFIX = b"\x19\x01"
_ZERO_ADDRESS = bytes(WORD_BYTES)


class Unsignable(Exception):
    """An action that cannot have been signed as it stands: a field is missing or ill-typed."""


class Signature(Struct, frozen=True):
    """A recoverable signature as it travels; leading zeros of r and s may be missing."""

    r: str
    s: str
    v: int


def keccak(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 of data."""
    return _keccak.new(digest_bits=256, data=data).digest()


def address_of(public: PublicKey) -> str:
    """Return the lower-case address of a public key."""
    return "0x" + keccak(public.format(compressed=False)[1:])[-ADDRESS_BYTES:].hex()


def address_bytes(text: object) -> bytes:
    """Return the 20 bytes of an address; raises Unsignable when it is none."""
    if isinstance(text, str) and text[:2] in ("0x", "0X") and len(text) == 2 + 2 * ADDRESS_BYTES:
        try:
            return bytes.fromhex(text[2:])
        except ValueError:
            pass
    raise Unsignable(f"no address: {text!r}")


def recover(digest: bytes, signature: Signature) -> str | None:
    """Return the address that signed a digest, None when the signature is none at all."""
    try:
        r, s = (int(part, 16) for part in (signature.r, signature.s))
        recovery = signature.v - V_BASE if signature.v >= V_BASE else signature.v
        # Clients drop leading zeros, so the parts are padded again here.
        packed = r.to_bytes(WORD_BYTES, "big") + s.to_bytes(WORD_BYTES, "big")
        public = PublicKey.from_signature_and_message(
            packed + recovery.to_bytes(1, "big"), digest, hasher=None
        )
    except Exception:  # the library raises bare ones
        return None
    return address_of(public)


# L1 actions.


def action_hash(action: Action, nonce: int, vault: str | None, expires_ms: int | None) -> bytes:
    """Return the hash that binds an action to its nonce, vault and expiry.

    Raises Unsignable for what msgpack or eight bytes cannot hold.
    """
    try:
        packed = msgspec.msgpack.encode(action)
        parts = [packed, nonce.to_bytes(8, "big")]
        parts.append(b"\x00" if vault is None else b"\x01" + address_bytes(vault))
        if expires_ms is not None:
            parts.append(b"\x00" + expires_ms.to_bytes(8, "big"))
    except (OverflowError, ValueError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        raise Unsignable(str(error)) from None
    return keccak(b"".join(parts))


def l1_digest(connection_id: bytes, source: str) -> bytes:
    """Return what is signed for an action hash; `source` is "a" on mainnet, "b" on testnet."""
    struct = keccak(_AGENT_TYPE + keccak(source.encode()) + connection_id)
    return keccak(_PREFIX + _L1_DOMAIN + struct)


# Actions signed by the user, field by field.

_STRING, _UINT64, _BOOL, _ADDRESS = "string", "uint64", "bool", "address"
_CHAIN = ("hyperliquidChain", _STRING)
_NONCE = ("nonce", _UINT64)
_TIME = ("time", _UINT64)
_TO = ("destination", _STRING)
_AMOUNT = ("amount", _STRING)
_USER = ("user", _ADDRESS)

Fields = tuple[tuple[str, str], ...]
USER_SIGNED: dict[str, tuple[str, Fields]] = {
    "usdSend": ("UsdSend", (_CHAIN, _TO, _AMOUNT, _TIME)),
    "spotSend": ("SpotSend", (_CHAIN, _TO, ("token", _STRING), _AMOUNT, _TIME)),
    "withdraw3": ("Withdraw", (_CHAIN, _TO, _AMOUNT, _TIME)),
    "usdClassTransfer": ("UsdClassTransfer", (_CHAIN, _AMOUNT, ("toPerp", _BOOL), _NONCE)),
    "sendAsset": (
        "SendAsset",
        (
            _CHAIN,
            _TO,
            ("sourceDex", _STRING),
            ("destinationDex", _STRING),
            ("token", _STRING),
            _AMOUNT,
            ("fromSubAccount", _STRING),
            _NONCE,
        ),
    ),
    "approveAgent": (
        "ApproveAgent",
        (_CHAIN, ("agentAddress", _ADDRESS), ("agentName", _STRING), _NONCE),
    ),
    "approveBuilderFee": (
        "ApproveBuilderFee",
        (_CHAIN, ("maxFeeRate", _STRING), ("builder", _ADDRESS), _NONCE),
    ),
    "tokenDelegate": (
        "TokenDelegate",
        (_CHAIN, ("validator", _ADDRESS), ("wei", _UINT64), ("isUndelegate", _BOOL), _NONCE),
    ),
    "userDexAbstraction": (
        "UserDexAbstraction",
        (_CHAIN, _USER, ("enabled", _BOOL), _NONCE),
    ),
    "userSetAbstraction": (
        "UserSetAbstraction",
        (_CHAIN, _USER, ("abstraction", _STRING), _NONCE),
    ),
    "convertToMultiSigUser": (
        "ConvertToMultiSigUser",
        (_CHAIN, ("signers", _STRING), _NONCE),
    ),
}
# A wallet may leave these out after signing them as empty text.
_OPTIONAL = frozenset(("agentName",))


def nonce_field(kind: str) -> str:
    """Return the name of the field in which a user-signed action carries its nonce."""
    return USER_SIGNED[kind][1][-1][0]


def user_digest(action: Action) -> bytes:
    """Return what is signed for a user-signed action; raises Unsignable."""
    kind, fields = USER_SIGNED[action["type"]]
    chain = action.get("signatureChainId")
    try:
        chain_id = int(chain, 16) if isinstance(chain, str) else -1
    except ValueError:
        chain_id = -1
    if not 0 <= chain_id <= UINT256_MAX:
        raise Unsignable("signatureChainId")
    values = [_word(action, name, type_) for name, type_ in fields]
    struct = keccak(_type_hash(f"HyperliquidTransaction:{kind}", fields) + b"".join(values))
    return keccak(_PREFIX + _domain("HyperliquidSignTransaction", chain_id) + struct)


def _word(action: Action, name: str, type_: str) -> bytes:
    value = action.get(name, "" if name in _OPTIONAL else None)
    return _ENCODERS[type_](name, "" if value is None and name in _OPTIONAL else value)


def _string_word(name: str, value: Any) -> bytes:
    if not isinstance(value, str):
        raise Unsignable(name)
    try:
        return keccak(value.encode())
    except UnicodeEncodeError:
        raise Unsignable(name) from None


def _uint_word(name: str, value: Any) -> bytes:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= UINT64_MAX:
        raise Unsignable(name)
    return value.to_bytes(WORD_BYTES, "big")


def _bool_word(name: str, value: Any) -> bytes:
    if not isinstance(value, bool):
        raise Unsignable(name)
    return int(value).to_bytes(WORD_BYTES, "big")


def _address_word(_name: str, value: Any) -> bytes:
    return address_bytes(value).rjust(WORD_BYTES, b"\x00")


_ENCODERS: dict[str, Callable[[str, Any], bytes]] = {
    _STRING: _string_word,
    _UINT64: _uint_word,
    _BOOL: _bool_word,
    _ADDRESS: _address_word,
}


def _type_hash(primary: str, fields: Iterable[tuple[str, str]]) -> bytes:
    members = ",".join(f"{type_} {name}" for name, type_ in fields)
    return keccak(f"{primary}({members})".encode())


def _domain(name: str, chain_id: int) -> bytes:
    return keccak(
        _DOMAIN_TYPE
        + keccak(name.encode())
        + keccak(b"1")
        + chain_id.to_bytes(WORD_BYTES, "big")
        + _ZERO_ADDRESS
    )


_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_AGENT_TYPE = _type_hash("Agent", (("source", _STRING), ("connectionId", "bytes32")))
_L1_DOMAIN = _domain("Exchange", L1_CHAIN_ID)

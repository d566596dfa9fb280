"""Refusals in the venue's words.

Source: Hyperliquid documentation, "Error responses", and replies seen by its clients. Texts marked
"ours" are made up, because no source tells the venue's.
"""

from __future__ import annotations

MALFORMED = "Failed to deserialize the JSON body into the target type"

TICK = "Price must be divisible by tick size."
MIN_NOTIONAL = "Order must have minimum value of $10."
MARGIN = "Insufficient margin to place order."
REDUCE_ONLY = "Reduce only order would increase position."
POST_ONLY = "Post only order would have immediately matched, bbo was {bbo}."
NO_MATCH = "Order could not immediately match against any resting orders."
TRIGGER_PX = "Invalid TP/SL price."
NO_LIQUIDITY = "No liquidity available for market order."
OI_CAPPED = "Order would increase open interest while open interest is capped"
OI_AGGRESSIVE = "Order rejected due to price more aggressive than oracle while at open interest cap"
OI_TOO_FAST = "Order would increase open interest too quickly"
ORACLE = "Order price too far from oracle"
MAX_POSITION = "Order would cause position to exceed margin tier limit at current leverage"
NEVER_PLACED = "Order was never placed, already canceled, or filled."
ZERO_SIZE = "Order has zero size."
INVALID_SIZE = "Order has invalid size."
TOO_LARGE = "Order value too large. Max is ${most}."
REFERENCE = "Order price cannot be more than {percent}% away from the reference price"
TWAP_REDUCE_ONLY = "Reduce-only TWAP order would increase position."
TWAP_NEVER_PLACED = "TWAP was never placed, already canceled, or filled."
UPGRADE = "Only post-only orders allowed immediately after a network upgrade"
DEPOSIT = "Must deposit before performing actions. User: {user}"
WEIGHT = "Signed action over weight limit of {most}."
MODIFY_GONE = "Cannot modify canceled or filled order"
MODIFY_KIND = "Attempted to modify to invalid new order"
LEVERAGE_TYPE = "Cannot switch leverage type with open position."
NOT_ISOLATED = "Position does not use isolated margin."
SCHEDULE_EARLY = "Scheduled cancel time too early, must be at least 5 seconds from now."
SCHEDULE_VOLUME = (
    "Cannot set scheduled cancel time until enough volume traded. "
    "Required: ${required}. Traded: ${traded}."
)
VAULT = "Vault not registered: {vault}"

# Ours.
NO_PRICE = "Order has invalid price."
DUPLICATE_CLOID = "Duplicate cloid."
TOO_MANY_OPEN = "Too many open orders."
UNKNOWN_ASSET = "Asset does not exist."
DELISTED = "Trading is halted."
EMPTY = "Action holds no orders."
TPSL_NOT_REDUCING = "TP/SL orders must be reduce only."
FAST_TRIGGER = "Fast cancel is not allowed for trigger orders."
SCHEDULE_DAY = "Scheduled cancel was triggered too many times today."
INVALID_LEVERAGE = "Invalid leverage value"
INSUFFICIENT = "Insufficient balance for withdrawal."
TWAP_SIZE = "TWAP order must have minimum value of $100."
TWAP_MINUTES = "TWAP duration must be between 5 minutes and 7 days."
ISOLATED_MARGIN = "Insufficient margin to change isolated margin."
BUILDER = "Builder fee has not been approved."
NOT_SERVED = "Action is not supported here."


class Malformed(Exception):
    """An action of a form that the venue could not read."""


class Refusal(Exception):
    """Refusal of a whole action with one text."""


class Rejection(Exception):
    """Rejection of one order; `status` is what its record says."""

    def __init__(self, text: str, status: str = "rejected") -> None:
        super().__init__(text)
        self.text = text
        self.status = status


def worded(text: str, asset: int) -> str:
    """Return a text about one order as it goes over the wire."""
    # Recorded without an asset.
    if text.startswith(TOO_LARGE.partition("$")[0]):
        return text
    return f"{text} asset={asset}"

"""Fault: after an upgrade of the network only post-only orders are allowed for a while.

Source of the text: clients of the venue, among them ccxt.
"""

from __future__ import annotations

from typing import Any

from venue.local.faults.asked import EXCHANGE, Asked, Reply
from venue.local.faults.fault import Fault, Moment, Seconds
from venue.local.frames import encode

TEXT = "Only post-only orders allowed immediately after a network upgrade"
POST_ONLY = "Alo"


class PostOnlyWindow(Fault, frozen=True):
    """Actions with an order that is not post-only are refused, each of their orders with the text.

    The action is not carried out at all, so an Alo order beside an Ioc one is refused too.
    """

    name = "post_only_window"
    does = "refuses all but post-only orders"
    requests = frozenset((EXCHANGE,))

    for_s: Seconds = 30.0

    def before(self, asked: Asked, moment: Moment) -> Reply | None:
        """Refuse in the venue's stead."""
        orders = orders_in(asked.body.get("action") if isinstance(asked.body, dict) else None)
        if all(is_post_only(order) for order in orders):
            return None
        statuses = [{"error": _text(order)} for order in orders]
        response = {"type": "order", "data": {"statuses": statuses}}
        return Reply(200, encode({"status": "ok", "response": response}))


def orders_in(action: Any) -> list[Any]:
    """Return the orders that an action places."""
    if not isinstance(action, dict):
        return []
    match action.get("type"):
        case "order":
            found = action.get("orders")
        case "modify":
            found = [action.get("order")]
        case "batchModify":
            rows = action.get("modifies")
            rows = rows if isinstance(rows, list) else []
            found = [row.get("order") if isinstance(row, dict) else None for row in rows]
        case _:
            found = []
    return found if isinstance(found, list) else []


def is_post_only(order: Any) -> bool:
    """Say whether an order, as it stands on the wire, is post-only."""
    kind = order.get("t") if isinstance(order, dict) else None
    limit = kind.get("limit") if isinstance(kind, dict) else None
    return isinstance(limit, dict) and limit.get("tif") == POST_ONLY


def _text(order: Any) -> str:
    asset = order.get("a") if isinstance(order, dict) else None
    return TEXT if asset is None else f"{TEXT} asset={asset}"

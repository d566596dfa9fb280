"""Fault: a post-only period, as after an upgrade of the network.

Source of the text: clients of the venue, among them ccxt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from venue.local.faults.fault import Fault, Moment, Seconds
from venue.local.market.contract import Row

TEXT = "Only post-only orders allowed immediately after a network upgrade"
POST_ONLY = "Alo"


class PostOnlyWindow(Fault, frozen=True):
    """Post-only period.

    Orders that are not post-only are refused, each for itself; cancels go on.
    """

    name = "post_only_window"
    does = "refuses all but post-only orders"

    for_s: Seconds = 30.0

    def act(self, action: Row, do: Callable[[Row], Row], moment: Moment) -> Row:
        """Let the post-only orders of an action through and refuse the others."""
        field, rows = _rows_in(action)
        refused = [not is_post_only(_order_in(row)) for row in rows]
        if not any(refused):
            return do(action)
        kept = [row for row, is_refused in zip(rows, refused, strict=True) if not is_refused]
        done: list[Any] = []
        if kept:
            reply = do({**action, field: kept})
            if reply.get("status") != "ok":
                return reply
            done = list(reply["response"]["data"]["statuses"])
        statuses = [
            {"error": _text(_order_in(row))} if is_refused else (done.pop(0) if done else "error")
            for row, is_refused in zip(rows, refused, strict=True)
        ]
        return {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}


def is_post_only(order: Any) -> bool:
    """Say whether an order, as it stands on the wire, is post-only."""
    kind = order.get("t") if isinstance(order, dict) else None
    limit = kind.get("limit") if isinstance(kind, dict) else None
    return isinstance(limit, dict) and limit.get("tif") == POST_ONLY


def _rows_in(action: Row) -> tuple[str, list[Any]]:
    """Return what places orders in an action, and the field it stands in."""
    match action.get("type"):
        case "order":
            field = "orders"
        case "batchModify":
            field = "modifies"
        case "modify":
            return "order", [action.get("order")]
        case _:
            return "", []
    rows = action.get(field)
    return field, rows if isinstance(rows, list) else []


def _order_in(row: Any) -> Any:
    return row.get("order") if isinstance(row, dict) and "order" in row else row


def _text(order: Any) -> str:
    asset = order.get("a") if isinstance(order, dict) else None
    return TEXT if asset is None else f"{TEXT} asset={asset}"

"""Log lines of decisions."""

from __future__ import annotations

from typing import Any

from daemon.live.telemetry import log
from shadow.store.rows import Rows

# What is kept of a signal to be shown beside the newest ones.
BRIEF = ("ts_ns", "bot", "coin", "side", "verdict", "failing", "reason", "signal_id")


def log_decisions(rows: Rows) -> list[dict[str, Any]]:
    """Log every signal and closed real trade among new rows; return the signals, briefly."""
    recent = []
    for row in rows.signals:
        recent.append({name: getattr(row, name) for name in BRIEF})
        fields = {"id": row.signal_id, "bot": row.bot, "coin": row.coin, "side": row.side}
        fields["reason"] = row.reason
        if row.failing:
            fields["failing"] = row.failing
        log.info(f"signal {row.verdict}", **fields)
    for alarm in rows.alarms:
        log.warning("alarm raised", kind=alarm.kind, message=alarm.message)
    return recent

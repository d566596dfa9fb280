"""Log lines of decisions."""

from __future__ import annotations

from daemon.live.telemetry import log
from daemon.views.rim import RecentSignal
from shadow.store.rows import Rows


def log_decisions(rows: Rows) -> list[RecentSignal]:
    """Log every signal and alarm among new rows; return the signals, briefly."""
    recent = []
    for row in rows.signals:
        (signal_id, _, ts_ns, bot, _, coin, side, _, verdict, failing, *_) = row
        reason = row[22]
        recent.append(
            RecentSignal(
                ts_ns=ts_ns,
                bot=bot,
                coin=coin,
                side=side,
                verdict=verdict,
                failing=failing,
                reason=reason,
                signal_id=signal_id,
            )
        )
        fields = {"id": signal_id, "bot": bot, "coin": coin, "side": side, "reason": reason}
        if failing:
            fields["failing"] = failing
        log.info(f"signal {verdict}", **fields)
    for row in rows.alarms:
        log.warning("alarm raised", kind=row[2], message=row[3])
    return recent

"""Log lines of decisions."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.live.telemetry import log
from daemon.views.rim import RecentSignal
from shadow.store.rows import Rows


def log_decisions(rows: Rows, notes: Iterable[str] = ()) -> list[RecentSignal]:
    """Log every signal, alarm and note among what is new; return the signals, briefly."""
    recent = []
    for note in notes:
        log.info("noted", text=note)
    for row in rows.signals:
        recent.append(
            RecentSignal(
                ts_ns=row.ts_ns,
                bot=row.bot,
                coin=row.coin,
                side=row.side,
                verdict=row.verdict,
                failing=row.failing,
                reason=row.reason,
                signal_id=row.signal_id,
            )
        )
        fields = {"id": row.signal_id, "bot": row.bot, "coin": row.coin, "side": row.side}
        fields["reason"] = row.reason
        if row.failing:
            fields["failing"] = row.failing
        log.info(f"signal {row.verdict}", **fields)
    for alarm in (*rows.alarms, *rows.branch_alarms):
        log.warning("alarm raised", kind=alarm.kind, message=alarm.message)
    return recent

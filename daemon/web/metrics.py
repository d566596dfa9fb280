"""Figures for Prometheus, as they are at the moment somebody asks.

One page describes one daemon; labels are coins, filters, bots and divisions, whose number is
bounded by the configuration. What cannot be known is left out, never sent as zero: `gnomon_up` says
whether a daemon answered at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.views.health import Health
from daemon.views.panels.limits import LimitsPanel
from daemon.views.panels.weights import WeightsPanel
from daemon.views.status import RunningStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(health: Health, limits: LimitsPanel | None, weights: WeightsPanel | None) -> bytes:
    """Return the text a scrape gets; panels are None while the database cannot be read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(health, limits, weights))
    return generate_latest(registry)


class _Figures(Collector):
    """One scrape."""

    def __init__(
        self, health: Health, limits: LimitsPanel | None, weights: WeightsPanel | None
    ) -> None:
        self._health, self._limits, self._weights = health, limits, weights

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        health = self._health
        yield _gauge("up", "Whether the daemon answers", float(health.status is not None))
        yield _labelled("state_info", "State of the daemon", "state", {health.state: 1.0})
        if health.loss is not None:
            used = {
                "day": health.loss.day_share / health.loss.day_share_max,
                "peak": health.loss.peak_share / health.loss.peak_share_max,
            }
            yield _labelled("loss_limit_used_ratio", "Loss limits used up", "limit", used)
        if health.status is not None:
            yield from _desk(health.status)
            yield from _feeds(health.status)
            yield from _process(health.status)
        if self._limits is not None:
            yield from _limits(self._limits)
        if self._weights is not None:
            yield _labelled(
                "division_weight", "Weight of a division", "division", self._weights.now
            )


def _desk(s: RunningStatus) -> Iterator[Metric]:
    yield _gauge("equity_usd", "Cash and open trades at the mids", s.equity_usd)
    yield _gauge("day_pnl_usd", "Equity less that at 00:00 UTC", s.equity_usd - s.day_start_usd)
    yield _gauge("gross_exposure_usd", "Both sides added", s.gross_usd)
    yield _gauge("net_exposure_usd", "Long less short", s.net_usd)
    yield _gauge("open_trades", "Trades of the desk that are open", len(s.open_trades))
    yield _gauge("open_phantoms", "Phantoms that are open", s.open_phantoms)
    yield _gauge("halted", "Whether entries are closed", float(bool(s.halts or s.latched)))
    yield _counter("signals", "Signals judged", s.signals)
    yield _counter("admitted_signals", "Signals let through", s.admitted)
    yield _counters("blocked_signals", "Signals a filter blocked", "filter", s.blocked_by)
    yield _counter("alarms", "Alarms raised since the state began", s.alarms)
    faulted = {name: float(bool(bot.fault)) for name, bot in s.bots.items()}
    yield _labelled("bot_faulted", "Whether a bot is out of service", "bot", faulted)


def _feeds(s: RunningStatus) -> Iterator[Metric]:
    yield _gauge("feed_connected", "Whether the feed is connected", float(s.connected))
    sound = {feed.coin: float(feed.ok) for feed in s.feeds}
    yield _labelled("book_sound", "Whether a coin's book is sound", "coin", sound)
    ages = GaugeMetricFamily(
        "gnomon_feed_age_seconds", "Age of a coin's stream", labels=("coin", "stream")
    )
    for feed in s.feeds:
        for stream, ms in feed.ages_ms.items():
            ages.add_metric((feed.coin, stream), ms / 1000)
    yield ages
    if s.clock.wall_ms is not None:
        ahead = "This machine's clock ahead of the venue's"
        yield _gauge("clock_offset_seconds", ahead, s.clock.wall_ms / 1000)


def _process(s: RunningStatus) -> Iterator[Metric]:
    yield _gauge("uptime_seconds", "Time since the start", s.uptime_s)
    yield _gauge("loop_late_seconds", "How late the newest second was", s.loop_late_ms / 1000)
    yield _gauge("journal_depth", "Events that wait to be written", s.journal_depth)
    yield _counter("commits", "Transactions committed in this run", s.commits)
    yield _gauge("resident_memory_bytes", "Memory of the daemon", s.memory_mb * 1e6)
    yield _gauge("disk_free_bytes", "Free space where the state is", s.disk_free_mb * 1e6)
    yield _gauge(
        "lens_questions_waiting", "Questions the lenses have not answered", s.lenses.waiting
    )
    yield _counter("frames", "Frames heard", s.frames)
    yield _counter("skipped_books", "Books passed over for newer ones", s.skipped)


def _limits(panel: LimitsPanel) -> Iterator[Metric]:
    value = {row.name: row.value_usd for row in panel.rows if row.value_usd is not None}
    told = "What the desk made with a limit less what it made without it"
    yield _labelled("limit_value_usd", told, "filter", value)
    decided = {row.name: float(row.kind == "decided") for row in panel.rows if row.kind != "rule"}
    yield _labelled("limit_decided", "Whether a limit has a verdict", "filter", decided)


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(f"gnomon_{name}", told, value=value)


def _counter(name: str, told: str, value: float) -> Metric:
    return CounterMetricFamily(f"gnomon_{name}", told, value=value)


def _labelled(name: str, told: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"gnomon_{name}", told, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counters(name: str, told: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(f"gnomon_{name}", told, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family

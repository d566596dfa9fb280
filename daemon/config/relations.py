"""Relations between keys of a configuration: what each value allows and all of them do not.

Every finding is a sentence that begins with the key. A misspelt limit is no limit, and neither is
one in another unit than its name says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from daemon.config.sections import Config, EndpointConfig
from divisions import roster
from market.text import UNFIT, visible
from risk import filter as filters
from venue.address import shown

# What a key's unit makes of a value that was meant in another one.
TIME_FLOOR_MS = 5.0
TIMES_DEFAULT_MAX = 500.0
FEE_BPS_MIN = 0.05
LIMIT_BPS_MIN = 0.1
DISK_MB_MAX = 100_000_000.0
RENEWAL_H_MIN = 1 / 60
SCHEMES = {"ws_url": ("wss", "ws"), "rest_url": ("https", "http")}
GATE_ORDERS = (
    ("freshness.age_ms_min", "fast_age_ms_max"),
    ("freshness.age_ms_min", "slow_age_ms_max"),
    ("freshness.age_ms_min", "bbo_age_ms_max"),
    ("phase_space.leave", "enter"),
    ("volatility.leave", "enter"),
)
HOSTS = {"mainnet": "api.hyperliquid.xyz", "testnet": "api.hyperliquid-testnet.xyz"}


def broken(config: Config) -> list[str]:
    """Return what does not go together, a line each, with what would."""
    return [
        *_texts(config),
        *_addresses(config),
        *_orders(config),
        *_lenses(config),
        *_slots(config),
        *_units(config),
    ]


def _texts(config: Config) -> Iterator[str]:
    seen: set[str] = set()
    for coin in config.coins:
        if not coin or coin != coin.strip() or UNFIT.search(coin):
            yield f"coins: {visible(coin)!r} is no name of a coin"
        elif coin in seen:
            yield f"coins: {coin} is named twice"
        seen.add(coin)
    folder = config.state_dir
    if UNFIT.search(folder):
        yield f"state_dir: {visible(folder)} holds control characters"
    elif folder and not folder.startswith(("/", "~")):
        yield (
            f"state_dir: {folder!r} is relative, so a service and a shell would each take another "
            "folder; give it from / or ~ on"
        )


# Addresses.


def _addresses(config: Config) -> Iterator[str]:
    for network, other in (("mainnet", "testnet"), ("testnet", "mainnet")):
        urls: EndpointConfig = getattr(config.venue, network)
        for key, schemes in SCHEMES.items():
            where, text = f"venue.{network}.{key}", getattr(urls, key)
            parts = _split(text)
            if parts is None or UNFIT.search(text) or " " in text:
                yield f"{where}: {shown(text)!r} is no address"
            elif parts.scheme not in schemes:
                what = "a websocket" if key == "ws_url" else "REST"
                yield (
                    f"{where}: {shown(text)!r} does not begin like the address of {what}, "
                    f"which is {schemes[0]}://… (or {schemes[1]}:// on one's own machine)"
                )
            elif (parts.hostname or "").rstrip(".") == HOSTS[other]:
                yield (
                    f"{where}: {parts.hostname} is of {other}; trading on one network by the "
                    f"rules of the other would be wrong, of {network} it is {HOSTS[network]}"
                )


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        # Asking for it is what checks it.
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


# Less before more.


def _orders(config: Config) -> Iterator[str]:
    feed, disk = config.feed, config.disk
    if feed.reconnect_min_s > feed.reconnect_max_s:
        yield (
            f"feed.reconnect_min_s: {feed.reconnect_min_s:g} is above reconnect_max_s = "
            f"{feed.reconnect_max_s:g}"
        )
    if disk.entries_free_mb_min > disk.tape_free_mb_min:
        yield (
            f"disk.entries_free_mb_min: {disk.entries_free_mb_min:g} is above tape_free_mb_min = "
            f"{disk.tape_free_mb_min:g}, but the tape is to stop first"
        )
    for key in ("tape_free_mb_min", "entries_free_mb_min"):
        if getattr(disk, key) > DISK_MB_MAX:
            yield f"disk.{key}: {getattr(disk, key):g} MB is more than any disk has; bytes?"
    for low, high in GATE_ORDERS:
        name, key = low.split(".")
        found = config.gate.get(name, {})
        if found and found[key] > found[high]:
            yield f"gate.{low}: {found[key]:g} is above {high} = {found[high]:g}"


def _lenses(config: Config) -> Iterator[str]:
    every = config.lens.rank_every_minutes
    gate: dict[str, Any] = config.gate
    phase_space = gate.get("phase_space", {})
    oldest = phase_space.get("rank_age_minutes_max", every)
    if phase_space.get("mode", "off") != "off" and every > oldest:
        yield (
            f"lens.rank_every_minutes: {every} is above gate.phase_space.rank_age_minutes_max = "
            f"{oldest:g}, so ranks would be too old before new ones come"
        )
    if not config.lens.enabled:
        for name in ("phase_space", "intensity"):
            if gate.get(name, {}).get("mode") == "enforce":
                yield (
                    f"gate.{name}.mode: enforce with lens.enabled = false would refuse every "
                    "signal, as no lens answers"
                )


def _slots(config: Config) -> Iterator[str]:
    rules = {cls.name for cls in filters.discover() if cls.rule}
    limits = [n for n, f in config.gate.items() if n not in rules and f["mode"] != "off"]
    slots = config.verdict.slots
    if len(limits) > slots:
        need = slots
        while need < len(limits):
            need *= 2
        yield (
            f"verdict.slots: {len(limits)} limits are measured, more than the {slots} that "
            f"alpha_s is shared out among; set {need}"
        )


# Units.


def _units(config: Config) -> Iterator[str]:
    times = {"fills.latency_ms": config.fills.latency_ms, "lens.delay_ms": config.lens.delay_ms}
    for key, value in config.gate.get("freshness", {}).items():
        if "_ms_" in key:
            times[f"gate.freshness.{key}"] = value
    for where, value in times.items():
        if 0.0 < value < TIME_FLOOR_MS:
            yield f"{where}: {value:g} ms is sooner than anything comes over a network; seconds?"
    if config.feed.planned_reconnect_h < RENEWAL_H_MIN:
        hours = config.feed.planned_reconnect_h
        yield f"feed.planned_reconnect_h: {hours:g} hours is less than a minute; the unit is hours"
    for key in ("taker_bps", "maker_bps"):
        yield from _small(f"fees.{key}", getattr(config.fees, key), FEE_BPS_MIN)
    yield from _small("shadow.bias_bps_max", config.shadow.bias_bps_max, FEE_BPS_MIN)
    for key, value in config.gate.get("liquidity", {}).items():
        if key.endswith("_bps_max"):
            yield from _small(f"gate.liquidity.{key}", value, LIMIT_BPS_MIN)
    yield from _times(config)


def _small(where: str, value: float, least: float) -> Iterator[str]:
    if 0.0 < abs(value) <= least:
        yield (
            f"{where}: {value:g} basis points is {value / 100:.2g} %; percent? "
            f"{value:g} % is {value * 100:g} basis points"
        )


def _times(config: Config) -> Iterator[str]:
    """Yield times of bots that look like milliseconds, and samples beyond the horizon."""
    for cls in roster.discover():
        given = config.bots.get(cls.name, {})
        usual = cls.params_type()
        for key, value in given.items():
            default = getattr(usual, key, None)
            if key.endswith("_s") and default and value >= TIMES_DEFAULT_MAX * default:
                yield (
                    f"bots.{cls.name}.{key}: {value:g} seconds is {value / default:,.0f} times the "
                    "default; milliseconds?"
                )
        if given.get("sample_s", 0.0) > given.get("horizon_s", float("inf")):
            yield (
                f"bots.{cls.name}.sample_s: {given['sample_s']:g} is above horizon_s = "
                f"{given['horizon_s']:g}"
            )

"""Factory of the engine: a configuration in, for live runs and replays alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Literal

from daemon.config.discovery import make_filter
from daemon.config.sections import Config
from daemon.engine.branches.variant import Variant, standard
from daemon.engine.engine import Engine
from daemon.engine.lens_schedule import LensRule
from daemon.engine.series.terms import RULES, terms_of
from divisions import roster
from divisions.lane import Lane
from market.arrivals import BurstRule
from market.fills import FillModel
from market.instrument import Instrument
from market.plausibility import PriceRule
from risk import filter as filters
from risk.gate import Gate
from shadow.store.bookkeeper import Identity
from shadow.store.rows import to_json


def build_engine(
    config: Config,
    instruments: Mapping[str, Instrument],
    *,
    without: Collection[str] = (),
    variants: Sequence[Variant] | Literal["standard"] | None = None,
) -> Engine:
    """Return a fresh engine; filters named in `without` are off.

    `variants` are its branches; "standard" are those that follow from its limits, and None is the
    same where the configuration wants branches.
    """
    model = FillModel.of(
        latency_ms=config.fills.latency_ms,
        taker_bps=config.fees.taker_bps,
        maker_bps=config.fees.maker_bps,
    )
    gate = Gate(
        [
            make_filter(cls, config.gate[cls.name])
            for cls in filters.discover()
            if cls.name not in without
        ]
    )
    if variants is None:
        variants = "standard" if config.shadow.branches else ()
    if isinstance(variants, str):
        variants = standard(gate.filters)
    lanes = []
    for cls in roster.discover():
        params = dict(config.bots[cls.name])
        stage = params.pop("stage")
        if params.pop("enabled"):
            lanes.append(Lane(roster.build(cls, params), stage))
    vol_target = config.desk.vol_target_daily
    policy = blake2b(policy_text(model, vol_target).encode(), digest_size=8).hexdigest()
    return Engine(
        instruments=instruments,
        lanes=lanes,
        gate=gate,
        model=model,
        identity=Identity(config.hash(), policy),
        start_e6=round(config.desk.equity_usd * 1e6),
        seed=config.seed,
        vol_target=vol_target,
        shadow=config.shadow.enabled,
        terms=terms_of(config, gate.filters),
        variants=variants,
        rearms=not config.real,
        lens_rule=_lens_rule(config),
        price_rule=PriceRule(
            config.prices.band_share,
            config.prices.band_minute_devs,
            config.prices.agreeing_quotes,
        ),
    )


def policy_text(model: FillModel, vol_target: float) -> str:
    """Return what a hypothetical order's fate depends on, for the policy hash."""
    return to_json({"fills": model, "vol_target": vol_target, **RULES})


def _lens_rule(config: Config) -> LensRule:
    lens = config.lens
    burst = BurstRule(lens.burst_percentile_share, lens.burst_surge_min, lens.burst_leave_share)
    return LensRule(lens.enabled, lens.rank_every_minutes, burst)

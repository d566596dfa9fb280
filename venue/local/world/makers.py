"""Market makers after Avellaneda and Stoikov: quotes, spread, inventory.

Makers are Avellaneda and Stoikov's, in the stationary form: they want to be flat again within a
minute. What takers buy, makers are short of, until they have covered elsewhere: an inventory that
follows the signed flow and halves every minute and a half. It shifts both quotes by γσ²τ a unit,
up when they are short; the spread grows with the variance of the moment and with the regime.

Invariant: quotes at a moment know only flow that came before it. Inventories begin the day at
nothing and are worked off before it ends, so quotes go on over midnight.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from quant.avellaneda_stoikov import optimal_spread
from venue.local.market.dice import Floats, Singles, generator
from venue.local.market.grid import CELL_MS, CELLS, STEP_CELLS
from venue.local.world.coins import MAKER_DAYS, Profile
from venue.local.world.flow import Prints

# Quotes are made anew every so many cells: 3.6 s. They must divide a day, not a step.
QUOTE_CELLS = 6
QUOTES = CELLS // QUOTE_CELLS
QUOTE_MS = QUOTE_CELLS * CELL_MS
COVER_HALF_LIFE_MS = 90_000.0
# Inventory saturates: at its limit makers pass on what they get.
INVENTORY_MAX = 3.0
VARIANCE_MAX = 4.0
SPREAD_SIGMA = 0.4
HOME_MS = 600_000.0
THIN_VARIANCE = 0.25

# The step that each quote falls into, and how much of the inventory makers still hold then.
_STEP = np.arange(QUOTES) * QUOTE_CELLS // STEP_CELLS
_HOME = np.minimum(np.arange(QUOTES)[::-1] * (QUOTE_MS / HOME_MS), 1.0)


class Quotes(Struct, frozen=True):
    """One day's quoting: `spread` and `skew` (up positive) as fractions of the mid, and
    `inventory` in multiples of the usual size at the touch, all for every quote."""

    spread: Singles
    skew: Singles
    inventory: Singles


def inventories(prints: Prints, unit_lots: float) -> Floats:
    """Return the makers' inventory before each quote of the day, in units of `unit_lots`."""
    signed = prints.lots * -prints.side.astype(np.float64)
    flow = np.asarray(np.bincount(prints.cell // QUOTE_CELLS, signed / unit_lots, QUOTES), float)
    held = np.zeros(QUOTES)
    held[1:] = discounted(flow[:-1], 0.5 ** (QUOTE_MS / COVER_HALF_LIFE_MS))
    return np.asarray(INVENTORY_MAX * np.tanh(held / INVENTORY_MAX) * _HOME)


def discounted(flow: Floats, keep: float) -> Floats:
    """Return Σ_{j ≤ i} keep^{i−j}·flow_j for every i, exactly, block by block."""
    # Within a block keep^−i stays far from overflow.
    length = max(int(-200.0 / np.log(keep)), 1)
    fade = keep ** np.arange(length)
    out = np.empty(len(flow))
    carried = 0.0
    for begin in range(0, len(flow), length):
        part = flow[begin : begin + length]
        kept = fade[: len(part)]
        done = (np.cumsum(part / kept) + carried * keep) * kept
        out[begin : begin + length] = done
        carried = float(done[-1])
    return out


def quotes_of(
    seed: int,
    profile: Profile,
    day: int,
    prints: Prints,
    *,
    variance: Floats,
    spread: Floats,
    px: float,
) -> Quotes:
    """Return the day's quotes.

    `variance` of each step is in multiples of the usual one, `spread` the regime's multiple of
    each step, `px` a price in USD to size by.
    """
    maker = profile.maker
    unit = profile.touch_usd / px * 10**profile.instrument.sz_decimals
    inventory = inventories(prints, unit).astype(np.float32)
    risk = maker.gamma * maker.sigma**2 * MAKER_DAYS * np.minimum(variance, VARIANCE_MAX)
    wanted = (risk + optimal_spread(maker, 0.0)) * spread
    rng = generator(seed, profile.instrument.coin, "spread", day)
    noise = rng.standard_normal(QUOTES, dtype=np.float32)
    noise *= np.float32(SPREAD_SIGMA)
    np.exp(noise, out=noise)
    noise *= wanted.astype(np.float32)[_STEP]
    return Quotes(noise, -inventory * risk.astype(np.float32)[_STEP], inventory)


def depth_of(variance: Floats, depth: Floats) -> Floats:
    """Return how deep books are at each step, 1 being usual: thin when variance is high."""
    return depth * np.clip(variance, 0.1, 10.0) ** -THIN_VARIANCE

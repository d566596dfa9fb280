"""Avellaneda–Stoikov market making: quotes of a maker with an inventory, and what they earn.

The mid is s, a Brownian motion of volatility σ; q is the inventory in orders; γ the aversion to
risk; an order resting δ away from the mid is filled at the rate A·e^{−κδ}. Then, with a time τ
left, the maker is indifferent at s − q·γσ²τ and quotes a total spread of
γσ²τ + (2/γ)·ln(1 + γ/κ) around that price. A venue that never closes keeps τ constant, which is
the stationary form: the horizon over which the maker wants to be flat again.

Source: Avellaneda & Stoikov 2008, "High-frequency trading in a limit order book", Quantitative
Finance 8(3), equations 29 and 30 and section 3.3; without an end, Guéant, Lehalle &
Fernandez-Tapia 2013.
"""

from __future__ import annotations

from math import expm1, isfinite, log1p
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quant.sums import sum_in_order

Floats = npt.NDArray[np.float64]


class Maker(NamedTuple):
    """Aversion γ, volatility σ, decay κ of the fill rate with distance, fill rate A at the mid."""

    gamma: float
    sigma: float
    kappa: float
    rate: float


def checked(maker: Maker) -> Maker:
    """Return the maker; raises ValueError naming what is not a positive number."""
    for name, value in zip(maker._fields, maker, strict=True):
        if not (isfinite(value) and value > 0.0):
            raise ValueError(f"maker's {name} = {value} is not a positive number")
    return maker


def _left(left: float) -> float:
    if not (isfinite(left) and left >= 0.0):
        raise ValueError(f"time left {left} is negative or no number")
    return left


def reservation_price(maker: Maker, mid: float, inventory: float, left: float) -> float:
    """Return the price at which a maker does not mind to buy or to sell, with `left` to go."""
    gamma, sigma, _, _ = checked(maker)
    return mid - inventory * gamma * sigma**2 * _left(left)


def optimal_spread(maker: Maker, left: float) -> float:
    """Return the distance between the maker's ask and bid."""
    gamma, sigma, kappa, _ = checked(maker)
    return gamma * sigma**2 * _left(left) + 2.0 / gamma * log1p(gamma / kappa)


def kappa_of(spread: float, gamma: float) -> float:
    """Return the κ at which a maker without risk (left = 0) quotes the given spread."""
    if not (spread > 0.0 and gamma > 0.0):
        raise ValueError(f"spread {spread} and gamma {gamma} must be positive")
    return gamma / expm1(0.5 * spread * gamma)


def fill_rate(maker: Maker, distance: float) -> float:
    """Return how often an order that far from the mid is filled."""
    return checked(maker).rate * float(np.exp(-maker.kappa * distance))


class Outcome(NamedTuple):
    """Each path's profit, in the unit of price, its last inventory, and the mean spread quoted."""

    profit: Floats
    inventory: Floats
    spread: float


def simulate(
    maker: Maker,
    *,
    mid: float,
    horizon: float,
    steps: int,
    paths: int,
    rng: np.random.Generator,
    symmetric: bool = False,
) -> Outcome:
    """Return how quoting from time 0 to the horizon ends, marked at the last mid.

    A fill within a step has probability rate·dt, as in the paper. `symmetric` quotes the mean
    optimal spread around the mid whatever the inventory: the paper's benchmark.
    Raises ValueError on a bad maker or grid.
    """
    gamma, sigma, kappa, rate = checked(maker)
    if steps < 1 or paths < 1 or not horizon > 0.0:
        raise ValueError(f"no grid: {steps} steps, {paths} paths, horizon {horizon}")
    dt = horizon / steps
    price = np.full(paths, float(mid))
    cash, held = np.zeros(paths), np.zeros(paths)
    spreads = [optimal_spread(maker, horizon - i * dt) for i in range(steps)]
    usual = sum_in_order(spreads) / steps
    for i in range(steps):
        skew = np.zeros(paths) if symmetric else held * (gamma * sigma**2 * (horizon - i * dt))
        half = 0.5 * (usual if symmetric else spreads[i])
        up, down = half - skew, half + skew
        sold = rng.random(paths) < rate * dt * np.exp(-kappa * up)
        bought = rng.random(paths) < rate * dt * np.exp(-kappa * down)
        cash += np.where(sold, price + up, 0.0) - np.where(bought, price - down, 0.0)
        held += bought.astype(np.float64) - sold
        price += sigma * dt**0.5 * rng.choice((-1.0, 1.0), paths)
    return Outcome(cash + held * price, held, usual)

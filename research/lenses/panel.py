"""Panel of lens readings along one path of returns, beside the outcomes that followed.

A point is a bar at which the set is read on the window that ends there: nothing later is in its
readings, and nothing earlier than the next bar in its outcomes. Windows and horizons that a
missing bar runs through give no point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from quant.realised import realised_z
from research.lenses.protocol import Protocol

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RV_BARS = (5, 20, 60, 240)
COMPOSITE = "composite"
# Windows that a process reads at a time.
CHUNK = 25


@dataclass(frozen=True)
class Seen:
    """Readings in windows: by lens, shape (n, lenses), and of the composite, (n,).

    `values` are raw; `ranks` lie in [0, 1] among that window's surrogates; `sign_p` and `garch_p`
    are two-sided, for the null of random signs and that of a fitted GARCH. `composite` is high
    where both nulls explain little. nan where a lens abstained.
    """

    values: Floats
    ranks: Floats
    sign_p: Floats
    garch_p: Floats
    composite: Floats
    composite_sign_p: Floats
    composite_garch_p: Floats

    def at(self, rows: Ints) -> Seen:
        """Return some of the windows."""
        return Seen(*(getattr(self, field.name)[rows] for field in fields(Seen)))

    @staticmethod
    def join(parts: Sequence[Seen]) -> Seen:
        """Return parts put behind each other."""
        names = [field.name for field in fields(Seen)]
        return Seen(*(np.concatenate([getattr(part, n) for part in parts]) for n in names))


# Takes windows of returns (n, window) and a seed for each, (n, words).
Read = Callable[[Floats, Ints], Seen]
Spread = Callable[[Read, Sequence[Floats], Sequence[Ints]], list[Seen]]


@dataclass(frozen=True)
class Panel:
    """One path: `at` are its points (bars), `seen` its readings, the rest by point.

    `clock` and `log_price` are by bar; `step` is the number of bars between points.

    `falls` (n, horizons) are the deepest falls in log price; `moved` the log return until the
    next point; `baseline` realised volatility and its kin by name; `peaks` the bars at which large
    falls of the horizon began. `span` is equal for paths over the same time. `held_out` marks the
    last part; `coin_held_out` says whether the whole path is.
    """

    name: str
    span: str
    coin_held_out: bool
    step: int
    clock: Ints
    log_price: Floats
    at: Ints
    seen: Seen
    falls: Floats
    moved: Floats
    baseline: dict[str, Floats]
    peaks: Ints
    held_out: Bools


def points(times: Ints, protocol: Protocol, most: int) -> tuple[Ints, int]:
    """Return the bars at which to read, at most about `most`, and the bars between them.

    `times` (bars,) count bars; where they skip, bars are missing. A return belongs to the bar it
    ends with; that of bar 0 is not known.
    """
    before, after = protocol.window, max(protocol.horizons)
    first, last = before, len(times) - after
    step = max(protocol.stride, -(-max(last - first, 0) // most))
    at = np.arange(first, max(last, first), step, dtype=np.int64)
    whole = times[at + after - 1] - times[at - before] == before + after - 1
    return at[whole], step


def read_all(
    returns: Floats,
    at: Ints,
    window: int,
    read: Read,
    seed: int,
    spread: Spread,
) -> Seen:
    """Return the readings of the windows that end at each bar of `at`; `spread` may share them out.

    Every point has a seed of its own, so the same points read the same in whatever chunks.
    """
    jobs = [at[i : i + CHUNK] for i in range(0, len(at), CHUNK)]
    windows = [np.stack([returns[b - window + 1 : b + 1] for b in job]) for job in jobs]
    seeds = [np.stack([np.full(len(job), seed), job], axis=1) for job in jobs]
    return Seen.join(spread(read, windows, seeds))


def falls(log_price: Floats, at: Ints, horizon: int) -> Floats:
    """Return the deepest fall from a running peak within `horizon` bars after each bar of `at`."""
    ahead = np.lib.stride_tricks.sliding_window_view(log_price, horizon + 1)[at]
    deepest: Floats = (np.maximum.accumulate(ahead, axis=1) - ahead).max(axis=1)
    return deepest


def peaks_of(log_price: Floats, depth: float, horizon: int) -> Ints:
    """Return the bars from which the price fell by `depth` within `horizon` bars.

    It is the peak, not the bar at which the fall was deep enough, so that an alarm raised by the
    fall itself comes too late. A slide that goes on counts anew every horizon.
    """
    found: list[int] = []
    bars = len(log_price)
    if not depth > 0.0 or bars <= horizon:
        return np.empty(0, dtype=np.int64)
    views = np.lib.stride_tricks.sliding_window_view(log_price, horizon + 1)
    deep = views.max(axis=1) - log_price[horizon:] >= depth
    t = 0
    for end in np.flatnonzero(deep) + horizon:
        if end < t:
            continue
        # Of equal peaks the last one.
        found.append(int(end - views[end - horizon][::-1].argmax()))
        t = int(end) + horizon
    return np.array(found, dtype=np.int64)


def baselines(returns: Floats, at: Ints, window: int) -> dict[str, Floats]:
    """Return what costs nothing to know at each bar: realised volatility by length, and its kin.

    `rv_z` is that of `quant.realised` on the same window, `er` the efficiency ratio without its
    sign over 60 bars, `last` the size of the last return.
    """
    square = np.concatenate([[0.0], np.cumsum(returns * returns)])
    path = np.concatenate([[0.0], np.cumsum(np.abs(returns))])
    price = np.concatenate([[0.0], np.cumsum(returns)])
    found = {f"rv{n}": np.sqrt((square[at + 1] - square[at + 1 - n]) / n) for n in RV_BARS}
    length = path[at + 1] - path[at + 1 - 60]
    net = np.abs(price[at + 1] - price[at + 1 - 60])
    found["er"] = np.divide(net, length, out=np.zeros_like(net), where=length > 0.0)
    z = [realised_z(returns[b - window + 1 : b + 1]) for b in at.tolist()]
    found["rv_z"] = np.array([np.nan if v is None else v for v in z])
    found["last"] = np.abs(returns[at])
    return found


def har(baseline: dict[str, Floats], ahead: Floats, train: Bools) -> Floats:
    """Return forecasts of log realised volatility from the four lengths (Corsi 2009).

    Least squares on the points of `train`; `ahead` (n,) is what came. In its own training part it
    knows more than it could have, which is to the disadvantage of the lenses beside it.
    """
    floor = 1e-12
    logs = [np.log(np.maximum(baseline[f"rv{n}"], floor)) for n in RV_BARS]
    x = np.stack([np.ones_like(ahead), *logs], axis=1)
    y = np.log(np.maximum(ahead, floor))
    weights, *_ = np.linalg.lstsq(x[train], y[train], rcond=None)
    forecast: Floats = x @ weights
    return forecast


def panel_of(
    name: str,
    times: Ints,
    returns: Floats,
    protocol: Protocol,
    *,
    read: Read,
    most: int,
    seed: int,
    horizon: int,
    span: str = "",
    coin: str = "",
    spread: Spread,
) -> Panel:
    """Return the panel of a path; raises ValueError when it is too short for twenty points.

    `times` (bars,) count bars, `returns` (bars,) are log returns, that of a bar after a hole or
    of the first bar being whatever it is: no window contains it.
    """
    at, step = points(times, protocol, most)
    if len(at) < 20:
        raise ValueError(f"{name}: {len(times)} bars give {len(at)} points, and it takes 20")
    log_price = np.cumsum(returns)
    deep = np.stack([falls(log_price, at, h) for h in protocol.horizons], axis=1)
    train = np.arange(len(at)) < (1.0 - protocol.holdout_share) * len(at)
    baseline = baselines(returns, at, protocol.window)
    square = np.concatenate([[0.0], np.cumsum(returns * returns)])
    ahead = np.sqrt((square[at + 1 + horizon] - square[at + 1]) / horizon)
    baseline["har"] = har(baseline, ahead, train)
    this = protocol.horizons.index(horizon)
    depth = float(np.quantile(deep[train, this], protocol.large_quantile))
    whole = np.append(np.diff(times), 1) == 1
    peaks = peaks_of(log_price, depth, horizon)
    # A fall across a hole is nobody's to foresee.
    peaks = np.array([p for p in peaks.tolist() if whole[p : p + horizon].all()], dtype=np.int64)
    until = np.minimum(at + step, len(log_price) - 1)
    return Panel(
        name,
        span or name,
        coin in protocol.holdout_coins,
        step,
        times,
        log_price,
        at,
        read_all(returns, at, protocol.window, read, seed, spread),
        deep,
        log_price[until] - log_price[at],
        baseline,
        peaks,
        ~train,
    )


def serial(work: Read, windows: Sequence[Floats], seeds: Sequence[Ints]) -> list[Seen]:
    """Return what `work` makes of each chunk, here and one after the other."""
    return [work(*chunk) for chunk in zip(windows, seeds, strict=True)]


@contextmanager
def workers(processes: int) -> Iterator[Spread]:
    """Yield a map of chunks over so many processes; one process is this one."""
    if processes <= 1:
        yield serial
        return
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - only where it is wanted
    from multiprocessing import get_context  # noqa: PLC0415

    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield lambda work, windows, seeds: list(pool.map(work, windows, seeds))

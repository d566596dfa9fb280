"""Bank of lenses: all lenses of all coins, with the same answer wherever it is asked.

What is remembered of a coin can always be made again from the closes of the question: the
recurrence plot rolls on from minute to minute instead of being drawn anew, with a threshold that
was set once an hour, in a minute of the coin's own, which the closes reach back to. The hidden
Markov model is fitted when asked; between fits its filter takes one step a minute.
"""

from __future__ import annotations

from hashlib import blake2b
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from market.decision import LensAsk
from market.events import MS_PER_MINUTE, ArrivalTerms, LensReading, LensUpdate
from quant import efficiency, hawkes, hmm, phase_space, realised, rqa
from quant.jit import newly_kept
from quant.kaufman import efficiency_ratio
from quant.lens import Abstain, Reading
from quant.rqa_stream import Recurrence
from shadow.store.rows import to_json

Array = NDArray[np.float64]

N = phase_space.WINDOW
HOUR_MINUTES = 60
ER_MINUTES = 60
BRANCHING_MAX = 0.98
RQA = phase_space.PARAMS["rqa"]


class Watch:
    """Memory of one coin from one minute to the next."""

    def __init__(self, coin: str) -> None:
        self.shift = shift_of(coin)
        self.bar_ms = 0
        self.close = 0.0
        self.hour = -1
        self.recurrence: Recurrence | None = None
        self.model: hmm.Hmm | None = None
        self.belief: Array | None = None
        self.believed_ms = 0


class Bank:
    """All lenses; `surrogates` is how many nulls of each kind a rank is taken among."""

    def __init__(self, *, surrogates: int) -> None:
        self._surrogates = surrogates
        self._watches: dict[str, Watch] = {}

    def warm(self) -> int:
        """Compile, or load, all that an answer needs; return how many kernels it had to compile.

        Only those count that the next process will find on disk.
        """
        rng = np.random.default_rng(0)
        closes = np.exp(np.cumsum(rng.standard_normal(N + 3) * 1e-3)).tolist()
        times = np.cumsum(rng.exponential(1e3, 200)).astype(int).tolist()
        for kind in ("raw", "hmm", "rank", "arrivals"):
            self.answer(LensAsk("", MS_PER_MINUTE, kind, "bar", closes[:-1], times))
        self.answer(LensAsk("", 2 * MS_PER_MINUTE, "raw", "bar", closes[1:]))
        self._watches.clear()
        return newly_kept()

    def answer(self, ask: LensAsk) -> LensUpdate:
        """Return what the lenses find."""
        watch = self._watches.get(ask.coin)
        if watch is None:
            watch = self._watches[ask.coin] = Watch(ask.coin)
        update = LensUpdate(ask.coin, ask.bar_ms, ask.kind, ask.cause, [])
        if ask.kind == "arrivals":
            self._pace(ask, update)
            return update
        returns = np.diff(np.log(ask.closes))
        if ask.kind == "hmm":
            self._fit(ask, watch, returns, update)
        elif ask.kind == "raw":
            self._raw(ask, watch, returns, update)
        else:
            self._rank(ask, returns, update)
        return update

    def _raw(self, ask: LensAsk, watch: Watch, returns: Array, update: LensUpdate) -> None:
        readings = update.readings
        readings.append(_restless(returns))
        readings.append(_straight(ask.closes))
        if watch.model is not None:
            readings.append(self._believe(ask, watch, returns))
        if len(returns) < N:
            why = f"needs {N + 1} closed minutes, got {len(ask.closes)}"
            readings += [LensReading(name, None, flags=[why]) for name in phase_space.NAMES]
            return
        try:
            window = phase_space.prepare(returns[-N:])
        except Abstain as why:
            readings += [LensReading(name, None, flags=[str(why)]) for name in phase_space.NAMES]
            return
        values = phase_space.statistics(window, self._determinism(ask, watch, returns))
        for name, value in zip(phase_space.NAMES, values, strict=True):
            none = not np.isfinite(value)
            flags = ["no sound value for this window"] if none else []
            readings.append(LensReading(name, None if none else float(value), n=N, flags=flags))

    def _determinism(self, ask: LensAsk, watch: Watch, returns: Array) -> float:
        """Roll the recurrence plot on by a minute, or draw it anew, at the hour's threshold."""
        minute = ask.bar_ms // MS_PER_MINUTE + watch.shift
        hour = minute // HOUR_MINUTES
        plot = watch.recurrence
        follows = watch.bar_ms + MS_PER_MINUTE == ask.bar_ms and watch.close == ask.closes[-2]
        if plot is not None and follows and hour == watch.hour:
            plot.push(returns[-1])
        else:
            since = min(minute % HOUR_MINUTES, len(returns) - N)
            then = returns[len(returns) - N - since : len(returns) - since]
            found = rqa.LENS.read(then, RQA)
            if found.value is None or not found.measures["threshold"] > 0.0:
                watch.recurrence = None
                return float("nan")
            plot = Recurrence(N, RQA["dim"], RQA["lag"], theiler=RQA["theiler"])
            plot.rebuild(returns[-N:], found.measures["threshold"])
            watch.recurrence = plot
        watch.bar_ms, watch.close, watch.hour = ask.bar_ms, ask.closes[-1], hour
        return plot.measures()["det"]

    def _rank(self, ask: LensAsk, returns: Array, update: LensUpdate) -> None:
        if len(returns) < N:
            update.reason = f"needs {N + 1} closed minutes, got {len(returns) + 1}"
            return
        try:
            window = phase_space.prepare(returns[-N:])
            ranked = phase_space.rank(window, count=self._surrogates, seed=seed_of(ask))
        except Abstain as why:
            update.reason = str(why)
            return
        update.score = ranked.score
        update.reason = ", ".join(ranked.flags)
        for name, value, rank in zip(phase_space.NAMES, ranked.values, ranked.ranks, strict=True):
            sound = np.isfinite(value)
            params = to_json({**phase_space.PARAMS[name], "surrogates": self._surrogates})
            update.readings.append(
                LensReading(
                    name,
                    float(value) if sound else None,
                    float(rank) if sound and np.isfinite(rank) else None,
                    N,
                    params,
                    [] if sound else ["no sound value for this window"],
                )
            )

    def _fit(self, ask: LensAsk, watch: Watch, returns: Array, update: LensUpdate) -> None:
        try:
            features = hmm.market_features(returns)
            watch.model = hmm.fit(features, warm=watch.model).model
        except ValueError as why:
            watch.model = None
            update.readings.append(LensReading("hmm", None, n=len(returns), flags=[str(why)]))
            return
        watch.belief, watch.believed_ms = None, 0
        update.readings.append(self._believe(ask, watch, returns))

    def _believe(self, ask: LensAsk, watch: Watch, returns: Array) -> LensReading:
        """Return the filtered probability of the most turbulent state after the last minute."""
        model = watch.model
        assert model is not None
        try:
            if watch.belief is not None and watch.believed_ms + MS_PER_MINUTE == ask.bar_ms:
                row = hmm.market_features(returns[-hmm.VOLATILITY_WINDOW :])[-1]
                watch.belief = hmm.advance(model, watch.belief, row)
            elif watch.belief is None or watch.believed_ms != ask.bar_ms:
                watch.belief = hmm.filtered(model, hmm.market_features(returns))[0][-1]
        except ValueError as why:
            watch.belief = None
            return LensReading("hmm", None, n=len(returns), flags=[str(why)])
        watch.believed_ms = ask.bar_ms
        return LensReading("hmm", float(watch.belief[-1]), n=len(returns))

    def _pace(self, ask: LensAsk, update: LensUpdate) -> None:
        times = np.array(ask.times_ms, dtype=np.float64) / 1e3
        times -= times[0]
        reading = hawkes.LENS.read(times)
        update.readings.append(brief(reading))
        if reading.value is not None and reading.value < BRANCHING_MAX:
            found = reading.measures
            update.arrivals = ArrivalTerms(found["mu"], found["alpha"], found["beta"])


def _restless(returns: Array) -> LensReading:
    """Return what `realised.LENS` would, without the forecast, which no reading carries."""
    value, flags = realised.realised_z(returns), []
    if value is None:
        flags = ["too few minutes, or a window of them that never moved"]
    return LensReading(realised.LENS.name, value, n=len(returns), flags=flags)


def _straight(closes: list[float]) -> LensReading:
    """Return what `efficiency.LENS` would, without the null quantile, which no reading carries."""
    name, count = efficiency.LENS.name, len(closes)
    if count <= ER_MINUTES:
        return LensReading(name, None, n=count, flags=[f"needs {ER_MINUTES + 1} closed minutes"])
    return LensReading(name, efficiency_ratio(closes, ER_MINUTES), n=count)


def brief(reading: Reading) -> LensReading:
    """Return a reading as it goes on the tape; its parameters are those of this file."""
    return LensReading(
        reading.lens, reading.value, n=reading.n, params="", flags=list(reading.flags)
    )


def shift_of(coin: str) -> int:
    """Return how many minutes before each full hour a coin's threshold is set, 0 to 59.

    Were it the full hour for all of them, all plots would be drawn anew in the same minute.
    """
    return crc32(coin.encode()) % HOUR_MINUTES


def seed_of(ask: LensAsk) -> int:
    """Return the seed of a window's surrogates: coin and minute alone decide."""
    text = f"{ask.coin}|{ask.bar_ms}".encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

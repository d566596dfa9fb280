"""Direction limit: does the market's direction on several timeframes agree with the side?

Per timeframe: Kaufman's efficiency ratio over `n` closed bars, as its quantile among driftless
random walks, signed by the least-squares slope of the same closes. Quantiles below
`evidence_min` count as no direction. The vote is the weighted mean over the timeframes that have
enough bars and are not behind the minutes; the signal passes unless the vote opposes its side by
more than `oppose_max`. Whenever not all of them vote, the check says which do.

Nested timeframes share data: five that agree are not five independent opinions.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from market.bars import Bars
from market.coin import Coin
from market.decision import Check, Mode, Proposal
from market.desk import DeskView
from market.events import TIMEFRAMES
from market.series import Series
from quant.kaufman import efficiency_ratio, null_cdf
from risk.filter import Filter

Weight = Annotated[float, Meta(ge=0.0, le=100.0)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """`n` in bars; `weights` by timeframe; `evidence_min` and `oppose_max` in [0, 1]."""

    n: Annotated[int, Meta(ge=5, le=200)] = 10
    evidence_min: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.7
    oppose_max: Annotated[float, Meta(ge=-1.0, le=1.0)] = 0.0
    weights: dict[str, Weight] = field(
        default_factory=lambda: {"1m": 1.0, "5m": 1.0, "15m": 1.0, "1h": 1.0, "4h": 1.0}
    )


def slope_sign(closes: list[float]) -> int:
    """Return the sign of the least-squares slope of equally spaced values."""
    middle = (len(closes) - 1) / 2
    total = 0.0
    for i, close in enumerate(closes):
        total += (i - middle) * close
    return (total > 0.0) - (total < 0.0)


class Tally(Struct, frozen=True):
    """What the `voting` timeframes of a coin say: scores, their weighted sum, their weight.

    `partly` is "" while all of them vote, else it says which do.

    It stands for as long as the same `bars` have the same `revisions`.
    """

    bars: Bars
    voting: list[Series]
    revisions: list[int]
    scores: list[float | None]
    total: float
    weight: float
    partly: str


class Direction(Filter[Settings]):
    """The multi-timeframe direction gate."""

    name = "direction"
    asks = "does the multi-timeframe direction agree with the side?"
    blocks = "below"
    rank = 10
    settings_type = Settings

    def __init__(self, settings: Settings, mode: Mode) -> None:
        super().__init__(settings, mode)
        unknown = sorted(set(settings.weights) - set(TIMEFRAMES))
        if unknown:
            raise ValueError(f"weights names no timeframe: {', '.join(unknown)}")
        if not any(settings.weights.values()):
            raise ValueError("weights are all 0, so no timeframe votes and no signal can pass")
        self.voters = [(t, w) for t in TIMEFRAMES if (w := settings.weights.get(t, 0.0))]
        # By coin, so that one bar's close is looked at once and not per signal: a cache of what
        # closed bars say, never state.
        self._tallies: dict[str, Tally] = {}

    def score(self, series: Series) -> float | None:
        """Return one timeframe's signed evidence in [−1, 1]; None before n + 1 bars."""
        n = self.settings.n
        if len(series) < n + 1:
            return None
        closes = series.close[-(n + 1) :]
        ratio = efficiency_ratio(closes, n)
        quantile = null_cdf(ratio, n)
        sign = slope_sign(closes)
        agrees = sign * ratio > 0.0
        return sign * quantile if agrees and quantile >= self.settings.evidence_min else 0.0

    def tally(self, coin: Coin) -> Tally:
        """Return what the coin's closed bars say, looking only at those that are new."""
        bars, known = coin.bars, self._tallies.get(coin.name)
        if known is None or known.bars is not bars:
            voting = [bars.series[timeframe] for timeframe, _ in self.voters]
            revisions = [series.revision for series in voting]
            scores = [self.score(series) for series in voting]
        else:
            voting = known.voting
            revisions = [series.revision for series in voting]
            if revisions == known.revisions:
                return known
            scores = [
                score if before == series.revision else self.score(series)
                for score, before, series in zip(known.scores, known.revisions, voting, strict=True)
            ]
        total = weights = 0.0
        heard = []
        for (name, weight), score, series in zip(self.voters, scores, voting, strict=True):
            if score is not None and not _is_behind(series, bars.series["1m"]):
                total += weight * score
                weights += weight
                heard.append(name)
        partly = "" if len(heard) == len(voting) else f"{' '.join(heard)} alone vote"
        tally = Tally(bars, voting, revisions, scores, total, weights, partly)
        self._tallies[coin.name] = tally
        return tally

    def check(self, proposal: Proposal, view: DeskView) -> Check:
        """Pass unless the weighted vote opposes the side."""
        tally = self.tally(view.coins[proposal.coin])
        if not tally.weight:
            return self.no_data(f"no timeframe has {self.settings.n + 1} closed bars yet")
        vote = proposal.side * tally.total / tally.weight
        threshold = 0.0 - self.settings.oppose_max
        if vote >= threshold:
            return self.passed(vote, threshold, reason=tally.partly)
        limit = f"{threshold:+.2f}" if threshold else "0"
        reason = f"timeframes net {vote:+.2f} against this side (limit {limit})".replace("-", "−")
        return self.failed(vote, threshold, f"{reason}; {tally.partly}" if tally.partly else reason)


def _is_behind(series: Series, minutes: Series) -> bool:
    """Say whether a series lacks a bar that minutes know to have ended: old bars are no vote."""
    if not len(minutes) or not len(series):
        return False
    return series.start_ms[-1] + 2 * series.step_ms < minutes.start_ms[-1]

"""Labels of a coin's present by models of the market: for people, beside the emergent regime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quant import hmm
from quant.realised import realised_z

# The states of the hidden Markov model, by variance.
STATES = ("calm", "usual", "wild")


@dataclass(frozen=True)
class Label:
    """Labels of one coin's present by market models; None where they cannot say."""

    state: str | None
    probabilities: list[float] | None
    rv_z: float | None
    bars: int
    reason: str = ""


def label(closes: list[float]) -> Label:
    """Return what a three-state model and realised volatility say of a series of closes."""
    returns = np.diff(np.log(np.array(closes))) if len(closes) > 1 else np.zeros(0)
    z = realised_z(returns)
    try:
        model, _, _ = hmm.fit(returns)
    except ValueError as error:
        return Label(None, None, z, len(closes), str(error))
    last = hmm.filtered(model, returns)[0][-1]
    return Label(STATES[int(last.argmax())], [float(x) for x in last], z, len(closes))

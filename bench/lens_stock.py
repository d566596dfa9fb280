"""Lens values by stock libraries: what each costs, and what it says.

Twice: with our parameters on our windows, and as the libraries come (nolds embeds in ten
dimensions, a diagram is of all points, recurrence plots give seven measures).
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quant import garch, homology, hurst, koopman, lyapunov
from quant.fit.garch_likelihood import best
from quant.hmm import Hmm, learner
from quant.phase_space import CLOUD, PARAMS

Array = NDArray[np.float64]
Measure = Callable[[Array], float]

ROOT = Path(__file__).parents[1]
PYUNICORN = ROOT / ".venv-reference" / "bin" / "python"
CALLS, LONG_S = 5, 0.05
ABSENT = "pyunicorn is absent (`make reference` builds it), so the stock set lacks it"


class Pair(NamedTuple):
    """One lens three times; `off` is how far ours may be from `same`.

    `ours` is the function that surrogates are measured with.
    """

    name: str
    ours: Measure
    same: Measure
    stock: Measure
    off: float


def pairs() -> list[Pair]:
    """Return the lenses that a library in this environment has; raises ImportError without them."""
    with warnings.catch_warnings():
        # nolds asks pkg_resources for its data, which announces its own end.
        warnings.simplefilter("ignore")
        import nolds  # noqa: PLC0415 - of the test group
        from ripser import ripser  # noqa: PLC0415 - the same

    sizes = hurst.dfa_sizes(10, 512 // 4).tolist()
    few = PARAMS["lyapunov"]

    def rosenstein(window: Array) -> float:
        given = {"lag": few["lag"], "min_tsep": few["min_tsep"], "fit": "poly"}
        length = few["trajectory_len"]
        return float(nolds.lyap_r(window, emb_dim=few["dim"], trajectory_len=length, **given))

    def rosenstein_stock(window: Array) -> float:
        return float(nolds.lyap_r(window, lag=few["lag"], min_tsep=few["min_tsep"], fit="poly"))

    def memory_stock(window: Array) -> float:
        nolds.hurst_rs(window, fit="poly")
        return float(nolds.dfa(window, fit_exp="poly"))

    def loops(window: Array) -> float:
        cloud = homology.delayed(window, **PARAMS["homology"])
        return homology.landscape_norms(ripser(cloud, maxdim=1)["dgms"][1])[0]

    return [
        Pair(
            "lyapunov",
            lambda window: lyapunov.exponent(window, **few),
            rosenstein,
            rosenstein_stock,
            1e-9,
        ),
        Pair(
            "homology",
            lambda window: homology.l1_norm(standard(window[-CLOUD:]), **PARAMS["homology"]),
            lambda window: loops(standard(window[-CLOUD:])),
            loops,
            1e-4,
        ),
        Pair(
            "koopman",
            lambda window: koopman.radius(window, **PARAMS["koopman"]),
            modes,
            modes,
            1e-6,
        ),
        Pair(
            "hurst",
            lambda window: hurst.dfa(window, **PARAMS["hurst"]),
            lambda window: float(nolds.dfa(window, nvals=sizes, fit_exp="poly")),
            memory_stock,
            1e-9,
        ),
    ]


def standard(values: Array) -> Array:
    """Return values of mean zero and unit variance."""
    found: Array = (values - values.mean()) / values.std()
    return found


def modes(window: Array) -> float:
    """Return the largest modulus by dynamic mode decomposition as textbooks write it down."""
    dim, rank = PARAMS["koopman"]["dim"], PARAMS["koopman"]["rank"]
    delays = np.lib.stride_tricks.sliding_window_view(window, dim).T
    left, size, right = np.linalg.svd(delays[:, :-1], full_matrices=False)
    left, size, right = left[:, :rank], size[:rank], right[:rank]
    return float(np.abs(np.linalg.eigvals(left.T @ delays[:, 1:] @ right.T / size)).max())


def regime(model: Hmm) -> Callable[[Array], float]:
    """Return hmmlearn's probability of the last state after rows (n, 2) of features."""
    fitted = learner(*model)

    def measured(features: Array) -> float:
        return float(fitted.predict_proba(features)[-1, -1])

    return measured


def clusters(series: Array) -> float:
    """Return the log-likelihood of our GARCH of a series of unit variance."""
    squares = series**2
    return best(squares, garch.begun(squares))[1]


def arch_clusters() -> Measure:
    """Return what fits the same by arch and returns its log-likelihood; raises ImportError."""
    os.environ.setdefault("ARCH_DISABLE_NUMBA", "1")
    from arch.univariate import GARCH, StudentsT, ZeroMean  # noqa: PLC0415 - of the test group

    def measured(series: Array) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = ZeroMean(series, volatility=GARCH(1, 0, 1), distribution=StudentsT())
            return float(model.fit(disp="off", show_warning=False).loglikelihood)

    return measured


class Pyunicorn:
    """The client process; `ask` returns CPU seconds and DET, None where it is absent."""

    def __init__(self, process: subprocess.Popen[str] | None) -> None:
        self._process = process

    @property
    def is_there(self) -> bool:
        """Say whether it can be asked."""
        return self._process is not None

    def ask(self, window: Array) -> dict[str, float]:
        """Return the seconds `alone` and of all `seven` measures, and `det`."""
        assert self._process is not None
        source, sink = _pipes(self._process)
        told = {name: PARAMS["rqa"][name] for name in ("dim", "lag", "recurrence_rate", "line_min")}
        source.write(json.dumps({"window": window.tolist(), **told}) + "\n")
        source.flush()
        found: dict[str, float] = json.loads(sink.readline())
        return found


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


@contextmanager
def pyunicorn() -> Iterator[Pyunicorn]:
    """Keep a client in the environment of the reference libraries, if there is one."""
    if not PYUNICORN.exists():
        yield Pyunicorn(None)
        return
    command = [str(PYUNICORN), str(Path(__file__).with_name("pyunicorn_client.py"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield Pyunicorn(process)
        finally:
            _pipes(process)[0].close()


def timed(measure: Callable[[Any], float], what: Any) -> tuple[float, float]:
    """Return CPU seconds and value: the median of up to five calls, fewer when they take long.

    A first call alone would mostly say what else the processor's caches held.
    """
    seconds: list[float] = []
    while True:
        began = time.thread_time()
        value = measure(what)
        seconds.append(time.thread_time() - began)
        if len(seconds) == CALLS or sum(seconds) > LONG_S:
            return median(seconds), value

"""Cost of the lenses on one coin: raw values, ranks, a step of the recurrence plot.

Beside the same values by nolds, ripser, pyunicorn, hmmlearn, arch and numpy, in the same rounds.
CPU time of one thread throughout. Coins take turns as they do in the lens process, so nothing of
one coin is still in the cache when its next minute comes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench import lens_closes, lens_stock
from bench.lens_stock import Measure, Pair, Pyunicorn, timed
from bench.result import Figure, Result
from bench.rounds import cpu_s, over_rounds, ratios, settled_gc
from daemon.lens.bank import Bank, N
from market.decision import LensAsk
from market.errors import require
from quant import hmm, phase_space, rqa, surrogates
from quant.recurrence import recurrences
from quant.rqa_stream import Recurrence

Array = NDArray[np.float64]
Seconds = dict[str, list[float]]

COINS = 150
WINDOWS = 2
# How many windows one round counts as a whole.
BATCHES = 10
# pyunicorn embeds in single precision and takes its threshold from a quantile of its own.
DET_OFF = 0.03
RQA = phase_space.PARAMS["rqa"]
# Of log-likelihood; arch stops where a step gains less, and lets α + β a hair beyond one.
ARCH_OFF = 1e-3
# A rank looks at the window, its residuals, and the surrogates of two nulls.
LOOKS = 2 * phase_space.COUNT + 1


def measure(rounds: int, *, coins: int = COINS, windows: int = WINDOWS) -> Result:
    """Roll a bank on from minute to minute, and have the libraries look at some of the windows."""
    table = lens_closes.closes(coins, rounds + 1)
    bank = Bank(surrogates=phase_space.COUNT)
    bank.warm()
    first = cpu_s(_answering(bank, lens_closes.asks(table, 0)))
    fitted = cpu_s(_answering(bank, lens_closes.asks(table, 0, "hmm")))
    pairs = lens_stock.pairs()
    arch = lens_stock.arch_clusters()
    spent: Seconds = {}
    dets: list[float] = []
    with lens_stock.pyunicorn() as client, settled_gc():
        _stock(pairs, client, lens_closes.window_of(lens_closes.asks(table, 0)[0]), {}, [])
        for minute in range(1, rounds + 1):
            asks = lens_closes.asks(table, minute)
            ranks = lens_closes.asks(table, minute, "rank")[:windows]
            # Every round begins with another side.
            for side in ("ours", "stock") if minute % 2 else ("stock", "ours"):
                if side == "ours":
                    _keep(spent, "raw", cpu_s(_answering(bank, asks)) / coins)
                    _keep(spent, "rank", cpu_s(_answering(bank, ranks)) / windows)
                else:
                    _beside(pairs, client, asks[-windows:], spent, dets)
                    _clusters(arch, asks[-windows:], spent)
        steps, batch = _streaming(rounds, table)
        is_there = client.is_there
    return _result(spent, dets, steps, batch, (first / coins, fitted / coins), is_there)


def _answering(bank: Bank, asks: list[LensAsk]) -> Callable[[], None]:
    def work() -> None:
        for ask in asks:
            bank.answer(ask)

    return work


def _keep(spent: Seconds, what: str, seconds: float) -> None:
    spent.setdefault(what, []).append(seconds)


def _beside(
    pairs: list[Pair],
    client: Pyunicorn,
    asks: list[LensAsk],
    spent: Seconds,
    dets: list[float],
) -> None:
    """Keep the medians over the windows of what each library took, and of their sums."""
    rows: Seconds = {}
    for ask in asks:
        one: dict[str, float] = {}
        _stock(pairs, client, lens_closes.window_of(ask), one, dets)
        features = hmm.market_features(np.diff(np.log(ask.closes)))
        model = hmm.fit(features, starts=1).model
        one["hmm, same"], last = timed(lens_stock.regime(model), features)
        one["hmm, stock"] = one["hmm, same"]
        off = abs(last - float(hmm.filtered(model, features)[0][-1, -1]))
        require(off < 1e-9, f"hmmlearn filters otherwise, by {off:g}")
        for kind in ("same", "stock"):
            one[kind] = sum(s for name, s in one.items() if name.endswith(f", {kind}"))
        for name, seconds in one.items():
            _keep(rows, name, seconds)
    for name, seconds_of in rows.items():
        _keep(spent, name, median(seconds_of))


def _clusters(arch: Measure, asks: list[LensAsk], spent: Seconds) -> None:
    """Keep what a GARCH of a window's residuals takes, ours and arch's, and how likely each is."""
    rows: Seconds = {}
    for ask in asks:
        left = surrogates.prewhitened(lens_closes.window_of(ask))
        left /= left.std()
        ours_s, ours = timed(lens_stock.clusters, left)
        arch_s, theirs = timed(arch, left)
        require(ours > theirs - ARCH_OFF, f"garch: ours {ours}, arch {theirs}")
        for name, value in (("ours", ours_s), ("arch", arch_s), ("likelier", ours - theirs)):
            _keep(rows, f"garch, {name}", value)
    for name, values in rows.items():
        _keep(spent, name, median(values))


def _stock(
    pairs: list[Pair],
    client: Pyunicorn,
    window: Array,
    one: dict[str, float],
    dets: list[float],
) -> None:
    """Time each lens of a window; raises InvariantBroken where a library gives another value."""
    for pair in pairs:
        one[f"{pair.name}, ours"], ours = timed(pair.ours, window)
        one[f"{pair.name}, same"], same = timed(pair.same, window)
        one[f"{pair.name}, stock"], _ = timed(pair.stock, window)
        require(abs(ours - same) <= pair.off, f"{pair.name}: ours {ours}, theirs {same}")
    one["rqa, ours"], ours = timed(lambda x: rqa.determinism(x, **RQA), window)
    if client.is_there:
        found = client.ask(window)
        one["rqa, same"], one["rqa, stock"] = found["alone"], found["seven"]
        dets.append(abs(ours - found["det"]))
        require(dets[-1] < DET_OFF, f"rqa: ours {ours}, pyunicorn {found['det']}")


def _streaming(rounds: int, table: Array) -> tuple[Seconds, list[float]]:
    """Return seconds a step of one plot and of many in turn, and of one batch, round by round."""
    returns = np.diff(np.log(table), axis=1)
    plots = []
    for row in returns:
        found = rqa.LENS.read(row[:N], RQA)
        plot = Recurrence(N, RQA["dim"], RQA["lag"], theiler=RQA["theiler"])
        plot.rebuild(row[:N], found.measures["threshold"])
        plots.append(plot)
    fresh = returns[0, N:].tolist()
    shape = (RQA["dim"], RQA["lag"], RQA["recurrence_rate"], plots[0].threshold, RQA["theiler"])

    def one() -> None:
        for value in fresh:
            plots[0].push(value)

    def turns(column: list[float], *, measured: bool) -> None:
        for plot, value in zip(plots, column, strict=True):
            plot.push(value)
            if measured:
                plot.measures()

    def batches() -> None:
        for row in returns[:BATCHES]:
            recurrences(row[:N], *shape)

    steps: Seconds = {}
    batch = []
    for number in range(rounds):
        column = returns[:, N + number % len(fresh)].tolist()
        _keep(steps, "one", cpu_s(one) / len(fresh))
        _keep(steps, "turns", cpu_s(partial(turns, column, measured=False)) / len(plots))
        _keep(steps, "measured", cpu_s(partial(turns, column, measured=True)) / len(plots))
        batch.append(cpu_s(batches) / min(BATCHES, len(returns)))
    rates = [plot.measures()["recurrence_rate"] for plot in plots]
    require(0.01 < median(rates) < 0.2, f"unlikely recurrences: {median(rates):.3f}")
    return steps, batch


def _result(
    spent: Seconds,
    dets: list[float],
    steps: Seconds,
    batch: list[float],
    begun: tuple[float, float],
    is_there: bool,
) -> Result:
    raw = spent["raw"]
    result = Result(f"Lenses: one look at one coin, N = {N}", "lenses")

    def ms(what: str, seconds: list[float], **goal: float | bool) -> Figure:
        return over_rounds(what, [s * 1e3 for s in seconds], "ms", **goal)

    def us(what: str, seconds: list[float], **goal: float | bool) -> Figure:
        return over_rounds(what, [s * 1e6 for s in seconds], "us", **goal)

    same, stock = ratios(spent["same"], raw), ratios(spent["stock"], raw)
    result.figures = [
        ms("raw values of a coin, rolling", raw, must=1.5, stretch=0.5, lower=True),
        over_rounds("the set by libraries as they come / ours", stock, "x", must=100.0),
        over_rounds(
            "the set by libraries, our parameters and windows / ours", same, "x", must=100.0
        ),
        us("recurrence plot, a step of one", steps["one"], must=30.0, lower=True),
        us("recurrence plot, a step, coins in turn", steps["turns"], must=30.0, lower=True),
        us("the same with all seven measures", steps["measured"]),
        over_rounds("recurrence plot, batch / step of one", ratios(batch, steps["one"]), "x"),
        ms("ranks of a coin, 39 surrogates of two nulls", spent["rank"]),
        over_rounds(
            f"{LOOKS} looks by libraries, our parameters / ranks",
            [LOOKS * each for each in ratios(spent["same"], spent["rank"])],
            "x",
        ),
        ms("a GARCH of a window", spent["garch, ours"]),
        ms("the same by arch", spent["garch, arch"]),
        over_rounds(
            "a GARCH: arch / ours",
            ratios(spent["garch, arch"], spent["garch, ours"]),
            "x",
            must=5.0,
            stretch=8.0,
        ),
        Figure("raw values, a coin's first look", begun[0] * 1e3, "ms"),
        Figure("hidden Markov model of a coin, fitted", begun[1] * 1e3, "ms"),
        ms("the set by libraries as they come", spent["stock"]),
        ms("the set by libraries, our parameters and windows", spent["same"]),
    ]
    for name in ("lyapunov", "rqa", "homology", "koopman", "hurst"):
        if f"{name}, same" in spent:
            for kind, what in (("stock", "as it comes"), ("same", "our parameters")):
                found = ratios(spent[f"{name}, {kind}"], spent[f"{name}, ours"])
                result.figures.append(over_rounds(f"{name}: library, {what} / ours", found, "x"))
    seen = f"pyunicorn's DET is within {max(dets):.3f} of ours" if dets else lens_stock.ABSENT
    result.counts = [
        "a raw answer holds volatility, efficiency ratio, the filtered regime and the six "
        "phase-space lenses; the step of a coin whose plot is not drawn anew",
        "libraries: nolds.lyap_r, dfa (fit=poly), ripser, pyunicorn's RecurrencePlot at 5 %, DMD "
        "by numpy's SVD, hmmlearn; as they come: emb_dim=10 and trajectory_len=20, dfa's own "
        "boxes and hurst_rs, a diagram of all 510 points, seven measures of recurrences; arch's "
        "GARCH, which only ranks need, is in no sum",
        f"same parameters give the same values: to 1e-9 (lyapunov, hurst, hmm), 1e-6 (koopman), "
        f"1e-4 (homology); {seen}",
        f"our GARCH's log-likelihood is arch's and {median(spent['garch, likelier']):.1e} more",
    ]
    if not is_there:
        result.notes.append(lens_stock.ABSENT)
    result.notes.append(
        "the ratio at equal parameters is the honest one for code, the one of libraries as they "
        "come is what somebody who writes the set down with them would pay"
    )
    return result

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from daemon.cli.common import json_text
from daemon.cli.lens import NO_JIT
from daemon.instance.control import Refusal, Request
from daemon.views.lens import CoinLenses, CoinReading
from quant import jit
from quant.lens import Lens, discover
from tests.daemon.cli.conftest import Cli, Ran
from tests.support.daemons import serving

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = {
    "embedding", "lyapunov", "rqa", "homology", "fisher_rao", "koopman", "hurst",
    "efficiency_ratio", "hmm", "hawkes", "volatility",
}  # fmt: skip
NAMES = set(discover())
KEYS = ["lens", "value", "n", "params", "flags", "measures"]


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = os.environ.get(NO_JIT)
    yield
    os.environ.pop(NO_JIT, None)
    if before is not None:
        os.environ[NO_JIT] = before


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Any], Path]:
    """Write numbers, one a line, exactly."""

    def write(values: Any) -> Path:
        path = tmp_path / "series.csv"
        path.write_text("x\n" + "".join(f"{float(v)!r}\n" for v in values))
        return path

    return write


def orbit(step: Callable[[Any], Any], start: Any, count: int) -> list[Any]:
    """Return `count` states after a hundred that are thrown away."""
    found = []
    for i in range(count + 100):
        start = step(start)
        if i >= 100:
            found.append(start)
    return found


def logistic(count: int) -> list[float]:
    return orbit(lambda x: 4.0 * x * (1.0 - x), 0.3, count)


def henon(count: int) -> list[float]:
    states = orbit(lambda s: (1.0 - 1.4 * s[0] ** 2 + s[1], 0.3 * s[0]), (0.1, 0.1), count)
    return [x for x, _ in states]


def spiral(count: int) -> Any:
    """Return one coordinate of 0.95 times a turn by 0.3."""
    return 0.95 ** np.arange(count) * np.cos(0.3 * np.arange(count))


WHITE = np.random.default_rng(5).standard_normal(2048)
EVENTS = (0.5, 1.2, 1.9, 3.1, 3.2, 4.8)
CASES: list[tuple[str, str, Any, dict[str, float], float, float]] = [
    ("logistic", "lyapunov", logistic(1024), {"dim": 2, "min_tsep": 1, "trajectory_len": 6},
     np.log(2.0), 0.01),
    ("Hénon", "lyapunov", henon(1024), {"dim": 2, "min_tsep": 10, "trajectory_len": 8},
     0.409, 0.03),
    ("sine", "lyapunov", np.sin(2.0 * np.pi * np.arange(1024) / 25.3),
     {"dim": 5, "lag": 6, "min_tsep": 30, "trajectory_len": 20}, 0.003, 0.004),
    ("sine", "rqa", np.sin(2.0 * np.pi * np.arange(400) / 25.3), {}, 0.97, 0.03),
    ("noise", "rqa", WHITE[:1000], {"dim": 1}, 0.0975, 0.01),
    # A quarter of the period apart, a sine and itself draw the unit circle: 64 points.
    ("circle", "homology", np.sin(2.0 * np.pi * np.arange(80) / 64.0), {"dim": 2, "lag": 16},
     (2.0 * np.sin(np.pi * 22.0 / 64.0) - 2.0 * np.sin(np.pi / 64.0)) ** 2 / 4.0, 1e-9),
    ("rotation", "koopman", spiral(200), {"dim": 16, "rank": 2}, 0.95, 1e-9),
    ("halves", "fisher_rao", [*([-1.0, 1.0] * 64), *([-2.0, 2.0] * 64)], {},
     np.sqrt(2.0) * np.log(2.0), 0.02),
    ("line", "efficiency_ratio", np.arange(50.0), {}, 1.0, 0.0),
    ("zigzag", "efficiency_ratio", [100.0, 101.0] * 20 + [100.0], {}, 0.0, 0.0),
    ("noise", "hurst", WHITE, {}, 0.5, 0.1),
    ("events", "hawkes", EVENTS, {"mu": 0.4, "alpha": 0.6, "beta": 1.1, "horizon": 5.0},
     0.6 / 1.1, 1e-12),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values", "params", "expected", "within"),
    [case[1:] for case in CASES],
    ids=[f"{case[1]} of {case[0]}" for case in CASES],
)
def test_reference_systems_have_their_values(
    name: str,
    values: Any,
    params: dict[str, float],
    expected: float,
    within: float,
    cli: Cli,
    put: Callable[[Any], Path],
) -> None:
    options = [part for k, v in params.items() for part in ("--param", f"{k}={v:g}")]
    ran = cli("lens", "--series", put(values), "--lens", name, *options, "--json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err, list(found)) == (0, "", KEYS)
    assert (found["lens"], found["n"]) == (name, len(values))
    assert found["params"] == {**discover()[name].defaults, **params}
    assert found["value"] == pytest.approx(expected, abs=within)


def test_the_likelihood_of_given_terms_is_exact(cli: Cli, put: Callable[[Any], Path]) -> None:
    terms = [p for t in ("mu=.4", "alpha=.6", "beta=1.1", "horizon=5") for p in ("--param", t)]
    ran = cli("lens", "--series", put(EVENTS), "--lens", "hawkes", *terms, "--json")
    likelihood = json.loads(ran.out)["measures"]["log_likelihood"]
    assert likelihood == pytest.approx(-6.871137566906, abs=5e-13)


def test_the_eigenvalues_of_a_rotation_are_found(cli: Cli, put: Callable[[Any], Path]) -> None:
    ran = cli("lens", "--series", put(spiral(200)), "--lens", "koopman", "--param", "rank=2",
              "--json")  # fmt: skip
    found = json.loads(ran.out)["measures"]["eigenvalues"]
    assert sorted(im for _, im in found) == pytest.approx([-0.2807442, 0.2807442], abs=1e-7)
    assert [re for re, _ in found] == pytest.approx([0.9075697] * 2, abs=1e-7)


def test_every_lens_reads_a_series_and_those_that_abstain_say_why(
    cli: Cli, put: Callable[[Any], Path]
) -> None:
    path = put(WHITE[:256])
    found = json.loads(cli("lens", "--series", path, "--json").out)
    assert {each["lens"] for each in found} == NAMES >= SHIPPED
    assert all(list(each) == KEYS for each in found)
    assert all(each["flags"] for each in found if each["value"] is None)
    silent = {each["lens"] for each in found if each["value"] is None}
    assert silent == {"hawkes"}, "noise is no row of event times"
    ran = cli("lens", "--series", path)
    assert ran.code == 0 and ran.err == ""
    for name in NAMES:
        assert f" {name} " in ran.out
    assert "null rank" not in ran.out and "reference" not in ran.out


@pytest.mark.parametrize("values", [[], [1.0], [5.0] * 300, [*WHITE[:200], float("nan")]])
def test_no_series_however_poor_is_an_error_of_ours(
    values: list[float], cli: Cli, put: Callable[[Any], Path]
) -> None:
    ran = cli("lens", "--series", put(values), "--json", "--null")
    if not values:
        assert ran.code == 65
        return
    found = json.loads(ran.out)
    assert ran.code == 0 and len(found) == len(NAMES)
    assert all(each["value"] is not None or each["flags"] for each in found)


def test_a_rank_is_there_when_asked_for(cli: Cli, put: Callable[[Any], Path]) -> None:
    words = ("lens", "--series", put(logistic(256)), "--lens", "rqa", "--param", "dim=2", "--null")
    found = json.loads(cli(*words, "--json").out)
    assert list(found) == ["lens", "value", "null_rank", "n", "params", "flags", "measures"]
    assert found["null_rank"] == 79.5 / 80, "nothing of signs tossed is as regular"
    ran = cli(*words)
    assert "0.994" in ran.out and "null rank" in ran.out and "  det" in ran.out
    ran = cli("lens", "--series", put(EVENTS), "--lens", "hawkes", "--null", "--json")
    assert json.loads(ran.out)["null_rank"] is None


def test_a_second_opinion_agrees(cli: Cli, put: Callable[[Any], Path]) -> None:
    pytest.importorskip("ripser")
    ran = cli("lens", "--series", put(WHITE[:120]), "--lens", "homology", "--check", "--json")
    found = json.loads(ran.out)
    assert ran.code == 0 and abs(found["difference"]) < 1e-6 * found["value"]
    ran = cli("lens", "--series", put(WHITE[:120]), "--lens", "homology", "--check")
    assert "reference" in ran.out


def test_a_second_opinion_that_differs_is_printed_and_exits_70(
    cli: Cli, put: Callable[[Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Lens("odd", "?", {}, lambda series: (1.0, {}, ()), lambda series: 1.1)
    monkeypatch.setattr("quant.lens.discover", lambda: {"odd": odd})
    ran = cli("lens", "--series", put([1.0]), "--check", "--json")
    assert ran.code == 70 and ran.err.count("\n") == 1
    assert ran.err.startswith("gnomon: lens --check: odd gives 1.0, its reference 1.1")
    assert json.loads(ran.out)[0]["difference"] == pytest.approx(-0.1)


def test_without_nolds_the_remedy_is_named(
    cli: Cli, put: Callable[[Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nolds", None)
    ran = cli("lens", "--series", put(WHITE[:200]), "--lens", "lyapunov", "--check")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err == (
        "gnomon: --check of lyapunov needs nolds, of the extra check: make setup in a checkout, "
        "deploy/install.sh --extra check on a server\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lens", "lyapunow"), "did you mean 'lyapunov'?"),
        (("--lens", "rqa", "--param", "dims=3"), "dim, lag, recurrence_rate"),
        (("--lens", "rqa", "--param", "dim"), "like dim=3"),
        (("--lens", "rqa", "--param", "dim=three"), "like dim=3"),
        (("--lens", "rqa", "--param", "dim=nan"), "like dim=3"),
        (("--lens", "rqa", "--param", "=3"), "like dim=3"),
        (("--lens", "rqa", "--param", "dim=2.5"), "whole number"),
        (("--lens", "rqa", "--param", "dim=0"), "dim"),
        (("--param", "dims=3"), "no lens has a parameter 'dims'"),
        (("BTC",), "one of the two"),
    ],
)
def test_usage_errors_name_what_there_is(
    words: tuple[str, ...], said: str, cli: Cli, put: Callable[[Any], Path]
) -> None:
    ran = cli("lens", "--series", put(WHITE[:100]), *words)
    assert (ran.code, ran.out) == (2, "") and said in ran.err


def test_what_goes_with_a_series_does_not_go_with_a_coin(cli: Cli) -> None:
    assert cli("lens").code == 2
    for words in (("--lens", "rqa"), ("--param", "dim=3"), ("--null",), ("--check",)):
        ran = cli("lens", "BTC", *words)
        assert ran.code == 2 and "goes with --series" in ran.err


def test_a_file_of_anything_else_exits_65_by_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("time,price\n1,2\n")
    ran = cli("lens", "--series", path)
    assert ran.code == 65
    assert ran.err == f"gnomon: {path}, line 2: expected one number, found '1,2'\n"
    ran = cli("lens", "--series", tmp_path / "missing")
    assert ran.code == 65 and ran.err.count("\n") == 1


def test_standard_input_will_do(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(str(i) for i in range(30)).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    ran = cli("lens", "--series", "-", "--lens", "efficiency_ratio", "--json")
    assert json.loads(ran.out)["value"] == 1.0


def test_nothing_is_compiled_where_that_is_not_wanted(put: Callable[[Any], Path]) -> None:
    assert NO_JIT == jit.NO_JIT
    script = (
        "import sys; from daemon.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "from quant.jit import JIT; sys.stderr.write(str(JIT) + str('numba' in sys.modules))"
    )
    words = ("lens", "--series", put(WHITE[:120]), "--lens", "homology", "--no-jit", "--json")
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    assert done.stderr == "FalseFalse"
    own = discover()["homology"].read(WHITE[:120]).value
    assert json.loads(done.stdout)["value"] == pytest.approx(own, rel=1e-12)


# Of a coin.

BAR_MS = 1_700_000_040_000
NOW_NS = (BAR_MS + 3 * 60_000) * 1_000_000


def answer() -> CoinLenses:
    """Return what a daemon says of BTC."""
    steps = 0.001 * np.random.default_rng(2).standard_normal(130)
    old = BAR_MS - 60_000
    ranked = "higher than 99% of nulls"
    return CoinLenses(
        coin="BTC",
        now_ns=NOW_NS,
        closes=(50_000.0 * np.exp(np.cumsum(steps))).tolist(),
        bar_ms=BAR_MS,
        readings=[
            CoinReading("rqa", 0.63, 0.99, 128, {"dim": 3}, [], BAR_MS, old, 120.0, ranked),
            CoinReading(
                "homology", None, None, 128, {}, ["dull"], BAR_MS, None, 120.0, "abstains: dull"
            ),
        ],
        composite=0.97,
        composite_bar_ms=BAR_MS,
        flagged=True,
        threshold=0.95,
        surge=4.0,
        burst=True,
    )


@pytest.fixture
def asked(cli: Cli, state: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run `gnomon lens` beside a daemon that says of BTC what `answer` says."""
    monkeypatch.setattr("time.time_ns", lambda: 0)

    async def speak(request: Request) -> CoinLenses | Refusal:
        assert request.verb == "lens"
        if request.argument == "BTC":
            return answer()
        if request.argument == "DOGE":
            return Refusal("no DOGE", ["BTC", "SOL"])
        return Refusal(f"unknown verb {request.verb!r}")

    def run(*words: object) -> Ran:
        path = state / "local" / "gnomon.sock"
        found = serving(path, lambda: cli("lens", *words, "--state", state), speak)
        assert isinstance(found, Ran)
        return found

    return run


def test_a_running_daemon_is_asked(asked: Callable[..., Ran]) -> None:
    ran = asked("BTC")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ran.out.splitlines()[:2] == [
        "BTC FLAGGED: composite 0.970 against a threshold of 0.950, 2 min old",
        "trades arrive at 4.00 times their usual pace, a BURST",
    ]
    assert lines[2] == ["lens", "value", "age", "null", "rank", "rank", "age", "verdict"]
    assert lines[3] == [
        "rqa", "0.63", "2", "min", "0.990", "3", "min", "higher", "than", "99%", "of", "nulls",
    ]  # fmt: skip
    assert lines[4] == ["homology", "–", "2", "min", "–", "–", "abstains:", "dull"]
    found = json.loads(asked("BTC", "--json").out)
    assert found == json.loads(json_text(answer()))


def test_an_unknown_coin_is_answered_by_those_there_are(asked: Callable[..., Ran]) -> None:
    ran = asked("DOGE")
    assert (ran.code, ran.out) == (2, "")
    assert "no coin 'DOGE'; there are BTC, SOL" in ran.err
    ran = asked("SOL")
    assert (ran.code, ran.out, ran.err) == (69, "", "gnomon: unknown verb 'lens'\n")


def test_a_sheet_of_a_coin_is_drawn(asked: Callable[..., Ran], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "btc.png"
    ran = asked("BTC", "--png", path)
    assert (ran.code, ran.err) == (0, f"drawn on {path}\n")
    assert path.read_bytes().startswith(b"\x89PNG") and "BTC FLAGGED" in ran.out


def test_a_sheet_of_a_series_is_drawn(cli: Cli, put: Callable[[Any], Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "x.png"
    words = ("--lens", "efficiency_ratio", "--png", path)
    ran = cli("lens", "--series", put(WHITE[:100]), *words)
    assert (ran.code, ran.err) == (0, f"drawn on {path}\n")
    ran = cli("lens", "--series", put(WHITE[:100]), *words[:3], tmp_path / "none" / "x.png")
    assert ran.code == 78 and "cannot be written" in ran.err


def left_behind(state: Path) -> None:
    """Write what lenses said of BTC into the database, the newest row three minutes old."""
    rows = [
        (NOW_NS - 180 * 10**9, "BTC", "rqa", 0.5, 0.4, 512, '{"dim":3}', ""),
        (NOW_NS - 900 * 10**9, "BTC", "rqa", 0.9, 0.9, 512, '{"dim":3}', ""),
        (NOW_NS - 180 * 10**9, "BTC", "composite", 0.2, 0.2, 0, "{}", ""),
    ]
    with closing(sqlite3.connect(state / "local" / "gnomon.db")) as db:
        db.executemany("INSERT INTO lens VALUES (?,?,?,?,?,?,?,?)", rows)
        db.commit()


def test_a_daemon_at_rest_is_told_from_its_rows(
    cli: Cli, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_behind(state)
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)
    ran = cli("lens", "BTC", "--state", state)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "BTC: composite 0.200, 3 min old"
    assert "0.5  3 min      0.400     3 min  as in nulls" in ran.out
    found = json.loads(cli("lens", "BTC", "--state", state, "--json").out)
    assert [r["value"] for r in found["readings"]] == [0.5]
    assert len(found["closes"]) > 0, "the tape has them"
    ran = cli("lens", "DOGE", "--state", state)
    assert ran.code == 2 and "no coin 'DOGE'; there are BTC" in ran.err


def test_a_sheet_of_nothing_is_refused_in_one_line(cli: Cli, tmp_path: Path) -> None:
    ran = cli("lens", "BTC", "--state", tmp_path / "none", "--png", tmp_path / "x.png")
    assert ran.code == 78
    assert ran.err == "gnomon: --png: no closed minutes of BTC are known yet\n"


def test_without_matplotlib_the_remedy_is_named(
    cli: Cli, put: Callable[[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    words = ("--lens", "efficiency_ratio", "--png", tmp_path / "x.png")
    ran = cli("lens", "--series", put(np.arange(20.0)), *words)
    assert (ran.code, ran.err) == (
        78,
        "gnomon: --png needs matplotlib, of the extra plot: make setup in a checkout, "
        "deploy/install.sh --extra plot on a server\n",
    )

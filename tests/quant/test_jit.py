from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant import garch, jit, lyapunov, rqa
from quant.jit import JIT, NO_JIT, kernel
from quant.rqa_stream import Recurrence
from tests.reference import series as made

ROOT = Path(__file__).resolve().parents[2]

SEEN = """
import json, sys
if "without" in sys.argv: sys.modules["numba"] = None
from quant import garch, jit, lyapunov, recurrence, rqa
from quant.fit import garch_likelihood
from quant.rqa_stream import Recurrence
from tests.reference import series as made
series = made.garch(200)
stream = Recurrence(100, 3, 1, 0.5)
for value in series[:130].tolist():
    stream.push(value)
print(json.dumps({
    "jit": jit.JIT,
    "numba": sys.modules.get("numba") is not None,
    "lyapunov": lyapunov.LENS.read(series).value,
    "curve": lyapunov.LENS.read(series).measures["curve"],
    "rqa": rqa.LENS.read(series).measures,
    "counts": [side.tolist() for side in stream.counts()],
    "garch": garch.fit(series),
    "twins": lyapunov.divergence is lyapunov._divergence_plain
    and rqa.recurrences is recurrence._recurrences_plain
    and garch_likelihood.likelihood is garch_likelihood._plain,
}))
"""


def seen(no_jit: str | None, *args: str) -> dict[str, Any]:
    """Return what an interpreter of its own measures, with `no_jit` as the variable's value."""
    given = {name: value for name, value in os.environ.items() if name != NO_JIT}
    if no_jit is not None:
        given[NO_JIT] = no_jit
    done = subprocess.run(
        [sys.executable, "-c", SEEN, *args],
        env=given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("no_jit", "args", "numba"),
    [("1", (), False), (None, ("without",), False)],
    ids=["told not to", "without numba"],
)
def test_without_compiled_code_the_twins_serve_and_agree(
    no_jit: str | None, args: tuple[str, ...], numba: bool
) -> None:
    told = seen(no_jit, *args)
    series = made.garch(200)
    stream = Recurrence(100, 3, 1, 0.5)
    for value in series[:130].tolist():
        stream.push(value)
    assert told["jit"] is False
    assert told["numba"] is numba
    assert told["twins"]
    reading = lyapunov.LENS.read(series)
    assert told["lyapunov"] == pytest.approx(reading.value, abs=1e-13)
    assert told["curve"] == pytest.approx(reading.measures["curve"], abs=1e-13)
    assert told["rqa"] == pytest.approx(rqa.LENS.read(series).measures, abs=1e-12)
    assert told["counts"] == [side.tolist() for side in stream.counts()]
    # A search ends where its last steps fall, so it agrees to five digits only.
    assert told["garch"] == pytest.approx(garch.fit(series), rel=5e-5, abs=1e-7)


@pytest.mark.skipif(not JIT, reason="this run is without numba")
@pytest.mark.parametrize("no_jit", ["0", None])
def test_otherwise_it_compiles(no_jit: str | None) -> None:
    told = seen(no_jit)
    assert told["jit"]
    assert not told["twins"]


def plain(values: np.ndarray[Any, Any]) -> float:
    return float(values.sum())


def loops(values: np.ndarray[Any, Any]) -> float:
    """Add up."""
    total = 0.0
    for value in values:
        total += value
    return total


def test_where_nothing_compiles_the_array_body_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_found", None)
    assert kernel(plain)(loops) is plain
    assert kernel()(loops) is loops


@pytest.mark.skipif(not JIT, reason="this run is without numba")
def test_compiled_kernels_release_the_lock_and_keep_the_order_of_sums() -> None:
    compiled: Any = kernel(plain)(loops)
    assert compiled(np.array([1e16, 1.0, -1e16])) == 0.0
    assert compiled.targetoptions["nogil"] is True
    assert not compiled.targetoptions["fastmath"]
    assert compiled.py_func is loops
    assert compiled.__doc__ == "Add up."


@pytest.mark.parametrize("error", [ImportError, OSError, RuntimeError])
def test_a_numba_that_cannot_start_is_done_without(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """llvmlite raises OSError where pages may not be made executable."""
    monkeypatch.delenv(NO_JIT, raising=False)
    real = __import__

    def refusing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "numba":
            raise error("no")
        return real(name, *args, **kwargs)

    monkeypatch.setattr("builtins.__import__", refusing)
    assert jit._numba() is None


SANDBOXED = """
import ctypes
import sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(3)
import numpy as np
from quant import garch, jit, phase_space
window = phase_space.prepare(np.random.default_rng(1).standard_normal(512))
print(jit.JIT, np.isfinite(phase_space.statistics(window)).all(), garch.fit(window).nu > 2.0)
"""


def test_under_memory_deny_write_execute_the_lenses_still_look() -> None:
    """What systemd's MemoryDenyWriteExecute sets is PR_SET_MDWE, a flag no process can drop."""
    ran = subprocess.run(
        [sys.executable, "-c", SANDBOXED], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if ran.returncode == 3:
        pytest.skip("this kernel does not know PR_SET_MDWE")
    assert ran.stdout.split() == ["False", "True", "True"], ran.stderr


KEPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from made import double
from quant.jit import newly_kept
before = newly_kept()
double(np.ones(3))
double(np.ones(4))
print(before, newly_kept())
"""


@pytest.mark.skipif(not JIT, reason="this run is without numba")
def test_what_a_process_compiled_and_kept_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(
        "from quant.jit import kernel\n\n@kernel()\ndef double(x):\n    return 2.0 * x\n"
    )
    (tmp_path / "cache").mkdir()
    given = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def told() -> list[str]:
        code = [sys.executable, "-c", KEPT, str(tmp_path)]
        done = subprocess.run(code, env=given, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert told() == ["0", "1"]
    assert told() == ["0", "0"]

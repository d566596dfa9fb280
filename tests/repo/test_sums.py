"""No sum of floats that depends on the Python version, wherever decisions are made.

`sum` and the module `statistics` add floats otherwise from one version to the next.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DECIDING = ("divisions", "risk", "quant", "daemon/engine")
# Sums of integers, exact in any order.
INTEGERS = {
    "divisions/weights.py": Counter(
        {
            "sum(returns_e6)": 1,
            "sum((r * r for r in returns_e6))": 1,
            "sum((c for _, c in window))": 2,
        }
    ),
    "quant/inference/matched.py": Counter({"sum(self.steps.values())": 1}),
    "quant/inference/selection.py": Counter(
        {
            "sum((bot.blocked for bot in totals))": 1,
            "sum((bot.blocked for bot in totals if bot.blocked > rate_max * bot.judged))": 1,
        }
    ),
    "daemon/engine/branches/holdings.py": Counter({"sum([sums[mask] for mask in kind])": 1}),
    "daemon/engine/branches/jury.py": Counter(
        {"sum((side.bit for side in sides if side.variant.weighted))": 1}
    ),
    "daemon/engine/weighing.py": Counter(
        {"sum((part for day, part in trade.days if day == day_ms))": 1}
    ),
    "quant/jit.py": Counter(
        {
            "sum((sum(made.stats.cache_misses.values()) for made in _made))": 1,
            "sum(made.stats.cache_misses.values())": 1,
        }
    ),
}
# The one name of `statistics` that adds nothing.
HARMLESS = {"NormalDist"}
MOVING = {"fsum", "sumprod", "fmean"}


def sums(module: ast.Module) -> Iterator[str]:
    """Yield each use of the builtin, as a call or by its name alone."""
    called = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum":
            called.add(node.func)
            yield ast.unparse(node)
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id == "sum" and node not in called:
            yield "sum, by its name"


def others(module: ast.Module) -> Iterator[str]:
    """Yield what else sums in its own way: `statistics`, and names that came with a version."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name == "statistics")
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.module == "statistics":
                yield from names - HARMLESS
            yield from names & MOVING
        elif isinstance(node, ast.Attribute) and node.attr in MOVING:
            yield ast.unparse(node)


def test_what_decides_adds_its_floats_in_order() -> None:
    wrong = []
    for package in DECIDING:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            module = ast.parse(path.read_text())
            found = Counter(sums(module))
            allowed = INTEGERS.get(name, Counter())
            wrong += [f"{name}: {text}" for text in found - allowed]
            wrong += [f"{name}: {text} is allowed and not there" for text in allowed - found]
            wrong += [f"{name}: {text}" for text in others(module)]
    assert not wrong, "floats: quant.sums.sum_in_order; integers: the list here\n" + "\n".join(
        wrong
    )


def test_the_search_finds_what_it_looks_for() -> None:
    module = ast.parse(
        "import statistics\nfrom math import fsum\nfrom statistics import NormalDist, fmean\n"
        "a = sum(x) + x.sum() + np.sum(x)\nb = map(sum, x)\nc = math.sumprod(x, x)\n"
    )
    assert list(sums(module)) == ["sum(x)", "sum, by its name"]
    assert sorted(others(module)) == ["fmean", "fmean", "fsum", "math.sumprod", "statistics"]

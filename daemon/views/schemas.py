"""JSON schemas of the views: what `--json` prints, by the name of its command."""

from __future__ import annotations

from typing import Any

import msgspec

from daemon.views.glossary import Term
from daemon.views.idle import Idle
from daemon.views.lens import CoinLenses
from daemon.views.money import Money
from daemon.views.positions import Positions
from daemon.views.report import ReportLine
from daemon.views.series import SeriesReading
from daemon.views.status import RestingStatus, RunningStatus
from daemon.views.trades import ListedTrade
from daemon.views.weights import RegimeView, WeightsView
from daemon.views.why import Why
from research.explain.explain import Explanation
from shadow.store.query import BlockedSignal

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# A view is of one of these types: that of a running daemon first, where there are two.
VIEWS: dict[str, tuple[Any, ...]] = {
    "status": (RunningStatus, RestingStatus),
    "positions": (Positions,),
    "lens": (CoinLenses,),
    "series": (SeriesReading, list[SeriesReading]),
    "why": (Why | None,),
    "idle": (Idle,),
    "glossary": (list[Term],),
    "explain": (Explanation | None,),
    "report": (list[ReportLine],),
    "pnl": (list[Money],),
    "trades": (list[ListedTrade],),
    "blocked": (list[BlockedSignal],),
    "weights": (WeightsView,),
    "regime": (RegimeView,),
}


def schema(name: str) -> dict[str, object]:
    """Return the JSON schema of a view; raises KeyError for a name that is not in `VIEWS`."""
    roots, parts = msgspec.json.schema_components(VIEWS[name], ref_template="#/$defs/{name}")
    root = roots[0] if len(roots) == 1 else {"anyOf": list(roots)}
    _allow_text(parts)
    return {"$schema": DIALECT, "title": name, **root, "$defs": parts}


def _allow_text(schema: Any) -> None:
    """Let every whole number be text too, as those beyond 2^53 are."""
    if isinstance(schema, dict):
        if schema.get("type") == "integer":
            schema["type"] = ["integer", "string"]
        for part in schema.values():
            _allow_text(part)
    elif isinstance(schema, list):
        for part in schema:
            _allow_text(part)

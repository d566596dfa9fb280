from __future__ import annotations

from typing import Any

import pytest

from market.instrument import instruments_from_meta
from tests.venue.local.faults.spoiling import answer, asked
from venue.hyperliquid import replies
from venue.local.faults.kinds.market.junk_metadata import JunkMetadata

META: dict[str, Any] = {
    "universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 40}],
    "marginTables": [],
    "collateralToken": 0,
}


def test_junk_stands_behind_the_good_rows() -> None:
    found = answer(JunkMetadata(), asked("meta"), META).data()
    assert found["universe"][0] == META["universe"][0]
    assert len(found["universe"]) > 4
    assert found["collateralToken"] == 0


def test_contexts_stay_aligned() -> None:
    meta, contexts = answer(
        JunkMetadata(ill_typed=True), asked("metaAndAssetCtxs"), [META, [{}]]
    ).data()
    assert len(meta["universe"]) == len(contexts)
    assert contexts[0] == {}


def test_other_dexs_are_left_alone() -> None:
    found = answer(JunkMetadata(doubles=True), asked("allPerpMetas"), [META, META]).data()
    assert found[1] == META
    assert [row.get("name") for row in found[0]["universe"]].count("BTC") == 2


def test_mids_are_senseless() -> None:
    assert answer(JunkMetadata(), asked("allMids"), {"BTC": "1.0"}).data()["JUNK2"] == "1e309"


def test_refusals_pass() -> None:
    assert answer(JunkMetadata(), asked("meta"), None).data() is None
    assert answer(JunkMetadata(), asked("allPerpMetas"), []).data() == []


def test_our_own_reader_finds_the_good_rows() -> None:
    raw = answer(JunkMetadata(), asked("meta"), META).body
    assert instruments_from_meta(replies.decode_meta(raw))["BTC"].index == 0


@pytest.mark.parametrize("fault", [JunkMetadata(ill_typed=True)])
def test_ill_typed_rows_are_no_objects_of_the_venue(fault: JunkMetadata) -> None:
    rows = answer(fault, asked("meta"), META).data()["universe"]
    assert None in rows

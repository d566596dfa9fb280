from __future__ import annotations

import json

from tests.venue.local.serving import REPO
from venue.hyperliquid.universe import load_instruments, load_universe, source
from venue.local.world.coins import BASE_PX


def test_the_leaders_come_first() -> None:
    names = [row["name"] for row in load_universe()]
    assert names[:8] == ["BTC", "ETH", "SOL", "HYPE", "DOGE", "XRP", "AVAX", "LINK"]
    assert len(names) == len(set(names)) == 50


def test_rules_are_instruments_and_positions_are_ids() -> None:
    instruments = load_instruments()
    assert [i.index for i in instruments.values()] == list(range(50))
    btc = instruments["BTC"]
    assert (btc.sz_decimals, btc.px_decimals, btc.max_leverage) == (5, 1, 40)
    assert not any(i.is_delisted for i in instruments.values())


def test_the_file_names_its_source() -> None:
    kept = json.loads((REPO / "venue" / "hyperliquid" / "universe.json").read_bytes())
    assert "roq-trading/roq-hyperliquid" in " ".join(kept["source"])
    assert source().startswith("venue/hyperliquid/universe.json")
    assert "\n" not in source()


def test_every_kept_coin_has_a_price_in_the_world() -> None:
    assert set(BASE_PX) == set(load_instruments())

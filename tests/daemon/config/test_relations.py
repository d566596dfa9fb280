"""Relations between keys: each that does not go together is one line that begins with the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.config.load import load, parse
from daemon.config.relations import broken
from divisions import roster
from market.errors import OperatorError

MAINNET = {"ws_url": "wss://api.hyperliquid.xyz/ws", "rest_url": "https://api.hyperliquid.xyz"}
TESTNET = {
    "ws_url": "wss://api.hyperliquid-testnet.xyz/ws",
    "rest_url": "https://api.hyperliquid-testnet.xyz",
}


def venue(network: str = "testnet", **urls: str) -> dict[str, Any]:
    base = MAINNET if network == "mainnet" else TESTNET
    return {"venue": {network: {**base, **urls}}}


def gate(name: str, **settings: Any) -> dict[str, Any]:
    return {"gate": {name: settings}}


def bot(name: str, **params: Any) -> dict[str, Any]:
    return {"bots": {name: params}}


def complaint(data: dict[str, Any]) -> str:
    """Return what a configuration is refused for, "" when it is taken."""
    try:
        return "; ".join(broken(parse(data, "x")))
    except OperatorError as error:
        return str(error).removeprefix("x: ")


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        ({"coins": ["BTC", "ETH", "BTC"]}, "coins", "BTC is named twice"),
        ({"coins": [""]}, "coins", "'' is no name"),
        ({"coins": ["BTC "]}, "coins", "'BTC ' is no name"),
        ({"coins": ["B\x1b[2J"]}, "coins", "no name"),
        ({"state_dir": "data"}, "state_dir", "relative"),
        ({"state_dir": "./data"}, "state_dir", "relative"),
        ({"state_dir": "/a\x00b"}, "state_dir", "control characters"),
        (venue(ws_url="https://api.hyperliquid-testnet.xyz/ws"), "venue.testnet.ws_url", "wss://"),
        (venue(rest_url="wss://api.hyperliquid-testnet.xyz"), "venue.testnet.rest_url", "https://"),
        (venue(ws_url="api.hyperliquid-testnet.xyz/ws"), "venue.testnet.ws_url", "no address"),
        (venue(ws_url="wss://host:99999/ws"), "venue.testnet.ws_url", "no address"),
        (venue(ws_url=""), "venue.testnet.ws_url", "no address"),
        (venue(ws_url="wss://a b/ws"), "venue.testnet.ws_url", "no address"),
        (venue(ws_url=MAINNET["ws_url"]), "venue.testnet.ws_url", "is of mainnet"),
        (venue("mainnet", rest_url=TESTNET["rest_url"]), "venue.mainnet.rest_url", "is of testnet"),
        ({"feed": {"reconnect_min_s": 31}}, "feed.reconnect_min_s", "reconnect_max_s = 30"),
        ({"feed": {"planned_reconnect_h": 0.001}}, "feed.planned_reconnect_h", "hours"),
        ({"disk": {"entries_free_mb_min": 2000}}, "disk.entries_free_mb_min", "stop first"),
        ({"disk": {"tape_free_mb_min": 1 << 30}}, "disk.tape_free_mb_min", "bytes?"),
        ({"fills": {"latency_ms": 0.4}}, "fills.latency_ms", "seconds?"),
        ({"lens": {"delay_ms": 1}}, "lens.delay_ms", "seconds?"),
        ({"fees": {"taker_bps": 0.045}}, "fees.taker_bps", "0.045 % is 4.5 basis points"),
        ({"fees": {"maker_bps": -0.003}}, "fees.maker_bps", "percent?"),
        ({"shadow": {"bias_bps_max": 0.02}}, "shadow.bias_bps_max", "percent?"),
        (gate("liquidity", spread_bps_max=0.1), "gate.liquidity.spread_bps_max", "percent?"),
        (gate("liquidity", impact_bps_max=0.08), "gate.liquidity.impact_bps_max", "percent?"),
        (gate("freshness", age_ms_min=2000), "gate.freshness.age_ms_min", "fast_age_ms_max = 1500"),
        (gate("freshness", bbo_age_ms_max=900), "gate.freshness.age_ms_min", "bbo_age_ms_max"),
        (gate("freshness", lag_ms_max=2), "gate.freshness.lag_ms_max", "seconds?"),
        (gate("phase_space", leave=0.96), "gate.phase_space.leave", "enter = 0.95"),
        (gate("volatility", enter=0.5), "gate.volatility.leave", "enter = 0.5"),
        ({"lens": {"rank_every_minutes": 20}, **gate("phase_space", rank_age_minutes_max=15)},
         "lens.rank_every_minutes", "too old"),
        ({"lens": {"enabled": False}, **gate("phase_space", mode="enforce")},
         "gate.phase_space.mode", "refuse every signal"),
        (gate("direction", weights={"1m": 0, "5m": 0.0}), "gate", "weights are all 0"),
        (gate("direction", weights={}), "gate", "weights are all 0"),
        (bot("ema_cross", fast=34), "bots", "fast = 34 must be below slow = 34"),
        (bot("microprice_drift", slow=4), "bots", "fast = 5 must be below slow = 4"),
        (bot("funding_drift", fast=90), "bots", "fast = 90 must be below slow = 60"),
        (bot("burst_follow", slow_s=8), "bots", "fast_s = 8 must be below slow_s = 8"),
        (bot("squeeze_breakout", quiet=96), "bots", "quiet = 96 must be below usual = 96"),
        (bot("funding_harvest", exit_bps_h=0.3), "bots", "exit_bps_h = 0.3 must be below"),
        (bot("beta_residual", window=10, recent=10), "bots", "recent = 10 must be below"),
        (bot("order_flow", horizon_s=180_000), "bots.order_flow.horizon_s", "milliseconds?"),
        (bot("order_flow", sample_s=200), "bots.order_flow.sample_s", "above horizon_s"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line(
    data: dict[str, Any], key: str, words: str
) -> None:
    text = complaint(data)
    assert text.startswith(f"{key}: ") and words in text, text
    assert text.isprintable() and len(text) < 400


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"coins": ["BTC", "btc"]},
        {"state_dir": "~/gnomon"},
        {"state_dir": "/srv/gnomon"},
        venue(ws_url="ws://127.0.0.1:8077/ws", rest_url="http://[::1]:8077"),
        venue("mainnet", ws_url="wss://my.node.example:8443/ws?key=1"),
        {"fills": {"latency_ms": 0}, "fees": {"taker_bps": 0, "maker_bps": -0.1}},
        {"disk": {"tape_free_mb_min": 0, "entries_free_mb_min": 0}},
        {"lens": {"enabled": False}},
        {"lens": {"rank_every_minutes": 20}},
        gate("liquidity", spread_bps_max=0.5),
        gate("direction", weights={"4h": 1}),
        bot("order_flow", horizon_s=3_600),
    ],
)
def test_what_is_unusual_and_makes_sense_is_taken(data: dict[str, Any]) -> None:
    assert complaint(data) == ""


def test_several_at_once_are_all_named() -> None:
    data = {"coins": ["A", "A"], "state_dir": "x", "fills": {"latency_ms": 1}}
    keys = [line.split(": ")[0] for line in broken(parse(data, "x"))]
    assert keys == ["coins", "state_dir", "fills.latency_ms"]


def test_a_file_must_make_sense_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "gnomon.toml"
    path.write_text('state_dir = "data"\ncoins = ["A", "A"]\n')
    with pytest.raises(OperatorError, match=r"gnomon\.toml: coins: .*; state_dir: ") as caught:
        load(path)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize("cls", roster.discover(), ids=lambda cls: cls.name)
def test_no_bot_s_own_numbers_contradict_each_other(cls: Any) -> None:
    for name, values in cls.search.items():
        for value in values:
            assert complaint(bot(cls.name, **{name: value})) == ""


def test_more_limits_than_slots_ask_for_twice_as_many() -> None:
    usual = parse({}, "test")
    more = {f"limit {i}": {"mode": "observe"} for i in range(17)}
    off = {f"other {i}": {"mode": "off"} for i in range(17)}
    for slots, is_enough in ((16, False), (32, True)):
        verdict = usual.verdict.model_copy(update={"slots": slots})
        gate = {**more, **off, "halt": {"mode": "enforce"}}
        config = usual.model_copy(update={"gate": gate, "verdict": verdict})
        found = [line for line in broken(config) if line.startswith("verdict.slots: ")]
        assert len(found) == (0 if is_enough else 1)
        assert is_enough or ("17 limits" in found[0] and "set 32" in found[0])

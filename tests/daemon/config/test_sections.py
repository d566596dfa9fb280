from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from daemon.config.discovery import make_filter
from daemon.config.load import load, parse
from daemon.config.sections import Config
from daemon.config.text import as_toml
from divisions import roster
from market.errors import OperatorError
from risk import filter as filters

DEFAULT = parse({}, "test")
SECTIONS = [n for n, i in Config.model_fields.items() if isinstance(getattr(DEFAULT, n), BaseModel)]


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(OperatorError) as caught:
        parse(data, "gnomon.toml")
    assert caught.value.exit_code == 78
    text = str(caught.value)
    assert text.startswith("gnomon.toml: ") and "\n" not in text
    return text


# Every key, whatever is found in the folders.


def leaves(plain: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(plain, dict):
        return [leaf for k, v in plain.items() for leaf in leaves(v, (*path, k))]
    return [(path, plain)]


LEAVES = leaves(DEFAULT.resolved())


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        value = {part: value}
    return value  # type: ignore[no-any-return]


def with_required(data: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a section cannot do without: an endpoint is named whole."""
    for network in ("mainnet", "testnet"):
        given = data.get("venue", {}).get(network)
        if isinstance(given, dict):
            data["venue"][network] = {**DEFAULT.resolved()["venue"][network], **given}
    return data


def complaints(path: tuple[str, ...], value: Any, *words: str) -> list[str]:
    """Return what is wrong with the way a value at a key is refused."""
    try:
        text = refused(with_required(nested(path, value)))
    except (AssertionError, pytest.fail.Exception) as error:
        return [f"{'.'.join(path)} = {value!r}: {error}"]
    return [
        f"{'.'.join(path)} = {value!r}: no {word!r} in {text}" for word in words if word not in text
    ]


def test_a_value_of_the_wrong_type_is_refused_with_its_key() -> None:
    assert len(LEAVES) > 200
    faults = []
    for path, _ in LEAVES:
        section = [path[1]] if path[0] in ("gate", "bots") else []
        faults += complaints(path, {"a": "table"}, path[:3][-1], *section)
    assert not faults, "\n".join(faults)


def test_an_absurd_number_is_refused_with_its_key() -> None:
    numbers = [p for p, v in LEAVES if isinstance(v, int | float) and not isinstance(v, bool)]
    assert len(numbers) > 150
    faults = []
    for path in numbers:
        strict = ["7"] if path[0] in ("gate", "bots") else []
        for value in (float("nan"), float("inf"), float("-inf"), *strict):
            faults += complaints(path, value, path[:3][-1])
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"desk": {"equity_usd": 0}}, ("desk.equity_usd", "greater than 0", "got 0")),
        ({"desk": {"equity_usd": 1e12}}, ("desk.equity_usd",)),
        ({"desk": {"vol_target_daily": 5.0}}, ("desk.vol_target_daily",)),
        ({"fees": {"taker_bps": -1}}, ("fees.taker_bps",)),
        ({"fills": {"latency_ms": -1}}, ("fills.latency_ms",)),
        ({"shadow": {"bias_bps_max": 0}}, ("shadow.bias_bps_max",)),
        ({"venue": {"network": "devnet"}}, ("venue.network", "testnet")),
        ({"venue": {"weight_per_minute": 5000}}, ("venue.weight_per_minute",)),
        ({"venue": {"testnet": {"ws_url": "x"}}}, ("venue.testnet.rest_url",)),
        ({"feed": {"reconnect_min_s": 0}}, ("feed.reconnect_min_s",)),
        ({"tape": {"retention_days": 0}}, ("tape.retention_days",)),
        ({"store": {"commit_ms": 251}}, ("store.commit_ms",)),
        ({"store": {"retention_days": 0}}, ("store.retention_days",)),
        ({"store": {"detail_days": 0}}, ("store.detail_days",)),
        ({"store": {"retention_gb": 0}}, ("store.retention_gb",)),
        ({"disk": {"tape_free_mb_min": -1}}, ("disk.tape_free_mb_min",)),
        ({"log": {"level": "loud"}}, ("log.level", "debug")),
        ({"mode": "real"}, ("mode", "paper")),
        ({"seed": -1}, ("seed",)),
        ({"seed": 2**63}, ("seed",)),
        ({"coins": "BTC"}, ("coins",)),
        ({"coins": [1]}, ("coins",)),
        ({"desk": 3}, ("desk",)),
        ({"gate": 3}, ("gate",)),
        ({"gate": {"halt": 3}}, ("gate", "halt")),
        ({"gate": {"halt": {"mode": "maybe"}}}, ("halt", "mode", "enforce, observe, off")),
        ({"gate": {"control": {"mode": "enforce"}}}, ("control", "mode", "observe, off")),
        ({"gate": {"control": {"share": 2.0}}}, ("control", "share")),
        ({"gate": {"drawdown": {"daily_loss_share_max": 0}}}, ("daily_loss_share_max",)),
        ({"bots": {"donchian": {"enabled": "yes"}}}, ("donchian", "enabled")),
        ({"bots": {"donchian": {"channel": 1}}}, ("donchian", "channel")),
        ({"bots": {"donchian": 3}}, ("bots", "donchian")),
    ],
    ids=str,
)
def test_a_bad_value_is_refused_with_key_and_remedy(
    data: dict[str, Any], words: tuple[str, ...]
) -> None:
    text = refused(data)
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("data", "unknown", "near"),
    [
        ({"sed": 1}, "sed", "seed"),
        ({"desc": {}}, "desc", "desk"),
        ({"desk": {"equity_us": 1}}, "desk.equity_us", "equity_usd"),
        ({"venue": {"netwrok": "testnet"}}, "venue.netwrok", "network"),
        ({"venue": {"testnet": {"ws_url": "a", "rest_url": "b", "ws_ur": 1}}}, "ws_ur", "ws_url"),
        ({"gate": {"directoin": {}}}, "directoin", "direction"),
        ({"gate": {"cooldown": {"rest": 1.0}}}, "rest", "rest_s"),
        ({"bots": {"donchain": {}}}, "donchain", "donchian"),
        ({"bots": {"donchian": {"chanel": 20}}}, "chanel", "channel"),
        *(({name: {"zzz_zzz": 1}}, "zzz_zzz", "there are") for name in SECTIONS),
    ],
    ids=str,
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    data: dict[str, Any], unknown: str, near: str
) -> None:
    text = refused(data)
    assert unknown in text and near in text


def test_every_fault_of_a_file_is_told_at_once() -> None:
    text = refused({"sed": 1, "desk": {"equity_usd": 0}, "log": {"level": "x"}})
    assert all(word in text for word in ("sed", "desk.equity_usd", "log.level"))


def test_files_that_cannot_be_read_are_refused_with_their_name(tmp_path: Path) -> None:
    for content in (b"x = ", b"x = '\xff'", b"[desk]\nequity_usd = 1\nequity_usd = 2\n"):
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        with pytest.raises(OperatorError, match="not TOML"):
            load(path)
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(OperatorError, match=re.escape(f"{path}: cannot be read")):
            load(path)


@settings(max_examples=60)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_file_whatever_is_in_it_does_more_than_be_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "x.toml"
    path.write_bytes(content)
    try:
        assert isinstance(load(path), Config)
    except OperatorError as error:
        assert str(error).startswith(str(path))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=150)
@given(path=st.sampled_from([p for p, _ in LEAVES]), cut=st.integers(1, 3), value=VALUES)
def test_any_value_at_any_key_is_taken_or_refused_and_never_worse(
    path: tuple[str, ...], cut: int, value: Any
) -> None:
    try:
        made = parse(nested(path[:cut], value), "x")
    except OperatorError:
        return
    # But for the secrets of a URL, it reads back as itself.
    assert parse(made.resolved(), "again").resolved() == made.resolved()


SECRET_URLS = {
    "ws_url": "wss://venue.example/v1/ws?key=s3cret",
    "rest_url": "https://me:s3cret@venue.example/v1?key=s3cret",
}


def test_a_url_s_secrets_are_used_and_never_shown() -> None:
    made = parse({"venue": {"mainnet": SECRET_URLS}}, "x")
    endpoint = made.venue.endpoint("mainnet")
    assert endpoint.ws_url == SECRET_URLS["ws_url"] and "s3cret" in endpoint.rest_url
    shown = [repr(made.resolved()), made.model_dump_json(), as_toml(made, comments=True)]
    assert not [text for text in shown if "s3cret" in text]
    assert made.resolved()["venue"]["mainnet"]["ws_url"] == "wss://venue.example/v1/ws?***"


@pytest.mark.parametrize(
    "venue",
    [{"mainnet": {"ws_url": SECRET_URLS["ws_url"]}}, {"network": SECRET_URLS["rest_url"]}],
)
def test_a_mistake_beside_a_url_does_not_show_its_secrets(venue: dict[str, Any]) -> None:
    with pytest.raises(OperatorError) as error:
        parse({"venue": venue}, "x")
    assert "s3cret" not in str(error.value)


def test_the_defaults_are_those_of_no_file_at_all() -> None:
    assert load(None) == DEFAULT == parse({"gate": {}, "bots": {}, "desk": {}}, "x")
    assert set(DEFAULT.gate) == {cls.name for cls in filters.discover()}
    assert set(DEFAULT.bots) == {cls.name for cls in roster.discover()}
    assert all(bot["enabled"] for bot in DEFAULT.bots.values())


def test_resolving_is_complete_plain_and_done_once() -> None:
    plain = DEFAULT.resolved()
    assert parse(plain, "again") == DEFAULT
    assert msgspec.json.decode(msgspec.json.encode(plain)) == plain


@pytest.mark.parametrize("comments", [True, False])
def test_the_written_form_reads_back_as_the_same_configuration(comments: bool) -> None:
    changed = parse(
        {
            "coins": ["BTC", "kPEPE"],
            "state_dir": '/srv/a "b" \\ c',
            "desk": {"equity_usd": 0.1 + 0.2},
            "gate": {"direction": {"mode": "observe", "weights": {"1m": 0.3, "5m": 1e-7}}},
            "bots": {"donchian": {"enabled": False}},
        },
        "x",
    )
    for config in (DEFAULT, changed):
        text = as_toml(config, comments=comments)
        assert parse(tomllib.loads(text), "again") == config
        assert ("#" in text) == comments


def test_the_written_form_explains_every_filter_and_bot() -> None:
    text = as_toml(DEFAULT, comments=True)
    for cls in filters.discover():
        assert re.search(rf"\[gate\.{cls.name}\] # .*{re.escape(cls.asks[:20])}", text)
    for bot in roster.discover():
        assert re.search(rf"\[bots\.{bot.name}\] # {bot.division}: \w", text)


# What the hash is of.

DECISIVE = {"seed", "coins", "desk", "fees", "fills", "lens", "prices", "gate", "bots"}


def other(value: Any) -> list[Any]:
    """Return values of the same type that differ, likely ones first."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value * 1.5, value / 2, value + 0.5, value * 0.9]
    if isinstance(value, list):
        return [[*value, "DOGE"]]
    choices = (
        "off",
        "observe",
        "enforce",
        "paper",
        "mainnet",
        "debug",
        "shadow",
        "l2",
        "cut",
        "block",
        "/x",
    )
    return [c for c in choices if c != value]


def changed(path: tuple[str, ...], value: Any) -> Config | None:
    """Return the configuration with another valid value at a key; None when none is found."""
    for candidate in other(value):
        if candidate == value:
            continue
        plain = DEFAULT.resolved()
        at = plain
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = candidate
        try:
            return parse(plain, "x")
        except OperatorError:
            continue
    return None


def test_the_hash_changes_exactly_with_what_can_change_a_decision() -> None:
    faults = []
    for path, value in LEAVES:
        found = changed(path, value)
        if found is None:
            faults.append(f"no other value found for {path}")
        elif found == DEFAULT or (found.hash() != DEFAULT.hash()) != (path[0] in DECISIVE):
            faults.append(f"{path}: the hash is wrong")
    assert not faults, "\n".join(faults)


def test_the_hash_does_not_depend_on_the_order_in_which_keys_are_written() -> None:
    a = parse({"gate": {"halt": {}, "position": {"coin_cap_share": 0.2}}, "seed": 3}, "x")
    b = parse({"seed": 3, "gate": {"position": {"coin_cap_share": 0.2}, "halt": {}}}, "x")
    assert a.hash() == b.hash()


# Units.

UNITS = {"hour",
    "usd", "bps", "ms", "s", "h", "mb", "gb", "days", "minute", "daily", "share", "bars", "vols",
    "ranges", "max", "min", "minutes",
}  # fmt: skip
# Counts, ratios and numbers of standard deviations have no unit.
PURE = {
    "seed", "n", "cadences", "surrogates", "burst_surge_min", "band_minute_devs", "agreeing_quotes",
    "slots", "alpha_s", "alpha_v", "alpha_eq", "margin_s_r", "margin_v_r", "n_eff_min",
    "blocked_min", "seen_min", "phi_max", "odds_prior", "subscriptions_max",
    "connection_subscriptions_max", "connections_max", "coins_exponent",
}  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_of_a_section_has_its_unit_in_its_name(section: str) -> None:
    for path, value in leaves(DEFAULT.resolved()[section]):
        if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
            parts = path[-1].split("_")
            assert UNITS & set(parts) - {"max", "min"} or path[-1] in PURE, path


@pytest.mark.parametrize("cls", filters.discover(), ids=lambda c: c.name)
def test_a_filter_is_made_from_its_resolved_settings_in_every_mode_it_may_have(cls: Any) -> None:
    for mode in ("enforce", "observe", "off") if cls.may_enforce else ("observe", "off"):
        resolved = parse({"gate": {cls.name: {"mode": mode}}}, "x").gate[cls.name]
        made = make_filter(cls, resolved)
        assert made.mode == mode
        assert msgspec.to_builtins(made.settings) == {
            k: v for k, v in resolved.items() if k != "mode"
        }

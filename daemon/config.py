"""The configuration: one TOML file, every key known, every number with its unit in its name.

Fixed sections are pydantic models; `[gate.<filter>]` and `[bots.<bot>]` are checked by the
settings of whatever filters and bots are found. An unknown key is refused with the nearest known
one, because a misspelt limit is no limit.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from divisions import roster
from market.errors import OperatorError
from risk import filter as filters

Network = Literal["testnet", "mainnet"]
Mode = Literal["local", "paper", "testnet", "live"]

DEFAULT_COINS = ("BTC", "ETH", "SOL", "HYPE", "DOGE", "XRP", "AVAX", "LINK")


_NOUNS: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_text_for_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if kind in (int, float, bool) and isinstance(value, str):
            raise ValueError(f"wants {_NOUNS[kind]} without quotes, got {value!r}")
        return value


class DeskConfig(_Section):
    """The account."""

    equity_usd: float = Field(10_000.0, gt=0, le=1e9, description="what the paper desk begins with")
    vol_target_daily: float = Field(
        0.005,
        gt=0,
        le=0.2,
        description="daily volatility of one full-conviction position, as a share of equity",
    )


class FeesConfig(_Section):
    """What the venue charges."""

    taker_bps: float = Field(4.5, ge=0, le=100, description="basis points of notional, base tier")
    maker_bps: float = Field(1.5, ge=-10, le=100, description="negative is a rebate")


class FillsConfig(_Section):
    """How a simulated order fares."""

    latency_ms: float = Field(400.0, ge=0, le=60_000, description="decision to venue")


class ShadowConfig(_Section):
    """The trades that were not taken."""

    enabled: bool = Field(True, description="record phantoms, twins and clamped remainders")
    bias_bps_max: float = Field(
        2.0, gt=0, le=100, description="no verdict while twin minus real may be beyond this"
    )


class EndpointConfig(_Section):
    """Where a network is found."""

    ws_url: str
    rest_url: str


class LensConfig(_Section):
    """The lenses that look at each coin's last minutes, in a process of their own."""

    enabled: bool = Field(True, description="false: no lens process; what needs it has no data")
    jit: bool = Field(True, description="false: numpy instead of compiled kernels")
    rank_every_minutes: int = Field(
        15, ge=1, le=20, description="ranks of coins on which nothing is open"
    )
    surrogates: int = Field(39, ge=19, le=999, description="nulls a rank is taken among")
    delay_ms: float = Field(
        1000.0, ge=0, le=60_000, description="when a replay delivers what its tape lacks"
    )
    burst_percentile_share: float = Field(
        0.95, gt=0, lt=1, description="a burst exceeds this share of the minutes' highest surges"
    )
    burst_surge_min: float = Field(2.0, gt=1, le=100, description="and this many times the usual")
    burst_leave_share: float = Field(0.5, gt=0, lt=1, description="it ends below that share of it")


class VenueConfig(_Section):
    """The venue."""

    network: Network = Field("testnet", description="whose public data paper mode trades on")
    weight_per_minute: int = Field(1200, ge=60, le=1200, description="REST budget of this address")
    mainnet: EndpointConfig = EndpointConfig(
        ws_url="wss://api.hyperliquid.xyz/ws", rest_url="https://api.hyperliquid.xyz"
    )
    testnet: EndpointConfig = EndpointConfig(
        ws_url="wss://api.hyperliquid-testnet.xyz/ws",
        rest_url="https://api.hyperliquid-testnet.xyz",
    )

    def endpoint(self, network: Network) -> EndpointConfig:
        """Return the URLs of a network."""
        return self.mainnet if network == "mainnet" else self.testnet


class FeedConfig(_Section):
    """The websocket."""

    reconnect_min_s: float = Field(0.25, gt=0, le=60)
    reconnect_max_s: float = Field(30.0, gt=0, le=600)
    planned_reconnect_h: float = Field(12.0, gt=0, le=168, description="renew a healthy connection")


class TapeConfig(_Section):
    """The recording of everything the engine consumed."""

    enabled: bool = True
    retention_days: float = Field(7.0, gt=0, le=3650)
    retention_gb: float = Field(5.0, gt=0, le=10_000)


class StoreConfig(_Section):
    """The database."""

    retention_days: float = Field(
        365.0, ge=7, le=36_500, description="closed trades and signals; daily sums stay for good"
    )
    commit_ms: float = Field(250.0, ge=1, le=250, description="group commit at most this late")


class DiskConfig(_Section):
    """What happens when the disk fills up."""

    tape_free_mb_min: float = Field(1024.0, ge=0, description="below: alarm, and no tape")
    entries_free_mb_min: float = Field(200.0, ge=0, description="below: no entries")


class LogConfig(_Section):
    """What is said while running."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(_Section):
    """A whole configuration; `gate` and `bots` hold resolved settings of everything found."""

    mode: Mode = Field("local", description="local, paper, testnet or live")
    state_dir: str = Field("", description="where databases and tapes live; empty: the usual place")
    seed: int = Field(7, ge=0, lt=2**63, description="of the placebo and the local venue")
    coins: tuple[str, ...] = Field((), description="empty: a default list of eight")
    desk: DeskConfig = DeskConfig()
    fees: FeesConfig = FeesConfig()
    fills: FillsConfig = FillsConfig()
    shadow: ShadowConfig = ShadowConfig()
    lens: LensConfig = LensConfig()
    venue: VenueConfig = VenueConfig()
    feed: FeedConfig = FeedConfig()
    tape: TapeConfig = TapeConfig()
    store: StoreConfig = StoreConfig()
    disk: DiskConfig = DiskConfig()
    log: LogConfig = LogConfig()
    gate: dict[str, dict[str, Any]] = Field(default_factory=dict)
    bots: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("gate")
    @classmethod
    def _resolve_gate(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        classes = {c.name: c for c in filters.discover()}
        _refuse_unknown(given, classes, "filter")
        return {name: _resolve_filter(c, given.get(name, {})) for name, c in classes.items()}

    @field_validator("bots")
    @classmethod
    def _resolve_bots(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        classes = {c.name: c for c in roster.discover()}
        _refuse_unknown(given, classes, "bot")
        return {name: _resolve_bot(c, given.get(name, {})) for name, c in classes.items()}

    def resolved(self) -> dict[str, Any]:
        """Return the configuration as plain data, defaults filled in."""
        return self.model_dump(mode="json")

    def require_built(self, mode: str | None = None, network: str | None = None) -> None:
        """Raise OperatorError for a mode that cannot run yet."""
        if (mode or self.mode) in ("testnet", "live"):
            raise OperatorError(
                f"mode {mode or self.mode}: real orders are not built yet; `--mode paper "
                f"--network {network or self.venue.network}` trades the real feed on paper"
            )

    def hash(self) -> str:
        """Return a digest of everything that can change a decision."""
        plain = self.resolved()
        relevant = ("seed", "coins", "desk", "fees", "fills", "lens", "gate", "bots")
        text = msgspec.json.encode({name: plain[name] for name in relevant}, order="deterministic")
        return blake2b(text, digest_size=8).hexdigest()


def _refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            raise ValueError(f"no {what} {name!r}{_suggest(name, names)}")


def _suggest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names)}"


def _settings(kind: type[msgspec.Struct], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    _refuse_in(where, given, kind.__struct_fields__)
    try:
        checked = msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from None
    plain: dict[str, Any] = msgspec.to_builtins(checked)
    return plain


def _refuse_in(where: str, given: Iterable[str], known: Iterable[str]) -> None:
    try:
        _refuse_unknown(given, known, "key")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _resolve_filter(cls: type[filters.Filter[Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(given)
    mode = rest.pop("mode", cls.default_mode)
    allowed = ("enforce", "observe", "off") if cls.may_enforce else ("observe", "off")
    if mode not in allowed:
        raise ValueError(f"{cls.name}.mode: {mode!r} is not one of {', '.join(allowed)}")
    settings = _settings(cls.settings_type, rest, cls.name)
    make_filter(cls, {"mode": mode, **settings})
    return {"mode": mode, **settings}


def _resolve_bot(cls: roster.BotClass, given: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(given)
    enabled = rest.pop("enabled", True)
    if not isinstance(enabled, bool):
        raise ValueError(f"{cls.name}.enabled: must be true or false")
    stage = rest.pop("stage", roster.usual_stage(cls))
    if stage not in ("admit", "shadow"):
        raise ValueError(f"{cls.name}.stage: {stage!r} is not one of admit, shadow")
    return {"enabled": enabled, "stage": stage, **_settings(cls.params_type, rest, cls.name)}


def make_filter(cls: type[filters.Filter[Any]], resolved: Mapping[str, Any]) -> filters.Filter[Any]:
    """Return a filter from its resolved settings; raises ValueError when they contradict."""
    rest = dict(resolved)
    mode = rest.pop("mode")
    return cls(msgspec.convert(rest, cls.settings_type), mode)


def parse(data: Mapping[str, Any], source: str) -> Config:
    """Return the configuration in plain data; raises OperatorError naming key and remedy."""
    try:
        return Config.model_validate({"gate": {}, "bots": {}, **data})
    except ValidationError as error:
        lines = [_explain(e, data) for e in error.errors()]
        raise OperatorError(f"{source}: " + "; ".join(lines)) from None


def _explain(error: Any, data: Mapping[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    where = ".".join(path)
    if error["type"] == "extra_forbidden":
        model: Any = Config
        for part in path[:-1]:
            model = model.model_fields[part].annotation
        return f"unknown key {where!r}{_suggest(path[-1], model.model_fields)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    got = "" if error["type"] == "value_error" else f", got {error['input']!r}"
    return f"{where}: {message}{got}"


def load(path: Path | None) -> Config:
    """Return the configuration in a TOML file, the defaults for None; raises OperatorError."""
    if path is None:
        return parse({}, "defaults")
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise OperatorError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path}: not TOML ({error})") from None
    return parse(data, str(path))

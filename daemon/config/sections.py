"""The configuration: one TOML file, every key known, every number with its unit in its name.

Fixed sections are pydantic models; `[gate.<filter>]` and `[bots.<bot>]` are checked by the
settings of whatever filters and bots are found. An unknown key is refused with the nearest known
one, because a misspelt limit is no limit.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Literal

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
)

from daemon.config.discovery import refuse_unknown, resolve_bot, resolve_filter
from divisions import roster
from market.errors import OperatorError
from risk import filter as filters
from venue.address import shown

Network = Literal["testnet", "mainnet"]
Books = Literal["auto", "l2", "l2Book"]
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
    """Trading fees of the venue."""

    taker_bps: float = Field(4.5, ge=0, le=100, description="basis points of notional, base tier")
    maker_bps: float = Field(1.5, ge=-10, le=100, description="negative is a rebate")


class FillsConfig(_Section):
    """Assumptions of the fill model."""

    latency_ms: float = Field(400.0, ge=0, le=60_000, description="decision to venue")


class ShadowConfig(_Section):
    """Phantoms: trades that were not taken."""

    enabled: bool = Field(True, description="record phantoms, twins and clamped remainders")
    branches: bool = Field(True, description="run the desk without each of its limits beside it")
    bias_bps_max: float = Field(
        2.0, gt=0, le=100, description="no verdict while twin minus real may be beyond this"
    )


class VerdictConfig(_Section):
    """What a limit's worth is judged by. A change begins a new series of every limit."""

    slots: int = Field(
        16, ge=16, le=256, description="limits that alpha_s is shared out among, however many run"
    )
    alpha_s: float = Field(
        0.10, gt=0, lt=1, description="for choice, two-sided, of all limits together"
    )
    alpha_v: float = Field(0.05, gt=0, lt=1, description="for value, two-sided, of each limit")
    alpha_eq: float = Field(0.10, gt=0, lt=1, description="for being as good as nothing, of each")
    margin_s_r: float = Field(
        0.30, gt=0, le=10, description="as good as a coin: within this many R a blocked signal"
    )
    margin_v_r: float = Field(
        0.25, gt=0, le=100, description="worth nothing: within this many R a day"
    )
    t_star_days: float = Field(90.0, ge=1, le=3650, description="intervals are narrowest then")
    n_eff_min: float = Field(20.0, ge=2, le=3650, description="effective days before a verdict")
    blocked_min: int = Field(30, ge=1, le=100_000, description="blocked signals before a verdict")
    value_days_min: int = Field(
        60, ge=2, le=3650, description="days before a limit can be worth nothing"
    )
    seen_min: int = Field(
        10, ge=1, le=10_000, description="signals of a bot before its own past is its baseline"
    )
    phi_max: float = Field(0.6, ge=0, lt=1, description="correlation of days that is allowed for")
    odds_half_life_days: float = Field(
        10.0, gt=0, le=3650, description="memory of the rates at which bots are blocked"
    )
    odds_prior: float = Field(
        10.0, gt=0, le=10_000, description="signals that the remembered rate begins with"
    )
    booking_delay_days: int = Field(
        14, ge=0, le=365, description="an outcome counts no sooner after its signal"
    )


class EndpointConfig(_Section):
    """URLs of one network. A query is a secret, for it may hold an API key: it is never shown."""

    ws_url: str
    rest_url: str

    @field_serializer("ws_url", "rest_url")
    def _shown(self, url: str) -> str:
        return shown(url)


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


class PricesConfig(_Section):
    """What price is suspect: it counts as no price until someone vouches for it."""

    band_share: float = Field(
        0.02, gt=0, le=0.5, description="believed at once within this of quotes, mark and oracle"
    )
    band_minute_devs: float = Field(
        8.0,
        ge=0,
        le=100,
        description="or within this many standard deviations of a minute, if that is more",
    )
    agreeing_quotes: int = Field(
        5, ge=2, le=100, description="quotes that must agree where no context does"
    )


class VenueConfig(_Section):
    """The venue."""

    network: Network = Field("testnet", description="whose public data paper mode trades on")
    weight_per_minute: int = Field(1200, ge=60, le=1200, description="REST budget of this address")
    listing_every_s: float = Field(
        3600.0, ge=1, le=86_400, description="how often to ask whether its coins are still traded"
    )
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

    books: Books = Field(
        "auto",
        description="l2Book: 20 levels every 5 s, 5 twice a second; l2: 20 levels twice a second "
        "by deltas; auto: l2, and l2Book for a coin whose deltas do not hold",
    )
    reconnect_min_s: float = Field(0.25, gt=0, le=60)
    reconnect_max_s: float = Field(30.0, gt=0, le=600)
    planned_reconnect_h: float = Field(12.0, gt=0, le=168, description="renew a healthy connection")
    subscriptions_max: int = Field(
        1000, ge=5, le=100_000, description="an address may have; more are refused at start"
    )
    connection_subscriptions_max: int = Field(
        1000, ge=5, le=10_000, description="a connection carries; more are spread over several"
    )
    connections_max: int = Field(8, ge=1, le=100, description="of the venue's 10 an address")


class TapeConfig(_Section):
    """The recording of everything the engine consumed."""

    enabled: bool = True
    retention_days: float = Field(7.0, gt=0, le=3650)
    retention_gb: float = Field(4.0, gt=0, le=10_000)


class StoreConfig(_Section):
    """The database; trades, their days and the daily sums stay in it for good."""

    detail_days: float = Field(
        30.0, gt=0, le=36_500, description="what was known at each signal: vote, book, checks"
    )
    retention_days: float = Field(
        365.0, gt=0, le=36_500, description="signals, equity, readings of lenses, alarms"
    )
    retention_gb: float = Field(
        4.0, gt=0, le=10_000, description="beyond: the oldest details go sooner"
    )
    commit_ms: float = Field(250.0, ge=1, le=250, description="alarms, commands: at most this late")
    quiet_ms: float = Field(10_000.0, ge=1, le=60_000, description="what presses less: this late")


class DiskConfig(_Section):
    """Limits of free disk space, and what happens below them."""

    tape_free_mb_min: float = Field(1024.0, ge=0, description="below: alarm, and no tape")
    entries_free_mb_min: float = Field(200.0, ge=0, description="below: no entries")


class LogConfig(_Section):
    """Logging while running."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class NotifyConfig(_Section):
    """Alerts: what `gnomon notify` tells, when and to whom."""

    targets_file: str = Field(
        "", description="addresses, one a line, mode 0600; empty: the credential `targets`"
    )
    on: tuple[str, ...] = Field((), description="kinds of alert to tell at once")
    silent: tuple[str, ...] = Field((), description="kinds to tell once an hour, all in one")
    off: tuple[str, ...] = Field((), description="kinds not to tell")
    messages_per_hour: int = Field(
        12, ge=1, le=1_000, description="most messages an hour to one target"
    )
    quiet: str = Field(
        "", description='hours like "22:00-07:00" in which only what is urgent is told'
    )
    zone: str = Field("UTC", description='of the quiet hours, like "Europe/Vienna"')


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
    verdict: VerdictConfig = VerdictConfig()
    lens: LensConfig = LensConfig()
    prices: PricesConfig = PricesConfig()
    venue: VenueConfig = VenueConfig()
    feed: FeedConfig = FeedConfig()
    tape: TapeConfig = TapeConfig()
    store: StoreConfig = StoreConfig()
    disk: DiskConfig = DiskConfig()
    log: LogConfig = LogConfig()
    notify: NotifyConfig = NotifyConfig()
    gate: dict[str, dict[str, Any]] = Field(default_factory=dict)
    bots: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("gate")
    @classmethod
    def _resolve_gate(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        classes = {c.name: c for c in filters.discover()}
        refuse_unknown(given, classes, "filter")
        return {name: resolve_filter(c, given.get(name, {})) for name, c in classes.items()}

    @field_validator("bots")
    @classmethod
    def _resolve_bots(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        classes = {c.name: c for c in roster.discover()}
        refuse_unknown(given, classes, "bot")
        return {name: resolve_bot(c, given.get(name, {})) for name, c in classes.items()}

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

    @property
    def real(self) -> bool:
        """Say whether the mode puts real orders at stake, on the test network too."""
        return self.mode not in ("local", "paper")

    def hash(self) -> str:
        """Return a digest of everything that can change a decision."""
        plain = self.resolved()
        relevant = ["seed", "coins", "desk", "fees", "fills", "lens", "prices", "gate", "bots"]
        if self.real:
            # Real desks decide otherwise than paper ones, which decide alike wherever they are.
            relevant.append("mode")
        text = msgspec.json.encode({name: plain[name] for name in relevant}, order="deterministic")
        return blake2b(text, digest_size=8).hexdigest()

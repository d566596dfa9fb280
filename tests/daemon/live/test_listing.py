from __future__ import annotations

import asyncio
from typing import Any

import pytest

from daemon.live.listing import DELISTED, UNLISTED, Listing
from market.errors import VenueUnreachable
from market.events import Command, Notice
from market.instrument import Instrument
from tests.daemon import rig

MINE = {coin: Instrument(coin, i, 2, 10) for i, coin in enumerate(("BTC", "ETH", "SOL"))}


def without(*coins: str) -> dict[str, Instrument]:
    return {name: i for name, i in MINE.items() if name not in coins}


def delisted(coin: str) -> dict[str, Instrument]:
    return MINE | {coin: Instrument(coin, 2, 2, 10, True)}


def told(
    replies: list[Any], monkeypatch: pytest.MonkeyPatch, *, gone: dict[str, str] | None = None
) -> tuple[list[Any], list[float]]:
    """Return what the engine would be told after one look, and the pauses before an answer."""
    pauses: list[float] = []
    events: list[Any] = []

    async def sleep(delay: float) -> None:
        pauses.append(delay)

    class Info:
        async def instruments(self) -> Any:
            reply = replies.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply

    monkeypatch.setattr("daemon.live.listing.asyncio.sleep", sleep)
    engine = rig.fresh({}, ("BTC", "ETH", "SOL")).engine
    for name, coin in engine.market.coins.items():
        coin.instrument = MINE[name]
    listing = Listing(Info(), engine, gone or {}, events.append, every_s=3600.0)  # type: ignore[arg-type]
    if gone:
        listing.announce()
    else:
        asyncio.run(listing.look())
    return events, pauses


@pytest.mark.parametrize(
    ("reply", "coin", "why"),
    [
        (delisted("SOL"), "SOL", DELISTED),
        (without("SOL"), "SOL", UNLISTED),
        (
            MINE | {"ETH": Instrument("ETH", 1, 3, 10)},
            "ETH",
            "its sizes have 3 decimals now, they had 2",
        ),
    ],
)
def test_a_coin_that_two_answers_say_is_gone_is_wound_down(
    reply: dict[str, Instrument], coin: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, pauses = told([reply, reply], monkeypatch)
    assert events == [Command("wind-down", f"{coin} {why}", "venue")]  # type: ignore[arg-type]
    assert pauses == [60.0]


@pytest.mark.parametrize(
    "replies",
    [
        [MINE],
        [delisted("SOL"), MINE],
        [delisted("SOL"), without("BTC")],
        [delisted("SOL"), VenueUnreachable("502")],
        [VenueUnreachable("502")],
        [{}],
        [without("BTC", "ETH"), without("BTC", "ETH")],
        [MINE | {"BTC": Instrument("BTC", 0, 2, 40)}],
    ],
    ids=["all there", "back", "another one", "no second", "none", "empty", "half a listing",
         "leverage"],
)  # fmt: skip
def test_less_than_that_winds_nothing_down(
    replies: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(replies, monkeypatch)[0] == []


def test_what_was_gone_at_the_start_is_wound_down_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    events, _ = told([], monkeypatch, gone={"SOL": DELISTED, "OLD": UNLISTED})
    assert events == [
        Command("wind-down", f"SOL {DELISTED}", "venue"),  # type: ignore[arg-type]
        Notice("delisted", f"OLD is left out: {UNLISTED}"),
    ]


def test_what_is_closed_is_asked_about_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = rig.fresh({}, ("BTC", "ETH")).engine
    engine.market.coins["ETH"].closed["operator"] = "asked to"
    listing = Listing(None, engine, {}, print, every_s=1.0)  # type: ignore[arg-type]
    assert list(listing.traded()) == ["BTC"]
